"""What the gateway is told of a project's prompts: labels, shares, and the versions that may be asked for."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from triops.kernel.errors import TriopsError
from triops.kernel.ids import ProjectId
from triops.kernel.prompts.composing import Find, Member, composed, is_composed
from triops.kernel.prompts.sharing import main_version
from triops.ledger.prompts.serving import Numbered, Served, contents, served_prompts
from triops.lenses.llmops.prompts.composing import finder
from triops.lenses.llmops.prompts.tags import RESERVED, spec_in

NEWEST: Final = 20  # versions of a prompt that are told without a label
PROMPTS: Final = 10_000  # of a project; over it those that changed last
CHARACTERS: Final = 32 << 20  # of all texts; over it versions without a label are left out, then the rest


def prompts_snapshot(
    connection: Connection, project: ProjectId, prompts: int = PROMPTS, characters: int = CHARACTERS
) -> tuple[dict[str, Any], str]:
    """`{name: {"labels": {label: version}, "shares": {label: {version: percent}}, "versions": {number: spec}}}`, keys
    all texts, and what is left out, "" where nothing is. `latest` is among the labels. A version that is made of others
    has them in their places; where that is not possible it has `fault`, which says why."""
    served, count = served_prompts(connection, project, prompts)
    told = {one.name: _labels(one) for one in served}
    left_out = [f"{count} prompts; the {prompts} that changed last are served"] if count > prompts else []
    room, find = characters, finder(connection, project)
    for (name, version), tags in contents(connection, project, _wanted(served), sorted(RESERVED)):
        spec = _told(name, version, tags, find)
        room -= len(str(spec.get("text") or "")) + sum(len(m["content"]) for m in spec.get("messages", ()))
        if room < 0:
            left_out.append(f"texts of prompts over {characters >> 20} MB together: not all versions are served")
            break
        told[name]["versions"][str(version)] = spec
    return told, "; ".join(left_out)


def _told(name: str, version: int, tags: Mapping[str, str], find: Find) -> dict[str, Any]:
    spec = spec_in(tags)
    if is_composed(spec):
        try:
            spec = composed(Member(name, version, spec), find).spec
        except TriopsError as error:
            return {**spec.content_json(), "fault": error.message}
    return spec.content_json()


def _labels(kept: Served) -> dict[str, Any]:
    labels = {label: main_version(share) for label, share in kept.labels.items()}
    if kept.newest is not None:
        labels.setdefault("latest", kept.newest)
    shares = {
        label: {str(version): percent for version, percent in share.items()}
        for label, share in kept.labels.items()
        if len(share) > 1
    }
    return {"labels": labels, "shares": shares, "versions": {}}


def _wanted(served: Sequence[Served]) -> list[Numbered]:
    """Those with a label first, then the newest of each, without the text of any."""
    labelled = {(one.name, version): None for one in served for share in one.labels.values() for version in share}
    newest = [
        (one.name, version)
        for one in served
        if one.newest is not None
        for version in range(one.newest, max(one.newest - NEWEST, 0), -1)
    ]
    return list(dict.fromkeys((*labelled, *newest)))
