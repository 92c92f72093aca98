"""The writer of one kind: a bounded queue and a thread that takes all that wait, for one commit together.

A commit costs as much as hundreds of its rows. So what of a request needs no transaction is done before it, and what
comes meanwhile joins; and where fewer came than last time, the next of them is waited for a moment.

Also runs rare work (retention, erasure) between two groups, so that a day file has one writer and its caches need no
locks. Does not know what a request holds.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from triops.kernel.errors import Overloaded, Unavailable

R = TypeVar("R")
T = TypeVar("T")
_MOMENT_S = 0.01


@dataclass
class Pending(Generic[R]):
    request: R
    rows: int
    bytes: int
    answer: "Future[Any]" = field(default_factory=Future)


class Committer(Generic[R]):
    """`prepare(request)` is called once for each, on the writer's thread; what it raises fails that request alone.
    `commit(group)` answers or fails the future of every member. `bytes` and `requests` bound what waits: over either,
    Overloaded. A request above `group_rows` rows goes alone; a group of `joined_rows` rows waits for no more."""

    def __init__(
        self,
        name: str,
        commit: Callable[[Sequence[Pending[R]]], None],
        *,
        requests: int = 4096,
        bytes: int = 256 << 20,
        prepare: Callable[[R], None] | None = None,
        group_rows: int = 100_000,
        joined_rows: int = 10_000,
    ) -> None:
        self._name = name
        self._commit = commit
        self._prepare = prepare
        self._bounds = (requests, bytes, group_rows)
        self._joined_rows = min(joined_rows, group_rows)
        self._changed = threading.Condition()
        self._queue: deque[Pending[R]] = deque()
        self._work: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._bytes = 0  # of what waits and of what is being committed
        self._open = False
        self._last = 0  # requests of the last group
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._open = True
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Commit what was accepted, then end the thread. Safe before start, and twice."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def submit(self, request: R, rows: int, bytes: int) -> "Future[Any]":
        """Raises: Overloaded, Unavailable."""
        pending = Pending(request, rows, bytes)
        with self._changed:
            if not self._open:
                raise Unavailable("the telemetry store is closed")
            if len(self._queue) >= self._bounds[0] or (self._bytes and self._bytes + bytes > self._bounds[1]):
                raise Overloaded(f"the queue of {self._name} is full")
            self._queue.append(pending)
            self._bytes += bytes
            self._changed.notify_all()
        return pending.answer

    def run(self, work: Callable[[], T]) -> "Future[T]":
        """Call `work` on the writer's thread, after the group in hand."""
        answer: Future[T] = Future()
        with self._changed:
            if not self._open:
                raise Unavailable("the telemetry store is closed")
            if len(self._work) >= self._bounds[0]:
                raise Overloaded(f"the queue of {self._name} is full")
            self._work.append((work, answer))
            self._changed.notify_all()
        return answer

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._work or not self._open)
                if not self._queue and not self._work:
                    return
                taken = self._take(0, self._bounds[2])
                work = self._work.popleft() if self._work else None
            group = self._prepared(taken)
            if group:
                try:
                    self._commit(group)
                except Exception as error:  # a waiter must never hang, whatever went wrong
                    for pending in group:
                        if not pending.answer.done():
                            pending.answer.set_exception(error)
            with self._changed:
                self._bytes -= sum(pending.bytes for pending in taken)
            if work is not None and work[1].set_running_or_notify_cancel():
                try:
                    work[1].set_result(work[0]())
                except Exception as error:
                    work[1].set_exception(error)

    def _prepared(self, taken: list[Pending[R]]) -> list[Pending[R]]:
        """Those of `taken`, and of what joined them there meanwhile, that are to be committed."""
        group: list[Pending[R]] = []
        rows = at = 0
        while at < len(taken):
            for pending in taken[at:]:
                at += 1
                rows += pending.rows
                if pending.answer.set_running_or_notify_cancel() and self._is_prepared(pending):
                    group.append(pending)
            with self._changed:
                if len(taken) < self._last and rows < self._joined_rows:
                    self._changed.wait_for(lambda: self._queue or self._work or not self._open, _MOMENT_S)
                taken += self._take(rows, self._joined_rows)
        self._last = len(taken)
        return group

    def _is_prepared(self, pending: Pending[R]) -> bool:
        if self._prepare is not None:
            try:
                self._prepare(pending.request)
            except Exception as error:  # as of a commit
                pending.answer.set_exception(error)
                return False
        return True

    def _take(self, rows: int, most: int) -> list[Pending[R]]:
        """What waits, as far as `most` rows with the `rows` that are taken already; the first request of any size."""
        group: list[Pending[R]] = []
        while self._queue and (not rows or rows + self._queue[0].rows <= most):
            pending = self._queue.popleft()
            rows += pending.rows
            group.append(pending)
        return group
