"""The gateway's journal becomes spend, spans, metrics and entities: every call exactly once.

One range of sequence numbers at a time, in these steps. A crash between any two repeats the very same range:
1. the range's end is noted in the records;
2. the spans are appended, a project at a time, under a digest of the range's calls: a repetition stores nothing (the
   span store remembers digests for a day, so a server that is down for longer may repeat one range of spans, never
   of spend);
3. the charges and the position are one transaction of the records;
4. who listens is told; the journal may drop what no open call and no range needs any more.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Protocol

from triops.kernel.errors import TriopsError
from triops.kernel.ids import ProjectId
from triops.kernel.signal import SpanBatch
from triops.ledger.calls.book import Charge, Position, SpendBook
from triops.lenses.llmops.spend.charging import charges_of
from triops.lenses.llmops.spend.journalled import Call, OpenCalls, Range
from triops.lenses.llmops.spend.recording import SpanRows
from triops.ports.journal import MOST_READ, Entry, JournalReader

log = logging.getLogger(__name__)

_MOST = 5000
_ASKED_ROUNDS = 4  # ranges that who asks for the books waits for
_ROUNDS = 40  # ranges of one tick; what is left waits for the next
# A commit costs as much as some hundred calls of it, so calls that keep coming are applied together.
_EVERY_S = 0.8
_AT_ONCE = 5  # ticks that apply in a row, so that a few calls are in the books at once
_DROP_EVERY_S = 30.0


class Spans(Protocol):
    async def __call__(self, project: ProjectId, batch: SpanBatch, digest: bytes | None = None) -> object: ...


@dataclass(frozen=True, slots=True)
class Applied:
    """What one range was: calls by project, and their charges."""

    calls: Mapping[ProjectId, Sequence[Call]]
    charges: Sequence[Charge]


@dataclass(frozen=True, slots=True)
class _Ready:
    range: Range
    applied: Applied
    spans: Mapping[ProjectId, SpanBatch]
    full: bool  # there may be more


@dataclass
class Applying:
    """`listeners` hear of every range after it is applied. `step` is called between the steps, by name: tests stop
    there. Counters are since the start: `unmatched` are records that no call could be made of."""

    book: SpendBook
    journal: JournalReader
    spans: Spans
    listeners: Sequence[Callable[[Applied, float], Awaitable[None]]] = ()
    step: Callable[[str], None] = lambda name: None
    most: int = _MOST
    most_bytes: int = MOST_READ
    calls: int = 0
    unmatched: int = 0
    _position: Position | None = None
    _open: OpenCalls = field(init=False)
    _ready: _Ready | None = None
    _ticks: float = _AT_ONCE  # that may apply now
    _ticked_at: float = 0.0
    _behind: bool = False  # the last range was a full one
    _current_at: float = 0.0  # when the books had all that there was
    _dropped_at: float = 0.0
    _droppable: int = 0
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)  # range at a time

    def __post_init__(self) -> None:
        self._open = OpenCalls(self._again)

    @property
    def open_calls(self) -> int:
        return len(self._open)

    def lag(self, last: int, now: float) -> float:
        """For how long the books have not had all that the journal holds up to `last`, seconds."""
        position = self._position
        if not self._current_at or (position is not None and position.applied >= last):
            return 0.0
        return max(now - self._current_at, 0.0)

    async def tick(self, now: float) -> None:
        """Apply what there is, at most some ranges, unless that was done just now. Raises: what the stores raise; the
        range is then due again."""
        self._ticks = min(_AT_ONCE, self._ticks + max(now - self._ticked_at, 0.0) / _EVERY_S)
        self._ticked_at = now
        self._current_at = self._current_at or now
        if self._ticks >= 1.0:
            rounds = 0
            while rounds < _ROUNDS and await self.apply_range(now):
                rounds += 1
                if not self._behind:
                    break
            if rounds:
                self._ticks -= 1.0
            if rounds < _ROUNDS:
                self._current_at = now
        if self._position is not None and now - self._dropped_at >= _DROP_EVERY_S:
            # not at once: a gateway that is starting may still read from a position that it was told before
            await asyncio.to_thread(self.journal.drop_through, self._droppable)
            self._dropped_at, self._droppable = now, self._passed()

    async def up_to_date(self, now: float) -> None:
        """For who asks what was spent: what was answered before he asked is in the books, unless they are far behind.
        Nothing is raised: what cannot be applied is the next tick's to tell."""
        with suppress(TriopsError):
            for _ in range(_ASKED_ROUNDS):
                if not await self.apply_range(now) or not self._behind:
                    break

    async def all(self, now: float) -> None:
        """Everything that the journal has by now. Raises as `tick`."""
        while await self.apply_range(now):
            pass

    async def drop(self) -> None:
        """At once what no open call and no range needs. Only while the gateway is not starting."""
        await asyncio.to_thread(self.journal.drop_through, self._passed())

    def _passed(self) -> int:
        position = self._position
        return 0 if position is None else min(position.open_from, position.applied + 1) - 1

    async def apply_range(self, now: float) -> bool:
        """One range; False when there was nothing new."""
        async with self._one:
            return await self._apply_range(now)

    async def _apply_range(self, now: float) -> bool:
        if self._position is None:
            self._position = await self._begin()
        position = self._position
        if self._ready is None:
            self._ready = await asyncio.to_thread(self._prepare, position)
        ready = self._ready
        if ready is None:
            return False
        done = ready.range
        if ready.spans:
            if position.noted != done.last:
                position = Position(position.applied, position.open_from, done.last)
                await self.book.note(position)
                self._position = position
                self.step("noted")
            for project, batch in ready.spans.items():
                await self.spans(project, batch, _digest(project, ready.applied.calls[project]))
                self.step("spans")
        after = Position(done.last, done.open_from, done.last)
        await self.book.apply(done.after, after, ready.applied.charges)
        self.step("applied")
        self._open.take(done)
        self._position, self._ready, self._behind = after, None, ready.full
        self.calls += len(done.calls)
        self.unmatched += done.unmatched
        for listener in self.listeners:
            await self._tell(listener, ready.applied, now)
        return True

    async def _tell(self, listener: Callable[[Applied, float], Awaitable[None]], applied: Applied, now: float) -> None:
        try:
            await listener(applied, now)
        except Exception:  # what is told is of less weight than what is booked
            log.exception("a listener to applied calls failed")

    async def _begin(self) -> Position:
        """The position, and the calls that were open there, read again."""
        position = await self.book.position()
        at = min(position.open_from, position.applied + 1) - 1
        while at < position.applied:
            read = await asyncio.to_thread(self.journal.read, at, self.most, self.most_bytes)
            entries = [entry for entry in read if entry.seq <= position.applied]
            if not entries:
                break
            self._open.take(self._open.read(at, entries))
            at = entries[-1].seq
        return position

    def _prepare(self, position: Position) -> _Ready | None:
        """On a worker thread. A range that was noted before is read to its noted end, neither more nor less."""
        entries = self._entries(position.applied, position.noted)
        if not entries:
            return None
        read = self._open.read(position.applied, entries)
        by_project: dict[ProjectId, list[Call]] = {}
        rows: dict[ProjectId, SpanRows] = {}
        charges: list[Charge] = []
        spoiled = 0
        for call in read.calls:
            try:
                made = charges_of(call)
                rows.setdefault(made[0].project, SpanRows()).add(call)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                spoiled += 1  # not a call's record: it must not hold up the others
                continue
            charges += made
            by_project.setdefault(made[0].project, []).append(call)
        if spoiled:
            log.error("%d records of the gateway's journal up to %d are no calls", spoiled, read.last)
        spans = {project: rows[project].batch() for project in by_project}
        full = len(entries) >= self.most or sum(len(entry.body) for entry in entries) >= self.most_bytes
        return _Ready(read, Applied(by_project, charges), spans, full)

    def _entries(self, after: int, noted: int) -> Sequence[Entry]:
        if noted <= after:
            return self.journal.read(after, self.most, self.most_bytes)
        entries: list[Entry] = []
        while after < noted and (more := self.journal.read(after, noted - after, self.most_bytes)):
            entries += [entry for entry in more if entry.seq <= noted]
            after = more[-1].seq
        return entries

    def _again(self, seq: int) -> Entry | None:
        entries = self.journal.read(seq - 1, 1)
        return entries[0] if entries else None


def _digest(project: ProjectId, calls: Sequence[Call]) -> bytes:
    """Of what the range holds, not only of its numbers: after a power failure the journal may give them anew."""
    digest = blake2b(f"gateway\0{project}".encode(), digest_size=16)
    for call in calls:
        digest.update(f"\0{call.seq}\0{call.intent['call']}".encode())
    return digest.digest()
