"""What waits to be sent, bounded in memory: at the bound the oldest is dropped and counted."""

from collections import deque
from dataclasses import dataclass, field


@dataclass
class Outgoing:
    bound_bytes: int = 8 << 20
    dropped: int = 0  # payloads
    size_bytes: int = 0
    _waiting: deque[bytes] = field(default_factory=deque)

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, payload: bytes) -> None:
        """A payload over the bound by itself is dropped."""
        self._waiting.append(payload)
        self.size_bytes += len(payload)
        while self.size_bytes > self.bound_bytes:
            self.size_bytes -= len(self._waiting.popleft())
            self.dropped += 1

    def take(self) -> bytes | None:
        """The oldest, or None."""
        if not self._waiting:
            return None
        payload = self._waiting.popleft()
        self.size_bytes -= len(payload)
        return payload

    def put_back(self, payload: bytes) -> None:
        """What could not be sent is the oldest again; over the bound it is the one that is dropped."""
        if self.size_bytes + len(payload) > self.bound_bytes:
            self.dropped += 1
            return
        self._waiting.appendleft(payload)
        self.size_bytes += len(payload)
