"""FastAPI's own errors in the shape of `web.problems`."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from triops.kernel.errors import Invalid, TriopsError
from triops.web.problems import problem, routing_problem


def install(app: FastAPI) -> None:
    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, TriopsError)
        return problem(error)

    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first: dict[str, Any] = dict(error.errors()[0])
        field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
        return problem(Invalid(first["msg"], field=field, got=first.get("input")))

    async def refused(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == 400:  # no UTF-8, nested too deep
            return problem(Invalid(error.detail, field="body"))
        return await routing_problem(request, error)

    app.add_exception_handler(TriopsError, known)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, refused)
