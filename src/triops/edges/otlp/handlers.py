"""OTLP over HTTP: POST /v1/traces, /v1/metrics, /v1/logs; protobuf or JSON, answered in the request's type."""

from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from triops.edges.otlp.answers import JSON, PROTOBUF, Answers
from triops.edges.otlp.intake import SIGNALS, Intake
from triops.kernel.errors import TriopsError, Unsupported
from triops.kernel.tenant import Right
from triops.web.access import Authenticate
from triops.web.body import JSON_BYTES, Bodies, media_type
from triops.web.problems import Handler, headers_of


class Elsewhere(Protocol):
    """Who takes some requests for spans by rules of its own."""

    def wants(self, request: Request) -> bool: ...

    async def __call__(self, request: Request) -> Response: ...


def routes(
    intake: Intake,
    bodies: Bodies,
    authenticate: Authenticate,
    prefix: str = "/v1",
    spans_elsewhere: Elsewhere | None = None,
) -> list[Route]:
    """One route a signal."""
    answers = Answers()
    handlers = {signal: _handler(signal, intake, bodies, authenticate, answers) for signal in SIGNALS}
    if spans_elsewhere is not None:
        handlers["traces"] = _either(spans_elsewhere, handlers["traces"])
    return [Route(f"{prefix}/{signal}", handler, methods=["POST"]) for signal, handler in handlers.items()]


def _either(elsewhere: Elsewhere, handler: Handler) -> Handler:
    async def export(request: Request) -> Response:
        return await (elsewhere(request) if elsewhere.wants(request) else handler(request))

    return export


def _handler(signal: str, intake: Intake, bodies: Bodies, authenticate: Authenticate, answers: Answers) -> Handler:
    async def export(request: Request) -> Response:
        media = media_type(request.headers.get("content-type", ""))
        try:
            principal = await authenticate(request.headers, Right.SEND)
            if media not in (PROTOBUF, JSON):
                raise Unsupported(f"content type {media[:80]!r} is not spoken here; {PROTOBUF} and {JSON} are")
            async with bodies.read(request, most=JSON_BYTES if media == JSON else None) as body:
                outcome = await intake.take(principal.project, signal, body, json=media == JSON)
            return Response(answers.success(signal, outcome.receipt, outcome.cut, media), media_type=media)
        except TriopsError as error:
            media = JSON if media == JSON else PROTOBUF
            return Response(answers.status(error, media), error.status, headers=headers_of(error), media_type=media)

    return export
