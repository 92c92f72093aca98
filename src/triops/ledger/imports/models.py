"""Registered models from elsewhere, in a transaction. What is here already stays as it is; what is missing is added."""

from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from triops.kernel.ids import ProjectId
from triops.kernel.transfer import MovedModel, MovedVersion
from triops.ledger.prepared import Rows
from triops.ledger.versions import tables

_M = tables.registered_models.c
_V = tables.model_versions.c


def _added(table: Table, *columns: str) -> Rows:
    return Rows(table, columns, lambda rows: rows.on_conflict_do_nothing())


_TAGS = _added(tables.registered_model_tags, "project", "name", "key", "value")
_VERSION_TAGS = _added(tables.model_version_tags, "project", "name", "version", "key", "value")
_ALIASES = _added(tables.model_aliases, "project", "name", "alias", "version")


def write_model(connection: Connection, project: ProjectId, moved: MovedModel) -> tuple[str, list[int]]:
    """Whether it was created or merged, and which versions were added."""
    row = connection.execute(select(_M.last_version).where(_M.project == project, _M.name == moved.name)).one_or_none()
    highest = max((version.version for version in moved.versions), default=0)
    if row is None:
        connection.execute(
            insert(tables.registered_models).values(
                project=project,
                name=moved.name,
                description=moved.description or None,
                created_ms=moved.created_ms,
                updated_ms=moved.updated_ms,
                last_version=highest,
            )
        )
    elif highest > row.last_version:
        own = (_M.project == project) & (_M.name == moved.name)
        connection.execute(update(tables.registered_models).where(own).values(last_version=highest))
    _TAGS.write(connection, [(project, moved.name, key, value) for key, value in moved.tags.items()])
    known = set(connection.scalars(select(_V.version).where(_V.project == project, _V.name == moved.name)))
    new = [version for version in moved.versions if version.version not in known]
    for version in new:
        _write_version(connection, project, moved.name, version)
    there = known | {version.version for version in new}
    aliases = [(project, moved.name, alias, version) for alias, version in moved.aliases.items() if version in there]
    _ALIASES.write(connection, aliases)
    return ("created" if row is None else "merged"), [version.version for version in new]


def _write_version(connection: Connection, project: ProjectId, name: str, version: MovedVersion) -> None:
    row: dict[str, Any] = {
        "project": project,
        "name": name,
        "version": version.version,
        "created_ms": version.created_ms,
        "updated_ms": version.updated_ms,
        "description": version.description or None,
        "user": version.user,
        "stage": version.stage,
        "source": version.source,
        "storage": version.storage_location or version.source,
        "run": version.run,
        "run_link": version.run_link,
        "status": version.status,
        "status_message": version.status_message,
        "model_id": version.source.removeprefix("models:/") if version.source.startswith("models:/m-") else "",
    }
    connection.execute(insert(tables.model_versions).values(**row))
    _VERSION_TAGS.write(
        connection, [(project, name, version.version, key, value) for key, value in version.tags.items()]
    )
