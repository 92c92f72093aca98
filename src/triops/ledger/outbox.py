"""Notices on their way: one row a (notice, notifier), so that none is lost and none is sent twice on purpose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId
from triops.ledger import tables
from triops.ledger.codec import dumps, loads_mapping
from triops.ledger.paging import AnyRow, checked_limit
from triops.ports.records import Records

_O = tables.outbox.c


@dataclass(frozen=True, slots=True)
class Outgoing:
    id: str  # "<incident>:<transition>:<n>"
    notifier: str  # the Notifier document's name
    notice: Mapping[str, Any]
    due_at: float
    attempts: int = 0
    last_error: str = ""
    sent_at: float | None = None
    gave_up_at: float | None = None


class Outbox:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def put(self, project: ProjectId, rows: Sequence[Outgoing]) -> int:
        """Rows whose (id, notifier) is known already are left as they are; answers how many are new."""
        given = {
            (row.id, row.notifier): {
                "project": project,
                "id": row.id,
                "notifier": row.notifier,
                "notice": dumps(row.notice),
                "due_at": row.due_at,
                "attempts": row.attempts,
                "last_error": row.last_error,
                "sent_at": row.sent_at,
                "gave_up_at": row.gave_up_at,
            }
            for row in reversed(rows)  # of two alike the first counts
        }

        def write(connection: Connection) -> int:
            new = [
                columns
                for (id, notifier), columns in reversed(given.items())
                if connection.scalar(select(_O.seq).where(*_is(project, id, notifier))) is None
            ]
            if new:
                connection.execute(insert(tables.outbox), new)
            return len(new)

        return await self._records.write(write) if given else 0

    async def due(self, now: float, limit: int = 100) -> Sequence[tuple[ProjectId, Outgoing]]:
        """Unsent, not given up, and due; oldest first, over all projects."""
        statement = (
            select(tables.outbox)
            .where(_O.sent_at.is_(None), _O.gave_up_at.is_(None), _O.due_at <= now)
            .order_by(_O.due_at, _O.seq)
            .limit(checked_limit(limit))
        )
        rows = await self._records.read(lambda c: c.execute(statement).all())
        return [(ProjectId(row.project), _outgoing(row)) for row in rows]

    async def settle(
        self,
        project: ProjectId,
        id: str,
        notifier: str,
        *,
        sent_at: float | None = None,
        error: str = "",
        due_at: float = 0.0,
        gave_up_at: float | None = None,
    ) -> None:
        """Write down one attempt; `due_at` is when the next one is. What was sent stays sent. Raises: NotFound."""
        here = _is(project, id, notifier)

        def write(connection: Connection) -> None:
            row = connection.execute(select(_O.attempts, _O.sent_at).where(*here).with_for_update()).one_or_none()
            if row is None:
                raise NotFound(f"no notice {id} to {notifier}")
            if row.sent_at is None:
                values = {
                    "attempts": row.attempts + 1,
                    "last_error": error,
                    "sent_at": sent_at,
                    "due_at": due_at,
                    "gave_up_at": gave_up_at,
                }
                connection.execute(update(tables.outbox).where(*here).values(values))

        await self._records.write(write)

    async def list(self, project: ProjectId, limit: int = 100) -> Sequence[Outgoing]:
        """Newest first, sent or not."""
        statement = (
            select(tables.outbox).where(_O.project == project).order_by(_O.seq.desc()).limit(checked_limit(limit))
        )
        rows = await self._records.read(lambda c: c.execute(statement).all())
        return [_outgoing(row) for row in rows]

    async def drop_before(self, project: ProjectId, at: float) -> int:
        """Forget those that were sent or given up before then; answers how many."""
        settled = (_O.sent_at < at) | (_O.gave_up_at < at)
        statement = delete(tables.outbox).where(_O.project == project, settled)
        return await self._records.write(lambda c: c.execute(statement).rowcount)


def _is(project: ProjectId, id: str, notifier: str) -> tuple[Any, ...]:
    return (_O.project == project, _O.id == id, _O.notifier == notifier)


def _outgoing(row: AnyRow) -> Outgoing:
    return Outgoing(
        row.id,
        row.notifier,
        loads_mapping(row.notice),
        row.due_at,
        row.attempts,
        row.last_error,
        row.sent_at,
        row.gave_up_at,
    )
