"""/api/public/{scores,ingestion,projects,health}. (Spans by OTLP: `edges/otlp` under /api/public/otel/v1.)"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from triops.edges.langfuse.wire import Observed, batch, merged, observed, score, time_ns
from triops.kernel.errors import Invalid, TriopsError
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Right
from triops.loop.receive import Receiver
from triops.ports.clock import Clock
from triops.ports.spans import Spans
from triops.web.access import Authenticate
from triops.web.body import JSON_BYTES, Bodies, off_loop
from triops.web.problems import headers_of

_EVENTS = 10_000
# Takes scores of a project by someone's key; all or none.
AddScores = Callable[[ProjectId, Sequence[Mapping[str, Any]], str], Awaitable[Any]]


class LangfuseApi:
    def __init__(
        self,
        authenticate: Authenticate,
        bodies: Bodies,
        receiver: Receiver,
        spans: Spans,
        add_scores: AddScores,
        clock: Clock,
        version: str,
    ) -> None:
        self._authenticate = authenticate
        self._bodies = bodies
        self._receiver = receiver
        self._spans = spans
        self._add_scores = add_scores
        self._clock = clock
        self._version = version

    def routes(self) -> list[Route]:
        return [
            Route("/api/public/health", self._answering(self._health), methods=["GET"]),
            Route("/api/public/projects", self._answering(self._projects), methods=["GET"]),
            Route("/api/public/scores", self._answering(self._scores), methods=["POST"]),
            Route("/api/public/ingestion", self._answering(self._ingestion), methods=["POST"]),
        ]

    async def _health(self, request: Request) -> Response:
        return _json({"status": "OK", "version": self._version})

    async def _projects(self, request: Request) -> Response:
        who = await self._authenticate(request.headers, Right.SEND)
        organization = {"id": "triops", "name": "Triops"}
        project = {"id": who.project, "name": who.project, "organization": organization, "metadata": {}}
        return _json({"data": [project]})

    async def _scores(self, request: Request) -> Response:
        """One, as older clients send it, or a list."""
        who = await self._authenticate(request.headers, Right.SEND)
        given = await self._read(request)
        if isinstance(given, dict):
            added = await self._add_scores(who.project, [score(given)], who.name)
            return _json({"id": added[0].id})
        if not isinstance(given, list) or len(given) > _EVENTS:
            raise Invalid("not scores", field="body", expected=f"a score, or a list of at most {_EVENTS}")
        errors = []
        for place, one in enumerate(given):
            try:
                await self._add_scores(who.project, [score(_object(one, f"[{place}]"))], who.name)
            except Invalid as error:
                errors.append({"message": f"[{place}] {_said(error)}"})
        if errors:
            rejected = {"accepted": len(given) - len(errors), "rejected": len(errors), "errors": errors}
            return _json(rejected, 207)
        return _json({"message": "Accepted"}, 202)

    async def _ingestion(self, request: Request) -> Response:
        who = await self._authenticate(request.headers, Right.SEND)
        given = _object(await self._read(request), "body").get("batch")
        if not isinstance(given, list) or len(given) > _EVENTS:
            raise Invalid("not a batch", field="batch", got=given, expected=f"a list of at most {_EVENTS} events")
        told: dict[tuple[int, int], Observed] = {}
        whose: dict[tuple[int, int], list[str]] = {}
        done: list[str] = []
        errors: list[dict[str, Any]] = []
        for event in given:
            id_ = event.get("id") if isinstance(event, dict) else None
            try:
                body = _object(_object(event, "event").get("body"), "body")
                kind = str(event.get("type"))
                if kind == "score-create":
                    await self._add_scores(who.project, [score(body)], who.name)
                elif (one := observed(kind, body, time_ns(event.get("timestamp"), "timestamp"))) is not None:
                    key = (one.trace, one.span)
                    told[key] = merged(told[key], one) if key in told else one
                    whose.setdefault(key, []).append(str(id_))
                    continue
                elif kind != "sdk-log":
                    raise Invalid("no such event", field="type", got=kind)
                done.append(str(id_))
            except TriopsError as error:
                errors.append({"id": str(id_), "status": error.status, "message": _said(error), "error": error.kind})
        spans = []
        for key, one in told.items():
            if not one.fresh:
                one = await self._joined(who.project, one)
            if one.start_ns:
                spans.append(one)
                done += whose[key]
                continue
            missing = {"status": 404, "message": "no such observation", "error": "not_found"}
            errors += [{"id": id_, **missing} for id_ in whose[key]]
        if spans:
            await self._receiver.receive_spans(who.project, batch(spans))
        return _json({"successes": [{"id": id_, "status": 201} for id_ in done], "errors": errors}, 207)

    async def _joined(self, project: ProjectId, later: Observed) -> Observed:
        """With what an earlier batch said of the same observation."""
        page = await self._spans.trace(project, later.trace, 10_000)
        for row in page.items:
            if row.span_id == later.span:
                before = Observed(
                    row.trace_id,
                    row.span_id,
                    row.parent_id,
                    row.name,
                    row.start_ns,
                    row.start_ns + row.duration_ns,
                    row.status == 2,
                    row.status_message,
                    True,
                    dict(row.attributes),
                )
                return merged(before, later)
        return later

    async def _read(self, request: Request) -> Any:
        async with self._bodies.read(request, most=JSON_BYTES) as body:
            try:
                return await off_loop(len(body), orjson.loads, body)
            except orjson.JSONDecodeError as error:
                raise Invalid(f"not JSON: {error}", field="body") from None

    def _answering(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except TriopsError as error:
                body = {"message": _said(error), "error": error.kind}
                return Response(orjson.dumps(body), error.status, headers_of(error), "application/json")

        return answer


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Invalid("wrong type", field=where, got=value, expected="an object")
    return value


def _said(error: TriopsError) -> str:
    details = ", ".join(f"{name}: {value}" for name, value in error.details.items())
    return f"{error.message} ({details})" if details else error.message


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
