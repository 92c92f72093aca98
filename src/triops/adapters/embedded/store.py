"""What the three embedded stores share: start and close, append by group commit, retention, erasure, usage.

Durability: an append is answered after DuckDB's commit, which syncs the day's write-ahead log to disk.
"""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from triops.adapters.embedded.committer import Committer, Pending
from triops.adapters.embedded.dayfile import Beside, DayWriter
from triops.adapters.embedded.engine import Connection, Engine
from triops.adapters.embedded.erasure import Rewriting, rewrite_without_project, rewrite_without_user
from triops.adapters.embedded.faults import write_error
from triops.adapters.embedded.known import Known
from triops.adapters.embedded.layout import Layout
from triops.adapters.embedded.partitions import Partitions
from triops.adapters.embedded.request import Part, Request, request_of
from triops.adapters.embedded.told import Told
from triops.kernel.errors import Unavailable
from triops.kernel.ids import ProjectId
from triops.kernel.limits import DEFAULT_LIMITS, Limits
from triops.kernel.signal import fingerprint
from triops.ports.telemetry import Appended, Usage

T = TypeVar("T")
_LARGE = 5000  # rows


class TelemetryStore:
    """`now` is only for the 24 hours of request digests."""

    layout: Layout

    def __init__(
        self,
        engine: Engine,
        *,
        limits: Limits = DEFAULT_LIMITS,
        now: Callable[[], float] = time.time,
        attached: int = 16,
        group_rows: int = 100_000,
    ) -> None:
        self._engine = engine
        self._partitions = Partitions(engine, self.layout.kind, self.layout.tables, attached, self.layout.added)
        self._known = Known()
        self._told = Told()
        self._beside = self.keeps_beside()
        self._writer = DayWriter(self.layout, self._partitions, self._known, self._told, now, self._beside)
        self._committer: Committer[Request] = Committer(
            f"{self.layout.kind}-writer",
            self._commit,
            prepare=self._prepare if self._beside is not None else None,
            requests=limits.queued_requests,
            bytes=limits.queued_bytes,
            group_rows=group_rows,
        )
        self._counts: dict[str, int] = {}  # rows of days that were not written to since they were counted
        self._connection: Connection = None
        self._started = False

    def keeps_beside(self) -> Beside | None:
        """What the kind keeps of its rows in tables beside them."""
        return None

    async def start(self) -> None:
        if not self._started:
            await asyncio.to_thread(self._start)

    async def close(self) -> None:
        if self._started:
            self._started = False
            await asyncio.to_thread(self._close)

    async def drop_before(self, day: str) -> int:
        return sum([await self._work(partial(self._drop, old)) for old in self._partitions.days() if old < day])

    async def erase_project(self, project: ProjectId) -> int:
        return await self._erase(lambda day: rewrite_without_project(self._rewriting(day), fingerprint(project)))

    async def erase_user(self, project: ProjectId, user: str, traces: Sequence[int] = ()) -> int:
        own = traces if "trace_lo" in self.layout.columns else ()
        return await self._erase(
            lambda day: rewrite_without_user(self._rewriting(day), fingerprint(project), user, own)
        )

    async def usage(self) -> Usage:
        days = self._days()

        for day in days:
            if day not in self._counts:
                self._counts[day] = await self._query([day], self._count) or 0
        rows = sum(self._counts.get(day, 0) for day in days)
        size = await asyncio.to_thread(lambda: sum(map(self._partitions.bytes_of, days)))
        return Usage(rows, size, days[0] if days else None, days[-1] if days else None)

    async def _append(self, project: ProjectId, batch: Any, digest: bytes | None) -> Appended:
        if len(batch) > _LARGE:  # checking it would hold the event loop too long
            request = await asyncio.to_thread(request_of, self.layout, project, batch, digest)
        else:
            request = request_of(self.layout, project, batch, digest)
        if not request.rows:
            return Appended(0)
        answer = self._committer.submit(request, request.rows, request.bytes)
        return await asyncio.wrap_future(answer)

    def _days(self, start_ns: int | None = None, end_ns: int | None = None) -> list[str]:
        """The days to read for a range. Raises: Unavailable when closed."""
        if not self._started:
            raise Unavailable(f"the {self.layout.kind} store is closed")
        return self._partitions.days(start_ns, end_ns)

    async def _query(self, days: Sequence[str], ask: Callable[[Connection, list[str]], T]) -> T | None:
        """`ask(connection, catalog names)` on a reader's thread; None when no day holds anything."""

        def run(connection: Connection) -> T | None:
            with self._partitions.reading(days) as names:
                return ask(connection, names) if names else None

        return await self._engine.query(run)

    async def _work(self, work: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._committer.run(work))

    async def _erase(self, erase: Callable[[str], int]) -> int:
        """Day by day on the writer's thread, so that appends go on in between."""

        def one(day: str) -> int:
            self._forget(day)
            erased = erase(day)
            self._forget(day)
            return erased

        return sum([await self._work(partial(one, day)) for day in self._partitions.days()])

    def _count(self, connection: Connection, names: Sequence[str]) -> int:
        return int(connection.execute(f"SELECT count(*) FROM {names[0]}.{self.layout.table}").fetchone()[0])

    def _start(self) -> None:
        self._engine.acquire()
        self._known.clear()
        self._told.clear()
        self._counts.clear()
        try:
            self._partitions.open()
            self._connection = self._engine.cursor()
        except OSError as error:
            self._engine.release()
            raise Unavailable(f"the {self.layout.kind} store cannot open: {error}") from error
        self._committer.start()
        self._started = True

    def _close(self) -> None:
        self._committer.stop()
        self._connection.close()
        self._partitions.close()
        self._engine.release()

    def _drop(self, day: str) -> int:
        self._forget(day)
        return self._partitions.drop(day)

    def _forget(self, day: str) -> None:
        self._known.forget(day)
        self._told.forget(day)
        self._counts.pop(day, None)
        if self._beside is not None:
            self._beside.forget(day)

    def _rewriting(self, day: str) -> Rewriting:
        return self.layout, self._partitions, self._connection, day, self._beside

    def _prepare(self, request: Request) -> None:
        assert self._beside is not None
        try:
            for part in request.parts:
                self._beside.prepare(part)
        except Exception as error:
            raise write_error(error) from error

    def _commit(self, group: Sequence[Pending[Request]]) -> None:
        days: dict[str, list[Part]] = {}
        for pending in group:
            for part in pending.request.parts:
                days.setdefault(part.day, []).append(part)
        for day, parts in sorted(days.items()):
            self._writer.write(self._connection, day, [part for part in parts if part.request.error is None])
            self._counts.pop(day, None)
            self._partitions.refresh(day)
        for pending in group:
            request = pending.request
            if request.error is not None:
                pending.answer.set_exception(request.error)
            else:
                told = tuple(part.heard for part in request.parts if part.heard is not None)
                pending.answer.set_result(Appended(request.stored, request.stored == 0, told))
