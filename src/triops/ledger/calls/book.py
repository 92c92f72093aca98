"""The book of spend: what is applied from the gateway's journal, once each, and how far.

The position and the rows of a range are one transaction, so that a range is applied whole or not at all. Before
anything outside the records is written for a range, its end is noted: who begins again repeats the same range.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from triops.kernel.errors import Conflict
from triops.kernel.ids import ProjectId
from triops.kernel.value import value
from triops.ledger.calls import tables
from triops.ledger.paging import chunks
from triops.ledger.prepared import Prepared, Rows
from triops.ledger.versions.upsert import put
from triops.ports.records import Records

_JOURNAL, _CALLS_KEPT = "journal", "calls"
_HOUR_MS = tables.HOUR * 1000
_DROPPED = 5000
_MICRO = 10**6  # pico-dollars of a micro-dollar
_P, _D = tables.position.c, tables.dims.c

Dims = tuple[str, str, str, str, str, str, str, str, int]
"""`tables.TEXTS`, then the prompt's version (0: none)."""


@value
class Charge:
    """One attempt of a call, or the call itself where nobody was asked. `counts` are `tables.COUNTS`; money is
    pico-dollars. `seq`: of the call's outcome in the journal; `at_ms`: when the call began."""

    seq: int
    attempt: int
    project: ProjectId
    dims: Dims
    at_ms: int
    counts: tuple[int, ...]
    cost: int = 0
    estimated: int = 0
    saved: int = 0


@dataclass(frozen=True, slots=True)
class Position:
    """`applied`: the last sequence number whose outcomes are in the book. `open_from`: no call that was open then
    began before it. `noted`: the end of the range that is being applied; `applied` when none is."""

    applied: int = 0
    open_from: int = 1
    noted: int = 0


_CALLS = Rows(tables.calls, ("seq", "attempt", "project", "dims", "at_ms", *tables.MEASURES))
_SUMS = Rows(
    tables.sums,
    ("project", "level", "span", "start", "dims", *tables.MEASURES),
    lambda rows: rows.on_conflict_do_update(
        index_elements=["project", "level", "span", "start", "dims"],
        set_={name: tables.sums.c[name] + rows.excluded[name] for name in tables.MEASURES},
    ),
)
_DIMS = Rows(
    tables.dims,
    ("project", "digest", *tables.TEXTS, "prompt_version"),
    lambda rows: rows.on_conflict_do_nothing(index_elements=["project", "digest"]),
)
_READ = select(_P.applied, _P.open_from, _P.noted).where(_P.name == _JOURNAL)
_MOVE = Prepared(
    update(tables.position)
    .where(_P.name == _JOURNAL, _P.applied == bindparam("expected"))
    .values(applied=bindparam("applied"), open_from=bindparam("open_from"), noted=bindparam("noted"))
)


