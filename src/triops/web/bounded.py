"""A bound on request bodies around an application that reads them itself (FastAPI reads all of one before it asks who
sends it).

At a bound: a body over `body_bytes` is TooLarge; more bytes than `held_bytes` over all requests is Overloaded; one that
does not arrive in `ARRIVAL_S` seconds is Unavailable. Nothing of such a body reaches the application.
"""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triops.kernel.errors import Overloaded, TooLarge, TriopsError, Unavailable
from triops.web.body import ARRIVAL_S, JSON_BYTES
from triops.web.problems import problem


class BoundedBodies:
    """ASGI middleware. `streamed`: ends of the paths whose bodies are bounded by who streams them."""

    def __init__(
        self,
        app: ASGIApp,
        body_bytes: int = JSON_BYTES,
        held_bytes: int = 8 * JSON_BYTES,
        streamed: tuple[str, ...] = (),
    ) -> None:
        self._app = app
        self._body_bytes = body_bytes
        self._held_bytes = held_bytes
        self._held = 0
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope) or scope["path"].endswith(self._streamed):
            await self._app(scope, receive, send)
            return
        chunks: list[bytes] = []
        try:
            try:
                async with asyncio.timeout(ARRIVAL_S):
                    whole = await self._read(receive, chunks)
            except TimeoutError:
                late = Unavailable(f"the body did not arrive in {ARRIVAL_S:.0f} s")
                await problem(late)(scope, receive, send)
            except TriopsError as error:
                await problem(error)(scope, receive, send)
            else:
                if whole:
                    await self._app(scope, _again(b"".join(chunks), receive), send)
        finally:
            self._held -= sum(map(len, chunks))

    async def _read(self, receive: Receive, chunks: list[bytes]) -> bool:
        """False when the client went away."""
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return False
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > self._body_bytes:
                raise TooLarge(f"the body is larger than {self._body_bytes} bytes", limit=self._body_bytes)
            if self._held + len(chunk) > self._held_bytes:
                raise Overloaded("too many request bytes are waiting")
            self._held += len(chunk)
            chunks.append(chunk)
            if not message.get("more_body"):
                return True


def _has_body(scope: Scope) -> bool:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def _again(body: bytes, receive: Receive) -> Receive:
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()  # a disconnect
        told = True
        first: dict[str, Any] = {"type": "http.request", "body": body, "more_body": False}
        return first

    return replay
