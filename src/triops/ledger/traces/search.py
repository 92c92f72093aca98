"""Searching traces: by columns in SQL; where a filter looks into spans, by reading those of the candidates in order."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from triops.kernel.clause import Clause, Order
from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.trace import Trace
from triops.ledger.traces import tables
from triops.ledger.traces.conditions import condition, needs_spans, ordering
from triops.ledger.traces.reading import COLUMNS, traces_of
from triops.ledger.traces.traces import bodies_of
from triops.ports.records import Records

_STEP = 200  # candidates whose spans are read at once
_READ = 10_000  # candidates whose spans one search reads

Looks = Callable[[str, Sequence[bytes]], bool]  # a trace's id and its spans' bytes: do they match?


class TraceSearch:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def find(
        self,
        project: ProjectId,
        experiments: Sequence[int],
        clauses: Sequence[Clause],
        orders: Sequence[Order],
        offset: int,
        limit: int,
        looks: Looks,
    ) -> list[Trace]:
        """`looks` is asked where a clause needs spans, about all clauses of spans at once. Raises: Invalid."""
        if not experiments:
            return []
        statement = select(*COLUMNS).where(condition(project, experiments, clauses)).order_by(*ordering(orders))

        def query(connection: Connection) -> list[Trace]:
            if not any(needs_spans(clause) for clause in clauses):
                return traces_of(connection, connection.execute(statement.offset(offset).limit(limit)).all())
            return traces_of(connection, _looked(connection, statement, offset + limit, looks)[offset:])

        return await self._records.read(query)

    async def count(self, project: ProjectId, experiments: Sequence[int], clauses: Sequence[Clause]) -> int:
        """Raises: Invalid, also for clauses that need spans."""
        if any(needs_spans(clause) for clause in clauses):
            raise Invalid("Filters of what spans hold cannot be counted.", field="filter")
        if not experiments:
            return 0
        statement = select(func.count()).select_from(tables.traces).where(condition(project, experiments, clauses))
        return await self._records.read(lambda c: int(c.execute(statement).scalar_one()))


def _looked(connection: Connection, statement: Any, wanted: int, looks: Looks) -> list[Any]:
    found: list[Any] = []
    for start in range(0, _READ, _STEP):
        rows = connection.execute(statement.offset(start).limit(_STEP)).all()
        bodies = bodies_of(connection, [row.no for row in rows])
        for row in rows:
            if looks(row.id, bodies.get(row.no, ())):
                found.append(row)
                if len(found) == wanted:
                    return found
        if len(rows) < _STEP:
            return found
    raise Invalid(
        f"The filter looks into the spans of more than {_READ} traces; narrow it by time, name, tag or status.",
        field="filter",
    )
