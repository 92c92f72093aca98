"""Traces of models' calls: pages of them, and one in full."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import orjson

from triops.kernel.clock import NS
from triops.kernel.errors import NotFound
from triops.kernel.genai.counting import totals
from triops.kernel.genai.messages import messages
from triops.kernel.genai.said import said
from triops.kernel.ids import ProjectId
from triops.kernel.page import Page
from triops.kernel.signal import I64
from triops.ledger.scores.scores import Scores
from triops.lenses.llmops.traces.model import SpanLine, TraceInFull, TraceLine
from triops.lenses.llmops.traces.overheard import Events, Overheard
from triops.lenses.llmops.traces.sums import Prices, add, costs, groups
from triops.ports.llm_spans import CallsOf, LlmPace, LlmQuery, LlmRows, LlmSpans, LlmStep, LlmTraces
from triops.ports.logs import Logs
from triops.ports.spans import SpanRow, Spans, TraceSummary

_LOOKS = 20  # pages that are read to fill one when its traces must meet a cost


class LlmTracing:
    def __init__(self, spans: Spans, llm: LlmSpans, logs: Logs, scores: Scores, prices: Prices) -> None:
        self._spans = spans
        self._overheard = Overheard(logs)
        self._llm = llm
        self._scores = scores
        self._prices = prices

    async def list(self, project: ProjectId, query: LlmQuery, min_cost: int = 0) -> Page[TraceLine]:
        """Newest first. `min_cost`: pico-dollars; a page may then hold fewer than it could, and still have a next."""
        price_of = await self._prices(project)
        found: list[TraceLine] = []
        for _ in range(_LOOKS):
            page = await self._llm.llm_traces(project, replace(query, limit=query.limit - len(found)))
            own = costs(page.rows, price_of)
            for line in lines(page, own):
                enough = line.sum.input_tokens + line.sum.output_tokens >= query.min_tokens
                if enough and (line.sum.cost or 0) >= min_cost:
                    found.append(line)
            query = replace(query, cursor=page.next)
            if page.next is None or len(found) >= query.limit:
                break
        scores = await self._scores.of_traces(project, [line.trace for line in found])
        return Page([replace(line, scores=scores.get(line.trace, {})) for line in found], query.cursor)

    async def pace(self, project: ProjectId, start: float, end: float) -> LlmPace:
        """Of [start, end) in unix seconds."""
        return await self._llm.llm_pace(project, int(start * NS), int(end * NS))

    async def steps(
        self, project: ProjectId, start_ns: int, end_ns: int, step_ns: int, calls: CallsOf
    ) -> Sequence[LlmStep]:
        """How those calls fared over time."""
        return await self._llm.llm_steps(project, start_ns, end_ns, step_ns, calls)

    async def forget_contents(self, before: str) -> int:
        """What was said goes from all spans of the days before, of every project; answers how many changed."""
        return await self._llm.forget_contents(before)

    async def get(self, project: ProjectId, trace: int, limit: int, cursor: str | None) -> TraceInFull:
        """Raises: NotFound, Invalid (over 100,000 spans)."""
        whole = await self._llm.llm_trace(project, trace)
        if not whole.traces:
            raise NotFound(f"no trace {trace:032x}")
        page = await self._spans.trace(project, trace, limit, cursor)
        own = costs(whole.rows, await self._prices(project))
        (line,) = lines(whole, own)
        scores = await self._scores.of_traces(project, [line.trace])
        events = await self._overheard.of(project, trace, page.items)
        spans = _spans(whole, own, page.items, events)
        return TraceInFull(replace(line, scores=scores.get(line.trace, {})), spans, page.next)


def lines(page: LlmTraces, own: I64) -> Sequence[TraceLine]:
    rows = page.rows
    by_trace = groups(zip(rows.trace_hi.tolist(), rows.trace_lo.tolist(), strict=True))
    found = []
    for summary in page.traces:
        key = (summary.trace_id >> 64, summary.trace_id & (2**64 - 1))
        found.append(_line(summary, rows, own, by_trace.get(key, np.zeros(0, dtype=np.int64))))
    return found


def _line(summary: TraceSummary, rows: LlmRows, own: I64, mine: I64) -> TraceLine:
    ordered = mine.tolist()
    ids = set(rows.span_id[mine].tolist())
    roots = [row for row in ordered if int(rows.parent_id[row]) not in ids]
    counting = [row for row in ordered if rows.counts[row]]
    sure = roots + counting + ordered

    def first(column: str, among: Sequence[int] = sure) -> str:
        values = getattr(rows, column)
        return next((str(values[row]) for row in among if values[row]), "")

    waited = next((int(rows.first_ns[row]) for row in counting + ordered if rows.first_ns[row]), 0)
    tags = dict.fromkeys(tag for row in ordered if rows.tags[row] for tag in orjson.loads(rows.tags[row]))
    failed = any(rows.status[row] == 2 for row in ordered) or summary.status == "error"
    return TraceLine(
        trace=f"{summary.trace_id:032x}",
        span=f"{int(rows.span_id[roots[0]]):016x}" if roots else "",
        root=summary.root_name,
        at=summary.start_ns / NS,
        ms=max(summary.duration_ns, _end(rows, mine) - summary.start_ns) / 1e6,
        first_token_ms=waited / 1e6 if waited else None,
        application=first("application"),
        model=first("model", counting + ordered),
        provider=first("provider", counting + ordered),
        prompt=first("prompt"),
        prompt_version=next((str(rows.prompt_version[row]) for row in sure if rows.prompt[row]), ""),
        user=first("person"),
        session=first("session"),
        tags=list(tags),
        status="error" if failed else "ok",
        error=first("error", ordered),
        input=first("input"),
        output=first("output", roots + counting[::-1] + ordered[::-1]),
        sum=add(rows, own, mine),
        spans=summary.span_count,
    )


def _end(rows: LlmRows, mine: I64) -> int:
    """Later than the summary's where a span was sent again when it ended."""
    return int((rows.time_ns[mine] + rows.duration_ns[mine]).max()) if len(mine) else 0


