"""The gateway: how routes and providers fare, the secrets that applications call with, providers' credentials."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from triops.edges.native.asking import JSON, Admin, Reader, Reason, S, Text, said_why
from triops.edges.native.services import Services
from triops.kernel.errors import Unavailable
from triops.kernel.ids import ProjectId
from triops.ledger.audit import AuditEntry
from triops.ledger.calls.keys import GatewayKey
from triops.lenses.llmops.spend.gateway import gateway_view

router = APIRouter()
Name = Annotated[str, InPath(max_length=100)]


class NewSecret(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: str = Field(min_length=1, max_length=100, description="the name of a Key document")
    expires_at: float | None = Field(None, ge=0, le=7_258_118_400)


class Rotation(BaseModel):
    model_config = ConfigDict(extra="forbid")
    grace_s: float = Field(
        0, ge=0, le=90 * 86_400, description="how long the present secret is good beside the new one"
    )
    expires_at: float | None = Field(None, ge=0, le=7_258_118_400, description="of the new one")


class NewCredential(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    secret: SecretStr


@router.get("/gateway", summary="Routes, providers and keys, as they fare at this moment")
async def gateway(who: Reader, services: S) -> JSON:
    return await view_of(services, who.project)


async def view_of(services: Services, project: ProjectId) -> JSON:
    parts = services.spend
    config, problems = await parts.snapshots.config(project)
    secrets = await parts.keys.list(project)
    state, now = await _state(services), services.clock.now()
    return gateway_view(project, config, state, problems, secrets, now, parts.applying.lag)


async def _state(services: Services) -> Mapping[str, Any]:
    try:
        return await services.spend.state()
    except Unavailable:
        return {}


@router.get("/gateway/keys", summary="The secrets of gateway keys, without them, newest first")
async def keys(who: Admin, services: S, key: Text = "") -> JSON:
    found = [_key(one) for one in await services.spend.keys.list(who.project) if not key or one.key == key]
    return {"items": found, "next": None}


@router.post("/gateway/keys", status_code=201, summary="Make a secret of a Key document; it is in this answer alone")
async def create_key(who: Admin, services: S, body: NewSecret) -> JSON:
    now = services.clock.now()
    await services.documents.get(who.project, "Key", body.key)
    made, secret = await services.spend.keys.create(who.project, body.key, now, body.expires_at)
    entry = AuditEntry(now, who.name, "gateway_key.create", made.id, details={"key": body.key})
    await services.audit.append(who.project, entry)
    await services.spend.told()
    return {**_key(made), "secret": secret}


@router.post("/gateway/keys/{id}/rotate", status_code=201, summary="A new secret in the place of this one")
async def rotate_key(who: Admin, services: S, id: Name, body: Rotation) -> JSON:
    """`secret` is in this answer alone; `replaced` is the present one, which ends after `grace_s`."""
    now = services.clock.now()
    old, made, secret = await services.spend.keys.rotate(who.project, id, now, now + body.grace_s, body.expires_at)
    details = {"key": made.key, "replaces": old.id, "grace_s": body.grace_s}
    await services.audit.append(who.project, AuditEntry(now, who.name, "gateway_key.rotate", made.id, details=details))
    await services.spend.told()
    return {**_key(made), "secret": secret, "replaced": _key(old)}


@router.delete("/gateway/keys/{id}", summary="Revoke a secret, at once")
async def revoke_key(who: Admin, services: S, id: Name, body: Reason | None = None) -> JSON:
    now = services.clock.now()
    revoked = await services.spend.keys.revoke(who.project, id, now)
    entry = AuditEntry(now, who.name, "gateway_key.revoke", id, details={"key": revoked.key, **said_why(body)})
    await services.audit.append(who.project, entry)
    await services.spend.told()
    return _key(revoked)


@router.put("/providers/{name}/credential", summary="Store a provider's credential, encrypted; it is never shown")
async def set_credential(who: Admin, services: S, name: Name, body: NewCredential) -> JSON:
    now = services.clock.now()
    await services.documents.get(who.project, "Provider", name)
    await services.spend.credentials.set(who.project, name, body.secret.get_secret_value(), now, who.name)
    await services.audit.append(who.project, AuditEntry(now, who.name, "credential.set", name))
    await services.spend.told()
    return {"provider": name, "set": True}


@router.delete("/providers/{name}/credential", summary="Forget a provider's credential")
async def delete_credential(who: Admin, services: S, name: Name, body: Reason | None = None) -> JSON:
    await services.spend.credentials.delete(who.project, name)
    now = services.clock.now()
    await services.audit.append(
        who.project, AuditEntry(now, who.name, "credential.delete", name, details=said_why(body))
    )
    await services.spend.told()
    return {"provider": name, "set": False}


def _key(key: GatewayKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "key": key.key,
        "hint": key.hint,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }
