"""POST /v1/traces with the header of an experiment: the spans are kept with the experiment's traces, and go to
telemetry like every other span. The sender is answered when both are durable.

What the trace keeps is not subject to telemetry's limits and retention; what telemetry refuses (spans of last year, say)
is no error here.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from triops.edges.mlflow.problems import problem
from triops.edges.mlflow.spans_wire import NO_OTLP, NO_SPAN, spans_of
from triops.kernel.errors import Invalid, TriopsError, Unsupported
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Right
from triops.lenses.mlops.genai_traces import TraceService
from triops.web.access import Authenticate
from triops.web.body import JSON_BYTES, Bodies, media_type, off_loop

log = logging.getLogger(__name__)
EXPERIMENT, RUN = "x-mlflow-experiment-id", "x-mlflow-run-id"
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
_BYTES = 16 << 20

Telemetry = Callable[[ProjectId, bytes], Awaitable[Any]]  # takes an ExportTraceServiceRequest
FromJson = Callable[[bytes], bytes]  # OTLP/JSON as protobuf


class SpansIntake:
    def __init__(
        self,
        traces: TraceService,
        telemetry: Telemetry,
        from_json: FromJson,
        bodies: Bodies,
        authenticate: Authenticate,
        headers: Callable[[Request], Mapping[str, str]],
    ) -> None:
        self._traces = traces
        self._telemetry = telemetry
        self._from_json = from_json
        self._bodies = bodies
        self._authenticate = authenticate
        self._headers = headers

    def wants(self, request: Request) -> bool:
        return EXPERIMENT in request.headers

    async def __call__(self, request: Request) -> Response:
        try:
            return await self._take(request)
        except (Invalid, Unsupported) as error:
            if error.message == NO_SPAN:
                return _detail(422, error.message)
            if error.message.startswith("Invalid ") or isinstance(error, Unsupported):
                return _detail(400, error.message)
            return problem(error)
        except TriopsError as error:
            return problem(error)

    async def _take(self, request: Request) -> Response:
        principal = await self._authenticate(self._headers(request), Right.SEND)
        given = request.headers.get("content-type")
        media = media_type(given or "")
        if media not in (_PROTOBUF, _JSON):
            raise Invalid(f"Invalid Content-Type: {given}. Expected: {_PROTOBUF} or {_JSON}")
        most = JSON_BYTES if media == _JSON else _BYTES
        async with self._bodies.read(request, most=most) as raw:
            body, spans = await off_loop(3 * len(raw), self._decode, raw, media)
            ended = await self._traces.add(principal.project, request.headers[EXPERIMENT], spans)
            await self._telemetry(principal.project, body)
        if (run := request.headers.get(RUN)) and ended:
            for start in range(0, len(ended), 100):
                await self._traces.link_to_run(principal.project, ended[start : start + 100], run)
        return Response(b"", media_type=_PROTOBUF)

    def _decode(self, raw: bytes, media: str) -> tuple[bytes, Any]:
        try:
            body = self._from_json(raw) if media == _JSON else raw
            spans = spans_of(body)
        except Invalid as error:
            if error.message == NO_SPAN:
                raise
            raise Invalid(NO_OTLP) from error
        if not spans:
            raise Invalid(f"{NO_OTLP} - no spans found")
        return body, spans


def _detail(status: int, message: str) -> Response:
    return Response(orjson.dumps({"detail": message}), status, media_type="application/json")
