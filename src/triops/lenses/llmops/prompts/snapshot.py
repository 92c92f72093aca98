"""What the gateway is told of a project's prompts: labels, shares, and the versions that may be asked for."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from triops.kernel.errors import TriopsError
from triops.kernel.ids import ProjectId
from triops.kernel.prompts.composing import Member, composed, is_composed
from triops.kernel.prompts.sharing import main_version
from triops.kernel.version import ModelVersion
from triops.ledger.prompts.reading import Kept, list_prompts, versions_to_serve
from triops.lenses.llmops.prompts.composing import finder
from triops.lenses.llmops.prompts.tags import spec_in

NEWEST = 20  # versions of a prompt that are told without a label
_PROMPTS = 1_000  # of a project
_CHARACTERS = 32 << 20  # of all texts; beyond it versions without a label are left out, then the rest


def prompts_snapshot(connection: Connection, project: ProjectId) -> dict[str, Any]:
    """`{name: {"labels": {label: version}, "shares": {label: {version: percent}}, "versions": {number: spec}}}`, keys
    all texts. `latest` is among the labels. A version that is made of others has them in their places; where that is
    not possible it has `fault`, which says why."""
    kept = list_prompts(connection, project, query="", limit=_PROMPTS, cursor=None).items
    told: dict[str, Any] = {one.model.name: _labels(one) for one in kept}
    room = _CHARACTERS
    for version in _in_order(kept, versions_to_serve(connection, project, kept, NEWEST)):
        spec = _told(connection, project, version)
        room -= len(str(spec.get("text") or "")) + sum(len(m["content"]) for m in spec.get("messages", ()))
        if room < 0:
            break
        told[version.name]["versions"][str(version.version)] = spec
    return told


def _told(connection: Connection, project: ProjectId, version: ModelVersion) -> dict[str, Any]:
    spec = spec_in(version.tags)
    if is_composed(spec):
        try:
            spec = composed(Member(version.name, version.version, spec), finder(connection, project)).spec
        except TriopsError as error:
            return {**spec.content_json(), "fault": error.message}
    return spec.content_json()


def _labels(kept: Kept) -> dict[str, Any]:
    labels = {label: main_version(share) for label, share in kept.labels.items()}
    if kept.newest is not None:
        labels.setdefault("latest", kept.newest)
    shares = {
        label: {str(version): percent for version, percent in share.items()}
        for label, share in kept.labels.items()
        if len(share) > 1
    }
    return {"labels": labels, "shares": shares, "versions": {}}


def _in_order(kept: Sequence[Kept], versions: Sequence[ModelVersion]) -> list[ModelVersion]:
    """Those with a label first, then the newest."""
    labelled = {(one.model.name, version) for one in kept for share in one.labels.values() for version in share}
    return sorted(versions, key=lambda v: ((v.name, v.version) not in labelled, -v.version, v.name))
