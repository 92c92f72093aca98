"""Which path of a project has which content. Folders are not stored: they are what paths have in common."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from triops.kernel.ids import ProjectId
from triops.ledger.artifacts import tables
from triops.ledger.paging import chunks
from triops.ports.files import Entry, in_the_way, is_folder, no_such
from triops.ports.records import Records

_A = tables.artifacts.c
_P = tables.upload_parts.c
_REMOVED = 500  # rows a transaction


@dataclass(frozen=True, slots=True)
class Artifact:
    """`at`: when it was written, unix seconds."""

    path: str
    digest: str
    size: int
    at: float


class ArtifactPaths:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def put(self, project: ProjectId, artifact: Artifact) -> str:
        """Answers the digest that the path had before, or "". Raises: Invalid where a file would lie in a file."""
        return await self._records.write(lambda connection: put(connection, project, artifact))

    async def get(self, project: ProjectId, path: str) -> Artifact:
        """Raises: NotFound, Invalid (a folder)."""

        def read(connection: Connection) -> Artifact:
            row = connection.execute(
                select(_A.path, _A.digest, _A.size, _A.at).where(_A.project == project, _A.path == path)
            ).one_or_none()
            if row is not None:
                return Artifact(*row)
            if not path or connection.scalar(select(_A.path).where(_below(project, path)).limit(1)):
                raise is_folder(path)
            raise no_such(path)

        return await self._records.read(read)

    async def list(self, project: ProjectId, path: str, after: str, limit: int) -> Sequence[Entry]:
        """At most `limit` entries of a folder whose keys are behind `after`, by key."""
        return await self._records.read(lambda connection: _entries(connection, project, path, after, limit))

    async def remove(self, project: ProjectId, path: str) -> Sequence[str]:
        """Forget a path and some of what is below it; answers the digests they had. Nothing: all is gone."""

        def change(connection: Connection) -> Sequence[str]:
            here = (_A.project == project) & (_A.path == path)
            below = select(_A.path, _A.digest).where(_below(project, path)).order_by(_A.path).limit(_REMOVED)
            rows = [*connection.execute(select(_A.path, _A.digest).where(here)), *connection.execute(below)]
            paths = [row.path for row in rows]
            connection.execute(delete(tables.artifacts).where(_A.project == project, _A.path.in_(paths)))
            return [row.digest for row in rows]

        return await self._records.write(change)

    async def unreferenced(self, project: ProjectId, digests: Collection[str]) -> set[str]:
        """Those of `digests` that nothing points at."""

        def read(connection: Connection) -> set[str]:
            left = set(digests)
            for some in chunks(digests):
                left.difference_update(
                    connection.scalars(select(_A.digest).where(_A.project == project, _A.digest.in_(some))),
                    connection.scalars(select(_P.digest).where(_P.project == project, _P.digest.in_(some))),
                )
            return left

        return await self._records.read(read)


def put(connection: Connection, project: ProjectId, artifact: Artifact) -> str:
    """`ArtifactPaths.put`, within a transaction."""
    parts = artifact.path.split("/")
    above = ["/".join(parts[:length]) for length in range(1, len(parts))]
    around = select(_A.path, _A.digest).where(_A.project == project, _A.path.in_([artifact.path, *above]))
    found = {row.path: row.digest for row in connection.execute(around)}
    before: str = found.pop(artifact.path, "")
    if found:
        raise in_the_way(artifact.path)
    if not before and connection.scalar(select(_A.path).where(_below(project, artifact.path)).limit(1)):
        raise is_folder(artifact.path)
    row = {"digest": artifact.digest, "size": artifact.size, "at": artifact.at}
    upsert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(tables.artifacts)
    connection.execute(
        upsert.on_conflict_do_update(index_elements=["project", "path"], set_=row),
        {"project": project, "path": artifact.path, **row},
    )
    return before


def _below(project: ProjectId, path: str) -> ColumnElement[bool]:
    """All below a folder: one range of the key, since "0" is the character behind "/"."""
    if not path:
        return _A.project == project
    return and_(_A.project == project, _A.path > f"{path}/", _A.path < f"{path}0")


def _entries(connection: Connection, project: ProjectId, path: str, after: str, limit: int) -> Sequence[Entry]:
    """Skips from subfolder to subfolder by the key's index, so what is below them costs nothing."""
    prefix = f"{path}/" if path else ""
    within = _below(project, path)
    behind: Any = _A.path > prefix + after
    if after.endswith("/"):
        behind = _A.path >= f"{prefix}{after[:-1]}0"
    entries: list[Entry] = []
    batch = 64
    while len(entries) < limit:
        statement = select(_A.path, _A.size).where(within, behind).order_by(_A.path).limit(batch)
        rows = connection.execute(statement).all()
        for row in rows:
            name, slash, _ = row.path[len(prefix) :].partition("/")
            entries.append(Entry(name, None if slash else row.size))
            if slash:
                behind, batch = _A.path >= f"{prefix}{name}0", 1
                break
            behind = _A.path > row.path
        else:
            if len(rows) < batch:
                break
            batch = min(2 * batch, 512)
    return entries[:limit]
