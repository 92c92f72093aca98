"""A TCP connection handed, byte for byte and with back-pressure, to a server inside."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol, cast

from triops.kernel.errors import TriopsError

log = logging.getLogger(__name__)


class Inner(Protocol):
    """The server inside."""

    async def connect(self, protocol: Callable[[], asyncio.Protocol]) -> asyncio.Transport:
        """A connection to it, starting it when it does not run yet. Raises: Unavailable, OSError."""
        ...

    async def stop(self, grace_s: float) -> None:
        """Let calls in progress finish for so long, then close every connection. Safe before start, and twice."""
        ...


class Side(asyncio.Protocol):
    """One end: what it receives goes to `peer`, which is not read while this end cannot be written."""

    def __init__(self, peer: asyncio.Transport, on_lost: Callable[[], None]) -> None:
        self._peer = peer
        self._on_lost = on_lost

    def data_received(self, data: bytes) -> None:
        self._peer.write(data)

    def pause_writing(self) -> None:
        self._peer.pause_reading()

    def resume_writing(self) -> None:
        if not self._peer.is_closing():
            self._peer.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._peer.close()
        self._on_lost()


async def splice(client: asyncio.Transport, head: bytearray, inner: Inner, on_lost: Callable[[], None]) -> None:
    """Join `client` to the server inside; `head` is what has been read of it so far. When that server cannot be reached
    the client is closed: it will try again."""
    try:
        upstream = await inner.connect(lambda: Side(client, _nothing))  # it may speak first
    except (TriopsError, OSError) as error:
        log.warning("a connection could not be handed inside: %s", error)
        client.close()
        return
    if client.is_closing():
        upstream.close()
        return
    upstream.write(bytes(head))
    client.set_protocol(Side(upstream, on_lost))
    client.resume_reading()


def _nothing() -> None:
    return None


class Doorway(asyncio.Protocol):
    """Hands every connection of a listener to the server inside. `doors` holds those that are open."""

    def __init__(self, inner: Inner, doors: "set[asyncio.Task[None]]") -> None:
        self._inner = inner
        self._doors = doors

        self._head = bytearray()
        self._client: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._client = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        task = asyncio.get_running_loop().create_task(splice(self._client, self._head, self._inner, _nothing))
        self._doors.add(task)
        task.add_done_callback(self._doors.discard)

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self._client:
            self._client.pause_reading()


async def listen(inner: Inner, host: str, port: int) -> asyncio.Server | None:
    """A listener whose every connection goes to the server inside; None when the port is not free."""
    doors: set[asyncio.Task[None]] = set()
    try:
        return await asyncio.get_running_loop().create_server(lambda: Doorway(inner, doors), host, port)
    except OSError as error:
        log.info("port %d is not free, so it is not listened on: %s", port, error)
        return None
