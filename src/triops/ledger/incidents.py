"""The book of incidents."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, exists, insert, select, update

from triops.kernel.errors import NotFound
from triops.kernel.ids import EntityId, IncidentId, ProjectId
from triops.kernel.incident import Incident, Status
from triops.kernel.page import Page
from triops.ledger import tables
from triops.ledger.codec import dumps, loads
from triops.ledger.paging import AnyRow, containing, newest_page, searchable
from triops.ports.records import Records

_I = tables.incidents.c
_E = tables.incident_entities.c
_A = tables.incident_anomalies.c
_ACTIVE = 1000


class Incidents:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def add(self, project: ProjectId, incident: Incident) -> None:
        """Raises: Conflict for an id that is known."""

        def write(connection: Connection) -> None:
            row = {"project": project, "id": incident.id, **_columns(incident)}
            connection.execute(insert(tables.incidents), row)
            _link(connection, project, incident, None)

        await self._records.write(write)

    async def update(self, project: ProjectId, id: IncidentId, change: Callable[[Incident], Incident]) -> Incident:
        """Read, change, write in one transaction: two writers never lose each other's lines. `change` must be pure.
        Raises: NotFound; what `change` raises (Conflict)."""
        held = select(_I.body).where(_I.project == project, _I.id == id).with_for_update()

        def write(connection: Connection) -> Incident:
            row = connection.execute(held).one_or_none()
            if row is None:
                raise NotFound(f"no incident {id}")
            before = _incident(row)
            after = change(before)
            if after != before:
                statement = update(tables.incidents).where(_I.project == project, _I.id == id)
                connection.execute(statement.values(_columns(after)))
                _link(connection, project, after, before)
            return after

        return await self._records.write(write)

    async def get(self, project: ProjectId, id: IncidentId) -> Incident:
        """Raises: NotFound."""
        statement = select(_I.body).where(_I.project == project, _I.id == id)
        row = await self._records.read(lambda c: c.execute(statement).one_or_none())
        if row is None:
            raise NotFound(f"no incident {id}")
        return _incident(row)

    async def active(self, project: ProjectId) -> Sequence[Incident]:
        """All that are not resolved, oldest first; at most 1,000."""
        statement = select(_I.body).where(_I.project == project, _active()).order_by(_I.opened_at, _I.id).limit(_ACTIVE)
        rows = await self._records.read(lambda c: c.execute(statement).all())
        return [_incident(row) for row in rows]

    async def list(
        self,
        project: ProjectId,
        *,
        status: str = "",
        entity: EntityId | None = None,
        query: str = "",
        start: float = 0.0,
        end: float = math.inf,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Incident]:
        """Newest first by `opened_at`. `status` "active" means all but resolved. `query` is a case-insensitive
        substring of title, id or an entity. Those whose [opened_at, resolved_at or now] meets [start, end)."""
        statement = select(_I.opened_at, _I.id, _I.body).where(_I.project == project)
        if status == "active":
            statement = statement.where(_active())
        elif status:
            statement = statement.where(_I.status == status)
        if entity is not None:
            statement = statement.where(
                exists().where(_E.project == _I.project, _E.incident == _I.id, _E.entity == entity)
            )
        if query:
            statement = statement.where(containing(_I.search, query))
        if start > 0:
            statement = statement.where(_I.resolved_at.is_(None) | (_I.resolved_at >= start))
        if end != math.inf:
            statement = statement.where(_I.opened_at < end)
        return await newest_page(self._records, statement, _I.opened_at, _I.id, limit, cursor, _incident)


def _active() -> Any:
    return _I.status.in_([status.value for status in Status if status is not Status.RESOLVED])


def _incident(row: AnyRow) -> Incident:
    return loads(Incident, row.body)


def _columns(incident: Incident) -> dict[str, Any]:
    return {
        "status": incident.status.value,
        "opened_at": incident.opened_at,
        "resolved_at": incident.resolved_at,
        "search": searchable(incident.title, incident.id, *incident.entities),
        "body": dumps(incident),
    }


def _link(connection: Connection, project: ProjectId, after: Incident, before: Incident | None) -> None:
    """Bring the two side tables in line with what the incident names now."""
    sides = (
        (tables.incident_entities, _E, "entity", after.entities, before.entities if before else ()),
        (tables.incident_anomalies, _A, "anomaly", after.anomalies, before.anomalies if before else ()),
    )
    for table, columns, name, now, then in sides:
        new = [
            {"project": project, "incident": after.id, name: ref} for ref in dict.fromkeys(now) if ref not in set(then)
        ]
        if new:
            connection.execute(insert(table), new)
        for ref in set(then) - set(now):
            connection.execute(
                delete(table).where(columns.project == project, columns.incident == after.id, columns[name] == ref)
            )
