"""The book of changes: one time line of who altered what."""

import math
from typing import Any

from sqlalchemy import Connection, insert, select

from triops.kernel.change import Change
from triops.kernel.errors import NotFound, TooLarge
from triops.kernel.ids import ChangeId, EntityId, ProjectId
from triops.kernel.page import Page
from triops.ledger import tables
from triops.ledger.codec import dumps, loads
from triops.ledger.paging import AnyRow, containing, newest_page, searchable
from triops.ports.records import Records

_C = tables.changes.c
_DETAILS_BYTES = 64 << 10


class Changes:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def record(self, project: ProjectId, change: Change, idempotency_key: str = "") -> Change:
        """Answers the stored change: the earlier one when the key was used before in this project.

        Raises: TooLarge for details over 64 kB; Conflict for an id that another change has.
        """
        body = dumps(change)
        row = _row(project, change, body, idempotency_key)
        known = select(_C.body).where(_C.project == project, _C.idempotency_key == idempotency_key)

        def write(connection: Connection) -> str:
            earlier = connection.scalar(known) if idempotency_key else None
            if earlier is None:
                connection.execute(insert(tables.changes), row)
            return earlier or body

        return loads(Change, await self._records.write(write))

    async def list(
        self,
        project: ProjectId,
        *,
        start: float = 0.0,
        end: float = math.inf,
        entity: EntityId | None = None,
        kind: str = "",
        query: str = "",
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Change]:
        """Newest first, of [start, end). `query`: a case-insensitive substring of title, entity, kind or author."""
        statement = select(_C.at, _C.id, _C.body).where(_C.project == project, _C.at >= start)
        if end != math.inf:
            statement = statement.where(_C.at < end)
        if entity is not None:
            statement = statement.where(_C.entity == entity)
        if kind:
            statement = statement.where(_C.kind == kind)
        if query:
            statement = statement.where(containing(_C.search, query))
        return await newest_page(self._records, statement, _C.at, _C.id, limit, cursor, _change)

    async def get(self, project: ProjectId, id: ChangeId) -> Change:
        """Raises: NotFound."""
        statement = select(_C.body).where(_C.project == project, _C.id == id)
        row = await self._records.read(lambda c: c.execute(statement).one_or_none())
        if row is None:
            raise NotFound(f"no change {id}")
        return _change(row)


def record_change(connection: Connection, project: ProjectId, change: Change) -> None:
    """Within a transaction that alters what the change tells of: both or neither. Raises: TooLarge."""
    connection.execute(insert(tables.changes), _row(project, change, dumps(change), ""))


def _row(project: ProjectId, change: Change, body: str, idempotency_key: str) -> dict[str, Any]:
    size = len(dumps(change.details).encode())
    if size > _DETAILS_BYTES:
        raise TooLarge(f"the details of a change take {size} bytes as JSON; at most {_DETAILS_BYTES}")
    return {
        "project": project,
        "id": change.id,
        "entity": change.entity,
        "kind": change.kind,
        "at": change.at,
        "idempotency_key": idempotency_key or None,
        "search": searchable(change.title, change.entity, change.kind, change.author),
        "body": body,
    }


def _change(row: AnyRow) -> Change:
    return loads(Change, row.body)
