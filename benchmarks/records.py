"""Durable writes a second into records, beside what one fdatasync costs on the same disk.

    python benchmarks/records.py [--seconds 2] [--directory DIR]

Each write is one small row and is acknowledged after it is on disk (write-ahead log, synchronous=FULL). The peer is
the same database through Python's sqlite3 module, one transaction a write, as a program without group commit does it.
"""

import argparse
import asyncio
import os
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, insert

from triops.adapters.embedded.records import SqliteRecords
from triops.ports.records import Migration

ROW = "x" * 200
notes = Table("notes", MetaData(), Column("id", Integer, primary_key=True), Column("text", Text))


def fdatasync_us(directory: Path, times: int = 200) -> float:
    """Microseconds, median, of a 4 kB append made durable."""
    took = []
    with (directory / "sync").open("wb", buffering=0) as file:
        for _ in range(times):
            file.write(b"x" * 4096)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1e6)
    return statistics.median(took)


def peer(directory: Path, seconds: float) -> float:
    """Writes a second of the standard library's sqlite3, one COMMIT each, with the same pragmas."""
    connection = sqlite3.connect(directory / "peer.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
    began, written = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        connection.execute("INSERT INTO notes (text) VALUES (?)", (ROW,))
        written += 1
    rate = written / (time.perf_counter() - began)
    connection.close()
    return rate


async def ours(directory: Path, writers: int, seconds: float) -> tuple[float, float]:
    """Writes a second of so many concurrent writers, and the median milliseconds until one is acknowledged."""
    migrations = [Migration(1, "notes", lambda connection: notes.create(connection))]
    records = SqliteRecords(directory / f"ours-{writers}.db", migrations)
    await records.start()
    statement = insert(notes).values(text=ROW)
    took: list[float] = []

    def change(connection: Connection) -> None:
        connection.execute(statement)

    async def writer(until: float) -> None:
        while (began := time.perf_counter()) < until:
            await records.write(change)
            took.append((time.perf_counter() - began) * 1e3)

    began = time.perf_counter()
    await asyncio.gather(*(writer(began + seconds) for _ in range(writers)))
    rate = len(took) / (time.perf_counter() - began)
    await records.close()
    return rate, statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--directory", type=Path, default=None, help="on the disk to measure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        directory = Path(name)
        print(f"fdatasync of 4 kB, p50: {fdatasync_us(directory):.0f} µs")
        base = peer(directory, options.seconds)
        print(f"sqlite3, one COMMIT a write: {base:,.0f} durable writes/s")
        for writers in (1, 8, 64):
            rate, ms = asyncio.run(ours(directory, writers, options.seconds))
            print(f"records, {writers:2} writers: {rate:,.0f} durable writes/s, p50 {ms:.2f} ms, {rate / base:.2f} x")


if __name__ == "__main__":
    main()
