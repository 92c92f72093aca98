"""Finding traces, and the spans of one.

A trace's spans are looked for `AROUND_NS` before and after the range that is asked for: what of a trace lies further
outside is not counted in its summary.
"""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

from collections.abc import Sequence
from typing import Any

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.relation import resources_of, union
from triops.kernel.clock import NS
from triops.kernel.loading import loads_array, loads_object
from triops.ports.spans import SpanRow, TraceQuery, TraceSummary

AROUND_NS = 3600 * NS
_LOW = 2**64 - 1
_FIRST_LOOK = 4096  # matching spans; each further look takes 8 times as many
_COLUMNS = (
    "trace_hi, trace_lo, span_id, parent_id, name, kind, time_ns, duration_ns, status, status_message, scope, peer,"
    " attributes, events, links, resource"
)
_SUMMARY = """
SELECT trace_hi, trace_lo, min(time_ns) AS start_ns, max(time_ns + duration_ns) - min(time_ns) AS duration_ns,
  count(*) AS spans, count(*) FILTER (status = 2) AS errors,
  arg_min(name, (parent_id <> 0, time_ns)) AS root_name, arg_min(service, (parent_id <> 0, time_ns)) AS service,
  list_sort(list_distinct(list(service))) AS services
FROM (SELECT DISTINCT ON (trace_hi, trace_lo, span_id) * FROM {spans}) GROUP BY trace_hi, trace_lo
"""
_SUMMARY_DAY = """
SELECT t.trace_hi, t.trace_lo, t.span_id, t.parent_id, t.name, t.time_ns, t.duration_ns, t.status,
  coalesce(s.service, 'unknown_service') AS service
FROM (SELECT * FROM {day}.spans WHERE project = $project AND time_ns >= $from AND time_ns < $to
      AND trace_lo IN (SELECT unnest($traces::UBIGINT[]))) t
LEFT JOIN (SELECT fingerprint, service FROM {day}.resources WHERE project = $project) s ON t.resource = s.fingerprint
"""


def spans_of(
    connection: Connection,
    names: Sequence[str],
    project: int,
    trace_id: int,
    limit: int,
    after: tuple[int, ...] | None,
) -> list[SpanRow]:
    values: dict[str, Any] = {"project": project, "hi": trace_id >> 64, "lo": trace_id & _LOW, "limit": limit}
    where = "project = $project AND trace_lo = $lo AND trace_hi = $hi"
    if after:
        where += " AND (time_ns > $time OR (time_ns = $time AND span_id > $span))"
        values |= {"time": after[0], "span": after[1]}
    spans = union(names, f"SELECT {_COLUMNS} FROM {{day}}.spans WHERE {where}")
    rows = connection.execute(
        f"SELECT * FROM (SELECT DISTINCT ON (span_id) * FROM {spans} ORDER BY span_id, time_ns, duration_ns DESC)"
        " ORDER BY time_ns, span_id LIMIT $limit",
        values,
    ).fetchall()
    resources = resources_of(connection, names, project, [row[-1] for row in rows]) if rows else {}
    return [_span(row, *resources.get(row[-1], ("unknown_service", {}))) for row in rows]


def newest_traces(
    connection: Connection, names: Sequence[str], project: int, query: TraceQuery, before: tuple[int, ...] | None
) -> list[TraceSummary]:
    """Up to `limit` + 1, newest first by their first span.

    Looks at matching spans from the newest down to some time `floor`. A trace that began at or after `floor` has all
    its matching spans above it, so it has been seen; older ones may lie between unseen ones and wait for another look.
    """
    where, values = _condition(project, query)
    top = query.end_ns
    if before:
        # A long trace that began before the cursor may match only after it.
        top = min(top, before[0] + AROUND_NS if _narrow(query) else before[0] + 1)
    days = union(names, f"SELECT time_ns, trace_hi, trace_lo FROM {{day}}.spans WHERE {where}")
    seen: dict[int, TraceSummary] = {}
    looked: set[int] = set()
    look = max(_FIRST_LOOK, 16 * query.limit)
    while True:
        times = connection.execute(
            f"SELECT min(time_ns), count(*) FROM (SELECT time_ns FROM {days} ORDER BY time_ns DESC LIMIT $look)",
            {**values, "top": top, "look": look},
        ).fetchone()
        floor = times[0] if times[1] == look else query.start_ns
        pairs = connection.execute(
            f"SELECT DISTINCT trace_hi, trace_lo FROM {days} WHERE time_ns >= $floor",
            {**values, "top": top, "floor": floor},
        ).fetchall()
        new = [hi << 64 | lo for hi, lo in pairs if (hi << 64 | lo) not in looked]
        looked.update(new)
        for summary in summaries_of(
            connection, names, project, new, query.start_ns - AROUND_NS, query.end_ns + AROUND_NS
        ):
            if query.start_ns - AROUND_NS <= summary.start_ns and (before is None or sort_key(summary) < before):
                seen[summary.trace_id] = summary
        settled = [summary for summary in seen.values() if summary.start_ns >= floor]
        if len(settled) > query.limit or times[1] < look:
            chosen = settled if times[1] == look else list(seen.values())
            return sorted(chosen, key=sort_key, reverse=True)[: query.limit + 1]
        look *= 8


def sort_key(summary: TraceSummary) -> tuple[int, int, int]:
    """What traces are sorted by, and what a cursor holds."""
    return summary.start_ns, summary.trace_id >> 64, summary.trace_id & _LOW


def _narrow(query: TraceQuery) -> bool:
    return bool(query.service or query.name or query.min_duration_ms or query.status)


def _condition(project: int, query: TraceQuery) -> tuple[str, dict[str, Any]]:
    parts = ["project = $project", "time_ns >= $start", "time_ns < $top"]
    values: dict[str, Any] = {"project": project, "start": query.start_ns}
    if query.service:
        parts.append(
            "resource IN (SELECT fingerprint FROM {day}.resources WHERE project = $project AND service = $service)"
        )
        values["service"] = query.service
    if query.name:
        parts.append("contains(lower(name), lower($name))")
        values["name"] = query.name
    if query.min_duration_ms:
        parts.append("duration_ns >= $duration")
        values["duration"] = query.min_duration_ms * 1e6
    if query.status:
        parts.append("status = 2" if query.status == "error" else "status <> 2")
    return " AND ".join(parts), values


def summaries_of(
    connection: Connection,
    names: Sequence[str],
    project: int,
    traces: Sequence[int],
    from_ns: int = 0,
    to_ns: int = 2**63 - 1,
) -> list[TraceSummary]:
    """What all spans of each in the range say together, in no order."""
    if not traces:
        return []
    values = {"project": project, "from": from_ns, "to": to_ns, "traces": [trace & _LOW for trace in traces]}
    rows = connection.execute(_SUMMARY.replace("{spans}", union(names, _SUMMARY_DAY)), values).fetchall()
    asked = set(traces)
    return [
        TraceSummary(
            hi << 64 | lo, root, service, start, duration, "error" if errors else "ok", spans, errors, services
        )
        for hi, lo, start, duration, spans, errors, root, service, services in rows
        if (hi << 64 | lo) in asked
    ]


def _span(row: tuple[Any, ...], service: str, resource: dict[str, Any]) -> SpanRow:
    hi, lo, span_id, parent, name, kind, start, duration, status, message, scope, peer, attributes, events, links, _ = (
        row
    )
    return SpanRow(
        hi << 64 | lo, span_id, parent, name, service, kind, start, duration, status, message, scope, peer,
        loads_object(attributes), resource, loads_array(events), loads_array(links),
    )  # fmt: skip
