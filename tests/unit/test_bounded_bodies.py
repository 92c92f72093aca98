"""The native API's bound on bodies holds before anything else looks at them."""

import asyncio
from collections.abc import AsyncIterator

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from triops.edges.native import native_app
from triops.web.bounded import BoundedBodies


async def size(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 100


def test_a_body_over_the_bound_is_refused_however_it_comes_and_the_room_is_given_back() -> None:
    app = BoundedBodies(Starlette(routes=[Route("/", size, methods=["POST"])]), body_bytes=1000, held_bytes=1000)

    async def go() -> list[tuple[int, str]]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://a") as client:
            answers = [
                await client.post("/", content=content)
                for content in (b"x" * 1000, b"x" * 1001, pieces(11), pieces(10), b"", b"x" * 1000)
            ]
        return [(a.status_code, a.text if a.status_code == 200 else a.json()["error"]["kind"]) for a in answers]

    assert asyncio.run(go()) == [
        (200, "1000"), (413, "too_large"), (413, "too_large"), (200, "1000"), (200, "0"), (200, "1000"),
    ]  # fmt: skip


def test_the_native_api_refuses_a_large_body_before_it_asks_for_anything() -> None:
    app = native_app(None)  # type: ignore[arg-type]

    async def go() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://a") as client:
            body = b'{"key": "' + b"x" * (9 << 20) + b'"}'
            answer = await client.post("/session", content=body, headers={"content-type": "application/json"})
            return answer.status_code

    assert asyncio.run(go()) == 413
