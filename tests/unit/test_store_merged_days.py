"""A day whose log DuckDB has merged is let go of once no one uses it, and is there again when it is asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from triops.adapters.embedded.engine import Engine
from triops.adapters.embedded.partitions import Partitions

DAY = "2026-11-21"


@pytest.fixture
def partitions(tmp_path: Path) -> Iterator[Partitions]:
    engine = Engine(tmp_path)
    engine.acquire()
    days = Partitions(engine, "notes", [("notes", "text VARCHAR")])
    days.open()
    yield days
    days.close()
    engine.release()


def run(days: Partitions, sql: str) -> list[tuple[object, ...]]:
    cursor = days.engine.cursor()
    try:
        return list(cursor.execute(sql).fetchall())
    finally:
        cursor.close()


def attached(days: Partitions) -> bool:
    return (days.name_of(DAY),) in run(days, "SELECT database_name FROM duckdb_databases()")


def note(days: Partitions, text: str) -> None:
    with days.writing(DAY) as name:
        run(days, f"INSERT INTO {name}.notes VALUES ('{text}')")
    days.refresh(DAY)


def test_a_day_is_let_go_of_after_its_log_was_merged(partitions: Partitions) -> None:
    note(partitions, "one")
    note(partitions, "two")
    assert attached(partitions)
    run(partitions, f"CHECKPOINT {partitions.name_of(DAY)}")
    partitions.refresh(DAY)
    assert not attached(partitions)
    with partitions.reading([DAY]) as (name,):
        assert run(partitions, f"SELECT text FROM {name}.notes ORDER BY text") == [("one",), ("two",)]
    note(partitions, "three")
    assert attached(partitions)


def test_a_day_in_use_is_let_go_of_after_a_later_commit(partitions: Partitions) -> None:
    note(partitions, "one")
    with partitions.reading([DAY]) as (name,):
        run(partitions, f"CHECKPOINT {name}")
        note(partitions, "two")
        assert run(partitions, f"SELECT count(*) FROM {name}.notes") == [(2,)]
    assert attached(partitions)
    note(partitions, "three")
    assert not attached(partitions)
    with partitions.reading([DAY]) as (name,):
        assert run(partitions, f"SELECT count(*) FROM {name}.notes") == [(3,)]
