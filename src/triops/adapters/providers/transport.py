"""HTTP/1.1 to providers over kept connections (`ports/upstream.py`), hand-written: this is the gateway's hot path.

A request is sent a second time only where its connection had been used before and closed at once, before one byte of an
answer came: a kept connection that the provider let go while it was idle. Everything else is the gateway's to retry.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

from triops.adapters.addresses import reachable
from triops.adapters.providers.answer import Answer
from triops.adapters.providers.connection import UpstreamConnection
from triops.kernel.errors import Overloaded
from triops.ports.providers import Fault, Outgoing
from triops.ports.upstream import Coming, Host, Timeouts

_IDLE_S = 55.0  # most servers close a kept connection after 60 s or more
_LET_GO_S = 1.0  # a kept connection that was closed later had its request read, and perhaps worked for
_HOSTS = 1000  # pools kept; over it the one used longest ago is forgotten


class _Pool:
    """Connections to one host. The one used last is used next, so that the others grow idle and go."""

    __slots__ = ("busy", "idle", "lines", "most")

    def __init__(self, host: Host, most: int) -> None:
        self.lines = _lines(host)
        self.idle: deque[UpstreamConnection] = deque()
        self.busy = 0
        self.most = most


class HttpUpstream:
    """`connections`: at most so many calls of one host at once, unless `bound` says otherwise."""

    def __init__(self, connections: int = 1000) -> None:
        self._loop = asyncio.get_running_loop()
        self._pools: dict[Host, _Pool] = {}
        self._most = connections
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._closed = False

    def bound(self, host: Host, connections: int) -> None:
        self._pool(host).most = connections

    async def send(self, host: Host, outgoing: Outgoing, timeouts: Timeouts) -> Coming:
        began = self._loop.time()
        pool = self._pool(host)
        request = _request(pool.lines, outgoing)
        if self._closed or pool.busy >= pool.most:
            raise Overloaded(f"{pool.most} calls to {host.name} are in progress, which is all that is allowed")
        pool.busy += 1
        connection = self._kept(pool, began)
        while True:
            fresh = connection is None
            if connection is None:
                try:
                    connection = await self._connect(host, timeouts)
                except BaseException:
                    pool.busy -= 1
                    raise
            answer = Answer(self._loop, connection.pause, connection.ending, partial(self._give_back, pool, connection))
            connection.exchange(request, answer, timeouts, began)
            try:
                while not answer.status:
                    await answer.headed()
            except Fault as fault:
                let_go = connection.lost and not connection.heard and self._loop.time() - began < _LET_GO_S
                if fresh or fault.kind != "cut" or not let_go:
                    answer.close()
                    raise
                connection.settle(whole=False)
                connection = None
                continue
            except BaseException:
                answer.close()
                raise
            return answer

    async def close(self) -> None:
        """Idle connections are closed; calls in progress end by themselves."""
        self._closed = True
        for pool in self._pools.values():
            while pool.idle:
                pool.idle.pop().close()

    def idle(self, now: float) -> None:
        """Close what was idle too long; called from time to time."""
        for pool in self._pools.values():
            while pool.idle and (now - pool.idle[0].idle_since > _IDLE_S or not pool.idle[0].usable):
                pool.idle.popleft().close()

    def _give_back(self, pool: _Pool, connection: UpstreamConnection, whole: bool) -> None:
        pool.busy -= 1
        if connection.settle(whole) and not self._closed:
            connection.idle_since = self._loop.time()
            pool.idle.append(connection)

    def _pool(self, host: Host) -> _Pool:
        pool = self._pools.get(host)
        if pool is None:
            if len(self._pools) >= _HOSTS:
                for old in [h for h, p in self._pools.items() if not p.busy][: _HOSTS // 10]:
                    for connection in self._pools.pop(old).idle:
                        connection.close()
            pool = self._pools[host] = _Pool(host, self._most)
        return pool

    def _kept(self, pool: _Pool, now: float) -> UpstreamConnection | None:
        while pool.idle:
            connection = pool.idle.pop()
            if connection.usable and now - connection.idle_since < _IDLE_S:
                return connection
            connection.close()
        return None

    async def _connect(self, host: Host, timeouts: Timeouts) -> UpstreamConnection:
        try:
            async with asyncio.timeout(min(timeouts.connect, timeouts.total)):
                context = await self._context(host.ca) if host.scheme == "https" else None
                return await self._reach(host, context)
        except TimeoutError:
            raise Fault("connect", f"no connection to {host.name} within {timeouts.connect:g} s") from None
        except ssl.SSLError as error:
            raise Fault("connect", f"TLS with {host.name} failed: {error.reason or 'certificate'}") from None
        except (OSError, UnicodeError) as error:
            words = getattr(error, "strerror", None) or "the name does not resolve"
            raise Fault("connect", f"cannot connect to {host.name}:{host.port}: {words}") from None

    async def _reach(self, host: Host, context: ssl.SSLContext | None) -> UpstreamConnection:
        found = await self._loop.getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
        private = host.allow_private
        addresses = [one for one in found if reachable(str(one[4][0]), allow_private=private)]
        if not addresses and private:
            raise Fault("connect", f"{host.name} has a link-local address, which no call may go to")
        if not addresses:
            raise Fault(
                "connect",
                f"{host.name} has a private address; the Provider's allow_private: true would let calls go there",
            )
        return await self._first(addresses, host, context)

    async def _first(
        self, addresses: Sequence[tuple[Any, ...]], host: Host, context: ssl.SSLContext | None
    ) -> UpstreamConnection:
        """The first of the addresses that takes a connection."""
        last: OSError | None = None
        for family, kind, protocol, _, address in addresses[:8]:
            connected = socket.socket(family, kind, protocol)
            connected.setblocking(False)
            try:
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await self._loop.sock_connect(connected, address)
                named: dict[str, Any] = {"ssl": context, "server_hostname": host.name} if context else {}
                _, connection = await self._loop.create_connection(UpstreamConnection, sock=connected, **named)
                return connection
            except OSError as error:
                connected.close()
                last = error
            except BaseException:
                connected.close()
                raise
        assert last is not None
        raise last

    async def _context(self, ca: str) -> ssl.SSLContext:
        context = self._contexts.get(ca)
        if context is None:
            context = await self._loop.run_in_executor(None, _trusting, ca)
            self._contexts[ca] = context
        return context


def _trusting(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca:
        context.load_verify_locations(ca)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _lines(host: Host) -> str:
    """Those that every request of this host has."""
    standard = host.port == (443 if host.scheme == "https" else 80)
    name = f"[{host.name}]" if ":" in host.name else host.name
    where = name if standard else f"{name}:{host.port}"
    return f" HTTP/1.1\r\nhost: {where}\r\naccept-encoding: identity\r\ncontent-length: "


def _request(lines: str, outgoing: Outgoing) -> bytes:
    """Raises: Fault when a header or the path would break out of its line."""
    first = f"{outgoing.method} {outgoing.path}{lines}{len(outgoing.body)}"
    head = "\r\n".join([first, *map(": ".join, outgoing.headers), "\r\n"])
    count = len(outgoing.headers) + 5
    if head.count("\n") != count or head.count("\r") != count or "\0" in head or outgoing.path.count(" "):
        raise Fault("invalid", "a header or the path of the provider's request holds a line break")
    return head.encode("latin-1", "replace") + outgoing.body
