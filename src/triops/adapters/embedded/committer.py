"""The writer of one kind: a bounded queue and a thread that takes all that wait, for one commit together.

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


@dataclass
class Pending(Generic[R]):
    request: R
    rows: int
    bytes: int
    answer: "Future[Any]" = field(default_factory=Future)


class Committer(Generic[R]):
    """`commit(group)` answers or fails the future of every member. `bytes` and `requests` bound what waits: over
    either, Overloaded. A request above `group_rows` rows goes alone."""

    def __init__(
        self,
        name: str,
        commit: Callable[[Sequence[Pending[R]]], None],
        *,
        requests: int = 4096,
        bytes: int = 256 << 20,
        group_rows: int = 100_000,
    ) -> None:
        self._name = name
        self._commit = commit
        self._bounds = (requests, bytes, group_rows)
        self._changed = threading.Condition()
        self._queue: deque[Pending[R]] = deque()
        self._work: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._bytes = 0  # of what waits and of what is being committed
        self._open = False
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
                group = self._take()
                work = self._work.popleft() if self._work else None
            group_bytes = sum(pending.bytes for pending in group)
            group = [pending for pending in group if pending.answer.set_running_or_notify_cancel()]
            if group:
                try:
                    self._commit(group)
                except Exception as error:  # a waiter must never hang, whatever went wrong
                    for pending in group:
                        if not pending.answer.done():
                            pending.answer.set_exception(error)
            with self._changed:
                self._bytes -= group_bytes
            if work is not None and work[1].set_running_or_notify_cancel():
                try:
                    work[1].set_result(work[0]())
                except Exception as error:
                    work[1].set_exception(error)

    def _take(self) -> list[Pending[R]]:
        group: list[Pending[R]] = []
        rows = 0
        while self._queue and (not group or rows + self._queue[0].rows <= self._bounds[2]):
            pending = self._queue.popleft()
            rows += pending.rows
            group.append(pending)
        return group
