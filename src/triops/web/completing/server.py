"""All connections of the gateway's process: who answers, time-outs by one sweep, a graceful stop."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping

from triops.web.completing.connection import Connection
from triops.web.completing.paths import GatewayPaths
from triops.web.completing.request import Bounds, Refused, Request

log = logging.getLogger(__name__)

Answer = Callable[[Request, Connection], Awaitable[None]]
Give = Callable[[socket.socket, bytes], bool]
Admit = Callable[[str, Mapping[str, str]], None]  # by path and headers; Raises: Refused
Words = Callable[[str, Refused], bytes]  # of a refusal, by path


class Server:
    """`answered` writes the answer to one request; `give` hands a connection to who serves the other paths; `admit` is
    asked before a large body is read; `words` are those of the path's dialect."""

    def __init__(
        self,
        paths: GatewayPaths,
        answered: Answer,
        give: Give,
        bounds: Bounds,
        admit: Admit,
        words: Words,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.paths = paths
        self.bounds = bounds
        self.give = give
        self.admit = admit
        self.words = words
        self.bodies = 0
        self.stopping = False
        self._answered = answered
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()
        self._timer = self.loop.call_later(self.bounds.sweep_s, self._sweep)

    def now(self) -> float:
        return self.loop.time()

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def take(self, connected: socket.socket, head: bytes) -> None:
        """Serve a connection that begins with `head`."""
        if self.stopping or len(self._connections) >= self.bounds.connections:
            connected.close()
            return
        try:
            await self.loop.connect_accepted_socket(lambda: Connection(self, head), connected)
        except OSError as error:
            log.debug("a connection ended while it was handed over: %s", error)
            connected.close()

    async def answer(self, request: Request, connection: Connection) -> None:
        try:
            await self._answered(request, connection)
        except asyncio.CancelledError:
            connection.cut()
            raise
        except Exception:
            log.exception("a request could not be answered")
            connection.cut()
        finally:
            connection.done()

    async def stop(self, grace_s: float) -> None:
        """Requests in progress may end for so long; then every connection is closed."""
        self.stopping = True
        self._timer.cancel()
        for connection in list(self._connections):
            connection.stop()
        self._empty.clear()
        if self._connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), grace_s)
        for connection in list(self._connections):
            connection.abort()

    def opened(self, connection: Connection) -> None:
        self._connections.add(connection)

    def closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def _sweep(self) -> None:
        now = self.now()
        for connection in [c for c in self._connections if c.deadline and c.deadline < now]:
            connection.abort()
        self._timer = self.loop.call_later(self.bounds.sweep_s, self._sweep)
