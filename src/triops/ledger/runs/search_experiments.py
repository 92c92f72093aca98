"""Finding experiments, and the data sets that their runs read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, exists, func, literal, select

from triops.kernel.clause import Clause, Order
from triops.kernel.errors import Invalid
from triops.kernel.ids import ExperimentId, ProjectId
from triops.kernel.run import Experiment, Stage
from triops.ledger.json_text import MemberOf
from triops.ledger.matching import matching
from triops.ledger.paging import chunks
from triops.ledger.runs import tables
from triops.ports.records import Records

MOST_SEARCHED: Final = 30_000  # whose runs are searched at once
_DATASETS: Final = 1000
_CONTEXT_TAG: Final = "mlflow.data.context"

_E = tables.experiments.c
_T = tables.experiment_tags.c
_ATTRIBUTES: Final[dict[str, ColumnElement[Any]]] = {
    "experiment_id": _E.id,
    "name": _E.name,
    "creation_time": _E.created_ms,
    "last_update_time": _E.updated_ms,
}


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """A data set that runs of the experiment read, in a context ("" for none: training, evaluation, …)."""

    experiment: ExperimentId
    name: str
    digest: str
    context: str


class ExperimentSearch:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def page(
        self,
        project: ProjectId,
        clauses: Sequence[Clause],
        orders: Sequence[Order],
        stages: Sequence[Stage],
        limit: int,
        offset: int,
        named: str = "",
    ) -> tuple[list[Experiment], bool]:
        """And whether more come after. Newest first unless `orders` says otherwise. `named`: a part of the name, of
        either case. Raises: Invalid."""
        ranks: list[ColumnElement[Any]] = [
            _ATTRIBUTES[order.key].asc() if order.ascending else _ATTRIBUTES[order.key].desc() for order in orders
        ]
        if not orders:
            ranks = [_E.created_ms.desc(), _E.id]
        statement = (
            select(_E.id, _E.name, _E.artifact_location, _E.stage, _E.created_ms, _E.updated_ms)
            .where(_E.project == project, _E.stage.in_([stage.value for stage in stages]))
            .where(*(_condition(clause) for clause in clauses))
            .order_by(*ranks, _E.id.desc())
            .limit(limit + 1)
            .offset(offset)
        )

        if named:
            statement = statement.where(func.lower(_E.name).contains(named.lower(), autoescape=True))

        def read(connection: Connection) -> tuple[list[Experiment], bool]:
            rows = connection.execute(statement).all()
            tags: dict[int, dict[str, str]] = {}
            for some in chunks([row[0] for row in rows[:limit]]):
                own = select(_T.experiment, _T.key, _T.value).where(_T.project == project, _T.experiment.in_(some))
                for experiment, key, value in connection.execute(own.order_by(_T.experiment, _T.key)):
                    tags.setdefault(experiment, {})[key] = value
            found = [
                Experiment(ExperimentId(str(no)), name, location, Stage(stage), created, updated, tags.get(no, {}))
                for no, name, location, stage, created, updated in rows[:limit]
            ]
            return found, len(rows) > limit

        return await self._records.read(read)

    async def names(self, project: ProjectId, experiments: Sequence[int] | None) -> dict[int, str]:
        """By number; None: of all that are active."""

        def read(connection: Connection) -> dict[int, str]:
            own = select(_E.id, _E.name).where(_E.project == project)
            if experiments is None:
                active = own.where(_E.stage == Stage.ACTIVE.value).order_by(_E.id.desc()).limit(MOST_SEARCHED)
                return dict(map(tuple, connection.execute(active)))
            found: dict[int, str] = {}
            for some in chunks(experiments):
                found |= dict(map(tuple, connection.execute(own.where(_E.id.in_(some)))))
            return found

        return await self._records.read(read)

    async def run_counts(self, project: ProjectId, experiments: Sequence[int]) -> dict[int, int]:
        """Of the active runs of each; none where there are none."""
        runs = tables.runs.c

        def read(connection: Connection) -> dict[int, int]:
            counts: dict[int, int] = {}
            for some in chunks(experiments):
                statement = (
                    select(runs.experiment, func.count())
                    .where(runs.project == project, runs.experiment.in_(some), runs.stage == Stage.ACTIVE.value)
                    .group_by(runs.experiment)
                )
                counts |= dict(map(tuple, connection.execute(statement)))
            return counts

        return await self._records.read(read)

    async def datasets(self, project: ProjectId, experiments: Sequence[int]) -> list[DatasetSummary]:
        """At most a thousand."""
        inputs, datasets = tables.run_inputs.c, tables.datasets.c
        context = func.coalesce(MemberOf(inputs.tags, literal(_CONTEXT_TAG)), "")
        statement = (
            select(datasets.experiment, datasets.name, datasets.digest, context)
            .join_from(tables.datasets, tables.run_inputs, inputs.dataset == datasets.no)
            .where(datasets.project == project, datasets.experiment.in_(experiments))
            .distinct()
            .limit(_DATASETS)
        )
        rows = await self._records.read(lambda c: c.execute(statement).all())
        return [DatasetSummary(ExperimentId(str(no)), *rest) for no, *rest in rows]


def _condition(clause: Clause) -> ColumnElement[bool]:
    if clause.kind == "attribute":
        if clause.key != "experiment_id":
            return matching(_ATTRIBUTES[clause.key], clause.comparator, clause.value)
        given = clause.value if isinstance(clause.value, tuple) else (clause.value,)
        ids = [number for number in map(int, map(str, given)) if abs(number) < 1 << 63]
        return _E.id.in_(ids) if clause.comparator in ("=", "IN") else _E.id.not_in(ids)
    if clause.kind != "tag":
        raise Invalid(f"Invalid token type: {clause.kind}", field="filter")
    tagged = exists().where(_T.project == _E.project, _T.experiment == _E.id, _T.key == clause.key)
    if clause.comparator == "IS NULL":
        return ~tagged
    if clause.comparator == "IS NOT NULL":
        return tagged
    return tagged.where(matching(_T.value, clause.comparator, clause.value))
