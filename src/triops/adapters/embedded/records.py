"""`ports.records` on one SQLite file: one writer thread with group commit, and a few readers beside it.

What is beside the file: `-wal` and `-shm` (SQLite's own; a kill leaves them, the next start recovers from them) and
`.lock` (see ProcessLock).
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine

from triops.adapters.embedded.group_commit import GroupCommit
from triops.adapters.embedded.sqlite_engine import ProcessLock, empty_log, reader_engine, writer_engine
from triops.adapters.embedded.sqlite_errors import translate
from triops.adapters.schema import migrate
from triops.kernel.errors import Overloaded, Unavailable
from triops.ports.records import Migration

T = TypeVar("T")


class SqliteRecords:
    """`queue`: writes that may wait, and reads that may (over it: Overloaded). `group`: writes a commit.
    `busy_s`: how long to wait for another program's lock. `max_bytes`: over this size of the file: StoreFull.
    """

    def __init__(
        self,
        path: Path,
        migrations: Sequence[Migration],
        *,
        queue: int = 4096,
        group: int = 256,
        readers: int = 3,
        busy_s: float = 5.0,
        max_bytes: int | None = None,
    ) -> None:
        self._path = path
        self._migrations = migrations
        self._queue = queue
        self._group = group
        self._reader_count = readers
        self._busy_s = busy_s
        self._max_bytes = max_bytes
        self._lock = ProcessLock(path.with_name(path.name + ".lock"))
        self._engine: Engine | None = None
        self._writer: GroupCommit | None = None
        self._read_engine: Engine | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._reading = 0

    async def start(self) -> None:
        if self._writer is None:
            await asyncio.to_thread(self._open)

    async def close(self) -> None:
        writer, readers = self._writer, self._readers
        self._writer = self._readers = None
        if writer is not None and readers is not None:
            await asyncio.to_thread(self._shut, writer, readers)

    async def write(self, change: Callable[[Connection], T]) -> T:
        if self._writer is None:
            raise Unavailable("the records are not open")
        result: T = await self._writer.submit(change)
        return result

    async def overwrite(self) -> None:
        if self._writer is None:
            raise Unavailable("the records are not open")
        await asyncio.to_thread(empty_log, self._path, self._busy_s)

    async def read(self, query: Callable[[Connection], T]) -> T:
        if self._readers is None:
            raise Unavailable("the records are not open")
        if self._reading >= self._queue:
            raise Overloaded("too many reads wait", retry_after_s=1.0)
        self._reading += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, self._query, query)
        finally:
            self._reading -= 1

    def _query(self, query: Callable[[Connection], T]) -> T:
        engine = self._read_engine
        assert engine is not None
        try:
            with engine.begin() as connection:
                return query(connection)
        except Exception as error:
            shown = translate(error, self._path)
            if shown is error:
                raise
            raise shown from error

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            self._engine = writer_engine(self._path, self._busy_s, self._max_bytes)
            with self._engine.begin() as connection:
                migrate(connection, self._migrations)
        except BaseException as error:
            if self._engine is not None:
                self._engine.dispose()
            self._lock.release()
            shown = Unavailable(f"cannot open {self._path}: {error}") if isinstance(error, OSError) else error
            shown = translate(shown, self._path)
            if shown is error:
                raise
            raise shown from error
        self._read_engine = reader_engine(self._path, self._reader_count, self._busy_s)
        self._readers = ThreadPoolExecutor(self._reader_count, thread_name_prefix="records-reader")
        self._writer = GroupCommit(self._engine, self._path, bound=self._queue, group=self._group)
        self._writer.start()

    def _shut(self, writer: GroupCommit, readers: ThreadPoolExecutor) -> None:
        writer.close()
        readers.shutdown()
        for engine in (self._read_engine, self._engine):  # the writer last: it empties the log into the file
            if engine is not None:
                engine.dispose()
        self._lock.release()
