"""Spans in DuckDB (`ports/spans.py`)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from triops.adapters.embedded.contents import rewrite_without_contents
from triops.adapters.embedded.dayfile import Beside
from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.layout import SPANS
from triops.adapters.embedded.llm_index import LlmIndex
from triops.adapters.embedded.llm_pace import pace_in, steps_in
from triops.adapters.embedded.llm_reading import (
    MOST_SPANS,
    NOTHING,
    loaded_traces,
    newest_llm,
    persons_sessions,
    persons_traces,
    rows_in,
)
from triops.adapters.embedded.red import NO_RED, red_table
from triops.adapters.embedded.relation import check_limit, check_range, check_step, position, union
from triops.adapters.embedded.store import TelemetryStore
from triops.adapters.embedded.traces import AROUND_NS, newest_traces, sort_key, spans_of
from triops.kernel.ids import ProjectId
from triops.kernel.page import Page, encode_cursor
from triops.kernel.signal import SpanBatch, fingerprint
from triops.ports.llm_spans import CallsOf, LlmPace, LlmQuery, LlmRows, LlmStep, LlmTraces
from triops.ports.spans import RedTable, SpanRow, TraceQuery, TraceSummary
from triops.ports.telemetry import Appended

_OPERATIONS = """
SELECT name, count(*) AS count, count(*) FILTER (status = 2) AS errors, quantile_cont(duration_ns, 0.5) / 1e6 AS ms_p50,
  quantile_cont(duration_ns, 0.95) / 1e6 AS ms_p95
FROM {spans} GROUP BY name ORDER BY sum(duration_ns) DESC, name LIMIT $limit
"""
_OF_SERVICE = """
SELECT name, status, duration_ns FROM {day}.spans
WHERE project = $project AND time_ns >= $start AND time_ns < $end
  AND resource IN (SELECT fingerprint FROM {day}.resources WHERE project = $project AND service = $service)
