"""Documents, keys, sessions, audit, settings, erasure."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from triops.edges.native.asking import (
    JSON,
    Admin,
    Cursor,
    Limit,
    Reader,
    Reason,
    S,
    Text,
    Writer,
    said_why,
    services_of,
)
from triops.edges.native.services import Services
from triops.edges.native.showing import listed
from triops.kernel.change import Change
from triops.kernel.document import Document, Specs
from triops.kernel.errors import Conflict, Forbidden, Invalid
from triops.kernel.ids import ChangeId, KeyId, ProjectId, sortable_id
from triops.kernel.masking import masked
from triops.kernel.tenant import Principal, Role
from triops.ledger.audit import AuditEntry
from triops.ledger.codec import to_json
from triops.ledger.documents import Holds
from triops.lenses.llmops.spend.graph import documented
from triops.lenses.llmops.spend.snapshots import KINDS
from triops.lenses.mlops.permissions import Level
from triops.loop.documents import Loosened
from triops.loop.events import ChangeRecorded
from triops.web.auth import COOKIE

router = APIRouter()


class NewDocument(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: str = Field(min_length=1, max_length=64)
    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
    spec: dict[str, Any]


class Apply(BaseModel):
    model_config = ConfigDict(extra="forbid")
    documents: list[NewDocument] = Field(max_length=1000)
    dry_run: bool = False


class NewKey(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=64)
    role: Role
    expires_at: float | None = Field(None, ge=0, le=7_258_118_400)


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: str = Field(min_length=1, max_length=200)


class Erase(BaseModel):
    model_config = ConfigDict(extra="forbid")
    project: bool = Field(False, description="erase everything of this project; its keys and documents stay")
    user: str = Field("", max_length=500, description="erase what carries this user.id")


@router.get("/documents", summary="Configuration as it stands")
async def documents(who: Reader, services: S, kind: Text = "") -> JSON:
    return {"items": [_document(d) for d in await services.documents.list(who.project, kind)], "next": None}


def _document(document: Document) -> JSON:
    shown = to_json(document)
    shown["spec"] = masked(shown["spec"])
    return shown


@router.get("/documents/schema", summary="The JSON Schema of every kind of document")
async def schema(who: Reader, services: S) -> JSON:
    return dict(services.kinds.bundle())


@router.post("/documents", summary="Apply documents: all or none; each that alters something is a Change")
async def apply(who: Writer, services: S, body: Apply) -> JSON:
    given = [document.model_dump() for document in body.documents]
    for document in given:
        _allow(services, who, document["kind"])
    items = await apply_documents(services, who, given, dry_run=body.dry_run)
    return {"items": items, "next": None}


async def apply_documents(
    services: Services, who: Principal, given: Sequence[Mapping[str, Any]], *, dry_run: bool
) -> list[JSON]:
    """Check all, then store all, and record a Change for each that altered something; then what the kinds' appliers
    do with those.

    Raises: Invalid that names the document and the path in it; Forbidden; Conflict.
    """
    project, author = who.project, who.name
    now = services.clock.now()
    new = []
    for at, document in enumerate(given):
        kind, name = str(document["kind"]), str(document["name"])
        try:
            checked = services.kinds.validate(kind, name, document["spec"])
            if kind == "Prompt":
                await services.permissions.check(who, "model", [name], Level.EDIT)
            if kind in services.appliers:
                await services.appliers[kind].ready(project, checked)
        except Invalid as error:
            raise Invalid(
                f"{kind} {name!r}: {error.message}",
                field=f"documents.{at}.{error.details.get('field', '')}".rstrip("."),
                got=error.details.get("got"),
                expected=error.details.get("expected"),
            ) from error
        new.append(Document(kind, name, document["spec"], 1, now, author))
    names = [(d.kind, d.name) for d in new]
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise Invalid("the same document is given twice", field="documents", got=" ".join(twice))
    holds = _holds(services, who)
    if dry_run:
        known = {(d.kind, d.name): d for d in await services.documents.list(project)}
        for kind, hold in holds.items():
            before = {name: known[kind, name].spec for its, name in known if its == kind}
            hold(before, before | {d.name: d.spec for d in new if d.kind == kind})
        return [{**_document(d), "state": _state(known.get((d.kind, d.name)), d)} for d in new]
    stored = await services.documents.put(project, new, holds)
    for kept, state in stored:
        if state != "unchanged":
            await _record(services, project, kept, state, author, now)
    for kept, state in stored:
        if kept.kind in services.appliers:
            await services.appliers[kept.kind].applied(who, kept, again=state == "unchanged")
    entities, relations = documented([kept for kept, _ in stored], now)
    if entities:
        await services.entities.observe(project, entities, relations)
    if any(kept.kind in KINDS for kept, _ in stored):
        await services.spend.told()
    return [{**_document(d), "state": state} for d, state in stored]


def _allow(services: Services, who: Principal, kind: str) -> None:
    """Raises: Forbidden when the documents of the kind bind `who`."""
    if kind in services.kinds.binding and who.role is not Role.ADMIN:
        raise Forbidden(f"documents of the kind {kind} say what editors may not do: only an admin writes them")


def _holds(services: Services, who: Principal) -> Holds:
    """What of documents that editors may write binds them; nothing binds an admin."""
    if who.role is Role.ADMIN:
        return {}
    return {kind: partial(_hold, loosened) for kind, loosened in services.kinds.loosened.items()}


def _hold(loosened: Loosened, before: Specs, after: Specs) -> None:
    """Raises: Forbidden when something that binds editors would hold no more."""
    if what := loosened(before, after):
        raise Forbidden(f"{what}: only an admin alters that")


def _state(known: Document | None, new: Document) -> str:
    return "created" if known is None else "unchanged" if dict(known.spec) == dict(new.spec) else "changed"


async def _record(
    services: Services,
    project: ProjectId,
    document: Document,
    state: str,
    author: str,
    now: float,
    why: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Each apply is a Change, of what the document is about, so that a diagnosis can suspect it."""
    entity, kind = services.kinds.subject(document)
    change = Change(
        ChangeId(sortable_id("chg", now)),
        entity,
        kind,
        f"{document.kind} {document.name} {state}",
        now,
        author,
        {"document": f"{document.kind}/{document.name}", "revision": document.revision, "state": state, **why},
    )
    await services.changes.record(project, change)
    services.bus.publish(ChangeRecorded(project, change))
    details = {"revision": document.revision, **why}
    await services.audit.append(
        project, AuditEntry(now, author, f"document.{state}", f"{document.kind}/{document.name}", details=details)
    )


