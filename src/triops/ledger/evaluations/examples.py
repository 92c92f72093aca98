"""The examples of evaluation data sets: one of each inputs, told apart by a hash of them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, update

from triops.kernel.errors import NotFound
from triops.kernel.evaluation import EvaluationRecord
from triops.kernel.ids import ProjectId
from triops.ledger.evaluations import tables
from triops.ledger.paging import AnyRow, chunks
from triops.ports.records import Records

_D = tables.datasets.c
_E = tables.examples.c
_COLUMNS = tuple(column for column in tables.examples.c if column.name not in ("project", "hash"))


@dataclass(frozen=True, slots=True)
class Example:
    """One that came, as JSON texts; `outputs_given`: whether outputs were, even if as null."""

    hash: str
    id: str
    inputs: str
    outputs: str | None
    outputs_given: bool
    expectations: Mapping[str, Any]
    tags: Mapping[str, Any]
    source: str | None
    user: str | None


class Examples:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def merge(
        self,
        project: ProjectId,
        dataset: str,
        examples: Sequence[Example],
        now_ms: int,
        *,
        user: str | None,
        digest: Callable[[str], str],
        schema: Callable[[str | None], str | None],
    ) -> tuple[int, int]:
        """Answers how many were new, and how many were there: of those outputs are replaced, expectations and tags
        added to. `digest` is of the data set's name, `schema` of what it was. Raises: NotFound."""

        def write(connection: Connection) -> tuple[int, int]:
            own = and_(_D.project == project, _D.id == dataset)
            head = connection.execute(select(_D.name, _D.schema).where(own)).one_or_none()
            if head is None:
                raise NotFound(f"Evaluation dataset with id '{dataset[:80]}' not found")
            rows, new, changed = _merged(connection, project, dataset, examples, now_ms)
            if new:
                connection.execute(insert(tables.examples), [rows[hash] for hash in new])
            if changed:
                connection.execute(_UPDATE, [{f"b_{k}": v for k, v in rows[hash].items()} for hash in changed])
            count = connection.scalar(
                select(func.count()).select_from(tables.examples).where(_E.project == project, _E.dataset == dataset)
            )
            values = {
                "updated_ms": now_ms,
                "updated_by": user,
                "digest": digest(head.name),
                "schema": schema(head.schema),
            }
            if count:
                values["profile"] = json.dumps({"num_records": count})
            connection.execute(update(tables.datasets).where(own).values(**values))
            return len(new), len(examples) - len(new)

        return await self._records.write(write)

    async def page(
        self, project: ProjectId, dataset: str, limit: int, after: tuple[int, str] | None = None
    ) -> list[EvaluationRecord]:
        """Oldest first, equal times by id; `after` (time, id) of the last one seen."""
        statement = select(*_COLUMNS).where(_E.project == project, _E.dataset == dataset)
        if after is not None:
            at, id = after
            statement = statement.where(or_(_E.created_ms > at, and_(_E.created_ms == at, _E.id > id)))
        statement = statement.order_by(_E.created_ms, _E.id).limit(limit)
        return await self._records.read(lambda c: [_record(row) for row in c.execute(statement)])

    async def delete(self, project: ProjectId, dataset: str, ids: Sequence[str]) -> int:
        """Answers how many there were."""

        def write(connection: Connection) -> int:
            gone = 0
            own = and_(_E.project == project, _E.dataset == dataset)
            for some in chunks(ids):
                gone += connection.execute(delete(tables.examples).where(own, _E.id.in_(some))).rowcount
            if gone:
                left = connection.scalar(select(func.count()).select_from(tables.examples).where(own))
                profile = json.dumps({"num_records": left} if left else None)
                head = update(tables.datasets).where(_D.project == project, _D.id == dataset)
                connection.execute(head.values(profile=profile))
            return gone

        return await self._records.write(write)


_CHANGED = ("outputs", "expectations", "tags", "updated_ms", "updated_by")
_UPDATE = (
    update(tables.examples)
    .where(_E.project == bindparam("b_project"), _E.dataset == bindparam("b_dataset"), _E.hash == bindparam("b_hash"))
    .values({name: bindparam(f"b_{name}") for name in _CHANGED})
)


def _merged(
    connection: Connection, project: ProjectId, dataset: str, examples: Sequence[Example], now_ms: int
) -> tuple[dict[str, dict[str, Any]], list[str], list[str]]:
    """Rows by hash as they are to be; the hashes of the new ones, and of those that were there."""
    rows: dict[str, dict[str, Any]] = {}
    for some in chunks({example.hash for example in examples}):
        statement = select(tables.examples).where(_E.project == project, _E.dataset == dataset, _E.hash.in_(some))
        rows |= {row.hash: dict(row._mapping) for row in connection.execute(statement)}
    known, new = set(rows), []
    for example in examples:
        row = rows.get(example.hash)
        if row is None:
            new.append(example.hash)
            rows[example.hash] = {
                "project": project,
                "dataset": dataset,
                "hash": example.hash,
                "id": example.id,
                "inputs": example.inputs,
                "outputs": example.outputs if example.outputs_given else "{}",
                "expectations": json.dumps(example.expectations) if example.expectations else None,
                "tags": json.dumps(example.tags),
                "source": example.source,
                "created_ms": now_ms,
                "updated_ms": now_ms,
                "created_by": example.user,
                "updated_by": example.user,
            }
            continue
        if example.outputs_given:
            row["outputs"] = example.outputs
        for name, more in (("expectations", example.expectations), ("tags", example.tags)):
            if more:
                row[name] = json.dumps({**json.loads(row[name] or "{}"), **more})
        row["updated_ms"] = now_ms
        row["updated_by"] = example.user or row["updated_by"]
    seen = {example.hash for example in examples}
    return rows, new, sorted(known & seen)


def _record(row: AnyRow) -> EvaluationRecord:
    return EvaluationRecord(
        row.id,
        row.dataset,
        row.inputs,
        row.created_ms,
        row.updated_ms,
        row.outputs,
        row.expectations,
        row.tags,
        row.source,
        row.created_by,
        row.updated_by,
    )
