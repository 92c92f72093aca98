"""What belongs to which experiment, and what experiments are called: asked in bulk, by who guards or watches them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, select

from triops.kernel.ids import ExperimentId, ProjectId
from triops.ledger.evaluations.tables import dataset_experiments
from triops.ledger.logged_models.tables import logged_models
from triops.ledger.paging import chunks
from triops.ledger.runs import tables
from triops.ledger.versions.tables import model_versions
from triops.ports.records import Records

_MOST = 1000  # ids of one question, so that a statement's parameters stay within every database's bound


class Belonging:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def experiment_names(self, project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        """Experiment id → name, of those that there are."""
        e = tables.experiments.c
        numbers = [int(id) for id in ids if id.isdecimal() and len(id) < 10]
        return await self._all(numbers, lambda some: select(e.id, e.name).where(e.project == project, e.id.in_(some)))

    async def experiments_of_runs(self, project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        """Run id → experiment id, of those that there are."""
        r = tables.runs.c
        return await self._all(
            list(ids), lambda some: select(r.id, r.experiment).where(r.project == project, r.id.in_(some))
        )

    async def experiments_of_models(self, project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        """Logged model id → experiment id, of those that there are."""
        m = logged_models.c
        return await self._all(
            list(ids), lambda some: select(m.id, m.experiment).where(m.project == project, m.id.in_(some))
        )

    async def experiments_of_datasets(self, project: ProjectId, ids: Collection[str]) -> Mapping[str, set[str]]:
        """Evaluation data set id → the ids of its experiments, of those that have any."""
        d = dataset_experiments.c

        def read(connection: Connection) -> dict[str, set[str]]:
            found: dict[str, set[str]] = {}
            for some in chunks(ids):
                asked = select(d.dataset, d.experiment).where(d.project == project, d.dataset.in_(some))
                for dataset, experiment in connection.execute(asked):
                    found.setdefault(dataset, set()).add(experiment)
            return found

        return await self._records.read(read)

    async def models_of(self, project: ProjectId, experiment: ExperimentId) -> Sequence[str]:
        """The registered models of which runs of the experiment made versions, at most a hundred, by name."""
        v, r = model_versions.c, tables.runs.c
        asked = (
            select(v.name)
            .join(tables.runs, (r.project == v.project) & (r.id == v.run))
            .where(v.project == project, r.experiment == int(experiment))
            .distinct()
            .order_by(v.name)
            .limit(100)
        )
        return await self._records.read(lambda c: c.scalars(asked).all())

    async def _all(self, ids: Sequence[Any], asked: Callable[[Sequence[Any]], Select[Any]]) -> Mapping[str, str]:
        def read(connection: Connection) -> dict[str, str]:
            parts = [ids[at : at + _MOST] for at in range(0, len(ids), _MOST)]
            return {str(row[0]): str(row[1]) for part in parts for row in connection.execute(asked(part))}

        return await self._records.read(read)
