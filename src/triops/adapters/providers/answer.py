"""One answer of a provider, as its bytes come."""

import asyncio
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from triops.ports.providers import Fault

_AHEAD = 256 << 10  # bytes read ahead of who takes them
_INFLATED = 1 << 20  # of one piece


class Answer:
    """Filled by a connection, emptied by the gateway (`ports.upstream.Coming`)."""

    __slots__ = ("_ahead", "_closed", "_ending", "_inflater", "_loop", "_pause", "_pieces", "_release", "_waiter",
                 "begun", "ended", "error", "headers", "status")  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pause: Callable[[bool], None],
        ending: Callable[[], None],
        release: Callable[[bool], None],
    ) -> None:
        """`pause`: stop or go on reading; `ending`: only the body's end is to come; `release`: done with the
        connection, which may be kept or not."""
        self._loop = loop
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.begun = False  # a byte of the body has come
        self.ended = False
        self.error: Fault | None = None
        self._pieces: deque[bytes] = deque()
        self._ahead = 0
        self._pause = pause
        self._ending = ending
        self._release = release
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False
        self._inflater: zlib._Decompress | None = None

    # The connection's side

    def came(self, headers: Mapping[str, str], status: int) -> None:
        self.headers, self.status = headers, status
        if "content-encoding" in headers:
            self._coded(headers["content-encoding"].strip().lower())
        self._wake()

    def _coded(self, coding: str) -> None:
        if coding in ("gzip", "x-gzip", "deflate"):
            self._inflater = zlib.decompressobj(wbits=47)
        elif coding not in ("", "identity"):
            self.fail(
                Fault("garbage", f"the provider answered with content-encoding {coding}, which was not asked for")
            )

    def put(self, pieces: Sequence[bytes]) -> None:
        self.begun = True
        if self._closed or self.error:
            return
        self._pieces += pieces
        self._ahead += sum(map(len, pieces))
        if self._ahead > _AHEAD:
            self._pause(True)
        self._wake()

    def end(self) -> None:
        self.ended = True
        self._wake()

    def fail(self, fault: Fault) -> None:
        if not self.ended and self.error is None:
            self.error = fault
            self._wake()

    def headed(self) -> "asyncio.Future[None]":
        """Until something came, while there are no headers. Raises: Fault."""
        if self.error is not None:
            raise self.error
        return self._next()

    # The gateway's side

    async def read(self, most: int) -> bytes:
        while not self.ended and self.error is None and self._ahead <= _AHEAD:
            await self._next()
        if self.ended and len(self._pieces) == 1 and self._inflater is None and len(self._pieces[0]) <= most:
            return self._pieces.pop()  # nearly always
        pieces: list[bytes] = []
        size = 0
        while some := await self.some():
            size += sum(map(len, some))
            if size > most:
                raise Fault("garbage", f"the provider's answer is over {most} bytes")
            pieces += some
        return b"".join(pieces)

    async def some(self) -> list[bytes]:
        while True:
            if self._pieces:
                if taken := self._taken():
                    return taken
            elif self.error is not None:
                raise self.error
            elif self.ended:
                return []
            else:
                await self._next()

    def ending(self) -> None:
        if not self.ended:
            self._ending()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._pieces.clear()
            self._release(self.ended)
            if not self.ended:
                self.fail(Fault("cut", "the call was given up"))

    def _taken(self) -> list[bytes]:
        """All that has come; of what is packed, a piece."""
        pieces, before = self._pieces, self._ahead
        if self._inflater is None:
            taken = list(pieces)
            pieces.clear()
            self._ahead = 0
        else:
            packed = pieces.popleft()
            plain, rest = self._inflated(self._inflater, packed)
            taken = [plain] if plain else []
            if rest:
                pieces.appendleft(rest)
            self._ahead -= len(packed) - len(rest)
        if before > _AHEAD >= self._ahead:
            self._pause(False)
        return taken

    def _inflated(self, inflater: "zlib._Decompress", packed: bytes) -> tuple[bytes, bytes]:
        try:
            plain = inflater.decompress(packed, _INFLATED)
        except zlib.error:
            raise Fault("garbage", "the provider's answer is not the gzip that it says") from None
        return plain, inflater.unconsumed_tail

    def _next(self) -> "asyncio.Future[None]":
        """Until something more has come."""
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)