@router.delete("/documents/{kind}/{name:path}", summary="Remove a document")
async def delete_document(who: Writer, services: S, kind: str, name: str, body: Reason | None = None) -> JSON:
    _allow(services, who, kind)
    gone = await services.documents.delete(who.project, kind, name, _holds(services, who))
    await _record(services, who.project, gone, "deleted", who.name, services.clock.now(), said_why(body))
    return _document(gone)


@router.get("/keys", summary="Keys, without their secrets")
async def keys(who: Admin, services: S) -> JSON:
    return {"items": [to_json(key) for key in await services.keys.list(who.project)], "next": None}


@router.post("/keys", status_code=201, summary="Make a key; its secret is in this answer and never again")
async def create_key(who: Admin, services: S, body: NewKey) -> JSON:
    now = services.clock.now()
    if body.role is not Role.ADMIN and not await services.keys.made():
        raise Conflict("the first key must be an admin's: from then on every request needs a key")
    key, secret = await services.keys.create(who.project, body.role, body.name, now, body.expires_at)
    details = {"role": body.role, "name": body.name}
    await services.audit.append(who.project, AuditEntry(now, who.name, "key.create", key.id, details=details))
    return {"key": to_json(key), "secret": secret}


@router.delete("/keys/{id}", summary="Revoke a key, at once")
async def revoke_key(who: Admin, services: S, id: str, body: Reason | None = None) -> JSON:
    now = services.clock.now()
    await services.keys.revoke(who.project, KeyId(id), now)
    await services.audit.append(who.project, AuditEntry(now, who.name, "key.revoke", id, details=said_why(body)))
    return {"id": id, "revoked_at": now}


@router.get("/session", summary="Who am I?")
async def session(who: Reader) -> JSON:
    return {"project": who.project, "role": who.role, "name": who.name}


@router.post("/session", summary="Log the browser in with a key")
async def login(request: Request, response: Response, body: Login) -> JSON:
    services = services_of(request)
    who = await services.keys.authenticate(body.key, services.clock.now())
    response.set_cookie(
        COOKIE,
        body.key,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        max_age=30 * 86_400,
        path="/",
    )
    await services.audit.append(who.project, AuditEntry(services.clock.now(), who.name, "login", "ui"))
    return {"project": who.project, "role": who.role, "name": who.name}


@router.delete("/session", summary="Log the browser out")
async def logout(response: Response) -> JSON:
    response.delete_cookie(COOKIE, path="/")
    return {"ok": True}


@router.get("/audit", summary="Who did what, newest first")
async def audit(who: Admin, services: S, verb: Text = "", limit: Limit = 100, cursor: Cursor = None) -> JSON:
    return listed(await services.audit.list(who.project, verb=verb, limit=limit, cursor=cursor))


@router.get("/notices", summary="Notices on their way and delivered, newest first")
async def notices(who: Reader, services: S, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> JSON:
    return {"items": [to_json(row) for row in await services.outbox.list(who.project, limit)], "next": None}


@router.get("/settings", summary="Effective settings, secrets masked")
async def settings(who: Admin, services: S) -> JSON:
    return dict(services.settings)


@router.post("/erase", summary="Erase a user's rows, or everything of this project, and give the disk back")
async def erase(who: Admin, services: S, body: Erase) -> JSON:
    if body.project == bool(body.user):
        raise Invalid("say what to erase: either a user, or the project", field="user", got=body.user)
    if body.project:
        rows = await services.erase_project(who.project)
        for store in (services.metrics, services.logs, services.spans):
            rows += await store.erase_project(who.project)
    else:
        rows = (await services.llm.erasing.user(who.project, body.user)).rows
    now = services.clock.now()
    target = "project" if body.project else "user"
    await services.audit.append(who.project, AuditEntry(now, who.name, "erase", target, details={"rows": rows}))
    return {"rows": rows}
