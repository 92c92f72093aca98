"""Files that come in parts: what was begun, and which parts are there. A part's content is a blob like any other."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from triops.kernel.errors import NotFound, Overloaded
from triops.kernel.ids import ProjectId
from triops.ledger.artifacts import tables
from triops.ports.records import Records

_U = tables.uploads.c
_P = tables.upload_parts.c
_OPEN = 10_000  # uploads of a project


@dataclass(frozen=True, slots=True)
class Part:
    """`number`: from 1."""

    number: int
    digest: str
    size: int


class UploadBook:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def begin(self, project: ProjectId, id: str, path: str, at: float) -> None:
        """Raises: Overloaded when too many are open."""

        def change(connection: Connection) -> None:
            some = connection.execute(select(_U.id).where(_U.project == project).limit(_OPEN)).all()
            if len(some) >= _OPEN:
                raise Overloaded(f"{_OPEN} uploads in parts are open; complete or abort some", retry_after_s=60.0)
            connection.execute(insert(tables.uploads), {"project": project, "id": id, "path": path, "at": at})

        await self._records.write(change)

    async def begun(self, id: str) -> tuple[ProjectId, str]:
        """The project and path of an upload, by its id alone, which only those know who began it. Raises: NotFound."""
        row = await self._records.read(
            lambda c: c.execute(select(_U.project, _U.path).where(_U.id == id)).one_or_none()
        )
        if row is None:
            raise _unknown(id)
        return ProjectId(row.project), row.path

    async def add(self, project: ProjectId, id: str, part: Part) -> str:
        """Answers the digest that this part had before, or "". Raises: NotFound when the upload has ended."""

        def change(connection: Connection) -> str:
            known = select(_U.id).where(_U.project == project, _U.id == id)
            if connection.scalar(known) is None:
                raise _unknown(id)
            at = (_P.project == project) & (_P.upload == id) & (_P.number == part.number)
            before: str = connection.scalar(select(_P.digest).where(at)) or ""
            upsert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(tables.upload_parts)
            row = {"digest": part.digest, "size": part.size}
            connection.execute(
                upsert.on_conflict_do_update(index_elements=["project", "upload", "number"], set_=row),
                {"project": project, "upload": id, "number": part.number, **row},
            )
            return before

        return await self._records.write(change)

    async def parts(self, project: ProjectId, id: str) -> Sequence[Part]:
        """By number."""
        mine = select(_P.number, _P.digest, _P.size).where(_P.project == project, _P.upload == id).order_by(_P.number)
        return await self._records.read(lambda c: [Part(*row) for row in c.execute(mine)])

    async def end(self, project: ProjectId, id: str) -> Sequence[str]:
        """Forget an upload; answers the digests that its parts had. Idempotent."""

        def change(connection: Connection) -> Sequence[str]:
            mine = (_P.project == project) & (_P.upload == id)
            digests = connection.scalars(select(_P.digest).where(mine)).all()
            connection.execute(delete(tables.upload_parts).where(mine))
            connection.execute(delete(tables.uploads).where(_U.project == project, _U.id == id))
            return digests

        return await self._records.write(change)

    async def begun_before(self, at: float, limit: int = 500) -> Sequence[tuple[ProjectId, str]]:
        old = select(_U.project, _U.id).where(_U.at < at).order_by(_U.at).limit(limit)
        return await self._records.read(lambda c: [(ProjectId(row.project), row.id) for row in c.execute(old)])


def _unknown(id: str) -> NotFound:
    return NotFound(f"No multipart upload with id={id[:80]} exists")
