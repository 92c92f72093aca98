"""Errors in the native API's shape: `{"error": {"kind", "message", "field"?, "got"?, "expected"?}}`."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import ORJSONResponse, Response
from starlette.exceptions import HTTPException

from triops.kernel.errors import Invalid, NotFound, Overloaded, TriopsError


def answer(error: TriopsError) -> Response:
    body = {"error": {"kind": error.kind, "message": error.message, **error.details}}
    headers = {"Retry-After": str(max(1, round(error.retry_after_s)))} if isinstance(error, Overloaded) else None
    return ORJSONResponse(body, error.status, headers)


def install(app: FastAPI) -> None:
    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, TriopsError)
        return answer(error)

    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first: dict[str, Any] = dict(error.errors()[0])
        field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
        return answer(Invalid(first["msg"], field=field, got=first.get("input")))

    async def routed(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return answer(NotFound(f"there is no {request.method} {request.url.path}; see /triops/v1/openapi.json"))
        body = {"error": {"kind": "http", "message": str(error.detail)}}
        return ORJSONResponse(body, error.status_code, dict(error.headers or {}))

    app.add_exception_handler(TriopsError, known)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, routed)
