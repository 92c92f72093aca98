"""Histories, merged: the points of many small requests become a few chunks a metric, so that a long training's history
is read at once and takes little room. Runs whose batches are few stay as they are: one packed row is the best there is.

A step takes some batches of one run, packs them off the writer's thread, and puts them in place of the batches in one
transaction: a kill leaves the one or the other. Points that were logged twice go.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, delete, func, insert, select, update

from triops.ledger.paging import chunks
from triops.ledger.runs import tables
from triops.ledger.runs.points import Columns, keys_of, ordered, pack_chunk, unpack, unpack_chunk
from triops.ports.records import Records

CHUNK_POINTS = 4096
_STEP_BATCHES = 512
_STEP_POINTS = 200_000
_KNOWN = 100_000  # runs whose batches are counted; at the bound those counted first are left to the next start's scan
_B = tables.metric_batches.c
_C = tables.metric_chunks.c


class _Gone(Exception):
    """The batches are no longer what was read: their run was freed or erased."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a step works on: batches by number, and of each metric in them the chunk to go on with."""

    batches: list[tuple[int, bytes]]
    last: Mapping[str, tuple[int, int, bytes]]  # key: part, points, body; the body is empty where a new one begins


class Compaction:
    """`many`: batches from which on a run is compacted while it goes on, `few` once it has ended."""

    def __init__(self, records: Records, *, many: int = 256, few: int = 16) -> None:
        self._records = records
        self._many = many
        self._few = few
        self._counts: dict[int, int] = {}
        self._due: dict[int, None] = {}
        self._scanned = False

    def logged(self, run: int) -> None:
        """One batch more."""
        count = self._counts.pop(run, 0) + 1
        if count >= self._many:
            self._due[run] = None
        elif len(self._counts) >= _KNOWN:
            del self._counts[next(iter(self._counts))]
        self._counts[run] = count

    def ended(self, run: int) -> None:
        if self._counts.pop(run, 0) >= self._few:
            self._due[run] = None

    async def tick(self, now: float) -> None:
        """Everything that is due, a bounded step at a time."""
        if not self._scanned:
            self._due |= dict.fromkeys(await self._records.read(self._left_over))
            self._scanned = True
        while self._due:
            run = next(iter(self._due))
            more = await self._step(run)
            if not more:
                self._due.pop(run, None)
                self._counts.pop(run, None)

    async def _step(self, run: int) -> bool:
        """Whether there may be more to do for the run."""
        taken = await self._records.read(lambda c: _take(c, run))
        if not taken.batches:
            return False
        merged = await asyncio.to_thread(_merged, taken)
        try:
            await self._records.write(_replace(run, [seq for seq, _ in taken.batches], taken.last, merged))
        except _Gone:
            return False
        return len(taken.batches) >= self._few

    def _left_over(self, connection: Connection) -> list[int]:
        """Runs with many batches, as an earlier process left them."""
        statement = select(_B.run).group_by(_B.run).having(func.count() >= self._few)
        return list(connection.scalars(statement))


def _take(connection: Connection, run: int) -> _Taken:
    sizes = connection.execute(
        select(_B.seq, _B.points).where(_B.run == run).order_by(_B.seq).limit(_STEP_BATCHES)
    ).all()
    chosen: list[int] = []
    points = 0
    for seq, size in sizes:
        if chosen and points + size > _STEP_POINTS:
            break
        chosen.append(seq)
        points += size
    batches: list[tuple[int, bytes]] = []
    for some in chunks(chosen):
        batches += [
            (row.seq, row.body)
            for row in connection.execute(select(_B.seq, _B.body).where(_B.seq.in_(some)).order_by(_B.seq))
        ]
    last: dict[str, tuple[int, int, bytes]] = {}
    for keys in chunks(dict.fromkeys(key for _, body in batches for key in keys_of(body))):
        newest = select(_C.key, func.max(_C.part).label("part")).where(_C.run == run, _C.key.in_(keys))
        found = newest.group_by(_C.key).subquery()
        rows = connection.execute(
            select(_C.key, _C.part, _C.points, _C.body).join(
                found, (_C.run == run) & (_C.key == found.c.key) & (_C.part == found.c.part)
            )
        )
        for key, part, size, body in rows:
            last[key] = (part, size, body) if size < CHUNK_POINTS else (part + 1, 0, b"")
    return _Taken(batches, last)


def _merged(taken: _Taken) -> dict[str, list[tuple[int, int, bytes]]]:
    """Of each metric: the chunks to write, as part, points, body."""
    found: dict[str, list[Columns]] = {}
    for _, body in taken.batches:
        points = unpack(body)
        order = np.argsort(points.key, kind="stable")
        bounds = np.searchsorted(points.key[order], np.arange(len(points.keys) + 1))
        columns = (points.time_ms[order], points.step[order], points.value[order])
        for number, key in enumerate(points.keys):
            own = slice(bounds[number], bounds[number + 1])
            found.setdefault(key, []).append((columns[0][own], columns[1][own], columns[2][own]))
    merged = {}
    for key, columns_of_key in found.items():
        part, _, body = taken.last.get(key, (0, 0, b""))
        if body:
            columns_of_key.append(unpack_chunk(body))
        time_ms, step, value = ordered(
            (
                np.concatenate([columns[0] for columns in columns_of_key]),
                np.concatenate([columns[1] for columns in columns_of_key]),
                np.concatenate([columns[2] for columns in columns_of_key]),
            )
        )
        merged[key] = [
            (
                part + number,
                min(CHUNK_POINTS, len(value) - at),
                pack_chunk(
                    (time_ms[at : at + CHUNK_POINTS], step[at : at + CHUNK_POINTS], value[at : at + CHUNK_POINTS])
                ),
            )
            for number, at in enumerate(range(0, len(value), CHUNK_POINTS))
        ]
    return merged


def _replace(
    run: int,
    batches: list[int],
    last: Mapping[str, tuple[int, int, bytes]],
    merged: Mapping[str, list[tuple[int, int, bytes]]],
) -> Callable[[Connection], None]:
    def write(connection: Connection) -> None:
        gone = sum(
            connection.execute(delete(tables.metric_batches).where(_B.run == run, _B.seq.in_(some))).rowcount
            for some in chunks(batches)
        )
        if gone != len(batches):
            raise _Gone
        new = []
        for key, parts in merged.items():
            for part, points, body in parts:
                known = last.get(key)
                if known is not None and known[2] and known[0] == part:
                    connection.execute(
                        update(tables.metric_chunks)
                        .where(_C.run == run, _C.key == key, _C.part == part)
                        .values(points=points, body=body)
                    )
                else:
                    new.append({"run": run, "key": key, "part": part, "points": points, "body": body})
        if new:
            connection.execute(insert(tables.metric_chunks), new)

    return write
