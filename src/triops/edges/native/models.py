"""Registered models, versions, aliases behind gates, approvals, cards, lineage."""

from collections.abc import Sequence
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from triops.edges.native.asking import JSON, Cursor, Limit, Reader, Reason, S, Text, Why, Writer
from triops.edges.native.permitting import PERMITTED
from triops.edges.native.services import Services
from triops.edges.native.showing import listed
from triops.kernel.errors import Forbidden
from triops.kernel.page import Page
from triops.kernel.tenant import Principal
from triops.kernel.version import Approval, ModelVersion, RegisteredModel, Step
from triops.ledger.codec import to_json
from triops.lenses.mlops.permissions import Level
from triops.lenses.mlops.registry.promotions import Move

router = APIRouter(dependencies=PERMITTED)


class NewAlias(BaseModel):
    model_config = ConfigDict(extra="forbid")
    version: int = Field(ge=1, lt=1 << 31)
    why: Why = ""


class NewCard(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str = Field(max_length=200_000, description="Markdown")


@router.get("/models", summary="Registered models and prompts, by name")
async def models(
    who: Reader,
    services: S,
    q: Text = "",
    kind: Literal["model", "prompt", "all"] = "model",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> JSON:
    page = await services.registry.models.list_models(who.project, query=q, kind=kind, limit=limit, cursor=cursor)
    names = [model.name for model, _, _ in page.items]
    readable = await services.permissions.readable(who, "model", set(names))
    shown = [model_json(*item) for item in page.items if item[0].name in readable]
    return {"items": shown, "next": page.next}


@router.get("/models/{name}", summary="One model")
async def model(who: Reader, services: S, name: str) -> JSON:
    return model_json(*await services.registry.models.counted(who.project, name))


@router.get("/models/{name}/versions", summary="A model's versions, newest first")
async def versions(who: Reader, services: S, name: str, limit: Limit = 100, cursor: Cursor = None) -> JSON:
    page = await services.registry.models.list_versions(who.project, name, limit, cursor)
    return listed(page, version_json)


@router.get("/models/{name}/versions/{version}", summary="One version")
async def version(who: Reader, services: S, name: str, version: str) -> JSON:
    return version_json(await services.registry.models.version(who.project, name, version))


@router.put("/models/{name}/aliases/{alias}", summary="Move an alias, or ask for it where a gate wants approval")
async def move_alias(who: Writer, services: S, name: str, alias: str, body: NewAlias) -> JSON:
    return move_json(await services.registry.promotions.move(who, name, alias, body.version, body.why))


@router.delete("/models/{name}/aliases/{alias}", summary="Remove an alias, or ask for it")
async def remove_alias(who: Writer, services: S, name: str, alias: str, body: Reason | None = None) -> JSON:
    why = body.why if body is not None else ""
    return move_json(await services.registry.promotions.move(who, name, alias, None, why))


@router.post("/models/{name}/aliases/{alias}/undo", summary="Back to what the alias was on before")
async def undo_alias(who: Writer, services: S, name: str, alias: str, body: Reason | None = None) -> JSON:
    why = body.why if body is not None else ""
    return move_json(await services.registry.promotions.undo(who, name, alias, why))


@router.get("/models/{name}/history", summary="Who registered, moved, renamed and deleted what, newest first")
async def history(who: Reader, services: S, name: str, limit: Limit = 100, cursor: Cursor = None) -> JSON:
    return listed(await services.registry.promotions.history(who.project, name, limit, cursor), step_json)


@router.get("/approvals", summary="Who asked to move which alias of a model, or label of a prompt, newest first")
async def approvals(
    who: Reader,
    services: S,
    model: Text = "",
    kind: Literal["model", "prompt", "all"] = "all",
    state: Text = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> JSON:
    """`model`: the name of the model or prompt."""
    page = await services.registry.promotions.approvals(
        who.project, model=model, kind=kind, state=state, limit=limit, cursor=cursor
    )
    readable = await services.permissions.readable(who, "model", {item.model for item in page.items})
    return listed(Page([item for item in page.items if item.model in readable], page.next), approval_json)


@router.post("/approvals/{id}/approve", summary="Agree: the alias moves")
async def approve(who: Writer, services: S, id: str, body: Reason | None = None) -> JSON:
    return await _decided(services, who, id, approve=True, why=body.why if body is not None else "")


@router.post("/approvals/{id}/reject", summary="Refuse: the alias stays")
async def reject(who: Writer, services: S, id: str, body: Reason | None = None) -> JSON:
    return await _decided(services, who, id, approve=False, why=body.why if body is not None else "")


@router.get("/models/{name}/versions/{version}/card", summary="The model card, generated until somebody writes it")
async def card(who: Reader, services: S, name: str, version: str) -> JSON:
    return to_json(await services.registry.cards.get(who.project, name, version))


@router.put("/models/{name}/versions/{version}/card", summary="Write the card; an empty text generates it again")
async def write_card(who: Writer, services: S, name: str, version: str, body: NewCard) -> JSON:
    return to_json(await services.registry.cards.write(who, name, version, body.text))


@router.get("/models/{name}/versions/{version}/lineage", summary="From data to run to version to alias")
async def lineage(who: Reader, services: S, name: str, version: str) -> JSON:
    return to_json(await services.registry.lineage.of(who.project, name, version))


async def _decided(services: Services, who: Principal, id: str, *, approve: bool, why: str) -> JSON:
    asked = await services.registry.promotions.approval(who.project, id)
    if asked.model not in await services.permissions.readable(who, "model", {asked.model}):
        raise Forbidden(f"Permission denied: the key '{who.name}' may not read model '{asked.model}'.")
    await services.permissions.check(who, "model", [asked.model], Level.EDIT)
    return approval_json(await services.registry.promotions.decide(who, id, approve=approve, why=why))


def model_json(model: RegisteredModel, many: int, latest: int | None) -> JSON:
    return {
        "name": model.name,
        "description": model.description or "",
        "created_at": model.created_ms / 1000,
        "updated_at": model.updated_ms / 1000,
        "tags": dict(model.tags),
        "aliases": {alias: str(number) for alias, number in model.aliases.items()},
        "versions": many,
        "latest": str(latest) if latest is not None else None,
        "kind": "prompt" if model.is_prompt else "model",
    }


def version_json(version: ModelVersion) -> JSON:
    return {
        "model": version.name,
        "version": str(version.version),
        "status": version.status,
        "stage": version.stage,
        "description": version.description or "",
        "source": version.source,
        "run": version.run or None,
        "model_id": version.model_id or None,
        "created_at": version.created_ms / 1000,
        "updated_at": version.updated_ms / 1000,
        "tags": dict(version.tags),
        "aliases": list(version.aliases),
        "user": version.user,
    }


def step_json(step: Step) -> JSON:
    return {
        "at": step.at,
        "who": step.who,
        "why": step.why,
        "kind": step.kind,
        "alias": step.alias or None,
        "from": step.before or None,
        "to": step.after or None,
        "version": str(step.version) if step.version is not None else None,
        "change": step.change,
    }


def approval_json(approval: Approval) -> JSON:
    checks: Sequence[Any] = [to_json(check) for check in approval.checks]
    return {
        "id": approval.id,
        "kind": "prompt" if approval.prompt else "model",
        "model": approval.model,
        "alias": approval.alias,
        "from": _number(approval.before),
        "to": _number(approval.after),
        "asked_by": approval.asked_by,
        "asked_at": approval.asked_at,
        "why": approval.why,
        "state": approval.state,
        "decided_by": approval.decided_by,
        "decided_at": approval.decided_at,
        "decision": approval.decision,
        "checks": checks,
        "role": approval.role,
        "not_self": approval.not_self,
        "expires_at": approval.expires_at,
    }


def move_json(move: Move) -> JSON:
    return {
        "state": move.state,
        "alias": move.alias,
        "from": _number(move.before),
        "to": _number(move.after),
        "approval": approval_json(move.approval) if move.approval is not None else None,
        "reasons": list(move.reasons),
    }


def _number(version: int | None) -> str | None:
    return str(version) if version is not None else None
