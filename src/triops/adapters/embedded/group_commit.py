"""One thread that writes: many writes, one COMMIT, and each is told the outcome once it is on disk.

Each write runs in a savepoint of its own, so that a failing one rolls back alone. Where SQLite takes back the whole
transaction (a full disk does that), the group's writes run again, each in a transaction of its own, so that only those
fail that must.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from triops.adapters.embedded.sqlite_errors import translate
from triops.kernel.errors import Overloaded, Unavailable

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Write:
    change: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    value: Any = None
    error: BaseException | None = None


class _GroupLost(Exception):
    """The transaction is gone with all that was in it; the cause is chained."""


class GroupCommit:
    """`bound` writes wait at most (over it: Overloaded); `group` of them share a commit."""

    def __init__(self, engine: Engine, path: Path, *, bound: int, group: int) -> None:
        self._engine = engine
        self._path = path
        self._bound = bound
        self._group = group
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._gate = threading.Lock()  # nothing is queued behind the end
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="records-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Commit what was accepted, then stop; blocks until then. Twice is once."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def submit(self, change: Callable[[Connection], Any]) -> "asyncio.Future[Any]":
        """Raises: Overloaded, Unavailable (closed)."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        with self._gate:
            if self._closed:
                raise Unavailable("the records are closed")
            if self._queue.qsize() >= self._bound:
                raise Overloaded("too many writes wait for the disk", retry_after_s=1.0)
            self._queue.put(_Write(change, loop, future))
        return future

    def _run(self) -> None:
        ending = False
        while not ending:
            first = self._queue.get()
            writes = [] if first is None else [first]
            ending = first is None
            while not ending and len(writes) < self._group:
                try:
                    write = self._queue.get_nowait()
                except queue.Empty:
                    break
                if write is None:
                    ending = True
                else:
                    writes.append(write)
            if writes:
                self._commit_or_split(writes)
                self._tell(writes)

    def _commit_or_split(self, writes: list[_Write]) -> None:
        try:
            self._commit(writes)
        except BaseException as error:  # the thread must live, whatever a write does
            if len(writes) > 1 and isinstance(error, _GroupLost):
                for write in writes:
                    write.value = write.error = None
                    self._commit_or_split([write])
                return
            cause = error.__cause__ if isinstance(error, _GroupLost) and error.__cause__ else error
            if not isinstance(error, _GroupLost):
                self._engine.dispose()  # BEGIN itself failed: the next group gets a new connection
            shown = translate(cause, self._path)
            for write in writes:
                write.error = shown

    def _commit(self, writes: list[_Write]) -> None:
        with self._engine.connect() as connection:
            transaction = connection.begin()
            driver: Any = connection.connection.dbapi_connection
            try:
                for write in writes:
                    self._apply(connection, driver, write)
                transaction.commit()
            except BaseException as error:
                if driver.in_transaction:
                    driver.execute("ROLLBACK")
                transaction.close()
                if isinstance(error, _GroupLost):
                    raise
                raise _GroupLost from error

    def _apply(self, connection: Connection, driver: Any, write: _Write) -> None:
        driver.execute("SAVEPOINT one_write")
        try:
            write.value = write.change(connection)
        except BaseException as error:
            if not driver.in_transaction:
                raise _GroupLost from error
            driver.execute("ROLLBACK TO one_write")
            write.error = translate(error, self._path)
            if isinstance(error, DBAPIError):
                log.debug("a write was refused", exc_info=error)
        if not driver.in_transaction:
            raise _GroupLost from RuntimeError("a write ended the transaction that it shares")
        driver.execute("RELEASE one_write")

    def _tell(self, writes: list[_Write]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[_Write]] = {}
        for write in writes:
            by_loop.setdefault(write.loop, []).append(write)
        for loop, told in by_loop.items():
            try:
                loop.call_soon_threadsafe(_settle, told)
            except RuntimeError:  # its loop is closed: nobody waits any more
                log.debug("%d writers left before their commit", len(told))


def _settle(writes: list[_Write]) -> None:
    for write in writes:
        if write.future.done():
            continue
        if write.error is not None:
            write.future.set_exception(write.error)
        else:
            write.future.set_result(write.value)
