"""Incidents, actions and anomalies."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from triops.edges.native.asking import JSON, Cursor, Ever, LastDay, Limit, Reader, S, Text, Writer
from triops.edges.native.services import Services
from triops.edges.native.showing import action_json, incidents_json, listed
from triops.kernel.errors import Invalid
from triops.kernel.ids import ActionId, EntityId, IncidentId
from triops.kernel.incident import Incident, Status
from triops.kernel.tenant import Principal
from triops.ledger.audit import AuditEntry
from triops.loop.events import IncidentChanged, IncidentMoved

router = APIRouter()
_STATUSES = ("", "active", *Status)


class Why(BaseModel):
    model_config = ConfigDict(extra="forbid")
    why: str = Field("", max_length=2000)


class Comment(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str = Field(min_length=1, max_length=20_000)


class Assignee(BaseModel):
    model_config = ConfigDict(extra="forbid")
    assignee: str = Field(max_length=200)


@router.get("/incidents", summary="Incidents, newest first")
async def incidents(
    who: Reader,
    services: S,
    window: Ever,
    status: Annotated[str, Query(description="active, or one of a lifecycle's statuses")] = "",
    entity: Text = "",
    q: Text = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> JSON:
    if status not in _STATUSES:
        raise Invalid("no such status", field="status", got=status, expected=", ".join(_STATUSES[1:]))
    page = await services.incidents.list(
        who.project,
        status=status,
        entity=EntityId(entity) if entity else None,
        query=q,
        start=window.start,
        end=window.end,
        limit=limit,
        cursor=cursor,
    )
    return {"items": await incidents_json(services, who.project, page.items), "next": page.next}


@router.get("/incidents/{id}", summary="One incident with its hypotheses, evidence, actions and timeline")
async def incident(who: Reader, services: S, id: str) -> JSON:
    found = await services.incidents.get(who.project, IncidentId(id))
    return await _shown(services, who, found)


async def _shown(services: Services, who: Principal, incident: Incident) -> JSON:
    return (await incidents_json(services, who.project, [incident]))[0]


async def _move(services: Services, who: Principal, id: str, status: Status, why: str) -> JSON:
    now = services.clock.now()
    moved = await services.incidents.update(
        who.project, IncidentId(id), lambda incident: incident.moved(status, now, author=who.name, why=why)
    )
    await services.audit.append(who.project, AuditEntry(now, who.name, f"incident.{status}", id, details={"why": why}))
    services.bus.publish(IncidentMoved(who.project, moved.id, str(status), now))
    return await _shown(services, who, moved)


@router.post("/incidents/{id}/acknowledge", summary="Say that somebody looks into it")
async def acknowledge(who: Writer, services: S, id: str, body: Why) -> JSON:
    return await _move(services, who, id, Status.ACKNOWLEDGED, body.why)


@router.post("/incidents/{id}/mitigate", summary="Say that users no longer feel it")
async def mitigate(who: Writer, services: S, id: str, body: Why) -> JSON:
    return await _move(services, who, id, Status.MITIGATED, body.why)


@router.post("/incidents/{id}/resolve", summary="Close it")
async def resolve(who: Writer, services: S, id: str, body: Why) -> JSON:
    return await _move(services, who, id, Status.RESOLVED, body.why)


@router.post("/incidents/{id}/reopen", summary="Open it again")
async def reopen(who: Writer, services: S, id: str, body: Why) -> JSON:
    return await _move(services, who, id, Status.REOPENED, body.why)


@router.post("/incidents/{id}/comments", summary="Add a line to its timeline")
async def comment(who: Writer, services: S, id: str, body: Comment) -> JSON:
    now = services.clock.now()
    noted = await services.incidents.update(
        who.project, IncidentId(id), lambda incident: incident.noted("comment", body.text, now, author=who.name)
    )
    services.bus.publish(IncidentChanged(who.project, noted.id))
    return await _shown(services, who, noted)


@router.post("/incidents/{id}/assign", summary="Say who works on it")
async def assign(who: Writer, services: S, id: str, body: Assignee) -> JSON:
    now = services.clock.now()
    line = f"assigned to {body.assignee}" if body.assignee else "assigned to nobody"
    noted = await services.incidents.update(
        who.project,
        IncidentId(id),
        lambda incident: incident.assigned(body.assignee).noted("assigned", line, now, author=who.name),
    )
    services.bus.publish(IncidentChanged(who.project, noted.id))
    return await _shown(services, who, noted)


@router.get("/actions", summary="Actions, newest first")
async def actions(
    who: Reader, services: S, incident: Text = "", status: Text = "", limit: Limit = 100, cursor: Cursor = None
) -> JSON:
    page = await services.actions.list(
        who.project,
        incident=IncidentId(incident) if incident else None,
        status=[status] if status else (),
        limit=limit,
        cursor=cursor,
    )
    return listed(page, action_json)


@router.get("/actions/{id}", summary="One action")
async def action(who: Reader, services: S, id: str) -> JSON:
    return action_json(await services.actions.get(who.project, ActionId(id)))


@router.post("/actions/{id}/approve", summary="Run it: allowed by a person, still within policy's limits")
async def approve(who: Writer, services: S, id: str, body: Why) -> JSON:
    return action_json(await services.act.approve(who.project, ActionId(id), who.name, body.why))


@router.post("/actions/{id}/dismiss", summary="Do not run it")
async def dismiss(who: Writer, services: S, id: str, body: Why) -> JSON:
    return action_json(await services.act.dismiss(who.project, ActionId(id), who.name, body.why))


@router.get("/anomalies", summary="What detectors claimed, newest first")
async def anomalies(
    who: Reader,
    services: S,
    window: LastDay,
    entity: Text = "",
    detector: Text = "",
    open: bool = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    page = await services.anomalies.list(
        who.project,
        start=window.start,
        end=window.end,
        entity=EntityId(entity) if entity else None,
        detector=detector,
        open_only=open,
        limit=limit,
        cursor=cursor,
    )
    return listed(page)
