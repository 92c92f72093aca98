"""The language lens at one look, for the overview."""

import asyncio
from typing import Any

from fastapi import APIRouter

from triops.edges.native.asking import JSON, Reader, S
from triops.edges.native.gateway import view_of
from triops.edges.native.overview import LANGUAGE
from triops.edges.native.services import Services
from triops.kernel.tenant import Principal
from triops.lenses.llmops.spend.budgets import shown
from triops.lenses.llmops.spend.trouble import trouble

router = APIRouter()
_DAY_S = 86_400
_PAGES = {"gateway": "/ui/gateway", "budget": "/ui/cost"}


@router.get(
    "/llm/today", summary="Models' calls of this UTC day: how many, how dear against a budget, how fast, what is wrong"
)
async def today(who: Reader, services: S) -> JSON:
    """Calls and cost are the gateway's; `traces`, `failed` and times are of whatever told of its calls. `budget`: the
    project's, else the most used, of a day where there is one; null without any."""
    now = services.clock.now()
    start = float(int(now) // _DAY_S * _DAY_S)
    spent, pace, standing = await asyncio.gather(
        services.spend.spend.rows(who.project, [], start),
        services.llm.tracing.pace(who.project, start, now + 5.0),
        services.spend.budgets.standing(who.project),
    )
    budgets = [shown(one) for one in standing]
    counts = {name: spent.total[name] for name in ("requests", "errors", "refused", "cost_usd", "unpriced")}
    return {
        "start": start,
        **counts,
        "traces": pace.traces,
        "failed": pace.failed,
        "p95_ms": pace.p95_ms,
        "first_token_ms": pace.first_token_ms,
        "budget": min(budgets, key=lambda b: (b["per"] != "day", b["scope"] != "project", -b["share"]), default=None),
        "problem": await _problem(services, who, budgets),
    }


async def _problem(services: Services, who: Principal, budgets: list[dict[str, Any]]) -> JSON | None:
    """An open incident, else what the gateway's state and the budgets say."""
    for incident in await services.incidents.active(who.project):
        if any(entity.partition(":")[0] in LANGUAGE for entity in incident.entities):
            return {"severity": incident.severity, "title": incident.title, "link": f"/ui/incidents/{incident.id}"}
    found = trouble(await view_of(services, who.project), budgets)
    if found is None:
        return None
    return {"severity": found.severity, "title": found.title, "link": _PAGES[found.about]}
