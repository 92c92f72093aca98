"""Finding logged models: clauses of the filter language as SQL, ordered and paged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, and_, case, cast, or_, select, true

from triops.kernel.clause import Clause, Order
from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.logged_model import LoggedModel, ModelStatus
from triops.kernel.run import Stage
from triops.ledger.logged_models import tables
from triops.ledger.logged_models.models import COLUMNS, whole_models
from triops.ledger.matching import matching
from triops.ports.records import Records

CLAUSES = 50
_M = tables.logged_models.c
_K = tables.logged_model_metrics.c
_ATTRIBUTES: dict[str, ColumnElement[Any]] = {
    "name": _M.name,
    "model_id": _M.id,
    "model_type": _M.model_type,
    "status": _M.status,
    "source_run_id": _M.run,
    "experiment_id": cast(_M.experiment, Text),
    "artifact_location": _M.artifact_location,
    "creation_timestamp": _M.created_ms,
    "last_updated_timestamp": _M.updated_ms,
}
_RANK = case({status.value: rank for rank, status in enumerate(ModelStatus)}, value=_M.status)
_NAMED = {"parameter": tables.logged_model_params.c, "tag": tables.logged_model_tags.c}


@dataclass(frozen=True, slots=True)
class OnDataset:
    """A data set that metrics were measured on: by what of its name and its digest is given."""

    name: str = ""
    digest: str = ""

    def condition(self) -> ColumnElement[bool]:
        given = ((_K.dataset_name, self.name), (_K.dataset_digest, self.digest))
        return and_(true(), *(column == value for column, value in given if value))


@dataclass(frozen=True, slots=True)
class ModelOrder:
    """`order` of an attribute or a metric; of a metric only its points on `dataset`, where one is given."""

    order: Order
    dataset: OnDataset | None = None


class LoggedModelSearch:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def find(
        self,
        project: ProjectId,
        experiments: Sequence[int],
        *,
        clauses: Sequence[Clause] = (),
        datasets: Sequence[OnDataset] = (),
        orders: Sequence[ModelOrder] = (),
        run: str = "",
        limit: int,
        offset: int = 0,
    ) -> list[LoggedModel]:
        """Those that are not deleted, newest first unless `orders` say else; a missing value comes last.

        `experiments` empty: those of every one. `datasets`: a metric's clause looks at points on one of these alone;
        without such a clause, models with any metric on one of them. Raises: Invalid.
        """
        if len(clauses) + len(orders) > CLAUSES:
            raise Invalid(f"A search has at most {CLAUSES} comparisons and orders.", field="filter")
        on = or_(*(dataset.condition() for dataset in datasets)) if datasets else None
        wanted = [_M.project == project, _M.stage == Stage.ACTIVE.value]
        wanted += [_condition(project, clause, on) for clause in clauses]
        if experiments:
            wanted.append(_M.experiment.in_(experiments))
        if run:
            wanted.append(_M.run == run)
        if on is not None and not any(clause.kind == "metric" for clause in clauses):
            wanted.append(_M.id.in_(select(_K.model).where(_K.project == project, on)))
        statement = select(*COLUMNS).where(*wanted).order_by(*_order(orders)).limit(limit).offset(offset)

        def query(connection: Connection) -> list[LoggedModel]:
            return whole_models(connection, project, connection.execute(statement).all())

        return await self._records.read(query)


def _condition(project: ProjectId, clause: Clause, on: ColumnElement[bool] | None) -> ColumnElement[bool]:
    if clause.kind == "attribute":
        column = _ATTRIBUTES.get(clause.key)
        if column is None:  # nothing is ever known of it
            return _M.id.is_(None)
        return matching(column, clause.comparator, clause.value)
    if clause.kind == "metric":
        found = select(_K.model).where(
            _K.project == project,
            _K.key == clause.key,
            _K.nan == 0,
            matching(_K.value, clause.comparator, clause.value),
        )
        return _M.id.in_(found if on is None else found.where(on))
    columns = _NAMED[clause.kind]
    return _M.id.in_(
        select(columns.model).where(
            columns.project == project,
            columns.key == clause.key,
            matching(columns.value, clause.comparator, clause.value),
        )
    )


def _order(orders: Sequence[ModelOrder]) -> list[ColumnElement[Any]]:
    terms: list[ColumnElement[Any]] = []
    for item in orders:
        order = item.order
        if order.kind == "metric":
            latest = select(case((_K.nan == 1, None), else_=_K.value)).where(
                _K.project == _M.project, _K.model == _M.id, _K.key == order.key
            )
            if item.dataset is not None:
                latest = latest.where(item.dataset.condition())
            term: ColumnElement[Any] = (
                latest.order_by(_K.time_ms.desc(), _K.step.desc(), _K.run).limit(1).scalar_subquery()
            )
            terms.append(case((term.is_(None), 1), else_=0))
        elif (column := _ATTRIBUTES.get(order.key)) is not None:
            term = _RANK if order.key == "status" else column
        else:
            continue
        terms.append(term.asc() if order.ascending else term.desc())
    keys = {item.order.key for item in orders if item.order.kind == "attribute"}
    if "creation_timestamp" not in keys:
        terms.append(_M.created_ms.desc())
    if "model_id" not in keys:
        terms.append(_M.id.asc())
    return terms
