"""The one in-memory DuckDB instance that all day files are attached to, its readers, and the lock on the folder.

Bounds: memory and threads of DuckDB; `queries` run at a time and `waiting` more may wait (over it: Overloaded); a query
is interrupted after `query_timeout_s` (Unavailable). What does not fit in memory spills to `tmp/`, at most `spill`.
"""

import asyncio
import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from triops.adapters.embedded.faults import read_error
from triops.kernel.errors import Overloaded, Unavailable

T = TypeVar("T")
_LOOK_S = 0.1
Connection = Any  # duckdb.DuckDBPyConnection; its stubs lag behind its releases


class Engine:
    """Shared by the stores of one folder: opened by the first that starts, closed by the last that closes."""

    def __init__(
        self,
        folder: Path,
        *,
        memory: str = "512MB",
        threads: int = 2,
        queries: int = 4,
        waiting: int = 64,
        query_timeout_s: float = 30.0,
        spill: str = "4GB",
    ) -> None:
        self.folder = folder
        self.query_timeout_s = query_timeout_s
        self._config = {"memory_limit": memory, "threads": threads, "max_temp_directory_size": spill}
        self._queries = queries
        self._waiting = waiting
        self._in_flight = 0
        self._users = 0
        self._running: dict[Connection, float] = {}  # and when each is to be interrupted, in monotonic seconds
        self._watched = threading.Condition()
        self._watcher: threading.Thread | None = None
        self._closing = False
        self._guard = threading.Lock()
        self._lock_file: int | None = None
        self._connection: Connection = None
        self._pool: ThreadPoolExecutor | None = None

    def acquire(self) -> None:
        """Open for one more store. Raises: Unavailable when another process holds the folder."""
        with self._guard:
            if self._users == 0:
                self._open()
            self._users += 1

    def release(self) -> None:
        with self._guard:
            self._users -= 1
            if self._users == 0:
                self._close()

    def cursor(self) -> Connection:
        """A connection of its own for one thread. Raises: Unavailable when closed."""
        connection = self._connection
        if connection is None:
            raise Unavailable("the telemetry store is closed")
        return connection.cursor()

    async def query(self, ask: Callable[[Connection], T]) -> T:
        """Run `ask` on a reader's thread with a cursor of its own."""
        pool = self._pool
        if pool is None:
            raise Unavailable("the telemetry store is closed")
        if self._in_flight >= self._queries + self._waiting:
            raise Overloaded("too many queries are waiting")
        self._in_flight += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, self._run, ask)
        except (RuntimeError, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if self._pool is pool or (task is not None and task.cancelling()):
                raise
            raise Unavailable("the telemetry store is closed") from error  # the pool was shut down meanwhile
        finally:
            self._in_flight -= 1

    def _run(self, ask: Callable[[Connection], T]) -> T:
        connection = self.cursor()
        with self._watched:
            self._running[connection] = time.monotonic() + self.query_timeout_s
            self._watched.notify_all()
        try:
            return ask(connection)
        except duckdb.Error as error:
            raise read_error(error, self.query_timeout_s) from error
        finally:
            with self._watched:
                del self._running[connection]
                self._watched.notify_all()
            connection.close()

    def _watch(self) -> None:
        """Interrupt what runs too long, and all when closing. Again and again, because an interrupt that falls between
        two statements of a query is lost."""
        with self._watched:
            while not (self._closing and not self._running):
                now = time.monotonic()
                for connection, until in self._running.items():
                    if self._closing or now >= until:
                        connection.interrupt()
                self._watched.wait(_LOOK_S if self._running else None)

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        lock_file = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock_file)
            raise Unavailable(f"another process holds the telemetry store in {self.folder}") from error
        spill = self.folder / "tmp"
        shutil.rmtree(spill, ignore_errors=True)
        try:
            self._connection = duckdb.connect(
                ":memory:",
                config={
                    **self._config,
                    "temp_directory": str(spill),
                    "autoinstall_known_extensions": False,
                    # A larger log makes fewer checkpoints under load, and at most this much to replay after a kill.
                    "checkpoint_threshold": "64MB",
                    # Columns of objects hold text: looking at each value to find that out took half of an insert.
                    "pandas_analyze_sample": 0,
                },
            )
        except duckdb.Error as error:
            os.close(lock_file)
            raise Unavailable(f"the telemetry store cannot open: {error}") from error
        self._lock_file = lock_file
        self._pool = ThreadPoolExecutor(self._queries, thread_name_prefix="telemetry-query")
        self._closing = False
        self._watcher = threading.Thread(target=self._watch, name="telemetry-watch", daemon=True)
        self._watcher.start()

    def _close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            with self._watched:
                self._closing = True
                self._watched.notify_all()
            pool.shutdown(wait=True, cancel_futures=True)
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None
