"""Registered models in a transaction: every function takes the caller's connection, so that a move, its history and
its Change are one commit."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select, update

from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.version import RegisteredModel
from triops.ledger.paging import AnyRow
from triops.ledger.versions import tables
from triops.ledger.versions.search import models_of
from triops.ledger.versions.upsert import put

_M = tables.registered_models.c
_T = tables.registered_model_tags.c
_NAMED = (
    tables.registered_models,
    tables.registered_model_tags,
    tables.model_versions,
    tables.model_version_tags,
    tables.model_aliases,
    tables.model_cards,
    tables.model_history,
    tables.model_approvals,
    tables.prompt_shares,
    tables.prompt_comments,
)


def find_model(connection: Connection, project: ProjectId, name: str) -> AnyRow | None:
    statement = select(tables.registered_models).where(_M.project == project, _M.name == name)
    return connection.execute(statement).one_or_none()


def need_model(connection: Connection, project: ProjectId, name: str) -> AnyRow:
    """Raises: NotFound, in MLflow's words."""
    row = find_model(connection, project, name)
    if row is None:
        raise NotFound(f"Registered Model with name={name} not found")
    return row


def model_tags(connection: Connection, project: ProjectId, name: str) -> dict[str, str]:
    statement = select(_T.key, _T.value).where(_T.project == project, _T.name == name).order_by(_T.key)
    return {row.key: row.value for row in connection.execute(statement)}


def get_model(connection: Connection, project: ProjectId, name: str) -> RegisteredModel:
    """With its tags, aliases and latest versions. Raises: NotFound."""
    return models_of(connection, project, [need_model(connection, project, name)])[0]


def add_model(
    connection: Connection, project: ProjectId, name: str, description: str, tags: Mapping[str, str], now_ms: int
) -> None:
    """Who calls has seen that the name is free."""
    row = {
        "project": project,
        "name": name,
        "description": description,
        "created_ms": now_ms,
        "updated_ms": now_ms,
        "last_version": 0,
    }
    connection.execute(insert(tables.registered_models), row)
    if tags:
        rows = [{"project": project, "name": name, "key": key, "value": value} for key, value in tags.items()]
        connection.execute(insert(tables.registered_model_tags), rows)


def describe_model(connection: Connection, project: ProjectId, name: str, description: str, now_ms: int) -> None:
    connection.execute(
        update(tables.registered_models)
        .where(_M.project == project, _M.name == name)
        .values(description=description, updated_ms=now_ms)
    )


def touch_model(connection: Connection, project: ProjectId, name: str, now_ms: int) -> None:
    statement = update(tables.registered_models).where(_M.project == project, _M.name == name)
    connection.execute(statement.values(updated_ms=now_ms))


def rename_model(connection: Connection, project: ProjectId, name: str, new_name: str, now_ms: int) -> None:
    """Everything that is the model's goes along, its history too. Who calls has seen that the new name is free."""
    for table in _NAMED:
        values = {"name": new_name}
        connection.execute(update(table).where(table.c.project == project, table.c.name == name).values(values))
    for table in (tables.registered_models, tables.model_versions):
        statement = update(table).where(table.c.project == project, table.c.name == new_name)
        connection.execute(statement.values(updated_ms=now_ms))


def delete_model(connection: Connection, project: ProjectId, name: str) -> None:
    """With its versions, tags, aliases, cards, comments and requests for approval; its history stays until the name is
    erased with the project, so that who deleted it can be told."""
    for table in _NAMED:
        if table is not tables.model_history:
            connection.execute(delete(table).where(table.c.project == project, table.c.name == name))


def set_model_tag(connection: Connection, project: ProjectId, name: str, key: str, value: str) -> None:
    put(connection, tables.registered_model_tags, {"project": project, "name": name, "key": key, "value": value})


def delete_model_tag(connection: Connection, project: ProjectId, name: str, key: str) -> None:
    connection.execute(
        delete(tables.registered_model_tags).where(_T.project == project, _T.name == name, _T.key == key)
    )
