"""The book of assessments of traces. One may replace another (`overrides`), which then is valid no more until the
replacement is deleted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, update

from triops.kernel.errors import Conflict, NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.trace import Assessment
from triops.ledger.traces import tables
from triops.ledger.traces.assessing import ONE, WRITE, assessment_of, row_of
from triops.ledger.traces.reading import found, trace_row
from triops.ports.records import Records

_A = tables.assessments.c


class Assessments:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def create(self, project: ProjectId, trace: str, assessment: Assessment) -> Assessment:
        """Raises: NotFound (the trace, what it overrides), Conflict (its id is taken)."""

        def write(connection: Connection) -> None:
            no = found(connection, project, trace)[0]
            if ONE.run(connection, trace=no, id=assessment.id).first() is not None:
                raise Conflict(f"Failed to create assessment for trace '{trace}' due to a constraint violation.")
            if assessment.overrides and not _validate(connection, no, assessment.overrides, 0):
                raise _missing(trace, assessment.overrides)
            WRITE.write(connection, [row_of(no, assessment)])

        await self._records.write(write)
        return assessment

    async def get(self, project: ProjectId, trace: str, id: str) -> Assessment:
        """Raises: NotFound."""
        return await self._records.read(lambda c: assessment_of(_row(c, project, trace, id)))

    async def change(
        self, project: ProjectId, trace: str, id: str, change: Callable[[Assessment], Assessment]
    ) -> Assessment:
        """What `change` makes of it, in one transaction. Raises: NotFound, and what `change` raises."""

        def write(connection: Connection) -> Assessment:
            row = _row(connection, project, trace, id)
            changed = replace(change(assessment_of(row)), id=id)
            WRITE.write(connection, [row_of(row[0], changed)])
            return changed

        return await self._records.write(write)

    async def delete(self, project: ProjectId, trace: str, id: str) -> None:
        """No error where there is none."""

        def write(connection: Connection) -> None:
            known = trace_row(connection, project, trace)
            row = ONE.run(connection, trace=known[0], id=id).first() if known is not None else None
            if row is None:
                return
            gone = assessment_of(row)
            if gone.overrides:
                _validate(connection, row[0], gone.overrides, 1)
            connection.execute(delete(tables.assessments).where(_A.trace == row[0], _A.id == id))

        await self._records.write(write)


def _validate(connection: Connection, trace: int, id: str, valid: int) -> int:
    statement = update(tables.assessments).where(_A.trace == trace, _A.id == id).values(valid=valid)
    return connection.execute(statement).rowcount


def _row(connection: Connection, project: ProjectId, trace: str, id: str) -> Any:
    known = trace_row(connection, project, trace)
    if known is None:
        raise NotFound(f"Trace with request_id '{trace}' not found")
    row = ONE.run(connection, trace=known[0], id=id).first()
    if row is None:
        raise _missing(trace, id)
    return row


def _missing(trace: str, id: str) -> NotFound:
    return NotFound(f"Assessment with ID '{id}' not found for trace '{trace}'")
