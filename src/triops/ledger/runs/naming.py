"""Which experiment a run belongs to, and what experiments are called: asked in bulk, by who guards them."""

from collections.abc import Collection, Mapping

from sqlalchemy import String, cast, select

from triops.kernel.ids import ProjectId
from triops.ledger.runs import tables
from triops.ports.records import Records

_MOST = 1000  # ids of one question, so that a statement's parameters stay within every database's bound


class Naming:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def experiment_names(self, project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        """Experiment id → name, of those that there are."""
        e = tables.experiments.c
        numbers = [int(id) for id in ids if id.isdecimal() and len(id) < 10]
        found: dict[str, str] = {}
        for at in range(0, len(numbers), _MOST):
            some = select(e.id, e.name).where(e.project == project, e.id.in_(numbers[at : at + _MOST]))
            found |= {str(row.id): row.name for row in await self._records.read(lambda c, s=some: c.execute(s).all())}
        return found

    async def experiments_of_runs(self, project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        """Run id → experiment id, of those that there are."""
        r, given = tables.runs.c, list(ids)
        found: dict[str, str] = {}
        for at in range(0, len(given), _MOST):
            some = select(r.id, cast(r.experiment, String).label("experiment")).where(
                r.project == project, r.id.in_(given[at : at + _MOST])
            )
            rows = await self._records.read(lambda c, s=some: c.execute(s).all())
            found |= {row.id: row.experiment for row in rows}
        return found
