"""Who listens to `/live` hears that something changed, and reads it again. Nothing is promised after a break."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import orjson

from triops.kernel.errors import Overloaded
from triops.kernel.ids import ProjectId

MAX_LISTENERS = 500
MAX_TAILS = 50
QUEUE = 256  # at the bound the oldest word is dropped: listeners read the state anew anyway
PING_S = 15.0


@dataclass
class Live:
    _queues: dict[ProjectId, set["asyncio.Queue[bytes]"]] = field(default_factory=dict)
    _closing: asyncio.Event = field(default_factory=asyncio.Event)
    _tails: int = 0

    def tell(self, project: ProjectId, what: str, id_: str) -> None:
        line = b"event: " + what.encode() + b"\ndata: " + orjson.dumps({"id": id_}) + b"\n\n"
        for queue in self._queues.get(project, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(line)

    def close(self) -> None:
        """Let every listener go, so that a stop need not wait for them."""
        self._closing.set()
        for queues in self._queues.values():
            for queue in queues:
                if not queue.full():
                    queue.put_nowait(b"")

    @property
    def closing(self) -> bool:
        return self._closing.is_set()

    @contextmanager
    def tailing(self) -> Iterator[None]:
        """Room for one more tail. Raises: Overloaded."""
        self.admit_tail()
        self._tails += 1
        try:
            yield
        finally:
            self._tails -= 1

    def admit_tail(self) -> None:
        """Raises: Overloaded when too many tails run: each asks the store every second."""
        if self._tails >= MAX_TAILS:
            raise Overloaded("too many tails run", retry_after_s=30)

    async def pause(self, seconds: float) -> None:
        """Sleep, but not beyond the beginning of a stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    def listen(self, project: ProjectId) -> AsyncIterator[bytes]:
        """Raises: Overloaded when too many listen."""
        queues = self._queues.setdefault(project, set())
        if len(queues) >= MAX_LISTENERS:
            raise Overloaded("too many live listeners", retry_after_s=30)
        queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE)
        return self._lines(queues, queue)

    async def _lines(self, queues: set["asyncio.Queue[bytes]"], queue: "asyncio.Queue[bytes]") -> AsyncIterator[bytes]:
        queues.add(queue)
        try:
            yield b": live\n\n"
            while not self._closing.is_set():
                try:
                    async with asyncio.timeout(PING_S):
                        yield await queue.get()
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            queues.discard(queue)
