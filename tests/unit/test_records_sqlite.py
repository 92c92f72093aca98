"""What the SQLite adapter promises beyond the port: its lock, its room, and errors told apart by kind."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, MetaData, delete, func, insert, inspect, select, text

from triops.adapters.embedded.records import SqliteRecords
from triops.kernel.errors import Invalid, StoreFull, TriopsError, Unavailable
from triops.ledger.erase import BOOKS
from triops.ledger.migrations import MIGRATIONS
from triops.testing.books import open_records
from triops.testing.contract_records import MIGRATIONS as NOTES
from triops.testing.contract_records import notes


def _note(id: int, size: int = 10) -> Callable[[Connection], int]:
    def change(connection: Connection) -> int:
        connection.execute(insert(notes).values(id=id, text="x" * size))
        return id

    return change


def _count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(notes)) or 0


async def test_a_second_store_on_the_same_file_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    async with open_records(tmp_path) as first:
        with pytest.raises(Unavailable, match="in use by another running Triops"):
            await SqliteRecords(tmp_path / "records.db", MIGRATIONS).start()
        assert await first.write(lambda c: c.scalar(text("select 1"))) == 1
    async with open_records(tmp_path):
        pass


async def test_another_process_is_refused_too(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys, pathlib\n"
        f"sys.path[:0] = {sys.path!r}\n"
        "from triops.adapters.embedded.records import SqliteRecords\n"
        "from triops.kernel.errors import Unavailable\n"
        "try:\n"
        "    asyncio.run(SqliteRecords(pathlib.Path(sys.argv[1]), []).start())\n"
        "except Unavailable as error:\n"
        "    print(error)\n"
    )
    async with open_records(tmp_path):
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", program, str(tmp_path / "records.db")],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert "in use by another running Triops" in done.stdout, done.stderr


async def test_a_full_store_refuses_stays_readable_and_recovers_when_there_is_room(tmp_path: Path) -> None:
    records = SqliteRecords(tmp_path / "r.db", NOTES, max_bytes=256 << 10)
    await records.start()
    try:
        writes = [records.write(_note(id, 10_000)) for id in range(1000)]
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert {type(result) for result in results} == {int, StoreFull}
        kept = await records.read(_count)
        assert 5 < kept < 30
        with pytest.raises(StoreFull):
            await records.write(_note(2000, 100_000))
        assert await records.read(_count) == kept
        await records.write(lambda c: c.execute(delete(notes).where(notes.c.id < kept // 2)).rowcount)
        assert await records.write(_note(3000, 10_000)) == 3000
    finally:
        await records.close()


async def test_one_write_without_room_does_not_take_its_neighbours_down(tmp_path: Path) -> None:
    records = SqliteRecords(tmp_path / "r.db", NOTES, max_bytes=256 << 10)
    await records.start()
    try:
        writes = [records.write(_note(id, 1_000_000 if id == 5 else 10)) for id in range(10)]
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert isinstance(results.pop(5), StoreFull)
        assert results == [0, 1, 2, 3, 4, 6, 7, 8, 9]
        assert await records.read(_count) == 9
    finally:
        await records.close()


async def test_a_write_that_ends_the_shared_transaction_fails_alone(tmp_path: Path) -> None:
    def commit(connection: Connection) -> None:
        connection.execute(insert(notes).values(id=99, text=""))
        connection.exec_driver_sql("ROLLBACK")

    records = SqliteRecords(tmp_path / "r.db", NOTES)
    await records.start()
    try:
        results = await asyncio.gather(
            records.write(_note(1)), records.write(commit), records.write(_note(2)), return_exceptions=True
        )
        assert (results[0], results[2]) == (1, 2)
        assert isinstance(results[1], RuntimeError)
        assert await records.read(_count) == 2
    finally:
        await records.close()


async def test_another_programs_lock_is_unavailable_and_passes(tmp_path: Path) -> None:
    records = SqliteRecords(tmp_path / "r.db", NOTES, busy_s=0.05)
    await records.start()
    other = sqlite3.connect(tmp_path / "r.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            await records.write(_note(1))
        other.execute("ROLLBACK")
        assert await records.write(_note(1)) == 1
    finally:
        other.close()
        await records.close()


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.db").write_bytes(b"no database at all, but long enough to look like one" * 100)
    with pytest.raises(Unavailable, match=r"r\.db"):
        await SqliteRecords(tmp_path / "r.db", NOTES).start()
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="cannot open"):
        await SqliteRecords(tmp_path / "file" / "r.db", NOTES).start()


async def test_text_and_numbers_that_do_not_fit_are_the_callers_fault(tmp_path: Path) -> None:
    records = SqliteRecords(tmp_path / "r.db", NOTES)
    await records.start()
    try:
        for change in (
            lambda c: c.execute(insert(notes).values(id=1, text="\ud800")).rowcount,
            lambda c: c.execute(insert(notes).values(id=1 << 70, text="")).rowcount,
        ):
            with pytest.raises(Invalid):
                await records.write(change)
        with pytest.raises(Invalid):
            await records.read(lambda c: c.scalar(select(notes.c.id).where(notes.c.text == "\udfff")))
        assert await records.read(_count) == 0
    finally:
        await records.close()


async def test_a_reader_cannot_write(tmp_path: Path) -> None:
    records = SqliteRecords(tmp_path / "r.db", NOTES)
    await records.start()
    try:
        with pytest.raises(TriopsError):
            await records.read(_note(1))
        assert await records.read(_count) == 0
    finally:
        await records.close()


async def test_commits_are_synchronous_in_a_write_ahead_log(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        mode, synchronous = await records.write(
            lambda c: (c.scalar(text("PRAGMA journal_mode")), c.scalar(text("PRAGMA synchronous")))
        )
        assert (mode, synchronous) == ("wal", 2)


async def test_the_migrations_end_at_the_tables_that_the_books_use(tmp_path: Path) -> None:
    def shape(connection: Connection) -> dict[str, list[tuple[str, str, bool, int]]]:
        looked = inspect(connection)
        return {
            name: [
                (column["name"], str(column["type"]), column["nullable"], column["primary_key"])
                for column in looked.get_columns(name)
            ]
            for name in looked.get_table_names()
            if name not in ("schema_migrations", "sqlite_sequence")
        }

    def fresh(connection: Connection) -> dict[str, list[tuple[str, str, bool, int]]]:
        old = MetaData()
        old.reflect(connection)
        old.drop_all(connection)
        for book in BOOKS:
            book.create_all(connection)
        return shape(connection)

    async with open_records(tmp_path) as records:
        migrated = await records.read(shape)
        assert migrated == await records.write(fresh)
        assert set(migrated) == {name for book in BOOKS for name in book.tables}
