"""Whole histories of metrics: what compaction has merged (`metric_chunks`) and what came since (`metric_batches`)."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection, bindparam, select

from triops.kernel.ids import ProjectId
from triops.ledger.paging import chunks
from triops.ledger.prepared import Prepared
from triops.ledger.runs import tables
from triops.ledger.runs.points import Columns, keys_of, ordered, unpack, unpack_chunk
from triops.ports.records import Records

_R = tables.runs.c
_B = tables.metric_batches.c
_C = tables.metric_chunks.c
_CHUNKS = Prepared(select(_C.body).where(_C.run == bindparam("run"), _C.key == bindparam("key")).order_by(_C.part))
_BATCHES = Prepared(select(_B.body).where(_B.run == bindparam("run")).order_by(_B.seq))


class History:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def points(
        self, project: ProjectId, runs: Sequence[str], key: str, *, by_step: bool = False
    ) -> list[tuple[str, Columns]]:
        """Of each run that is known, in the order given: the metric's points by time, step, value (or by step, time,
        value), every point once; one snapshot."""

        def query(connection: Connection) -> list[tuple[str, Columns]]:
            numbers = numbers_of(connection, project, runs)
            return [
                (run, ordered(points_of(connection, numbers[run], key), by_step=by_step))
                for run in runs
                if run in numbers
            ]

        return await self._records.read(query)


def numbers_of(connection: Connection, project: ProjectId, runs: Sequence[str]) -> dict[str, int]:
    """Of the runs that are there, deleted ones too."""
    numbers: dict[str, int] = {}
    for some in chunks(dict.fromkeys(runs)):
        statement = select(_R.id, _R.no).where(_R.project == project, _R.id.in_(some))
        numbers |= {row.id: row.no for row in connection.execute(statement)}
    return numbers


def points_of(connection: Connection, run: int, key: str) -> Columns:
    """As they are stored: in no order, and some perhaps twice."""
    found = [unpack_chunk(body) for (body,) in _CHUNKS.run(connection, run=run, key=key)]
    needle = key.encode() if key.isascii() else b""  # most batches without the metric are passed over unread
    for (body,) in _BATCHES.run(connection, run=run):
        if needle not in body:
            continue
        keys = keys_of(body)
        if key in keys:
            points = unpack(body)
            mine = points.key == keys.index(key)
            found.append((points.time_ms[mine], points.step[mine], points.value[mine]))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    time_ms, step, value = (np.concatenate([part[index] for part in found]) for index in range(3))
    return time_ms, step, value
