"""POST /v1/traces with the header of an experiment: the spans are kept with the experiment's traces, and go to
telemetry like every other span. The sender is answered when both are durable.

What the trace keeps is not subject to telemetry's limits and retention; what telemetry refuses (spans of last year,
say) is no error here.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from triops.edges.mlflow.problems import problem
from triops.edges.mlflow.router import credentials
from triops.edges.mlflow.spans_redaction import redacted
from triops.edges.mlflow.spans_wire import NotASpan, NotOtlp, spans_of
from triops.edges.mlflow.trace_access import TraceAccess
from triops.kernel.errors import Invalid, TriopsError, Unsupported
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Right
from triops.ledger.traces.writing import Brought
from triops.lenses.mlops.genai_traces import TraceService
from triops.lenses.mlops.genai_traces.redaction import Rule, RuleOf
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
        access: TraceAccess,
        rule_of: RuleOf | None = None,
    ) -> None:
        """`rule_of`: what of a project's spans must not be stored."""
        self._traces = traces
        self._telemetry = telemetry
        self._from_json = from_json
        self._bodies = bodies
        self._authenticate = authenticate
        self._access = access
        self._rule_of = rule_of

    def wants(self, request: Request) -> bool:
        return EXPERIMENT in request.headers

    async def __call__(self, request: Request) -> Response:
        try:
            return await self._take(request)
        except _Refused as refused:
            return _detail(refused.status, str(refused))
        except Unsupported:
            return _detail(400, f"Unsupported Content-Encoding: {_encoding(request)}")
        except TriopsError as error:
            if error.details.get("field") == "content-encoding":
                return _detail(400, f"Failed to decompress {_encoding(request)} payload")
            return problem(error)

    async def _take(self, request: Request) -> Response:
        principal = await self._authenticate(credentials(request), Right.SEND)
        given = request.headers.get("content-type")
        media = media_type(given or "")
        if media not in (_PROTOBUF, _JSON):
            raise _Refused(400, f"Invalid Content-Type: {given}. Expected: {_PROTOBUF} or {_JSON}")
        most = JSON_BYTES if media == _JSON else _BYTES
        async with self._bodies.read(request, most=most) as raw:
            rule = await self._rule_of(principal.project) if self._rule_of is not None else None
            body, arrived = await off_loop(3 * len(raw), self._decode, raw, media, rule)
            experiment = request.headers[EXPERIMENT]
            await self._access.may_write(principal, experiment, {each.sent.trace for each in arrived})
            ended = await self._traces.add(principal.project, experiment, arrived)
            await self._telemetry(principal.project, body)
        if (run := request.headers.get(RUN)) and ended:
            for start in range(0, len(ended), 100):
                await self._traces.link_to_run(principal.project, ended[start : start + 100], run)
        return Response(b"", media_type=_PROTOBUF)

    def _decode(self, raw: bytes, media: str, rule: Rule | None) -> tuple[bytes, Sequence[Brought]]:
        try:
            body = self._from_json(raw) if media == _JSON else raw
            if rule is not None:
                body = redacted(body, rule)
            spans = spans_of(body)
        except (Invalid, NotOtlp) as error:
            log.info("OTLP for an experiment refused: %s", error)
            raise _Refused(400, "Invalid OpenTelemetry format") from error
        except NotASpan as error:
            log.info("a span for an experiment refused: %s", error)
            raise _Refused(422, "Cannot convert OpenTelemetry span to MLflow span") from error
        if not spans:
            raise _Refused(400, "Invalid OpenTelemetry format - no spans found")
        return body, self._traces.gathered(spans)


def _encoding(request: Request) -> str:
    return request.headers.get("content-encoding", "").strip().lower()[:40]


class _Refused(Exception):
    """In the words and the shape that senders to MLflow's OTLP endpoint know."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _detail(status: int, message: str) -> Response:
    return Response(orjson.dumps({"detail": message}), status, media_type="application/json")