class SpendBook:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def position(self) -> Position:
        return await self._records.read(position_of)

    async def note(self, position: Position) -> None:
        """Durable before anything else of the range is written. Raises: Conflict when the book is elsewhere."""
        await self._records.write(lambda c: _move(c, position.applied, position))

    async def apply(self, after: int, position: Position, charges: Sequence[Charge]) -> None:
        """The range (`after`, `position.applied`] and its charges. Raises: Conflict when the book is not at `after`:
        nothing is applied twice."""

        def write(connection: Connection) -> None:
            _move(connection, after, position)
            _write(connection, charges)

        await self._records.write(write)

    async def forget_user(self, project: ProjectId, user: str) -> int:
        """The sums stay, without the user; answers how many combinations were of theirs. A combination's digest keeps
        what told it apart, so its rows stay what they are."""

        def write(connection: Connection) -> int:
            own = (_D.project == project) & (_D.user == user)
            numbers = connection.scalars(select(_D.no).where(own)).all()
            for no in numbers:
                values = {"user": "", "digest": f"erased:{no}"}
                connection.execute(update(tables.dims).where(_D.no == no).values(values))
            return len(numbers)

        return await self._records.write(write) if user else 0

    async def compact(self, before_ms: int, most_kept: int) -> int:
        """Forget the calls begun before then, and the oldest beyond `most_kept`, up to a whole hour: their sums by the
        hour and day stay. Answers from when on each call is kept, unix milliseconds."""
        at = tables.calls.c.at_ms

        def move(connection: Connection) -> int:
            newest = select(at).order_by(at.desc())
            last, over = connection.scalar(newest.limit(1)) or 0, connection.scalar(newest.offset(most_kept).limit(1))
            since = before_ms if over is None else max(before_ms, over + _HOUR_MS)
            since = max(min(since, last) // _HOUR_MS * _HOUR_MS, kept_since(connection))
            row = {"name": _CALLS_KEPT, "applied": since, "open_from": 0, "noted": 0}
            put(connection, tables.position, row)
            return since

        since = await self._records.write(move)
        while await self._records.write(lambda c: _drop(c, since)):
            pass
        return since


def kept_since(connection: Connection) -> int:
    """From when on each call is there by itself, unix milliseconds; before that there are sums by the hour."""
    return connection.scalar(select(_P.applied).where(_P.name == _CALLS_KEPT)) or 0


def position_of(connection: Connection) -> Position:
    row = connection.execute(_READ).one_or_none()
    return Position() if row is None else Position(row.applied, row.open_from, row.noted)


def _drop(connection: Connection, before_ms: int) -> int:
    """Some rows at a time, so that no other write waits for long."""
    c = tables.calls.c
    old = select(c.seq, c.attempt).where(c.at_ms < before_ms).order_by(c.at_ms).limit(_DROPPED).subquery()
    gone = select(old.c.seq).where(old.c.seq == c.seq, old.c.attempt == c.attempt).exists()
    return connection.execute(delete(tables.calls).where(c.at_ms < before_ms, gone)).rowcount


def _move(connection: Connection, expected: int, position: Position) -> None:
    values = {"applied": position.applied, "open_from": position.open_from, "noted": position.noted}
    if _MOVE.run(connection, expected=expected, **values).rowcount == 1:
        return
    if expected or connection.execute(_READ).one_or_none() is not None:
        raise Conflict(f"the journal is not applied through {expected}, but through {position_of(connection).applied}")
    connection.execute(insert(tables.position), {"name": _JOURNAL, **values})


def _write(connection: Connection, charges: Sequence[Charge]) -> None:
    levels = {combined: _levels(combined[1]) for combined in {(charge.project, charge.dims) for charge in charges}}
    numbers = _interned(connection, {(project, part) for (project, _), parts in levels.items() for part in parts})
    rows: list[tuple[Any, ...]] = []
    hours: dict[tuple[ProjectId, Dims, int], list[tuple[int, ...]]] = {}
    for charge in charges:
        cost, estimated, saved, project, dims = charge.cost, charge.estimated, charge.saved, charge.project, charge.dims
        measures = (
            *charge.counts,
            *(cost // _MICRO, cost % _MICRO, estimated // _MICRO, estimated % _MICRO, saved // _MICRO, saved % _MICRO),
        )
        rows.append((charge.seq, charge.attempt, project, numbers[project, dims], charge.at_ms, *measures))
        hour = project, dims, charge.at_ms // _HOUR_MS * tables.HOUR
        if hour in hours:
            hours[hour].append(measures)
        else:
            hours[hour] = [measures]
    sums: dict[tuple[Any, ...], list[int]] = {}
    for (project, dims, start), some in hours.items():
        summed = [sum(column) for column in zip(*some, strict=True)]
        day = start // tables.DAY * tables.DAY
        for level, part in enumerate(levels[project, dims]):
            no = numbers[project, part]
            _add(sums, (project, level, tables.HOUR, start, no), summed)
            _add(sums, (project, level, tables.DAY, day, no), summed)
    _CALLS.write(connection, rows)
    _SUMS.write(connection, [(*key, *summed) for key, summed in sums.items()])


def _levels(dims: Dims) -> tuple[Dims, Dims, Dims]:
    """What is left of the dimensions at `tables.WHAT`, `WHO` and `ALL`."""
    key, application, team, user, route, provider, model, prompt, version = dims
    what: Dims = (key, application, team, "", route, provider, model, prompt, version)
    who: Dims = (key, application, team, user, "", "", "", "", 0)
    return what, who, dims


def _add(into: dict[tuple[Any, ...], list[int]], key: tuple[Any, ...], measures: Sequence[int]) -> None:
    known = into.get(key)
    into[key] = list(measures) if known is None else [a + b for a, b in zip(known, measures, strict=True)]


def _interned(
    connection: Connection, combined: Iterable[tuple[ProjectId, Dims]]
) -> Mapping[tuple[ProjectId, Dims], int]:
    """The number of each combination, made where it is new. They are read anew for every range, since a project may
    have been erased in between."""
    wanted: dict[ProjectId, dict[str, Dims]] = {}
    for project, dims in combined:
        wanted.setdefault(project, {})[_digest(dims)] = dims
    numbers: dict[tuple[ProjectId, Dims], int] = {}
    for project, by_digest in wanted.items():
        for some in chunks(by_digest):
            _DIMS.write(connection, [(project, digest, *by_digest[digest]) for digest in some])
            found = select(_D.digest, _D.no).where(_D.project == project, _D.digest.in_(some))
            for digest, no in connection.execute(found):
                numbers[project, by_digest[digest]] = no
    return numbers


def _digest(dims: Dims) -> str:
    text = "\0".join([str(part) for part in dims])
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
