"""Log records in DuckDB (`ports/logs.py`)."""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.layout import LOGS
from triops.adapters.embedded.relation import check_limit, check_range, check_step, position, resources_of, union
from triops.adapters.embedded.store import TelemetryStore
from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.loading import loads_object
from triops.kernel.page import Page, encode_cursor
from triops.kernel.signal import LogBatch, fingerprint
from triops.ports.logs import LogCounts, LogQuery, LogRow, TemplateCounts
from triops.ports.telemetry import Appended

_LOW = 2**64 - 1
_COUNTS = """
SELECT time_bucket, service, band, sum(n)::BIGINT AS n FROM {union} GROUP BY ALL ORDER BY ALL
"""
_COUNTS_DAY = """
SELECT (r.time_ns - $start) // $step AS time_bucket, coalesce(s.service, 'unknown_service') AS service,
  (CASE WHEN r.severity >= 17 THEN 2 WHEN r.severity >= 13 THEN 1 ELSE 0 END)::UTINYINT AS band, count(*) AS n
FROM (SELECT time_ns, severity, resource FROM {day}.records
      WHERE project = $project AND time_ns >= $start AND time_ns < $end) r
LEFT JOIN (SELECT fingerprint, service FROM {day}.resources WHERE project = $project) s ON r.resource = s.fingerprint
WHERE $service = '' OR s.service = $service GROUP BY ALL
"""
_TEMPLATES = """
SELECT template, service, max(severity)::UTINYINT AS severity, sum(n)::BIGINT AS n, min(example) AS example
FROM {union} GROUP BY template, service ORDER BY n DESC, template, service LIMIT $limit
"""
_TEMPLATES_DAY = """
SELECT r.template, coalesce(s.service, 'unknown_service') AS service, max(r.severity) AS severity, count(*) AS n,
  any_value(r.body) AS example
FROM (SELECT template, severity, resource, body FROM {day}.records
      WHERE project = $project AND time_ns >= $start AND time_ns < $end) r
LEFT JOIN (SELECT fingerprint, service FROM {day}.resources WHERE project = $project) s ON r.resource = s.fingerprint
WHERE $service = '' OR s.service = $service GROUP BY r.template, s.service
"""


class EmbeddedLogs(TelemetryStore):
    layout = LOGS

    async def append(self, project: ProjectId, batch: LogBatch, digest: bytes | None = None) -> Appended:
        return await self._append(project, batch, digest)

    async def search(self, project: ProjectId, query: LogQuery) -> Page[LogRow]:
        """Day by day, newest first, until the page is full. The cursor is (time, position in the day's file)."""
        check_range(query.start_ns, query.end_ns)
        check_limit(query.limit)
        before = position(query.cursor)
        end_ns = min(query.end_ns, before[0] + 1) if before else query.end_ns
        condition, values = _condition(fingerprint(project), query, before)
        found: list[tuple[int, int, LogRow]] = []
        for day in reversed(self._days(query.start_ns, end_ns)):
            wanted = {**values, "limit": query.limit + 1 - len(found)}
            found += await self._query([day], partial(_newest, condition=condition, values=wanted)) or []
            if len(found) > query.limit:
                break
        last = found[query.limit - 1] if len(found) > query.limit else None
        return Page([row for _, _, row in found[: query.limit]], encode_cursor(*last[:2]) if last else None)

    async def counts(
        self, project: ProjectId, start_ns: int, end_ns: int, step_ns: int, service: str = ""
    ) -> LogCounts:
        check_range(start_ns, end_ns)
        check_step(step_ns, start_ns, end_ns)
        values = _values(project, start_ns, end_ns, service) | {"step": step_ns}
        found = await self._grouped(_COUNTS, _COUNTS_DAY, start_ns, end_ns, values)
        steps = np.asarray(found["time_bucket"], dtype=np.int64) if found else np.empty(0, np.int64)
        return LogCounts(
            steps * step_ns + start_ns,
            list(found["service"]) if found else [],
            np.asarray(found["band"] if found else [], dtype=np.uint8),
            np.asarray(found["n"] if found else [], dtype=np.int64),
        )

    async def templates(
        self, project: ProjectId, start_ns: int, end_ns: int, service: str = "", limit: int = 50
    ) -> TemplateCounts:
        check_range(start_ns, end_ns)
        check_limit(limit)
        values = _values(project, start_ns, end_ns, service) | {"limit": limit}
        found = await self._grouped(_TEMPLATES, _TEMPLATES_DAY, start_ns, end_ns, values)
        return TemplateCounts(
            np.asarray(found["template"] if found else [], dtype=np.uint64),
            list(found["service"]) if found else [],
            np.asarray(found["severity"] if found else [], dtype=np.uint8),
            np.asarray(found["n"] if found else [], dtype=np.int64),
            list(found["example"]) if found else [],
        )

    async def _grouped(self, outer: str, day: str, start_ns: int, end_ns: int, values: dict[str, Any]) -> Any:
        return await self._query(
            self._days(start_ns, end_ns),
            lambda connection, names: connection.execute(
                outer.replace("{union}", union(names, day)), values
            ).fetchnumpy(),
        )


