"""What every `ports.records` adapter promises, as tests. An adapter's own test subclasses `RecordsContract`.

    class TestSqlite(RecordsContract):
        adapter = "triops.adapters.embedded.records:SqliteRecords"

`adapter` names what is called with a path in an empty directory, the migrations and `queue=`; it is a name and not the
thing itself because one test starts it in another process and kills that.
"""

import asyncio
import importlib
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, func, insert, select

from triops.kernel.errors import Conflict, Overloaded, Unavailable
from triops.ports.records import Migration, Records

_LIMIT_S = 30.0
notes = Table("notes", MetaData(), Column("id", Integer, primary_key=True, autoincrement=False), Column("text", Text))
MIGRATIONS = (Migration(1, "notes", lambda connection: notes.create(connection)),)


class RecordsContract:
    adapter: ClassVar[str]

    def make(self, directory: Path, migrations: Sequence[Migration] = MIGRATIONS, queue: int = 4096) -> Records:
        return _make(self.adapter, directory, migrations, queue)

    @asynccontextmanager
    async def opened(
        self, directory: Path, migrations: Sequence[Migration] = MIGRATIONS, queue: int = 4096
    ) -> AsyncIterator[Records]:
        records = self.make(directory, migrations, queue)
        await records.start()
        try:
            yield records
        finally:
            await records.close()

    async def test_a_read_sees_the_writes_that_returned_before_it(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as records:
            for number in range(20):
                assert await records.write(_note(number)) == number
                assert await records.read(_count) == number + 1

    async def test_what_is_written_is_there_after_a_restart(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as records:
            await records.write(_note(1, "ünï 🦐"))
        async with self.opened(tmp_path) as records:
            assert await records.read(lambda c: c.scalar(select(notes.c.text))) == "ünï 🦐"

    async def test_a_failing_write_leaves_nothing_and_raises_its_own_error(self, tmp_path: Path) -> None:
        def half(connection: Connection) -> None:
            connection.execute(insert(notes).values(id=1, text="half"))
            raise LookupError("the other half")

        async with self.opened(tmp_path) as records:
            with pytest.raises(LookupError, match="the other half"):
                await records.write(half)
            assert await records.read(_count) == 0

    async def test_of_many_at_once_only_those_fail_that_must(self, tmp_path: Path) -> None:
        def fail(connection: Connection) -> int:
            connection.execute(insert(notes).values(id=1000, text="never"))
            raise LookupError

        async with self.opened(tmp_path) as records:
            writes = [records.write(fail if number % 7 == 3 else _note(number)) for number in range(200)]
            results = await asyncio.gather(*writes, return_exceptions=True)
            for number, result in enumerate(results):
                assert isinstance(result, LookupError) if number % 7 == 3 else result == number
            stored = await records.read(lambda c: set(c.scalars(select(notes.c.id))))
            assert stored == {number for number in range(200) if number % 7 != 3}

    async def test_a_broken_unique_constraint_is_a_conflict(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as records:
            await records.write(_note(1))
            first, second, third = await asyncio.gather(
                records.write(_note(2)), records.write(_note(1)), records.write(_note(3)), return_exceptions=True
            )
            assert (first, third) == (2, 3)
            assert isinstance(second, Conflict)

    async def test_writes_are_applied_in_the_order_they_were_submitted(self, tmp_path: Path) -> None:
        applied: list[int] = []

        def change(number: int) -> Callable[[Connection], None]:
            return lambda connection: applied.append(number)

        async with self.opened(tmp_path) as records:
            await asyncio.gather(*(records.write(change(number)) for number in range(500)))
        assert applied == list(range(500))

    async def test_a_read_is_one_snapshot(self, tmp_path: Path) -> None:
        counted, written = threading.Event(), threading.Event()

        def twice(connection: Connection) -> tuple[int, int]:
            before = _count(connection)
            counted.set()
            assert written.wait(_LIMIT_S)
            return before, _count(connection)

        async with self.opened(tmp_path) as records:
            reading = asyncio.create_task(records.read(twice))
            assert await asyncio.to_thread(counted.wait, _LIMIT_S)
            await records.write(_note(1))
            written.set()
            assert await reading == (0, 0)
            assert await records.read(_count) == 1

    async def test_a_full_queue_refuses_and_keeps_what_it_accepted(self, tmp_path: Path) -> None:
        begun, go = threading.Event(), threading.Event()

        def hold(connection: Connection) -> None:
            begun.set()
            assert go.wait(_LIMIT_S)

        async with self.opened(tmp_path, queue=5) as records:
            holding = asyncio.create_task(records.write(hold))
            assert await asyncio.to_thread(begun.wait, _LIMIT_S)
            waiting = [asyncio.create_task(records.write(_note(number))) for number in range(50)]
            refused, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=_LIMIT_S)
            assert refused
            assert all(isinstance(task.exception(), Overloaded) for task in refused)
            go.set()
            await holding
            kept = [r for r in await asyncio.gather(*waiting, return_exceptions=True) if isinstance(r, int)]
            assert kept == list(range(5))
            assert await records.read(_count) == 5
            assert await records.write(_note(99)) == 99

    async def test_close_commits_what_was_accepted(self, tmp_path: Path) -> None:
        records = self.make(tmp_path)
        await records.close()
        await records.start()
        accepted = [asyncio.create_task(records.write(_note(number))) for number in range(100)]
        await asyncio.sleep(0)  # each is submitted
        await records.close()
        await records.close()
        assert await asyncio.gather(*accepted) == list(range(100))
        with pytest.raises(Unavailable):
            await records.write(_note(101))
        with pytest.raises(Unavailable):
            await records.read(_count)
        async with self.opened(tmp_path) as again:
            assert await again.read(_count) == 100

    async def test_a_caller_that_leaves_disturbs_nobody(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as records:
            tasks = [asyncio.create_task(records.write(_note(number))) for number in range(20)]
            await asyncio.sleep(0)
            tasks[3].cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert [r for r in results if isinstance(r, int)] == [n for n in range(20) if n != 3]
            assert await records.write(_note(50)) == 50

    async def test_each_migration_is_applied_once_and_in_order(self, tmp_path: Path) -> None:
        applied: list[int] = []

        def step(number: int) -> Migration:
            return Migration(number, f"step {number}", lambda connection: applied.append(number))

        for known in ([step(2), step(1)], [step(1), step(2)], [step(3), step(1), step(2)]):
            async with self.opened(tmp_path, known):
                pass
        assert applied == [1, 2, 3]

    async def test_a_failing_migration_leaves_the_store_as_it_was(self, tmp_path: Path) -> None:
        def broken(connection: Connection) -> None:
            notes.create(connection)
            raise LookupError("half a migration")

        records = self.make(tmp_path, [Migration(1, "broken", broken)])
        with pytest.raises(LookupError):
            await records.start()
        async with self.opened(tmp_path) as again:
            assert await again.read(_count) == 0

    async def test_what_a_newer_version_wrote_is_refused(self, tmp_path: Path) -> None:
        newer = [*MIGRATIONS, Migration(7, "of tomorrow", lambda connection: None)]
        async with self.opened(tmp_path, newer):
            pass
        with pytest.raises(Unavailable, match="newer"):
            await self.make(tmp_path).start()
        async with self.opened(tmp_path, newer):
            pass

    async def test_every_acknowledged_write_survives_a_kill(self, tmp_path: Path) -> None:
        for round_ in range(3):
            acknowledged = await asyncio.to_thread(_killed_while_writing, self.adapter, tmp_path, round_)
            async with self.opened(tmp_path) as records:
                stored = await records.read(lambda c: list(c.scalars(select(notes.c.id))))
            assert len(acknowledged) >= 40
            assert acknowledged <= set(stored)


def _make(adapter: str, directory: Path, migrations: Sequence[Migration], queue: int) -> Records:
    module, _, name = adapter.partition(":")
    records: Records = getattr(importlib.import_module(module), name)(directory / "records.db", migrations, queue=queue)
    return records


def _note(id: int, text: str = "") -> Callable[[Connection], int]:
    def change(connection: Connection) -> int:
        connection.execute(insert(notes).values(id=id, text=text))
        return id

    return change


def _count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(notes)) or 0


def _killed_while_writing(adapter: str, directory: Path, round_: int) -> set[int]:
    """Kill a process amid its writes; answers the ids that it had said were written."""
    program = "from triops.testing.contract_records import write_until_killed as w; import sys; w(*sys.argv[1:])"
    child = subprocess.Popen(
        [sys.executable, "-c", program, adapter, str(directory), str(round_ * 1_000_000)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert child.stdout is not None
    lines = []
    try:
        for line in child.stdout:
            lines.append(line)
            if len(lines) == 40 + 13 * round_:
                break
    finally:
        child.kill()
        rest, _ = child.communicate()
    lines += rest.splitlines(keepends=True)
    return {int(line) for line in lines if line.endswith(b"\n")}


def write_until_killed(adapter: str, directory: str, first: str) -> None:
    """The other process: eight writers, each of which says what was written as soon as it is."""

    async def writer(records: Records, id: int) -> None:
        while True:
            await records.write(_note(id, "x" * 500))
            os.write(1, b"%d\n" % id)
            id += 8

    async def main() -> None:
        records = _make(adapter, Path(directory), MIGRATIONS, 4096)
        await records.start()
        await asyncio.gather(*(writer(records, int(first) + n) for n in range(8)))

    asyncio.run(main())
