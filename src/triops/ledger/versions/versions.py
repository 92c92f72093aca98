"""Versions and aliases in a transaction: every function takes the caller's connection."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, tuple_, update

from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.version import ModelVersion
from triops.ledger.paging import AnyRow, chunks
from triops.ledger.versions import tables
from triops.ledger.versions.upsert import put

_M = tables.registered_models.c
_V = tables.model_versions.c
_T = tables.model_version_tags.c
_A = tables.model_aliases.c
_S = tables.prompt_shares.c


def find_version(connection: Connection, project: ProjectId, name: str, version: int) -> ModelVersion | None:
    statement = select(tables.model_versions).where(_V.project == project, _V.name == name, _V.version == version)
    rows = connection.execute(statement).all()
    return versions_of(connection, project, rows)[0] if rows else None


def need_version(connection: Connection, project: ProjectId, name: str, version: int) -> ModelVersion:
    """Raises: NotFound, in MLflow's words."""
    found = find_version(connection, project, name, version)
    if found is None:
        raise NotFound(f"Model Version (name={name}, version={version}) not found")
    return found


def list_versions(
    connection: Connection, project: ProjectId, name: str, *, below: int | None, limit: int
) -> list[ModelVersion]:
    """The newest first, those under number `below` when given."""
    statement = select(tables.model_versions).where(_V.project == project, _V.name == name)
    if below is not None:
        statement = statement.where(_V.version < below)
    rows = connection.execute(statement.order_by(_V.version.desc()).limit(limit)).all()
    return versions_of(connection, project, rows)