def _values(project: ProjectId, start_ns: int, end_ns: int, service: str) -> dict[str, Any]:
    return {"project": fingerprint(project), "start": start_ns, "end": end_ns, "service": service}


def _condition(project: int, query: LogQuery, before: tuple[int, ...] | None) -> tuple[str, dict[str, Any]]:
    parts = ["project = $project", "time_ns >= $start", "time_ns < $end"]
    values: dict[str, Any] = {"project": project, "start": query.start_ns, "end": query.end_ns}
    if before:
        parts.append("time_ns <= $before AND (time_ns < $before OR rowid < $before_row)")
        values |= {"before": before[0], "before_row": before[1]}
    for column in ("service", "host"):
        if value := getattr(query, column):
            parts.append(
                "resource IN (SELECT fingerprint FROM {day}.resources"
                f" WHERE project = $project AND {column} = ${column})"
            )
            values[column] = value
    if query.severity:
        parts.append("severity >= $severity")
        values["severity"] = query.severity
    if query.template is not None:
        parts.append("template = $template")
        values["template"] = query.template
    if query.trace_id is not None:
        if not 0 <= query.trace_id < 2**128:
            raise Invalid("a trace id has 128 bits", field="trace_id", got=hex(query.trace_id))
        parts.append("trace_lo = $trace_lo AND trace_hi = $trace_hi")
        values |= {"trace_lo": query.trace_id & _LOW, "trace_hi": query.trace_id >> 64}
    if query.text:
        parts.append("contains(lower(body), lower($text))")
        values["text"] = query.text
    return " AND ".join(parts), values


def _newest(
    connection: Connection, names: Sequence[str], condition: str, values: dict[str, Any]
) -> list[tuple[int, int, LogRow]]:
    """(time, position in the file, record) of one day's newest matches."""
    rows = connection.execute(
        "SELECT time_ns, rowid, severity, body, resource, template, trace_hi, trace_lo, span_id, attributes"
        f" FROM {names[0]}.records WHERE {condition.replace('{day}', names[0])}"
        " ORDER BY time_ns DESC, rowid DESC LIMIT $limit",
        values,
    ).fetchall()
    resources = resources_of(connection, names, values["project"], [row[4] for row in rows]) if rows else {}
    return [(row[0], row[1], _record(row, *resources.get(row[4], ("unknown_service", {})))) for row in rows]


def _record(row: tuple[Any, ...], service: str, resource: dict[str, Any]) -> LogRow:
    time_ns, _, severity, body, _, template, trace_hi, trace_lo, span_id, attributes = row
    return LogRow(
        time_ns,
        severity,
        body,
        service,
        template,
        trace_hi << 64 | trace_lo,
        span_id,
        loads_object(attributes),
        resource,
    )