def _spans(whole: LlmTraces, own: I64, page: Sequence[SpanRow], overheard: Mapping[int, Events]) -> Sequence[SpanLine]:
    rows, tree = whole.rows, whole.tree
    order = np.argsort(tree.span, kind="stable")
    at = order[np.searchsorted(tree.span[order], rows.span_id)] if len(rows) else np.zeros(0, dtype=np.int64)
    spent = np.zeros((3, len(tree.span)), dtype=np.int64)
    spent[0, at] = np.maximum(own, 0)
    spent[1, at] = own >= 0
    tokens = np.maximum(rows.input_tokens, 0) + np.maximum(rows.output_tokens, 0)
    spent[2, at] = np.where(rows.counts, tokens, 0)
    summed = [totals(tree.span, tree.parent, values) for values in spent]
    places = {int(span): place for place, span in enumerate(tree.span.tolist())}
    told: Mapping[int, int] = {int(span): row for row, span in enumerate(rows.span_id.tolist())}
    found = []
    for span in page:
        place, row = places.get(span.span_id), told.get(span.span_id)
        known = place is not None and summed[1][place] > 0
        found.append(
            _span(
                span,
                overheard.get(span.span_id, ()),
                None if row is None or own[row] < 0 else int(own[row]),
                int(summed[0][place]) if known and place is not None else None,
                int(summed[2][place]) if place is not None else 0,
            )
        )
    return found


def _span(span: SpanRow, overheard: Events, cost: int | None, total_cost: int | None, total_tokens: int) -> SpanLine:
    one = said(span.attributes, [*span.events, *overheard], span.start_ns)
    failed = span.status == 2 or (one is not None and one.failed)
    heard = messages(one.input, "user") if one else []
    if one and one.system:
        system = messages(one.system, "system")
        heard = [*({**message, "role": "system"} for message in system), *heard]
    return SpanLine(
        span=f"{span.span_id:016x}",
        parent=f"{span.parent_id:016x}" if span.parent_id else "",
        name=span.name,
        type=one.type if one else "span",
        service=span.service,
        at=span.start_ns / NS,
        ms=span.duration_ns / 1e6,
        first_token_ms=one.first_ns / 1e6 if one and one.first_ns else None,
        status="error" if failed else "ok",
        error=(one.error if one else "") or (span.status_message if failed else ""),
        model=one.model if one else "",
        provider=one.provider if one else "",
        prompt=one.prompt if one else "",
        prompt_version=one.prompt_version if one else "",
        user=one.user if one else "",
        session=one.session if one else "",
        input=heard,
        output=messages(one.output, "assistant") if one else [],
        input_tokens=one.input_tokens if one and one.input_tokens >= 0 else None,
        output_tokens=one.output_tokens if one and one.output_tokens >= 0 else None,
        cached_tokens=one.cached_tokens if one else 0,
        cache_write_tokens=one.cache_write_tokens if one else 0,
        cost=cost,
        total_cost=total_cost,
        total_tokens=total_tokens,
        estimated=bool(one and one.estimated),
        attributes=span.attributes,
        events=span.events,
    )
