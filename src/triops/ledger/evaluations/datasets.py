"""The book of evaluation data sets: what they are called, tagged with and belong to. Their examples: `examples`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from triops.kernel.clause import Clause, Order
from triops.kernel.errors import NotFound
from triops.kernel.evaluation import EvaluationDataset
from triops.kernel.ids import ProjectId
from triops.ledger.evaluations import tables
from triops.ledger.matching import matching
from triops.ledger.paging import AnyRow, chunks
from triops.ledger.prepared import Rows
from triops.ledger.runs.tables import experiments
from triops.ports.records import Records

_D = tables.datasets.c
_T = tables.dataset_tags.c
_L = tables.dataset_experiments.c
_COLUMNS = tuple(tables.datasets.c)
_ATTRIBUTES: dict[str, ColumnElement[Any]] = {
    "name": _D.name,
    "created_time": _D.created_ms,
    "last_update_time": _D.updated_ms,
    "created_by": _D.created_by,
    "last_updated_by": _D.updated_by,
}
_LINK = Rows(
    tables.dataset_experiments, ("project", "dataset", "experiment"), lambda rows: rows.on_conflict_do_nothing()
)
_TAG = Rows(
    tables.dataset_tags,
    ("project", "dataset", "key", "value"),
    lambda rows: rows.on_conflict_do_update(
        index_elements=["project", "dataset", "key"], set_={"value": rows.excluded.value}
    ),
)


class EvaluationDatasets:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def create(self, project: ProjectId, dataset: EvaluationDataset) -> None:
        row = {
            "project": project,
            "id": dataset.id,
            "name": dataset.name,
            "digest": dataset.digest,
            "created_ms": dataset.created_ms,
            "updated_ms": dataset.updated_ms,
            "created_by": dataset.created_by,
            "updated_by": dataset.updated_by,
        }

        def write(connection: Connection) -> None:
            connection.execute(insert(tables.datasets), row)
            _TAG.write(connection, [(project, dataset.id, key, value) for key, value in dataset.tags.items()])
            _LINK.write(connection, [(project, dataset.id, experiment) for experiment in dataset.experiments])

        await self._records.write(write)

    async def get(self, project: ProjectId, id: str) -> EvaluationDataset:
        """Raises: NotFound."""

        def query(connection: Connection) -> EvaluationDataset:
            return _found(connection, project, id, f"Evaluation dataset with id '{id[:80]}' not found")

        return await self._records.read(query)

    async def delete(self, project: ProjectId, id: str) -> None:
        """Its examples with it; one that is not there is no error."""

        def write(connection: Connection) -> None:
            for table in (tables.examples, tables.dataset_tags, tables.dataset_experiments):
                connection.execute(delete(table).where(table.c.project == project, table.c.dataset == id))
            connection.execute(delete(tables.datasets).where(_D.project == project, _D.id == id))

        await self._records.write(write)

    async def set_tags(self, project: ProjectId, id: str, tags: Mapping[str, str]) -> None:
        """Raises: NotFound."""

        def write(connection: Connection) -> None:
            _found(connection, project, id, f"Could not find evaluation dataset with ID {id[:80]}")
            _TAG.write(connection, [(project, id, key, value) for key, value in tags.items()])

        await self._records.write(write)

    async def delete_tag(self, project: ProjectId, id: str, key: str) -> None:
        """One that is not there is no error."""
        gone = delete(tables.dataset_tags).where(_T.project == project, _T.dataset == id, _T.key == key)
        await self._records.write(lambda c: c.execute(gone))

    async def experiments(self, project: ProjectId, id: str) -> list[str]:
        statement = select(_L.experiment).where(_L.project == project, _L.dataset == id)
        found: list[str] = await self._records.read(lambda c: list(c.scalars(statement)))
        return sorted(found, key=lambda experiment: (len(experiment), experiment))

    async def link(self, project: ProjectId, id: str, wanted: Sequence[str], now_ms: int) -> EvaluationDataset:
        """Raises: NotFound (the data set, an experiment)."""

        def write(connection: Connection) -> EvaluationDataset:
            _found(connection, project, id, f"Dataset '{id[:80]}' not found")
            numbers = [int(one) for one in wanted if one.isdecimal() and len(one) < 19]
            known: set[str] = set()
            for some in chunks(numbers):
                e = experiments.c
                known |= {
                    str(no) for no in connection.scalars(select(e.id).where(e.project == project, e.id.in_(some)))
                }
            for one in wanted:
                if one not in known:
                    raise NotFound(f"No Experiment with id={one[:80]}")
            _LINK.write(connection, [(project, id, one) for one in wanted])
            return _touched(connection, project, id, now_ms)

        return await self._records.write(write)

    async def unlink(self, project: ProjectId, id: str, wanted: Sequence[str], now_ms: int) -> EvaluationDataset:
        """One that it does not belong to is no error. Raises: NotFound."""

        def write(connection: Connection) -> EvaluationDataset:
            dataset = _found(connection, project, id, f"Dataset '{id[:80]}' not found")
            gone = 0
            for some in chunks(wanted):
                statement = delete(tables.dataset_experiments).where(
                    _L.project == project, _L.dataset == id, _L.experiment.in_(some)
                )
                gone += connection.execute(statement).rowcount
            return _touched(connection, project, id, now_ms) if gone else dataset

        return await self._records.write(write)

    async def find(
        self,
        project: ProjectId,
        *,
        experiments: Sequence[str],
        clauses: Sequence[Clause],
        orders: Sequence[Order],
        limit: int,
        offset: int,
    ) -> list[EvaluationDataset]:
        """Newest first, unless `orders` say else. `experiments` empty: of all."""
        statement = select(*_COLUMNS).where(_D.project == project, *(_condition(project, one) for one in clauses))
        if experiments:
            linked = select(_L.dataset).where(_L.project == project, _L.experiment.in_(experiments))
            statement = statement.where(_D.id.in_(linked))
        terms = [(_ATTRIBUTES[order.key], order.ascending) for order in orders] or [(_D.created_ms, False)]
        statement = statement.order_by(
            *(column.asc() if ascending else column.desc() for column, ascending in terms), _D.id.desc()
        )
        statement = statement.limit(limit).offset(offset)
        return await self._records.read(lambda c: _whole(c, project, c.execute(statement).all()))


def _condition(project: ProjectId, clause: Clause) -> ColumnElement[bool]:
    if clause.kind == "attribute":
        return matching(_ATTRIBUTES[clause.key], clause.comparator, clause.value)
    tagged = select(_T.dataset).where(_T.project == project, _T.key == clause.key)
    if clause.comparator == "IS NULL":
        return _D.id.not_in(tagged)
    if clause.comparator == "IS NOT NULL":
        return _D.id.in_(tagged)
    return _D.id.in_(tagged.where(matching(_T.value, clause.comparator, clause.value)))


def _whole(connection: Connection, project: ProjectId, rows: Sequence[AnyRow]) -> list[EvaluationDataset]:
    tags: dict[str, dict[str, str]] = {row.id: {} for row in rows}
    for some in chunks(tags):
        statement = select(_T.dataset, _T.key, _T.value).where(_T.project == project, _T.dataset.in_(some))
        for dataset, key, value in connection.execute(statement.order_by(_T.dataset, _T.key)):
            tags[dataset][key] = value
    return [
        EvaluationDataset(
            row.id,
            row.name,
            row.digest,
            row.created_ms,
            row.updated_ms,
            row.created_by,
            row.updated_by,
            row.schema,
            row.profile,
            tags[row.id],
        )
        for row in rows
    ]


def _found(connection: Connection, project: ProjectId, id: str, missing: str) -> EvaluationDataset:
    row = connection.execute(select(*_COLUMNS).where(_D.project == project, _D.id == id)).one_or_none()
    if row is None:
        raise NotFound(missing)
    return _whole(connection, project, [row])[0]


def _touched(connection: Connection, project: ProjectId, id: str, now_ms: int) -> EvaluationDataset:
    connection.execute(update(tables.datasets).where(_D.project == project, _D.id == id).values(updated_ms=now_ms))
    return _found(connection, project, id, "")