"""


class EmbeddedSpans(TelemetryStore):
    layout = SPANS

    def keeps_beside(self) -> Beside:
        return LlmIndex()

    async def erase_user(self, project: ProjectId, user: str, traces: Sequence[int] = ()) -> int:
        """A trace of models' calls is erased whole: not each of its spans names the user whose words it holds."""
        return await super().erase_user(project, user, [*traces, *await self.llm_traces_of(project, user)])

    async def forget_contents(self, before: str) -> int:
        index = self._beside
        assert isinstance(index, LlmIndex)

        def one(day: str) -> int:
            self._forget(day)
            changed = rewrite_without_contents(self._partitions, self._connection, day, index)
            self._forget(day)
            return changed

        return sum([await self._work(partial(one, day)) for day in self._partitions.days() if day < before])

    async def append(self, project: ProjectId, batch: SpanBatch, digest: bytes | None = None) -> Appended:
        return await self._append(project, batch, digest)

    async def trace(
        self, project: ProjectId, trace_id: int, limit: int = 1000, cursor: str | None = None
    ) -> Page[SpanRow]:
        check_limit(limit, 10_000)
        if not 0 <= trace_id < 2**128:
            return Page([])
        after = position(cursor)
        rows = await self._query(
            self._days(),
            lambda connection, names: spans_of(connection, names, fingerprint(project), trace_id, limit + 1, after),
        )
        rows = rows or []
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(rows[:limit], encode_cursor(last.start_ns, last.span_id) if last else None)

    async def search(self, project: ProjectId, query: TraceQuery) -> Page[TraceSummary]:
        check_range(query.start_ns, query.end_ns)
        check_limit(query.limit)
        before = position(query.cursor, 3)
        found = await self._query(
            self._days(query.start_ns - AROUND_NS, query.end_ns + AROUND_NS),
            lambda connection, names: newest_traces(connection, names, fingerprint(project), query, before),
        )
        found = found or []
        last = found[query.limit - 1] if len(found) > query.limit else None
        return Page(found[: query.limit], encode_cursor(*sort_key(last)) if last else None)

    async def llm_traces(self, project: ProjectId, query: LlmQuery) -> LlmTraces:
        check_range(query.start_ns, query.end_ns)
        check_limit(query.limit)
        before = position(query.cursor, 3)
        found = await self._query(
            self._days(query.start_ns - AROUND_NS, query.end_ns + AROUND_NS),
            lambda connection, names: newest_llm(connection, names, fingerprint(project), query, before),
        )
        if found is None:
            return NOTHING
        traces, last = found
        return replace(traces, next=encode_cursor(*last) if last else None)

    async def llm_trace(self, project: ProjectId, trace_id: int) -> LlmTraces:
        if not 0 <= trace_id < 2**128:
            return NOTHING
        found = await self._query(
            self._days(),
            lambda connection, names: loaded_traces(
                connection, names, fingerprint(project), [trace_id], most=MOST_SPANS
            ),
        )
        return found or NOTHING

    async def llm_rows(self, project: ProjectId, query: LlmQuery) -> LlmRows:
        check_range(query.start_ns, query.end_ns)
        found = await self._query(
            self._days(query.start_ns - AROUND_NS, query.end_ns + AROUND_NS),
            lambda connection, names: rows_in(connection, names, fingerprint(project), query),
        )
        return NOTHING.rows if found is None else found

    async def llm_pace(self, project: ProjectId, start_ns: int, end_ns: int) -> LlmPace:
        check_range(start_ns, end_ns)
        found = await self._query(
            self._days(start_ns, end_ns),
            lambda connection, names: pace_in(connection, names, fingerprint(project), start_ns, end_ns),
        )
        return found or LlmPace()

    async def llm_steps(
        self, project: ProjectId, start_ns: int, end_ns: int, step_ns: int, calls: CallsOf
    ) -> Sequence[LlmStep]:
        check_range(start_ns, end_ns)
        check_step(step_ns, start_ns, end_ns)
        found = await self._query(
            self._days(start_ns, end_ns),
            lambda connection, names: steps_in(
                connection, names, fingerprint(project), start_ns, end_ns, step_ns, calls
            ),
        )
        return found or []

    async def llm_traces_of(self, project: ProjectId, user: str) -> Sequence[int]:
        found = await self._query(
            self._days(), lambda connection, names: persons_traces(connection, names, fingerprint(project), user)
        )
        return found or []

    async def llm_sessions_of(self, project: ProjectId, user: str) -> Sequence[str]:
        found = await self._query(
            self._days(), lambda connection, names: persons_sessions(connection, names, fingerprint(project), user)
        )
        return found or []

    async def red(self, project: ProjectId, start_ns: int, end_ns: int, step_ns: int, service: str = "") -> RedTable:
        check_range(start_ns, end_ns)
        check_step(step_ns, start_ns, end_ns)
        found = await self._query(
            self._days(start_ns - AROUND_NS, end_ns + AROUND_NS),
            lambda connection, names: red_table(
                connection, names, fingerprint(project), start_ns, end_ns, step_ns, service
            ),
        )
        return found or NO_RED

    async def operations(
        self, project: ProjectId, start_ns: int, end_ns: int, service: str, limit: int = 50
    ) -> Sequence[Mapping[str, Any]]:
        check_range(start_ns, end_ns)
        check_limit(limit)
        values = {
            "project": fingerprint(project), "start": start_ns, "end": end_ns, "service": service, "limit": limit,
        }  # fmt: skip

        def ask(connection: Connection, names: Sequence[str]) -> list[dict[str, Any]]:
            sql = _OPERATIONS.replace("{spans}", union(names, _OF_SERVICE))
            rows = connection.execute(sql, values).fetchall()
            return [dict(zip(("name", "count", "errors", "ms_p50", "ms_p95"), row, strict=True)) for row in rows]

        return await self._query(self._days(start_ns, end_ns), ask) or []
