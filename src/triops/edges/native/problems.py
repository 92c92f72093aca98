"""FastAPI's own errors in the shape of `web.problems`."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from triops.kernel.errors import Invalid, NotFound, TriopsError
from triops.web.problems import problem


def install(app: FastAPI) -> None:
    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, TriopsError)
        return problem(error)

    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first: dict[str, Any] = dict(error.errors()[0])
        field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
        return problem(Invalid(first["msg"], field=field, got=first.get("input")))

    async def routed(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return problem(NotFound(f"there is no {request.method} {request.url.path}; see /triops/v1/openapi.json"))
        body = {"error": {"kind": "http", "message": str(error.detail)}}
        return JSONResponse(body, error.status_code, dict(error.headers or {}))

    app.add_exception_handler(TriopsError, known)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, routed)
