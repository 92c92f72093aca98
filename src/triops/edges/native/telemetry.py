"""Metrics, logs and traces: the evidence."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

import numpy as np
import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from triops.edges.native.asking import JSON, Cursor, LastHour, Limit, Reader, S, Text
from triops.edges.native.showing import KINDS, SEVERITIES, STATUSES, severity_name, span_hex, trace_hex
from triops.kernel.clock import NS
from triops.kernel.errors import Invalid
from triops.kernel.selector import parse_selector
from triops.ports.logs import LogQuery, LogRow
from triops.ports.metrics import Aggregate, PointTable, SeriesInfo
from triops.ports.spans import RedTable, SpanRow, TraceQuery

router = APIRouter()
_BANDS = ("info", "warning", "error")
TAIL_S = 1.0
TAIL_ROWS = 500


def _json(value: Any) -> Response:
    """Large answers are written at once, without another walk over them."""
    return Response(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")


@router.get("/metrics/series", summary="Series and their points")
async def series(
    who: Reader,
    services: S,
    window: LastHour,
    match: Annotated[str, Query(max_length=4096, description='Prometheus selector: `name{label="value"}`')],
    step: Annotated[str, Query(max_length=20, description="seconds or 15s, 1m; absent: points as stored")] = "",
    agg: Annotated[Aggregate, Query(description="how points within a step become one")] = "auto",
    limit: Limit = 100,
) -> Response:
    selector = parse_selector(match)
    step_ns = window.step_ns(step) if step else None
    found = await services.metrics.series(who.project, selector, window.start_ns, window.end_ns, limit)
    table = await services.metrics.points(
        who.project, [s.id for s in found], window.start_ns, window.end_ns, step_ns, agg
    )
    # Many points would hold the event loop for as long as it takes to write them.
    return await asyncio.to_thread(_series_json, found, table)


def _series_json(found: Sequence[SeriesInfo], table: PointTable) -> Response:
    ids, starts = np.unique(table.series_id, return_index=True)
    bounds = dict(
        zip(ids.tolist(), zip(starts.tolist(), [*starts[1:].tolist(), len(table.series_id)], strict=False), strict=True)
    )
    seconds, values = (table.time_ns / NS).tolist(), table.value.tolist()  # NaN and infinities become null
    shown = []
    for one in found:
        low, high = bounds.get(one.id, (0, 0))
        if low < high:
            shown.append(
                {
                    "labels": {"__name__": one.name} | dict(one.labels),
                    "type": one.type,
                    "unit": one.unit,
                    "points": list(zip(seconds[low:high], values[low:high], strict=True)),
                }
            )
    return _json({"series": shown, "next": None})


@router.get("/metrics/labels/{label}/values", summary="Values of a label; `__name__` gives metric names")
async def label_values(who: Reader, services: S, window: LastHour, label: str, limit: Limit = 1000) -> JSON:
    values = await services.metrics.label_values(who.project, label, window.start_ns, window.end_ns, limit)
    return {"items": list(values), "next": None}


def severity_number(text: str) -> int:
    """A name (debug, info, warn, error, ...) or a number from 1 to 24; "" is 0."""
    names = {name: number for number, name in SEVERITIES} | {"warning": 13, "critical": 21}
    if text.lower() in names:
        return names[text.lower()]
    if text.isdecimal() and int(text) <= 24:
        return int(text)
    if text:
        raise Invalid("no such severity", field="severity", got=text, expected=", ".join(names))
    return 0


def _hex_id(text: str, field: str, digits: int) -> int:
    try:
        if not 1 <= len(text) <= digits or not text.isascii() or not text.isalnum():
            raise ValueError
        return int(text, 16)
    except ValueError:
        raise Invalid("not an id", field=field, got=text, expected=f"{digits} hexadecimal digits") from None


def log_json(row: LogRow) -> JSON:
    return {
        "time": row.time_ns / NS,
        "service": row.service,
        "severity": severity_name(row.severity),
        "severity_number": row.severity,
        "body": row.body,
        "template_id": f"{row.template:016x}" if row.template else "",
        "trace_id": trace_hex(row.trace_id),
        "span_id": span_hex(row.span_id),
        "attributes": row.attributes,
        "resource": row.resource,
    }


@router.get("/logs", summary="Log records, newest first")
async def logs(
    who: Reader,
    services: S,
    window: LastHour,
    query: Annotated[str, Query(max_length=1000, description="a substring of the body, in any case")] = "",
    service: Text = "",
    host: Text = "",
    severity: Annotated[
        str, Query(max_length=10, description="the least: debug, info, warn, error, fatal, or 1-24")
    ] = "",
    template: Text = "",
    trace_id: Text = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    page = await services.logs.search(
        who.project,
        LogQuery(
            window.start_ns,
            window.end_ns,
            text=query,
            service=service,
            host=host,
            severity=severity_number(severity),
            template=_hex_id(template, "template", 16) if template else None,
            trace_id=_hex_id(trace_id, "trace_id", 32) if trace_id else None,
            limit=limit,
            cursor=cursor,
        ),
    )
    return _json({"records": [log_json(row) for row in page.items], "next": page.next})


@router.get("/logs/histogram", summary="Counts by time, service and band of severity")
async def log_histogram(
    who: Reader, services: S, window: LastHour, service: Text = "", step: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    step_ns = window.step_ns(step, 60)
    counts = await services.logs.counts(who.project, window.start_ns, window.end_ns, step_ns, service)
    items = [
        {"time": time / NS, "service": name, "band": _BANDS[band], "count": count}
        for time, name, band, count in zip(
            counts.time_ns.tolist(), counts.service, counts.band.tolist(), counts.count.tolist(), strict=True
        )
    ]
    return _json({"items": items, "step": step_ns / NS, "next": None})


@router.get("/logs/templates", summary="The most frequent kinds of line")
async def log_templates(who: Reader, services: S, window: LastHour, service: Text = "", limit: Limit = 50) -> JSON:
    found = await services.logs.templates(who.project, window.start_ns, window.end_ns, service, limit)
    items = [
        {
            "template_id": f"{template:016x}",
            "service": name,
            "severity": severity_name(severity),
            "count": count,
            "example": example,
        }
        for template, name, severity, count, example in zip(
            found.template.tolist(),
            found.service,
            found.severity.tolist(),
            found.count.tolist(),
            found.example,
            strict=True,
        )
    ]
    return {"items": items, "next": None}


@router.get(
    "/logs/tail", summary="New log records as they come, as server-sent events", response_class=StreamingResponse
)
async def log_tail(
    who: Reader, services: S, query: Text = "", service: Text = "", severity: Text = ""
) -> StreamingResponse:
    least = severity_number(severity)

    async def lines() -> AsyncIterator[bytes]:
        # Polled with an overlap, because rows become visible a little after their own time.
        since, seen, quiet = int(services.clock.now() * NS) - 5 * NS, dict[tuple[int, str, int], None](), 0
        yield b": tail\n\n"
        while not services.live.closing:
            now_ns = int(services.clock.now() * NS) + 5 * NS
            page = await services.logs.search(
                who.project, LogQuery(since, now_ns, query, service, severity=least, limit=TAIL_ROWS)
            )
            fresh = [r for r in reversed(page.items) if (r.time_ns, r.body, r.span_id) not in seen]
            for row in fresh:
                seen[row.time_ns, row.body, row.span_id] = None
                yield b"data: " + orjson.dumps(log_json(row)) + b"\n\n"
            while len(seen) > 20 * TAIL_ROWS:
                del seen[next(iter(seen))]
            since = max(since, now_ns - 35 * NS)
            quiet = 0 if fresh else quiet + 1
            if quiet % 15 == 14:
                yield b": still here\n\n"
            await services.live.pause(TAIL_S)

    async def counted() -> AsyncIterator[bytes]:
        with services.live.tailing():
            async for line in lines():
                yield line

    services.live.admit_tail()
    return StreamingResponse(counted(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.get("/traces", summary="Traces, newest first")
async def traces(
    who: Reader,
    services: S,
    window: LastHour,
    service: Text = "",
    name: Annotated[str, Query(max_length=500, description="a substring of a span's name")] = "",
    min_duration_ms: Annotated[float, Query(ge=0, le=1e12)] = 0.0,
    status: Annotated[str, Query(pattern="^(|ok|error)$")] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    page = await services.spans.search(
        who.project,
        TraceQuery(window.start_ns, window.end_ns, service, name, min_duration_ms, status, limit, cursor),
    )
    items = [
        {
            "trace_id": trace_hex(t.trace_id),
            "root_name": t.root_name,
            "service": t.service,
            "start": t.start_ns / NS,
            "duration_ms": t.duration_ns / 1e6,
            "status": t.status,
            "span_count": t.span_count,
            "error_count": t.error_count,
            "services": list(t.services),
        }
        for t in page.items
    ]
    return _json({"items": items, "next": page.next})


@router.get("/traces/{trace_id}", summary="The spans of one trace, by start")
async def trace(who: Reader, services: S, trace_id: str, limit: Limit = 1000, cursor: Cursor = None) -> Response:
    page = await services.spans.trace(who.project, _hex_id(trace_id, "trace_id", 32), limit, cursor)
    return _json({"spans": [span_json(row) for row in page.items], "next": page.next})


def span_json(row: SpanRow) -> JSON:
    return {
        "trace_id": trace_hex(row.trace_id),
        "span_id": span_hex(row.span_id),
        "parent_span_id": span_hex(row.parent_id),
        "name": row.name,
        "service": row.service,
        "kind": KINDS[row.kind] if row.kind < len(KINDS) else "unspecified",
        "start": row.start_ns / NS,
        "duration_ms": row.duration_ns / 1e6,
        "status": STATUSES[row.status] if row.status < len(STATUSES) else "unset",
        "status_message": row.status_message,
        "scope": row.scope,
        "peer": row.peer,
        "attributes": row.attributes,
        "resource": row.resource,
        "events": [
            {"name": e.get("name", ""), "time": e.get("time_ns", 0) / NS, "attributes": e.get("attributes", {})}
            for e in row.events
        ],
        "links": list(row.links),
    }


@router.get("/red", summary="Rate, errors and duration by service and edge")
async def red(
    who: Reader, services: S, window: LastHour, service: Text = "", step: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    step_ns = window.step_ns(step, 60)
    table = await services.spans.red(who.project, window.start_ns, window.end_ns, step_ns, service)
    return _json({"items": red_rows(table, step_ns / NS), "step": step_ns / NS, "next": None})


def red_rows(table: RedTable, step_s: float) -> list[JSON]:
    columns = zip(
        table.time_ns.tolist(),
        table.source,
        table.target,
        table.count.tolist(),
        table.errors.tolist(),
        *(np.round(c, 3).tolist() for c in (table.ms_avg, table.ms_p50, table.ms_p95, table.ms_p99, table.self_ms_avg)),
        strict=True,
    )
    return [
        {
            "time": time / NS,
            "source": source,
            "target": target,
            "count": count,
            "rate": count / step_s,
            "errors": errors,
            "error_ratio": errors / count if count else 0.0,
            "ms_avg": avg,
            "ms_p50": p50,
            "ms_p95": p95,
            "ms_p99": p99,
            "self_ms_avg": own,
        }
        for time, source, target, count, errors, avg, p50, p95, p99, own in columns
    ]


@router.get("/operations", summary="The operations of a service, by total time")
async def operations(
    who: Reader, services: S, window: LastHour, service: Annotated[str, Query(max_length=500)]
) -> JSON:
    rows = await services.spans.operations(who.project, window.start_ns, window.end_ns, service)
    return {"items": [dict(row) for row in rows], "next": None}
