"""What calls cost, what they will cost, and how budgets stand. Dollars are exact decimal texts."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from triops.edges.native.asking import JSON, Reader, S, Text, TimeText
from triops.kernel.clock import parse_time
from triops.kernel.errors import Invalid
from triops.ledger.calls.totals import BY
from triops.lenses.llmops.spend.budgets import shown

router = APIRouter()
_OWN = ("by", "start", "end", "every")
_FILTERS = tuple(name for name in BY if name != "project")

By = Annotated[str, Query(max_length=200, description=f"dimensions, separated by commas: {', '.join(BY)}")]
Every = Annotated[int, Query(ge=0, le=366 * 86_400, description="seconds of a time bucket; 0: none")]


@router.get("/spend", summary="What was spent, by any dimensions; a dimension's own name as a parameter narrows to it")
async def spend(
    who: Reader, services: S, request: Request, by: By = "", start: TimeText = "", end: TimeText = "", every: Every = 0
) -> JSON:
    now = services.clock.now()
    await services.spend.applying.up_to_date(now)
    found = await services.spend.spend.rows(
        who.project,
        _by(by),
        parse_time(start, field="start", now_s=now) if start else None,
        parse_time(end, field="end", now_s=now) if end else None,
        every,
        _where(request),
    )
    return {"rows": list(found.rows), "total": dict(found.total), "start": found.start, "end": found.end}


@router.get("/spend/forecast", summary="What this UTC month will have cost, with an interval of 80 %")
async def forecast(who: Reader, services: S, request: Request, by: By = "") -> JSON:
    return {"rows": list(await services.spend.spend.forecast(who.project, _by(by), _where(request)))}


@router.get("/budgets", summary="Every budget in its present window, the most used first")
async def budgets(who: Reader, services: S, scope: Text = "", name: Text = "") -> JSON:
    await services.spend.applying.up_to_date(services.clock.now())
    found = [shown(one) for one in await services.spend.budgets.standing(who.project)]
    items = [b for b in found if (not scope or b["scope"] == scope) and (not name or b["name"] == name)]
    return {"items": items[:1000], "next": None}


def _by(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _where(request: Request) -> dict[str, Any]:
    given = request.query_params
    for name in given:
        if name not in _OWN and name not in _FILTERS:
            raise Invalid("no such parameter", field=name[:200], expected=", ".join((*_OWN, *_FILTERS)))
    return {name: given[name] for name in _FILTERS if name in given}
