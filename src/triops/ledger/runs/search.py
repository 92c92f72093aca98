"""Finding runs: which ones clauses admit, in what order, a page at a time.

A page is put together on the reader's thread, a thousand runs at a time: what is made of them (`render`) is so too,
so that a large answer holds up nobody else.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, case, exists, func, literal, or_, select

from triops.kernel.clause import Clause, Order
from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId, RunId
from triops.kernel.run import Stage
from triops.ledger.json_text import MemberOf
from triops.ledger.matching import matching
from triops.ledger.paging import chunks
from triops.ledger.runs import tables
from triops.ledger.runs.contents import LARGEST, Contents, Shape, among, bare_rows, contents_of
from triops.ledger.runs.family import PARENT_TAG, children_named, children_of, parent_of
from triops.ledger.runs.runs import COLUMNS, RunRow
from triops.ledger.runs.runs import found as found_run
from triops.ports.records import Records

T = TypeVar("T")

MOST_RUNS: Final = 50_000  # of a page
_CHUNK: Final = 1000
_ANSWER_BYTES: Final = 64 << 20  # over it a page ends before its limit
_CONTEXT_TAG: Final = "mlflow.data.context"

_R = tables.runs.c
_ATTRIBUTES: Final[dict[str, ColumnElement[Any]]] = {
    "artifact_uri": _R.artifact_uri,
    "end_time": _R.end_ms,
    "run_id": _R.id,
    "run_name": _R.name,
    "start_time": _R.start_ms,
    "status": _R.status,
    "user_id": _R.user,
}
_LOGGED: Final = {"metric": tables.run_metrics, "parameter": tables.run_params, "tag": tables.run_tags}


@dataclass(frozen=True, slots=True)
class RunQuery:
    """`limit`: at most MOST_RUNS. `stages`: none is both."""

    experiments: Sequence[int]
    clauses: Sequence[Clause] = ()
    orders: Sequence[Order] = ()
    stages: Sequence[Stage] = (Stage.ACTIVE,)
    limit: int = _CHUNK
    offset: int = 0
    counted: bool = False  # how many there are in all is wanted too


@dataclass(frozen=True, slots=True)
class RunPage(Generic[T]):
    """`parts`: what `render` made, in order. `shown` runs are in them; `more` come after. `total`: of all pages, where
    it was asked for."""

    parts: Sequence[T]
    shown: int
    more: bool
    total: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """Runs as columns: the metric's value of each, and each param's (None: the run has none)."""

    values: Sequence[float]
    params: Mapping[str, Sequence[str | None]]


@dataclass(frozen=True, slots=True)
class Family:
    children: Sequence[RunId]
    parent: RunId | None


Render = Callable[[Sequence[RunRow], Contents], T]


class RunSearch:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def page(self, project: ProjectId, query: RunQuery, shape: Shape, render: Render[T]) -> RunPage[T]:
        """Raises: Invalid."""
        wanted = _statement(project, query)
        count = select(func.count()).select_from(tables.runs).where(*_conditions(project, query))

        def read(connection: Connection) -> RunPage[T]:
            numbers = [row[0] for row in connection.execute(wanted)]
            total = connection.scalar(count) or 0 if query.counted else 0
            more = len(numbers) > query.limit
            del numbers[query.limit :]
            parts: list[T] = []
            shown = size = 0
            while shown < len(numbers) and size < _ANSWER_BYTES:
                some = numbers[shown : shown + _CHUNK]
                part = render(rows_of(connection, some), contents_of(connection, some, shape))
                size += len(part) if isinstance(part, bytes) else 0
                parts.append(part)
                shown += len(some)
            return RunPage(parts, shown, more or shown < len(numbers), total)

        return await self._records.read(read)

    async def one(self, project: ProjectId, id: str, shape: Shape, render: Render[T]) -> tuple[T, Family]:
        """Of either stage. Raises: NotFound."""

        def read(connection: Connection) -> tuple[T, Family]:
            row = found_run(connection, project, id)
            part = render([row], contents_of(connection, [row.no], shape))
            return part, Family(children_of(connection, project, row.id), parent_of(connection, row.no))

        return await self._records.read(read)

    async def measured(self, project: ProjectId, query: RunQuery, metric: str) -> Measured:
        """Of the runs found, those whose latest `metric` is a finite number, and all their params. Raises: Invalid."""
        wanted = _statement(project, query)
        m, p = tables.run_metrics.c, tables.run_params.c

        def read(connection: Connection) -> Measured:
            runs = [row[0] for row in connection.execute(wanted)][: query.limit]
            values: dict[int, float] = {}
            for some in chunks(runs):
                own = select(m.run, m.value).where(m.run.in_(some), m.key == metric, m.nan == 0)
                values |= {run: value for run, value in connection.execute(own) if math.isfinite(value)}
            places = {run: at for at, run in enumerate(values)}
            params: dict[str, list[str | None]] = {}
            for some in chunks(values):
                for run, key, value in connection.execute(select(p.run, p.key, p.value).where(p.run.in_(some))):
                    column = params.get(key)
                    if column is None:
                        column = params[key] = [None] * len(places)
                    column[places[run]] = value
            return Measured(list(values.values()), params)

        return await self._records.read(read)


def rows_of(connection: Connection, runs: Sequence[int]) -> list[RunRow]:
    """Of runs that are there, in the order given."""
    found = {row[0]: RunRow(*row) for row in bare_rows(connection, _ROWS, runs)}
    return [found[run] for run in runs]


_ROWS: Final = select(*COLUMNS).where(_R.no.in_(among()))


def _statement(project: ProjectId, query: RunQuery) -> Select[Any]:
    source: FromClause = tables.runs
    ranks: list[ColumnElement[Any]] = []
    for order in query.orders:
        if order.kind == "attribute":
            column = _ATTRIBUTES[order.key]
            missing: ColumnElement[Any] = case((column.is_(None), 1), else_=0)
        elif order.kind in _LOGGED:
            table = _LOGGED[order.kind].alias()
            source = source.outerjoin(table, and_(table.c.run == _R.no, table.c.key == order.key))
            column = table.c.value
            missing = (
                case((table.c.nan == 1, 1), (column.is_(None), 2), else_=0)
                if order.kind == "metric"
                else case((column.is_(None), 1), else_=0)
            )
        else:
            raise Invalid(f"Invalid identifier type '{order.kind}'", field="order_by")
        ranks += [missing, column if order.ascending else column.desc()]
    if Order("attribute", "start_time") not in {Order(order.kind, order.key) for order in query.orders}:
        ranks.append(_R.start_ms.desc())
    return (
        select(_R.no)
        .select_from(source)
        .where(*_conditions(project, query))
        .order_by(*ranks, _R.id)
        .limit(query.limit + 1)
        .offset(query.offset)
    )


def _conditions(project: ProjectId, query: RunQuery) -> list[ColumnElement[bool]]:
    own, experiment, stage = _R.project == project, _R.experiment, _R.stage
    if any(_is_few(clause) for clause in query.clauses):
        # Without statistics a database takes the index of all runs; as expressions these leave it the one of the few.
        experiment, stage = experiment + 0, stage.concat("")  # type: ignore[assignment]
    conditions = [own, experiment.in_(query.experiments)]
    if len(query.stages) == 1:
        conditions.append(stage == query.stages[0].value)
    return conditions + [_condition(clause) for clause in query.clauses]


def _is_few(clause: Clause) -> bool:
    """Only few runs can be so, and an index knows which."""
    return (clause.kind, clause.key) == ("attribute", "run_id") and clause.comparator in ("=", "IN")


def _condition(clause: Clause) -> ColumnElement[bool]:
    if clause.kind == "attribute":
        return _attribute(clause)
    if clause.kind == "dataset":
        return _dataset(clause)
    if clause.kind not in _LOGGED:
        raise Invalid(f"Invalid search expression type '{clause.kind}'", field="filter")
    if (clause.kind, clause.key, clause.comparator) == ("tag", PARENT_TAG, "="):
        return _R.no.in_(children_named(str(clause.value)))
    table = _LOGGED[clause.kind]
    logged = exists().where(table.c.run == _R.no, table.c.key == clause.key)
    if clause.comparator == "IS NULL":
        return ~logged
    if clause.comparator == "IS NOT NULL":
        return logged
    value = clause.value
    if clause.kind == "metric" and isinstance(value, float) and abs(value) >= LARGEST:
        value = math.copysign(math.inf, value)  # which clients know by that number
    compared = matching(table.c.value, clause.comparator, value)
    if clause.kind == "metric":  # NaN is unequal to everything, and else not comparable
        compared = or_(compared, table.c.nan == 1) if clause.comparator == "!=" else and_(compared, table.c.nan == 0)
    return logged.where(compared)


def _attribute(clause: Clause) -> ColumnElement[bool]:
    return matching(_ATTRIBUTES[clause.key], clause.comparator, clause.value)


def _dataset(clause: Clause) -> ColumnElement[bool]:
    inputs, datasets = tables.run_inputs.c, tables.datasets.c
    read = exists().where(inputs.run == _R.no, datasets.no == inputs.dataset)
    if clause.key == "context":
        context = MemberOf(inputs.tags, literal(_CONTEXT_TAG))
        return read.where(matching(context, clause.comparator, clause.value))
    return read.where(matching(datasets[clause.key], clause.comparator, clause.value))
