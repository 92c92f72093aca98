"""What the loopback provider billed: its own account of every request, to compare another's with."""

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

End = Literal["open", "whole", "cut", "left", "refused"]


@dataclass(slots=True)
class Entry:
    """One request. `end`: refused (nothing billed), whole (all was written), cut (by order), left (the client went
    away), open. `output_tokens`: of the events that were written. `told`: the usage was written too. `key`: the
    credential as it came."""

    id: int
    path: str
    model: str
    user: str
    key: str
    call: str
    stream: bool
    status: int = 200
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    told: bool = False
    end: End = "open"


class Ledger:
    """The newest `most` entries one by one, and sums over all."""

    def __init__(self, most: int = 100_000) -> None:
        self._entries: deque[Entry] = deque(maxlen=most)
        self._sums: dict[str, int] = {}
        self._last = 0

    @property
    def next_id(self) -> int:
        return self._last + 1

    def open(self, path: str, model: str, user: str, key: str, call: str, stream: bool) -> Entry:
        self._last += 1
        entry = Entry(self._last, path, model, user, key, call, stream)
        self._entries.append(entry)
        return entry

    def close(self, entry: Entry, end: End) -> None:
        """Once an entry; later calls do nothing."""
        if entry.end != "open":
            return
        entry.end = end
        sums = self._sums
        for name, amount in (
            ("requests", 1),
            (end, 1),
            ("input_tokens", entry.input_tokens),
            ("output_tokens", entry.output_tokens),
        ):
            sums[name] = sums.get(name, 0) + amount

    def clear(self) -> None:
        self._entries.clear()
        self._sums.clear()

    @property
    def sums(self) -> dict[str, int]:
        return dict(self._sums)

    def entries(self, user: str | None = None) -> Iterator[Entry]:
        return (entry for entry in list(self._entries) if user is None or entry.user == user)

    def tree(self, user: str | None = None) -> dict[str, Any]:
        return {"sums": self.sums, "entries": [asdict(entry) for entry in self.entries(user)]}
