"""Prompts: versions, labels and their history, comments, differences, rendering."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from triops.edges.native.asking import JSON, Cursor, Limit, Reader, Reason, S, Text, Why, Writer
from triops.edges.native.models import step_json
from triops.edges.native.permitting import PERMITTED
from triops.edges.native.services import Services
from triops.edges.native.showing import listed
from triops.kernel.errors import Invalid, NotFound
from triops.kernel.page import Page
from triops.kernel.prompts.sharing import main_version, share_of
from triops.kernel.prompts.spec import spec_of
from triops.kernel.prompts.template import PromptTemplate
from triops.kernel.tenant import Principal
from triops.kernel.version import Step
from triops.ledger.codec import to_json
from triops.lenses.llmops.prompts.differing import diff
from triops.lenses.llmops.prompts.model import LATEST, LabelMove, Prompt, PromptVersion, is_latest, label_name
from triops.lenses.mlops.permissions import Level

router = APIRouter(dependencies=PERMITTED)
whole = APIRouter(dependencies=PERMITTED)  # asked last: a name with folders may end like any other path
Resolve = Annotated[bool, Query(description="with the prompts that it is made of in their places")]
Number = Annotated[int, Field(ge=1, lt=1 << 31, strict=True)]


class NewVersion(BaseModel):
    """Either `messages` or `text`; the fields of `kind: Prompt`."""

    model_config = ConfigDict(extra="allow")
    note: str = Field("", max_length=2000)
    labels: list[str] = Field(default=[], max_length=50, description="labels that move to the version")
    why: Why = ""


class NewLabel(BaseModel):
    model_config = ConfigDict(extra="forbid")
    version: Number | None = None
    share: dict[str, Annotated[int, Field(strict=True)]] | None = Field(
        None, description="percents by version, which sum to 100", max_length=20
    )
    why: Why = ""


class NewDescription(BaseModel):
    model_config = ConfigDict(extra="forbid")
    description: str = Field(max_length=100_000)


class NewComment(BaseModel):
    model_config = ConfigDict(extra="forbid")
    version: Number
    text: str = Field(min_length=1, max_length=10_000)


class Rendering(BaseModel):
    model_config = ConfigDict(extra="forbid")
    version: Number | None = None
    label: str = Field("", max_length=255)
    variables: dict[str, Any] = {}


@router.get("/prompts", summary="Prompts, by name")
async def prompts(who: Reader, services: S, q: Text = "", limit: Limit = 100, cursor: Cursor = None) -> JSON:
    page = await services.prompts.list(who.project, query=q, limit=limit, cursor=cursor)
    readable = await services.permissions.readable(who, "model", {prompt.name for prompt in page.items})
    return listed(Page([prompt for prompt in page.items if prompt.name in readable], page.next), prompt_json)


@router.get(
    "/prompts/{name:path}/labels/{label}", summary="What a label stands for: its versions, and their part of traffic"
)
async def label(who: Reader, services: S, name: str, label: str, resolve: Resolve = False) -> JSON:
    known = await services.prompts.get(who.project, name)
    if is_latest(label) and label not in known.labels and known.newest is not None:
        share = {known.newest: 100}
    elif label not in known.labels:
        there = ", ".join(sorted(known.labels)) or "none"
        raise NotFound(f"the prompt {name} has no label {label[:200]}; labels: {there}")
    else:
        share = dict(known.labels[label])
    found = [await services.prompts.version(who.project, name, number) for number in share]
    if resolve:
        found = [await _whole(services, who, one) for one in found]
    return {
        "prompt": name,
        "label": label,
        "version": main_version(share),
        "share": {str(number): percent for number, percent in share.items()},
        "versions": [version_json(one) for one in found],
    }


@router.get("/prompts/{name:path}/versions", summary="A prompt's versions, newest first")
async def versions(who: Reader, services: S, name: str, limit: Limit = 100, cursor: Cursor = None) -> JSON:
    return listed(await services.prompts.versions(who.project, name, limit=limit, cursor=cursor), version_json)


@router.post("/prompts/{name:path}/versions", summary="A new version; the newest again where nothing differs")
async def add_version(who: Writer, services: S, name: str, body: NewVersion) -> JSON:
    spec = spec_of(body.model_extra or {}, "body")
    for label in body.labels:
        label_name(label, "labels")
    await _readable(services, who, await services.prompts.composing.check(who.project, name, spec))
    made, new = await services.prompts.add(who, name, spec, body.note)
    moves = [await services.prompts.label(who, name, label, {made.version: 100}, body.why) for label in body.labels]
    if moves:
        made = await services.prompts.version(who.project, name, made.version)
    return {**version_json(made), "created": new, "moves": [move_json(move) for move in moves]}


@router.get("/prompts/{name:path}/versions/{version}", summary="One version, by its number or `latest`")
async def version(who: Reader, services: S, name: str, version: str, resolve: Resolve = False) -> JSON:
    found = await _version(services, who, name, version)
    return version_json(await _whole(services, who, found) if resolve else found)


@router.delete("/prompts/{name:path}/versions/{version}", summary="Delete a version that has no label")
async def delete_version(who: Writer, services: S, name: str, version: int) -> JSON:
    await services.prompts.delete_version(who, name, version)
    return {"prompt": name, "version": version, "deleted": True}


@router.put(
    "/prompts/{name:path}/labels/{label}", summary="Move a label to a version, or share its traffic among several"
)
async def move_label(who: Writer, services: S, name: str, label: str, body: NewLabel) -> JSON:
    if (body.version is None) == (body.share is None):
        raise Invalid("either a version or a share", field="version", expected="one of the two")
    share = share_of(body.share if body.share is not None else body.version, "share" if body.share else "version")
    return move_json(await services.prompts.label(who, name, label, share, body.why))


@router.delete("/prompts/{name:path}/labels/{label}", summary="Remove a label")
async def remove_label(who: Writer, services: S, name: str, label: str, body: Reason | None = None) -> JSON:
    return move_json(await services.prompts.label(who, name, label, {}, body.why if body is not None else ""))


@router.post("/prompts/{name:path}/labels/{label}/undo", summary="Back to what the label stood for before")
async def undo_label(who: Writer, services: S, name: str, label: str, body: Reason | None = None) -> JSON:
    return move_json(await services.prompts.undo(who, name, label, body.why if body is not None else ""))


@router.get("/prompts/{name:path}/diff", summary="What differs between two versions")
async def differences(
    who: Reader, services: S, name: str, to: Text, from_: Annotated[Text, Query(alias="from")]
) -> JSON:
    before, after = await _version(services, who, name, from_), await _version(services, who, name, to)
    return {"prompt": name, "from": before.version, "to": after.version, **to_json(diff(before.spec, after.spec))}


@router.get("/prompts/{name:path}/history", summary="Who registered, moved and deleted what, newest first")
async def history(who: Reader, services: S, name: str, limit: Limit = 100, cursor: Cursor = None) -> JSON:
    return listed(await services.prompts.history(who.project, name, limit, cursor), _step)


@router.get("/prompts/{name:path}/comments", summary="Comments on versions, newest first")
async def comments(
    who: Reader,
    services: S,
    name: str,
    version: Annotated[int | None, Query(ge=1, lt=1 << 31)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> JSON:
    return listed(await services.prompts.comments(who.project, name, version, limit, cursor))


@router.post("/prompts/{name:path}/comments", status_code=201, summary="Comment on a version")
async def comment(who: Writer, services: S, name: str, body: NewComment) -> JSON:
    return to_json(await services.prompts.comment(who, name, body.version, body.text))


@router.post("/prompts/{name:path}/render", summary="A version with its variables filled in")
async def render(who: Reader, services: S, name: str, body: Rendering) -> JSON:
    if body.version is not None and body.label:
        raise Invalid("a version or a label, not both", field="label", got=body.label)
    if body.version is None:
        found = await services.prompts.labelled(who.project, name, body.label)
    else:
        found = await services.prompts.version(who.project, name, body.version)
    made = await services.prompts.render(await _whole(services, who, found), body.variables)
    content: JSON = {"text": made.text} if made.text is not None else {"messages": [dict(m) for m in made.messages]}
    return {"prompt": name, "version": found.version, **content}


@whole.get("/prompts/{name:path}", summary="One prompt, and what its labels stand for")
async def prompt(who: Reader, services: S, name: str) -> JSON:
    return prompt_json(await services.prompts.get(who.project, name))


@whole.patch("/prompts/{name:path}", summary="Describe a prompt")
async def describe(who: Writer, services: S, name: str, body: NewDescription) -> JSON:
    return prompt_json(await services.prompts.describe(who, name, body.description))


@whole.delete("/prompts/{name:path}", summary="Delete a prompt with its versions, labels and comments")
async def delete_prompt(who: Writer, services: S, name: str) -> JSON:
    await services.prompts.delete(who, name)
    return {"name": name, "deleted": True}


async def _whole(services: Services, who: Principal, version: PromptVersion) -> PromptVersion:
    """Raises: Invalid where it cannot be made of what it says; Forbidden where `who` may not read that."""
    whole = await services.prompts.composing.whole(who.project, version)
    await _readable(services, who, whole.names)
    return whole.version


async def _readable(services: Services, who: Principal, names: set[str]) -> None:
    await services.permissions.check(who, "model", sorted(names), Level.READ)


async def _version(services: Services, who: Principal, name: str, version: str) -> PromptVersion:
    if is_latest(version):
        return await services.prompts.labelled(who.project, name, LATEST)
    if not version.isascii() or not version.isdigit() or len(version) > 10:
        raise Invalid("not a version", field="version", got=version, expected="a number, or latest")
    return await services.prompts.version(who.project, name, int(version))


def prompt_json(prompt: Prompt) -> JSON:
    return {
        "name": prompt.name,
        "description": prompt.description,
        "created_at": prompt.created_at,
        "updated_at": prompt.updated_at,
        "versions": prompt.versions,
        "latest": prompt.newest,
        "labels": {label: main_version(share) for label, share in prompt.labels.items()},
        "shares": {
            label: {str(number): percent for number, percent in share.items()}
            for label, share in prompt.labels.items()
            if len(share) > 1
        },
        "tags": dict(prompt.tags),
    }


def version_json(version: PromptVersion) -> JSON:
    spec = version.spec
    # What a version of another door holds may be no template of ours: its variables are then not known.
    return {
        "prompt": version.prompt,
        "version": version.version,
        "type": "chat" if spec.chat else "text",
        **spec.content_json(),
        "names": _names(version),
        "labels": sorted(version.labels),
        "shares": {label: percent for label, percent in version.labels.items() if percent < 100},
        "note": version.note,
        "created_at": version.created_at,
        "created_by": version.created_by,
        "tags": dict(version.tags),
    }


def _names(version: PromptVersion) -> list[str]:
    """The variables that its templates read."""
    try:
        return list(PromptTemplate(version.spec).names)
    except Invalid:
        return []


def move_json(move: LabelMove) -> JSON:
    return {
        "state": move.state,
        "label": move.label,
        "from": move.before or None,
        "to": move.after or None,
        "approval": move.approval or None,
        "reasons": list(move.reasons),
    }


def _step(step: Step) -> JSON:
    shown = step_json(step)
    label = shown.pop("alias")
    return {**shown, "label": label}
