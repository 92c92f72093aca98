"""One look: is anything wrong, what changed, what is sending; and the search over everything."""

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from triops.edges.native.asking import JSON, LastHour, Reader, S
from triops.edges.native.entities import graph
from triops.edges.native.showing import incidents_json, trace_hex
from triops.edges.native.telemetry import red_rows
from triops.kernel.clock import NS
from triops.kernel.entity import Health
from triops.ledger.codec import to_json

router = APIRouter()
LANGUAGE = {"application", "prompt", "provider", "index", "key", "route"}
_LENSES = (
    ("services", "Services", {"service", "host", "database", "queue", "external", "endpoint"}),
    ("models", "Models", {"model", "dataset", "training_run", "model_version"}),
    ("language", "Language", LANGUAGE),
)
_WORST = (Health.CRITICAL, Health.WARNING, Health.OK, Health.UNKNOWN)


@router.get("/overview", summary="Is anything wrong, and what changed?")
async def overview(who: Reader, services: S, window: LastHour) -> JSON:
    (nodes, _), red, active, changed = await asyncio.gather(
        graph(services, who.project, window),
        services.spans.red(who.project, window.start_ns, window.end_ns, window.step_ns("", 60)),
        services.incidents.active(who.project),
        services.changes.list(who.project, start=window.start, end=window.end, limit=20),
    )
    sparks: dict[str, list[tuple[float, float]]] = {}
    for row in red_rows(red, window.step_ns("", 60) / NS):
        if not row["source"]:
            sparks.setdefault(row["target"], []).append((row["time"], row["ms_p95"]))
    lenses = []
    for id_, title, types in _LENSES:
        health = [node["health"] for node in nodes.values() if node["type"] in types]
        worst = next((h for h in _WORST if h in health), Health.UNKNOWN)
        lenses.append({"id": id_, "title": title, "health": worst, "entities": len(health)})
    shown = sorted(
        (
            {k: node[k] for k in ("id", "name", "health", "rate", "error_ratio", "p95_ms")}
            | {"spark": sparks.get(node["id"], [])}
            for node in nodes.values()
            if node["type"] == "service"
        ),
        key=lambda s: (_WORST.index(s["health"]), -(s["rate"] or 0.0), s["name"]),
    )
    return {
        "answer": _answer(len(nodes), shown, [i.title for i in active]),
        "lenses": lenses,
        "services": shown[:200],
        "incidents": await incidents_json(services, who.project, active[:50]),
        "changes": [to_json(change) for change in changed.items],
    }


def _answer(entities: int, services: list[JSON], incidents: list[str]) -> str:
    if len(incidents) > 1:
        return f"{len(incidents)} incidents are open; the oldest: {incidents[0]}."
    if incidents:
        return f"One incident is open: {incidents[0]}."
    if not entities:
        return "Nothing has sent anything yet."
    unwell = [s["name"] for s in services if s["health"] in (Health.CRITICAL, Health.WARNING)]
    if unwell:
        return f"No incident is open; {', '.join(unwell[:3])} shows anomalies."
    return f"Nothing is wrong: {_count(len(services), 'service')}, {entities} entities watched."


def _count(many: int, one: str) -> str:
    return f"{many} {one}{'' if many == 1 else 's'}"


@router.get("/start", summary="What has arrived, and how long until the detectors have learned enough")
async def start(who: Reader, services: S) -> JSON:
    return {
        "base_url": services.base_url,
        "otlp_grpc": list(services.grpc_ports()),
        "sources": services.seen.list(who.project),
        "learning": learning(services.detectors(who.project)),
    }


def learning(detectors: Any) -> JSON:
    ready_at = [d["ready_at"] for d in detectors if d.get("ready_at")]
    series = sum(d["series"] for d in detectors)
    still = sum(d["learning"] for d in detectors)
    return {
        "ready": series > 0 and still < series,
        "ready_at": min(ready_at) if ready_at else None,
        "series": series,
        "learning_series": still,
        "detectors": list(detectors),
    }


@router.get("/status", summary="How Triops itself is")
async def status(who: Reader, services: S) -> JSON:
    return {
        "project": who.project,
        "role": who.role,
        "auth": "keys" if await services.keys.made() else "open",
        "now": services.clock.now(),
        **await services.status(),
        "detectors": list(services.detectors(who.project)),
    }


@router.get("/search", summary="Entities, incidents, changes, metrics and traces by name or id")
async def search(who: Reader, services: S, q: Annotated[str, Query(min_length=1, max_length=200)]) -> JSON:
    now = services.clock.now()
    entities, incidents, changes, names = await asyncio.gather(
        services.entities.list(who.project, query=q, limit=8),
        services.incidents.list(who.project, query=q, limit=5),
        services.changes.list(who.project, query=q, limit=5),
        services.metrics.label_values(who.project, "__name__", int((now - 3600) * NS), int(now * NS), 1000),
    )
    items: list[JSON] = [
        {"kind": "entity", "id": e.id, "title": f"{e.name} ({e.type})", "link": f"/ui/entities/{quote(e.id, safe='')}"}
        for e in entities.items
    ]
    items += [
        {"kind": "incident", "id": i.id, "title": i.title, "link": f"/ui/incidents/{i.id}"} for i in incidents.items
    ]
    items += [
        {"kind": "change", "id": c.id, "title": c.title, "link": f"/ui/changes?change={c.id}"} for c in changes.items
    ]
    found = [name for name in names if q.lower() in name.lower()][:8]
    items += [{"kind": "metric", "id": n, "title": n, "link": f"/ui/metrics?q={quote(n)}"} for n in found]
    if len(q) in (31, 32) and all(c in "0123456789abcdefABCDEF" for c in q):
        page = await services.spans.trace(who.project, int(q, 16), 1)
        if page.items:
            id_ = trace_hex(int(q, 16))
            items.append({"kind": "trace", "id": id_, "title": f"trace {id_}", "link": f"/ui/traces/{id_}"})
    return {"items": items, "next": None}


@router.get("/live", summary="What changed, as server-sent events", response_class=StreamingResponse)
async def live(who: Reader, services: S) -> StreamingResponse:
    return StreamingResponse(
        services.live.listen(who.project), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )
