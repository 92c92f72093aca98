"""Entities, relations, changes, and the topology with its traffic."""

import math
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, field_validator

from triops.edges.native.asking import JSON, Cursor, Ever, LastHour, Limit, Reader, S, Sender, Text, Window
from triops.edges.native.services import Services
from triops.edges.native.showing import entity_json, listed
from triops.kernel.change import Change
from triops.kernel.clock import parse_time
from triops.kernel.entity import Entity
from triops.kernel.errors import Invalid
from triops.kernel.ids import ChangeId, EntityId, ProjectId, entity_id, sortable_id
from triops.ledger.codec import to_json
from triops.loop.events import ChangeRecorded

router = APIRouter()
_NAME = r"^[^\x00-\x1f\x7f]+$"


class EntityRef(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: str = Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_]*$", examples=["service"])
    name: str = Field(min_length=1, max_length=256, pattern=_NAME, examples=["pricing"])


class NewChange(BaseModel):
    model_config = ConfigDict(extra="forbid")
    entity: EntityRef
    kind: str = Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_.-]*$", examples=["deploy"])
    title: str = Field(min_length=1, max_length=300, pattern=_NAME)
    at: float | str | None = Field(None, description="unix seconds or RFC 3339; now when absent")
    author: str = Field("", max_length=200)
    details: dict[str, Any] = Field(default_factory=dict, description="at most 64 kB of JSON")

    @field_validator("details")
    @classmethod
    def _bounded(cls, details: dict[str, Any]) -> dict[str, Any]:
        try:
            size = len(orjson.dumps(details))
        except (TypeError, ValueError) as error:
            raise ValueError("not plain JSON") from error
        if size > 64 << 10:
            raise ValueError("larger than 64 kB")
        return details


@router.get("/entities", summary="What is watched")
async def entities(
    who: Reader,
    services: S,
    type: Text = "",
    q: Text = "",
    health: Text = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> JSON:
    page = await services.entities.list(who.project, type=type, query=q, health=health, limit=limit, cursor=cursor)
    return listed(page, entity_json)


@router.get("/entities/{id:path}", summary="One entity")
async def entity(who: Reader, services: S, id: str) -> JSON:
    return entity_json(await services.entities.get(who.project, EntityId(id)))


@router.get("/relations", summary="What depends on what")
async def relations(who: Reader, services: S, entity: Text = "", limit: Limit = 1000, cursor: Cursor = None) -> JSON:
    page = await services.entities.relations(
        who.project, entity=EntityId(entity) if entity else None, limit=limit, cursor=cursor
    )
    return listed(page)


@router.get("/changes", summary="Who changed what, newest first")
async def changes(
    who: Reader,
    services: S,
    window: Ever,
    entity: Text = "",
    kind: Text = "",
    q: Text = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> JSON:
    page = await services.changes.list(
        who.project,
        start=window.start,
        end=window.end,
        entity=EntityId(entity) if entity else None,
        kind=kind,
        query=q,
        limit=limit,
        cursor=cursor,
    )
    return listed(page)


@router.get("/changes/{id}", summary="One change")
async def change(who: Reader, services: S, id: str) -> JSON:
    return to_json(await services.changes.get(who.project, ChangeId(id)))


@router.post("/changes", status_code=201, summary="Tell that something was changed: a deploy hook is one curl")
async def record_change(
    who: Sender, services: S, body: NewChange, idempotency_key: Annotated[str, Header(max_length=200)] = ""
) -> JSON:
    now = services.clock.now()
    at = _at(body.at, now)
    change = Change(
        ChangeId(sortable_id("chg", at)),
        entity_id(body.entity.type, body.entity.name),
        body.kind,
        body.title,
        at,
        body.author or who.name,
        body.details,
    )
    stored = await services.changes.record(who.project, change, f"api:{idempotency_key}" if idempotency_key else "")
    if stored.id == change.id:
        await services.entities.observe(who.project, [Entity(body.entity.type, body.entity.name, at, min(at, now))])
        services.bus.publish(ChangeRecorded(who.project, stored))
    return to_json(stored)


def _at(value: float | str | None, now: float) -> float:
    if value is None:
        return now
    at = parse_time(str(value), field="at")
    if at > now + 600:
        raise Invalid("a change cannot be more than 10 minutes in the future", field="at", got=value)
    return at


@router.get("/topology", summary="The graph with traffic and health")
async def topology(who: Reader, services: S, window: LastHour) -> Response:
    nodes, edges = await graph(services, who.project, window)
    answer = {"nodes": list(nodes.values()), "edges": edges}  # written at once: thousands of nodes walk slowly
    return Response(orjson.dumps(answer), media_type="application/json")


async def graph(services: Services, project: ProjectId, window: Window) -> tuple[dict[str, JSON], list[JSON]]:
    """Entities of the window by id, with rate (1/s), error ratio and p95 (ms) where spans tell; and the edges."""
    red = await services.spans.red(project, window.start_ns, window.end_ns, window.end_ns - window.start_ns)
    seconds = window.end - window.start
    traffic: dict[tuple[str, str], JSON] = {}
    for i in range(len(red)):
        count, p95 = int(red.count[i]), float(red.ms_p95[i])
        key = (red.source[i], red.target[i])
        if key in traffic:  # a window that starts within a step has two
            count += int(traffic[key]["count"])
            p95 = max(p95, traffic[key]["p95_ms"] or 0.0)
        traffic[key] = {
            "count": count,
            "rate": round(count / seconds, 4),
            "error_ratio": round(int(red.errors[i]) / max(1, int(red.count[i])), 4),
            "p95_ms": None if math.isnan(p95) else round(p95, 3),
        }
    nodes: dict[str, JSON] = {}
    cursor: str | None = None
    while True:
        page = await services.entities.list(project, limit=1000, cursor=cursor)
        for item in page.items:
            if item.last_seen >= window.start - 300:
                own = traffic.get(("", item.id), {})
                nodes[item.id] = {
                    "id": item.id,
                    "type": item.type,
                    "name": item.name,
                    "health": item.health,
                    "rate": own.get("rate"),
                    "error_ratio": own.get("error_ratio"),
                    "p95_ms": own.get("p95_ms"),
                }
        cursor = page.next
        if cursor is None or len(nodes) >= 10_000:
            break
    known = await services.entities.topology(project, window.start - 300)
    edges = [
        {
            "source": r.source,
            "kind": r.kind,
            "target": r.target,
            **{k: traffic.get((r.source, r.target), {}).get(k) for k in ("rate", "error_ratio", "p95_ms")},
        }
        for r in known.relations
        if r.source in nodes and r.target in nodes
    ]
    return nodes, edges
