"""The book of spend: what is applied from the gateway's journal, once each, and how far.

The position and the rows of a range are one transaction, so that a range is applied whole or not at all. Before
anything outside the records is written for a range, its end is noted: who begins again repeats the same range.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from triops.kernel.errors import Conflict
from triops.kernel.ids import ProjectId
from triops.ledger.calls import tables
from triops.ledger.paging import chunks
from triops.ledger.prepared import Prepared, Rows
from triops.ports.records import Records

_JOURNAL = "journal"
_MICRO = 10**6  # pico-dollars of a micro-dollar
_P, _D = tables.position.c, tables.dims.c

Dims = tuple[str, str, str, str, str, str, str, str, int]
"""`tables.TEXTS`, then the prompt's version (0: none)."""


@dataclass(frozen=True, slots=True)
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
    ("project", "span", "start", "dims", *tables.MEASURES),
    lambda rows: rows.on_conflict_do_update(
        index_elements=["project", "span", "start", "dims"],
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

    async def compact(self, before_ms: int, most: int = 20_000) -> int:
        """Drop the rows of calls begun before then, at most `most`: their sums by the hour and day stay. Answers how
        many."""
        c = tables.calls.c

        def write(connection: Connection) -> int:
            old = select(c.seq, c.attempt).where(c.at_ms < before_ms).limit(most).subquery()
            gone = select(old.c.seq).where(old.c.seq == c.seq, old.c.attempt == c.attempt).exists()
            return connection.execute(delete(tables.calls).where(c.at_ms < before_ms, gone)).rowcount

        return await self._records.write(write)


def position_of(connection: Connection) -> Position:
    row = connection.execute(_READ).one_or_none()
    return Position() if row is None else Position(row.applied, row.open_from, row.noted)


def _move(connection: Connection, expected: int, position: Position) -> None:
    values = {"applied": position.applied, "open_from": position.open_from, "noted": position.noted}
    if _MOVE.run(connection, expected=expected, **values).rowcount == 1:
        return
    if expected or connection.execute(_READ).one_or_none() is not None:
        raise Conflict(f"the journal is not applied through {expected}, but through {position_of(connection).applied}")
    connection.execute(insert(tables.position), {"name": _JOURNAL, **values})


def _write(connection: Connection, charges: Sequence[Charge]) -> None:
    numbers = _interned(connection, charges)
    rows: list[tuple[Any, ...]] = []
    hours: dict[tuple[Any, ...], list[int]] = {}
    for charge in charges:
        no = numbers[charge.project, charge.dims]
        cost, estimated, saved = charge.cost, charge.estimated, charge.saved
        measures = (
            *charge.counts,
            *(cost // _MICRO, cost % _MICRO, estimated // _MICRO, estimated % _MICRO, saved // _MICRO, saved % _MICRO),
        )
        rows.append((charge.seq, charge.attempt, charge.project, no, charge.at_ms, *measures))
        hour = charge.at_ms // 1000 // tables.HOUR * tables.HOUR
        _add(hours, (charge.project, tables.HOUR, hour, no), measures)
    days: dict[tuple[Any, ...], list[int]] = {}
    for (project, _, start, no), summed in hours.items():
        _add(days, (project, tables.DAY, start // tables.DAY * tables.DAY, no), summed)
    _CALLS.write(connection, rows)
    _SUMS.write(connection, [(*key, *summed) for key, summed in (*hours.items(), *days.items())])


def _add(into: dict[tuple[Any, ...], list[int]], key: tuple[Any, ...], measures: Sequence[int]) -> None:
    known = into.get(key)
    into[key] = list(measures) if known is None else [a + b for a, b in zip(known, measures, strict=True)]


def _interned(connection: Connection, charges: Sequence[Charge]) -> Mapping[tuple[ProjectId, Dims], int]:
    """The number of each combination, made where it is new. They are read anew for every range, since a project may
    have been erased in between."""
    wanted: dict[ProjectId, dict[str, Dims]] = {}
    for project, dims in {(charge.project, charge.dims) for charge in charges}:
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
