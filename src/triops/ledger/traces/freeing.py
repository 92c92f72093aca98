"""Traces of an experiment that was deleted long enough ago go for good, in steps; the experiment's row goes after."""

from sqlalchemy import ColumnElement, Connection, exists, select

from triops.kernel.ids import ProjectId
from triops.ledger.runs.tables import experiments
from triops.ledger.traces import tables
from triops.ledger.traces.traces import remove
from triops.ports.records import Records

_STEP = 200
_T = tables.traces.c


def has_traces() -> ColumnElement[bool]:
    """Of a row of experiments."""
    there = exists().where(_T.project == experiments.c.project, _T.experiment == experiments.c.id)
    return there.correlate(experiments)


class TraceFreeing:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def free(self, before_ms: int) -> int:
        """Some traces of experiments that were deleted before; answers how many, 0 when none are left."""
        e = experiments.c
        due = select(e.project, e.id).where(e.deleted_ms.is_not(None), e.deleted_ms <= before_ms, has_traces()).limit(1)

        def write(connection: Connection) -> int:
            home = connection.execute(due).first()
            if home is None:
                return 0
            own = select(_T.no, _T.id).where(_T.project == home.project, _T.experiment == home.id).limit(_STEP)
            rows = connection.execute(own).all()
            remove(connection, ProjectId(home.project), [row.no for row in rows], [row.id for row in rows])
            return len(rows)

        return await self._records.write(write)
