"""Connections to one SQLite file: write-ahead log, every commit on disk before it returns (synchronous=FULL)."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from triops.kernel.errors import Unavailable

_PAGE_BYTES = 4096
_WAL_BYTES = 64 << 20  # the log is cut back to this after a checkpoint


def writer_engine(path: Path, busy_s: float, max_bytes: int | None) -> Engine:
    """One connection, whose transactions take the write lock when they begin."""
    pragmas = [
        f"PRAGMA page_size={_PAGE_BYTES}",
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA secure_delete=ON",  # what is erased is overwritten
        f"PRAGMA journal_size_limit={_WAL_BYTES}",
    ]
    if max_bytes is not None:
        pragmas.append(f"PRAGMA max_page_count={max(1, max_bytes // _PAGE_BYTES)}")
    return _engine(path, 1, busy_s, pragmas, "BEGIN IMMEDIATE")


def reader_engine(path: Path, size: int, busy_s: float) -> Engine:
    """`size` connections that cannot write; a transaction is one snapshot."""
    return _engine(path, size, busy_s, ["PRAGMA query_only=ON"], "BEGIN")


def empty_log(path: Path, busy_s: float) -> None:
    """What the write-ahead log holds goes into the file, and the log is cut to nothing; less of it while a reader or
    the writer needs it for longer than that."""
    with contextlib.closing(sqlite3.connect(path, timeout=busy_s, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _engine(path: Path, size: int, busy_s: float, pragmas: list[str], begin: str) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        connect_args={"timeout": busy_s, "check_same_thread": False},
        pool_size=size,
        max_overflow=0,
    )

    def on_connect(connection: Any, _: object) -> None:
        # The driver's own transaction handling would begin late and commit before DDL; ours says BEGIN itself.
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(pragma).fetchall()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine


class ProcessLock:
    """Held while one process has the store open; the system releases it when that process dies, however it dies.

    It is SQLite's own lock on an empty file beside the store, because that works alike on every system.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def acquire(self) -> None:
        """Raises: Unavailable when another process, or another store in this one, holds it."""
        connection = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=OFF").fetchall()  # nothing is written: no journal beside the lock
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            connection.close()
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise Unavailable(
                f"{self._path.parent} is in use by another running Triops: stop it, or choose another data directory"
            ) from None
        self._connection = connection

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
