"""Words between the server and the gateway's process: one JSON object a line, both ways, over one socket.

A line with `id` and `do` asks; the line with the same `id` and no `do` answers. Bounded: a line of at most 256 MB (a
snapshot of everything the gateway must know is one line).
"""

import asyncio
import itertools
import logging
import socket
from collections.abc import Callable, Mapping
from typing import Any, cast

import orjson

from triops.kernel.errors import Unavailable

log = logging.getLogger(__name__)
_LINE = 256 << 20
_ASKED = 1000  # questions without an answer; over it Unavailable

Message = Mapping[str, Any]


class Control(asyncio.Protocol):
    """One end. `heard` is given every line that is no answer; `ended` is called once when the other end is gone."""

    def __init__(self, heard: Callable[[Message], None], ended: Callable[[], None]) -> None:
        self._heard = heard
        self._ended = ended
        self._transport = cast(asyncio.Transport, None)
        self._pieces: list[bytes] = []
        self._size = 0
        self._asked: dict[int, asyncio.Future[Message]] = {}
        self._ids = itertools.count(1)
        self._closed = False

    def tell(self, message: Message) -> None:
        """Nothing happens when the other end is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(orjson.dumps(message, option=orjson.OPT_NON_STR_KEYS) + b"\n")

    async def ask(self, message: Message, limit_s: float = 5.0) -> Message:
        """Raises: Unavailable when no answer comes in time, or the other end is gone."""
        if self._closed or len(self._asked) >= _ASKED:
            raise Unavailable("the gateway does not answer")
        number = next(self._ids)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self.tell({**message, "id": number})
        try:
            return await asyncio.wait_for(answer, limit_s)
        except TimeoutError:
            raise Unavailable(f"the gateway did not answer within {limit_s:g} s") from None
        finally:
            self._asked.pop(number, None)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._pieces.append(line)
            whole = b"".join(self._pieces)
            self._pieces, self._size = [], 0
            if whole:
                self._line(whole)
        if rest:
            self._pieces.append(rest)
            self._size += len(rest)
            if self._size > _LINE:
                log.error("a line over %d bytes on the gateway's control channel", _LINE)
                self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_exception(Unavailable("the gateway's process ended"))
        self._ended()

    def _line(self, line: bytes) -> None:
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError:
            log.error("not JSON on the gateway's control channel")
            return
        if "do" in message or "tell" in message:
            self._heard(message)
            return
        waiting = self._asked.get(message.get("id"))
        if waiting is not None and not waiting.done():
            waiting.set_result(message)


async def joined(end: socket.socket, heard: Callable[[Message], None], ended: Callable[[], None]) -> Control:
    """A control channel over one end of a socket pair."""
    end.setblocking(False)
    loop = asyncio.get_running_loop()
    _, control = await loop.create_connection(lambda: Control(heard, ended), sock=end)
    return control
