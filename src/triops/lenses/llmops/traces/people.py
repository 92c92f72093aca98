"""Sessions and users: sums of the traces that name them."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from triops.kernel.clock import NS
from triops.kernel.genai.values import short
from triops.kernel.ids import ProjectId
from triops.kernel.page import Page, decode_cursor, encode_cursor
from triops.kernel.signal import I64
from triops.lenses.llmops.traces.model import Gathered
from triops.lenses.llmops.traces.sums import Prices, add, costs, groups, told_once
from triops.ports.llm_spans import LlmQuery, LlmRows, LlmSpans

_NAMES = 20


class People:
    def __init__(self, llm: LlmSpans, prices: Prices) -> None:
        self._llm = llm
        self._prices = prices

    async def sessions(self, project: ProjectId, query: LlmQuery) -> Page[Gathered]:
        """The latest first. Raises: Invalid over 500,000 spans in the range."""
        return await self._gathered(project, query, "session")

    async def users(self, project: ProjectId, query: LlmQuery) -> Page[Gathered]:
        return await self._gathered(project, query, "person")

    async def session(self, project: ProjectId, query: LlmQuery, session: str) -> Gathered | None:
        page = await self._gathered(project, replace(query, session=session, cursor=None), "session")
        return next((one for one in page.items if one.id == short(session)), None)

    async def _gathered(self, project: ProjectId, query: LlmQuery, by: str) -> Page[Gathered]:
        rows = told_once(await self._llm.llm_rows(project, query))
        own = costs(rows, await self._prices(project))
        found = [_gather(id, rows, own, mine) for id, mine in groups(getattr(rows, by)).items() if id]
        found.sort(key=lambda one: (one.last_at, one.id), reverse=True)
        if query.cursor:
            last, id = decode_cursor(query.cursor, float, str)
            found = [one for one in found if (one.last_at, one.id) < (last, id)]
        shown = found[: query.limit]
        more = len(found) > query.limit
        return Page(shown, encode_cursor(shown[-1].last_at, shown[-1].id) if more else None)


def _gather(id: str, rows: LlmRows, own: I64, mine: I64) -> Gathered:
    ends = rows.time_ns[mine] + rows.duration_ns[mine]
    sessions = set(_names(rows.session[mine]))
    return Gathered(
        id=id,
        names=_names(rows.person[mine])[:_NAMES],
        applications=_names(rows.application[mine])[:_NAMES],
        sessions=len(sessions),
        traces=len(np.unique(rows.trace_lo[mine])),
        first_at=int(rows.time_ns[mine].min()) / NS,
        last_at=int(ends.max()) / NS,
        sum=add(rows, own, mine),
    )


def _names(values: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(values) if name]
