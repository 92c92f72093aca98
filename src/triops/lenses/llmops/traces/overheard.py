"""What instrumentations say of models' calls in log records of the calls' spans, instead of in the spans themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from triops.kernel.clock import NS
from triops.kernel.ids import ProjectId
from triops.ports.logs import LogQuery, LogRow, Logs
from triops.ports.spans import SpanRow

Events = Sequence[Mapping[str, Any]]  # as a span has them
_PAGE = 1000
_PAGES = 5
_AROUND_NS = 300 * NS


class Overheard:
    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    async def of(self, project: ProjectId, trace: int, spans: Sequence[SpanRow]) -> Mapping[int, Events]:
        """By span, in the order in which they were said; of the newest 5,000 records of the trace around `spans`."""
        if not spans:
            return {}
        query = LogQuery(
            min(span.start_ns for span in spans) - _AROUND_NS,
            max(span.start_ns + span.duration_ns for span in spans) + _AROUND_NS,
            trace_id=trace,
            limit=_PAGE,
        )
        found: dict[int, list[Mapping[str, Any]]] = {}
        for _ in range(_PAGES):
            page = await self._logs.search(project, query)
            for row in page.items:
                if event := _event(row):
                    found.setdefault(row.span_id, []).insert(0, event)
            if page.next is None:
                break
            query = LogQuery(query.start_ns, query.end_ns, trace_id=trace, limit=_PAGE, cursor=page.next)
        return found


def _event(row: LogRow) -> Mapping[str, Any] | None:
    name = row.attributes.get("event.name")
    if not isinstance(name, str) or not name.startswith("gen_ai."):
        return None
    try:
        body = orjson.loads(row.body) if row.body[:1] == "{" else None
    except orjson.JSONDecodeError:
        body = None
    inside = {**row.attributes, **body} if isinstance(body, dict) else {"content": row.body, **row.attributes}
    return {"name": name, "attributes": inside}
