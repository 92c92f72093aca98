"""TriopsError as an HTTP answer: `{"error": {"kind", "message", …details}}` with the kind's status."""

from collections.abc import Awaitable, Callable, Mapping
from math import ceil

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from triops.kernel.errors import NotFound, Overloaded, StoreFull, TriopsError, Unauthenticated, Unavailable

Handler = Callable[[Request], Awaitable[Response]]
WAIT_S = 5.0  # Retry-After where the error does not say


def headers_of(error: TriopsError) -> dict[str, str]:
    """Retry-After (whole seconds, at least 1) for what passes by itself; the scheme for a missing key."""
    if isinstance(error, Overloaded):
        return {"retry-after": str(max(1, ceil(error.retry_after_s)))}
    if isinstance(error, Unavailable | StoreFull):
        return {"retry-after": str(ceil(WAIT_S))}
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": "Bearer"}
    return {}


def problem(error: TriopsError, statuses: Mapping[type[TriopsError], int] | None = None) -> Response:
    """`statuses`: a protocol's own status for a kind, where its clients retry on other ones."""
    status = (statuses or {}).get(type(error), error.status)
    body = {"error": {"kind": error.kind, "message": error.message, **error.details}}
    return Response(orjson.dumps(body, default=str), status, headers=headers_of(error), media_type="application/json")


def answering(handler: Handler, statuses: Mapping[type[TriopsError], int] | None = None) -> Handler:
    """`handler`, with every TriopsError that it raises answered as a problem."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except TriopsError as error:
            return problem(error, statuses)

    return answer


async def routing_problem(request: Request, error: Exception) -> Response:
    """Starlette's own refusals (no such path or method) in the same shape: an exception handler for HTTPException."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem(NotFound(f"there is no {request.method} {request.url.path[:200]}; see /triops/v1/openapi.json"))
    body = {"error": {"kind": "http", "message": f"{request.method} {request.url.path[:200]}: {error.detail}"}}
    return Response(orjson.dumps(body), error.status_code, dict(error.headers or {}), "application/json")
