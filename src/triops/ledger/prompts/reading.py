"""Prompts and versions with their labels and shares, as one snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.page import Page
from triops.kernel.version import ModelVersion, RegisteredModel
from triops.ledger.prompts.shares import shares_of
from triops.ledger.versions.models import find_model, get_model
from triops.ledger.versions.search import list_models
from triops.ledger.versions.versions import count_versions, list_versions

Labels = Mapping[str, Mapping[int, int]]  # label → version → percent


@dataclass(frozen=True, slots=True)
class Kept:
    """A prompt, how many versions it has, the highest, and its labels."""

    model: RegisteredModel
    versions: int
    newest: int | None
    labels: Labels


def list_prompts(
    connection: Connection, project: ProjectId, *, query: str, limit: int, cursor: str | None
) -> Page[Kept]:
    """By name. Raises: Invalid limit or cursor."""
    page = list_models(connection, project, query=query, kind="prompt", limit=limit, cursor=cursor)
    shared = shares_of(connection, project, [model.name for model, _, _ in page.items])
    return Page([Kept(m, many, newest, _labels(m, shared)) for m, many, newest in page.items], page.next)


def get_prompt(connection: Connection, project: ProjectId, name: str) -> Kept:
    """Raises: NotFound, also for a model of that name."""
    if find_model(connection, project, name) is None or not (model := get_model(connection, project, name)).is_prompt:
        raise NotFound(f"no prompt is named {name[:200]}")
    many, newest = count_versions(connection, project, [name]).get(name, (0, None))
    return Kept(model, many, newest, _labels(model, shares_of(connection, project, [name])))


def list_prompt_versions(
    connection: Connection, project: ProjectId, name: str, *, below: int | None, limit: int
) -> tuple[Kept, Sequence[ModelVersion]]:
    """The newest first. Raises: NotFound."""
    return get_prompt(connection, project, name), list_versions(connection, project, name, below=below, limit=limit)


def _labels(model: RegisteredModel, shared: Mapping[str, Labels]) -> Labels:
    whole: dict[str, Mapping[int, int]] = {label: {version: 100} for label, version in model.aliases.items()}
    return {**whole, **{k: v for k, v in shared.get(model.name, {}).items() if k in whole}}
