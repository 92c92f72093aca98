"""Searching models and versions: clauses and orders as SQL, pages by offset, as MLflow's clients ask."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, exists, func, select

from triops.kernel.clause import Clause, Order
from triops.kernel.ids import ProjectId
from triops.kernel.page import Page
from triops.kernel.version import PROMPT_TAG, ModelVersion, RegisteredModel
from triops.ledger.matching import matching
from triops.ledger.paging import AnyRow, after, checked_limit, chunks, page_of
from triops.ledger.versions import tables
from triops.ledger.versions.versions import count_versions, latest_of, versions_of

_M = tables.registered_models.c
_V = tables.model_versions.c
_MODEL_COLUMNS: Final = {"name": _M.name, "last_updated_timestamp": _M.updated_ms, "creation_timestamp": _M.created_ms}
_VERSION_COLUMNS: Final = {
    "name": _V.name,
    "version_number": _V.version,
    "run_id": _V.run,
    "source_path": _V.source,
    "creation_timestamp": _V.created_ms,
    "last_updated_timestamp": _V.updated_ms,
}


def search_models(
    connection: Connection,
    project: ProjectId,
    clauses: Sequence[Clause],
    orders: Sequence[Order],
    *,
    offset: int,
    limit: int,
) -> list[RegisteredModel]:
    """By name, unless `orders` say otherwise. Prompts only where a clause asks for them."""
    statement = select(tables.registered_models).where(_M.project == project)
    statement = _matched(statement, clauses, _MODEL_COLUMNS, tables.registered_models, tables.registered_model_tags)
    statement = statement.order_by(*_ordered(orders, _MODEL_COLUMNS))
    if all(order.key != "name" for order in orders):
        statement = statement.order_by(_M.name)
    rows = connection.execute(statement.offset(offset).limit(limit)).all()
    return models_of(connection, project, rows, by_stage=True)  # MLflow's orders differ between get and search


def search_versions(
    connection: Connection,
    project: ProjectId,
    clauses: Sequence[Clause],
    orders: Sequence[Order],
    *,
    offset: int,
    limit: int,
) -> list[ModelVersion]:
    """Last updated first, unless `orders` say otherwise; then by name, the newest version first."""
    statement = select(tables.model_versions).where(_V.project == project)
    statement = _matched(statement, clauses, _VERSION_COLUMNS, tables.model_versions, tables.model_version_tags)
    orders = orders or (Order("attribute", "last_updated_timestamp", False),)
    statement = statement.order_by(*_ordered(orders, _VERSION_COLUMNS))
    keys = {order.key for order in orders}
    if "name" not in keys:
        statement = statement.order_by(_V.name)
    if "version_number" not in keys:
        statement = statement.order_by(_V.version.desc())
    return versions_of(connection, project, connection.execute(statement.offset(offset).limit(limit)).all())


def list_models(
    connection: Connection, project: ProjectId, *, query: str, kind: str, limit: int, cursor: str | None
) -> Page[tuple[RegisteredModel, int, int | None]]:
    """By name, each with how many versions it has and the highest. `kind`: model, prompt or all.
    Raises: Invalid limit or cursor."""
    tag = tables.registered_model_tags.c
    statement = select(tables.registered_models).where(_M.project == project)
    if query:
        statement = statement.where(func.lower(_M.name).contains(query.lower(), autoescape=True))
    if kind != "all":
        said = exists().where(
            tag.project == _M.project, tag.name == _M.name, tag.key == PROMPT_TAG, tag.value == "true"
        )
        statement = statement.where(said if kind == "prompt" else ~said)
    behind = after(cursor, (_M.name,), (str,), newest=False)
    if behind is not None:
        statement = statement.where(behind)
    rows = connection.execute(statement.order_by(_M.name).limit(checked_limit(limit) + 1)).all()
    counts = count_versions(connection, project, [row.name for row in rows])
    found = {model.name: model for model in models_of(connection, project, rows[:limit])}
    return page_of(
        rows, limit, lambda row: (found[row.name], *counts.get(row.name, (0, None))), lambda row: (row.name,)
    )


def models_of(
    connection: Connection, project: ProjectId, rows: Sequence[AnyRow], *, by_stage: bool = False
) -> list[RegisteredModel]:
    """Rows of `registered_models` with their tags, aliases and latest versions, each read for many at once."""
    names = [row.name for row in rows]
    tags: dict[str, dict[str, str]] = {}
    aliases: dict[str, dict[str, int]] = {}
    tag, alias = tables.registered_model_tags.c, tables.model_aliases.c
    for some in chunks(names):
        tagged = select(tag.name, tag.key, tag.value).where(tag.project == project, tag.name.in_(some))
        for row in connection.execute(tagged.order_by(tag.key)):
            tags.setdefault(row.name, {})[row.key] = row.value
        named = select(alias.name, alias.alias, alias.version).where(alias.project == project, alias.name.in_(some))
        for row in connection.execute(named.order_by(alias.alias)):
            aliases.setdefault(row.name, {})[row.alias] = row.version
    latest = latest_of(connection, project, names, by_stage=by_stage)
    return [
        RegisteredModel(
            row.name,
            row.created_ms,
            row.updated_ms,
            row.description,
            tags.get(row.name, {}),
            aliases.get(row.name, {}),
            latest.get(row.name, ()),
        )
        for row in rows
    ]


def _matched(
    statement: Select[Any],
    clauses: Sequence[Clause],
    columns: Mapping[str, ColumnElement[Any]],
    things: Table,
    tags: Table,
) -> Select[Any]:
    by_key: dict[str, list[Clause]] = {}
    for clause in clauses:
        if clause.kind == "tag":
            by_key.setdefault(clause.key, []).append(clause)
        else:
            statement = statement.where(matching(columns[clause.key], clause.comparator, clause.value))
    if not _asks_for_prompts(clauses):
        by_key.pop(PROMPT_TAG, None)
        # A name is a prompt's, with all of its versions, when any of them says so.
        said = (tags.c.key == PROMPT_TAG, tags.c.value == "true")
        statement = statement.where(~exists().where(tags.c.project == things.c.project, *_named(tags, things), *said))
    for key, wanted in by_key.items():
        here = [tags.c.project == things.c.project, *_same(tags, things), tags.c.key == key]
        fits = [matching(tags.c.value, clause.comparator, clause.value) for clause in wanted]
        statement = statement.where(exists().where(*here, *fits))
    return statement


def _named(tags: Table, things: Table) -> list[ColumnElement[bool]]:
    return [tags.c.name == things.c.name]


def _same(tags: Table, things: Table) -> list[ColumnElement[bool]]:
    same = _named(tags, things)
    return [*same, tags.c.version == things.c.version] if "version" in tags.c else same


def _asks_for_prompts(clauses: Sequence[Clause]) -> bool:
    """By the first clause about it."""
    for clause in clauses:
        if clause.kind == "tag" and clause.key == PROMPT_TAG:
            value = str(clause.value).lower()
            return (clause.comparator, value) in (("=", "true"), ("!=", "false"))
    return False


def _ordered(orders: Sequence[Order], columns: Mapping[str, ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    return [columns[o.key].asc() if o.ascending else columns[o.key].desc() for o in orders]
