"""A file as an answer: whole or a range of it, streamed in large pieces, or told about (HEAD, If-None-Match).

Of several ranges in one request none is served alone: the whole file is the answer, as RFC 9110 allows.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from triops.ports.blobs import Reading

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_DIGITS = 19  # of a number in a range

Open = Callable[[int, int], Awaitable[Reading]]  # the bytes of [start, end)


async def file_response(
    request: Request, *, size: int, tag: str, at: float, open: Open, headers: Mapping[str, str]
) -> Response:
    """`tag` tells one content from another; `headers` are what the edge says of it."""
    etag = f'"{tag}"'
    shown = {
        **headers,
        "accept-ranges": "bytes",
        "etag": etag,
        "last-modified": formatdate(at, usegmt=True),
        "cache-control": "no-cache",
    }
    asked = request.headers
    if asked.get("if-none-match") in (etag, "*"):
        return Response(status_code=304, headers=shown)
    start, end, status = 0, size, 200
    if "range" in asked and asked.get("if-range") in (None, etag, shown["last-modified"]):
        part = byte_range(asked["range"], size)
        if part is not None:
            start, end = part
            if start >= end:
                return Response(status_code=416, headers={**shown, "content-range": f"bytes */{size}"})
            status = 206
            shown["content-range"] = f"bytes {start}-{end - 1}/{size}"
    shown["content-length"] = str(end - start)
    if request.method == "HEAD":
        return _Headers(status_code=status, headers=shown)
    return _Streamed(await open(start, end), status, shown)


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """[start, end); empty when it cannot be satisfied; None when it is not one range of bytes."""
    match = _RANGE.fullmatch(header.replace(" ", ""))
    if match is None or max(map(len, match.groups())) > _DIGITS:
        return None
    first, last = match.groups()
    if first:
        start = int(first)
        end = min(int(last) + 1, size) if last else size
        return None if last and int(last) < start else (min(start, size), end)
    if not last:
        return None
    return (max(0, size - int(last)), size)


class _Headers(Response):
    """Headers alone, with the length that the body would have."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": b""})


class _Streamed(Response):
    """Reads no further when the client has gone."""

    def __init__(self, reading: Reading, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(None, status, dict(headers))
        self._reading = reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for piece in self._reading:
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            await self._reading.aclose()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