def count_versions(connection: Connection, project: ProjectId, names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """How many there are, and the highest, of each name that has any."""
    found: dict[str, tuple[int, int]] = {}
    for some in chunks(names):
        statement = (
            select(_V.name, func.count().label("many"), func.max(_V.version).label("highest"))
            .where(_V.project == project, _V.name.in_(some))
            .group_by(_V.name)
        )
        found |= {row.name: (row.many, row.highest) for row in connection.execute(statement)}
    return found


def latest_of(
    connection: Connection, project: ProjectId, names: Sequence[str], *, by_stage: bool = False
) -> dict[str, list[ModelVersion]]:
    """Of each name the highest version a stage, in the order in which the stages first occur, or by their names."""
    wanted: list[tuple[str, int]] = []
    for some in chunks(names):
        statement = (
            select(_V.name, func.max(_V.version).label("highest"), func.min(_V.version).label("lowest"))
            .where(_V.project == project, _V.name.in_(some))
            .group_by(_V.name, _V.stage)
            .order_by(_V.name, _V.stage if by_stage else "lowest")
        )
        wanted += [(row.name, row.highest) for row in connection.execute(statement)]
    found = {(v.name, v.version): v for v in versions_at(connection, project, wanted)}
    latest: dict[str, list[ModelVersion]] = {}
    for key in wanted:
        latest.setdefault(key[0], []).append(found[key])
    return latest


def versions_at(connection: Connection, project: ProjectId, keys: Sequence[tuple[str, int]]) -> list[ModelVersion]:
    """Versions by name and number, in no order."""
    rows: list[AnyRow] = []
    for some in chunks(keys):
        wanted = tuple_(_V.name, _V.version).in_(some)
        rows += connection.execute(select(tables.model_versions).where(_V.project == project, wanted)).all()
    return versions_of(connection, project, rows)


def versions_of(connection: Connection, project: ProjectId, rows: Sequence[AnyRow]) -> list[ModelVersion]:
    """Rows of `model_versions` with their tags and aliases: two reads more, whatever their number (by name)."""
    tags: dict[tuple[str, int], dict[str, str]] = {}
    aliases: dict[tuple[str, int], list[str]] = {}
    numbers = [row.version for row in rows]
    for some in chunks(dict.fromkeys(row.name for row in rows)):
        statement = (
            select(_T.name, _T.version, _T.key, _T.value)
            .where(_T.project == project, _T.name.in_(some), _T.version.between(min(numbers), max(numbers)))
            .order_by(_T.key)
        )
        for tag in connection.execute(statement):
            tags.setdefault((tag.name, tag.version), {})[tag.key] = tag.value
        named = select(_A.name, _A.alias, _A.version).where(_A.project == project, _A.name.in_(some))
        for row in connection.execute(named.order_by(_A.alias)):
            aliases.setdefault((row.name, row.version), []).append(row.alias)
    return [
        ModelVersion(
            row.name,
            row.version,
            row.created_ms,
            row.updated_ms,
            row.source,
            row.storage,
            row.description,
            row.user,
            row.stage,
            row.run,
            row.run_link,
            row.model_id,
            tags.get((row.name, row.version), {}),
            aliases.get((row.name, row.version), ()),
            row.status,
            row.status_message,
        )
        for row in rows
    ]


def add_version(
    connection: Connection, project: ProjectId, name: str, values: Mapping[str, Any], tags: Mapping[str, str], now: int
) -> int:
    """The next number of a model that is there; answers it."""
    here = (_M.project == project, _M.name == name)
    connection.execute(
        update(tables.registered_models).where(*here).values(last_version=_M.last_version + 1, updated_ms=now)
    )
    version: int = connection.scalars(select(_M.last_version).where(*here)).one()
    row = {"project": project, "name": name, "version": version, "stage": "None", "created_ms": now, "updated_ms": now}
    connection.execute(insert(tables.model_versions), {**row, **values})
    if tags:
        connection.execute(
            insert(tables.model_version_tags),
            [{"project": project, "name": name, "version": version, "key": k, "value": v} for k, v in tags.items()],
        )
    return version


def change_version(connection: Connection, project: ProjectId, name: str, version: int, **values: Any) -> None:
    here = (_V.project == project, _V.name == name, _V.version == version)
    connection.execute(update(tables.model_versions).where(*here).values(**values))


def archive_others(
    connection: Connection, project: ProjectId, name: str, version: int, stage: str, now_ms: int
) -> list[int]:
    """Every other version in `stage` goes to Archived; answers which."""
    here = (_V.project == project, _V.name == name, _V.stage == stage, _V.version != version)
    moved = list(connection.scalars(select(_V.version).where(*here).order_by(_V.version)))
    if moved:
        connection.execute(update(tables.model_versions).where(*here).values(stage="Archived", updated_ms=now_ms))
    return moved


def delete_version(connection: Connection, project: ProjectId, name: str, version: int) -> None:
    """With its tags, aliases, card and comments. `approvals.void` ends what was asked for it. A label that shared its
    traffic with it goes wholly to the version that its alias is on."""
    sharing = select(_S.alias).where(_S.project == project, _S.name == name, _S.version == version)
    for label in connection.scalars(sharing).all():
        connection.execute(
            delete(tables.prompt_shares).where(_S.project == project, _S.name == name, _S.alias == label)
        )
    own = (tables.model_versions, tables.model_version_tags, tables.model_aliases, tables.model_cards)
    for table in (*own, tables.prompt_comments):
        here = (table.c.project == project, table.c.name == name, table.c.version == version)
        connection.execute(delete(table).where(*here))


def set_version_tag(connection: Connection, project: ProjectId, name: str, version: int, key: str, value: str) -> None:
    row = {"project": project, "name": name, "version": version, "key": key, "value": value}
    put(connection, tables.model_version_tags, row)


def delete_version_tag(connection: Connection, project: ProjectId, name: str, version: int, key: str) -> None:
    here = (_T.project == project, _T.name == name, _T.version == version, _T.key == key)
    connection.execute(delete(tables.model_version_tags).where(*here))


def alias_at(connection: Connection, project: ProjectId, name: str, alias: str) -> int | None:
    statement = select(_A.version).where(_A.project == project, _A.name == name, _A.alias == alias)
    return connection.scalar(statement)


def point_alias(connection: Connection, project: ProjectId, name: str, alias: str, version: int | None) -> None:
    """Wholly: of a share of traffic nothing stays. None removes it."""
    connection.execute(delete(tables.prompt_shares).where(_S.project == project, _S.name == name, _S.alias == alias))
    if version is None:
        here = (_A.project == project, _A.name == name, _A.alias == alias)
        connection.execute(delete(tables.model_aliases).where(*here))
    else:
        put(connection, tables.model_aliases, {"project": project, "name": name, "alias": alias, "version": version})


def named_versions(connection: Connection, project: ProjectId, run: str) -> Iterable[tuple[str, int]]:
    """Versions that a run made."""
    statement = select(_V.name, _V.version).where(_V.project == project, _V.run == run)
    return [(row.name, row.version) for row in connection.execute(statement.order_by(_V.name, _V.version))]
