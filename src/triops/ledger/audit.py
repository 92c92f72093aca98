"""The audit trail: append-only, who did what to what, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, select

from triops.kernel.ids import ProjectId
from triops.kernel.page import Page
from triops.ledger import tables
from triops.ledger.codec import dumps, loads_mapping
from triops.ledger.paging import AnyRow, after, checked_limit, page_of
from triops.ports.records import Records

_A = tables.audit.c


@dataclass(frozen=True, slots=True)
class AuditEntry:
    at: float
    actor: str
    verb: str  # key.create, document.apply, action.approve, action.run, incident.resolve, login, ...
    target: str
    outcome: str = "ok"
    details: Mapping[str, Any] = field(default_factory=dict)


class Audit:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def append(self, project: ProjectId, entry: AuditEntry) -> None:
        await self._records.write(lambda c: record_audit(c, project, entry))

    async def list(
        self, project: ProjectId, *, verb: str = "", limit: int = 100, cursor: str | None = None
    ) -> Page[AuditEntry]:
        """Newest first, in the order they were appended."""
        statement = select(tables.audit).where(_A.project == project)
        if verb:
            statement = statement.where(_A.verb == verb)
        behind = after(cursor, (_A.seq,), (int,), newest=True)
        if behind is not None:
            statement = statement.where(behind)
        statement = statement.order_by(_A.seq.desc()).limit(checked_limit(limit) + 1)
        rows = await self._records.read(lambda c: c.execute(statement).all())
        return page_of(rows, limit, _entry, lambda row: (row.seq,))


def record_audit(connection: Connection, project: ProjectId, entry: AuditEntry) -> None:
    """Within the transaction of what is recorded."""
    row = {
        "project": project,
        "at": entry.at,
        "actor": entry.actor,
        "verb": entry.verb,
        "target": entry.target,
        "outcome": entry.outcome,
        "details": dumps(entry.details),
    }
    connection.execute(insert(tables.audit), row)


def _entry(row: AnyRow) -> AuditEntry:
    return AuditEntry(row.at, row.actor, row.verb, row.target, row.outcome, loads_mapping(row.details))
