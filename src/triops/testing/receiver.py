"""A real HTTP receiver on loopback, for tests of what Triops sends."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Received:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers `status` and `body` to everything; with `hold` set, only once that is set."""

    url: str = ""
    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    hold: asyncio.Event | None = None
    received: list[Received] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.received.append(Received(request.method, request.path_qs, dict(request.headers), body))
        if self.hold is not None:
            await self.hold.wait()
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Listens on a free port of 127.0.0.1; `url` says which."""
    it = Receiver()
    runner = web.AppRunner(_app(it), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    it.url = f"http://{host}:{port}"
    try:
        yield it
    finally:
        if it.hold is not None:
            it.hold.set()
        await runner.cleanup()


def _app(it: Receiver) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", it.handle)
    return app
