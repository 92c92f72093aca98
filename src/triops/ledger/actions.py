"""The book of actions: proposed, decided, executed, verified, undone."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from triops.kernel.action import Action
from triops.kernel.errors import NotFound
from triops.kernel.ids import ActionId, IncidentId, ProjectId
from triops.kernel.page import Page
from triops.ledger import tables
from triops.ledger.codec import dumps, loads
from triops.ledger.paging import AnyRow, newest_page
from triops.ports.records import Records

_A = tables.actions.c


class Actions:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def add(self, project: ProjectId, action: Action) -> None:
        """Raises: Conflict for an id that is known."""
        row = {"project": project, "id": action.id, **_columns(action)}

        def write(connection: Connection) -> None:
            connection.execute(insert(tables.actions), row)

        await self._records.write(write)

    async def update(self, project: ProjectId, id: ActionId, change: Callable[[Action], Action]) -> Action:
        """Read, change, write in one transaction. `change` must be pure. Raises: NotFound; what `change` raises."""
        held = select(_A.body).where(_A.project == project, _A.id == id).with_for_update()

        def write(connection: Connection) -> Action:
            row = connection.execute(held).one_or_none()
            if row is None:
                raise NotFound(f"no action {id}")
            before = _action(row)
            after = change(before)
            if after != before:
                statement = update(tables.actions).where(_A.project == project, _A.id == id)
                connection.execute(statement.values(_columns(after)))
            return after

        return await self._records.write(write)

    async def get(self, project: ProjectId, id: ActionId) -> Action:
        """Raises: NotFound."""
        statement = select(_A.body).where(_A.project == project, _A.id == id)
        row = await self._records.read(lambda c: c.execute(statement).one_or_none())
        if row is None:
            raise NotFound(f"no action {id}")
        return _action(row)

    async def list(
        self,
        project: ProjectId,
        *,
        incident: IncidentId | None = None,
        status: Sequence[str] = (),
        runbook: str = "",
        since: float = 0.0,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Action]:
        """Newest first by `proposed_at`; `status`: any of these, all when empty."""
        statement = select(_A.proposed_at, _A.id, _A.body).where(_A.project == project, _A.proposed_at >= since)
        if incident is not None:
            statement = statement.where(_A.incident == incident)
        if status:
            statement = statement.where(_A.status.in_([str(one) for one in status]))
        if runbook:
            statement = statement.where(_A.runbook == runbook)
        return await newest_page(self._records, statement, _A.proposed_at, _A.id, limit, cursor, _action)


def _action(row: AnyRow) -> Action:
    return loads(Action, row.body)


def _columns(action: Action) -> dict[str, Any]:
    return {
        "incident": action.incident,
        "status": action.status.value,
        "runbook": action.runbook,
        "proposed_at": action.proposed_at,
        "body": dumps(action),
    }
