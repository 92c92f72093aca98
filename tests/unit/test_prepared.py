"""Prepared statements: the same rows as by Core, in both dialects' words."""

from pathlib import Path

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from triops.adapters.embedded.records import SqliteRecords
from triops.ledger.prepared import Prepared, Rows
from triops.ledger.runs import compaction, experiments, freeing, history, links, log, runs
from triops.ports.records import Migration

notes = Table("notes", MetaData(), Column("id", Integer, primary_key=True), Column("text", Text, nullable=False))
WRITE = Rows(
    notes,
    ("id", "text"),
    lambda rows: rows.on_conflict_do_update(index_elements=["id"], set_={"text": rows.excluded.text}),
)
READ = Prepared(select(notes.c.text).where(notes.c.id == bindparam("id"), notes.c.text != "never"))


async def test_any_number_of_rows_is_written_and_one_that_is_there_is_replaced(tmp_path: Path) -> None:
    records = SqliteRecords(tmp_path / "r.db", [Migration(1, "notes", lambda c: notes.create(c))])
    await records.start()

    def write(connection: Connection) -> None:
        done = 0
        for count in (0, 1, 15, 16, 17, 127, 128, 129, 400):
            rows = [(done + n, f"{done + n}") for n in range(count)]
            assert WRITE.write(connection, rows) == count
            done += count
        assert WRITE.write(connection, [(3, "new"), (done, "last")]) == 2
        assert READ.run(connection, id=3).scalar_one() == "new"
        assert READ.run(connection, id=done).scalar_one() == "last"
        assert len(connection.execute(select(notes.c.id)).all()) == done + 1

    await records.write(write)
    await records.close()


def test_every_prepared_statement_is_spoken_by_both_databases() -> None:
    seen = 0
    for module in (compaction, experiments, freeing, history, links, log, runs):
        for value in vars(module).values():
            for dialect in (sqlite.dialect(), postgresql.dialect()):
                if isinstance(value, Prepared):
                    assert value._text(dialect)[0]
                    seen += 1
                elif isinstance(value, Rows):
                    assert value._text(dialect, 16)[0].count("(") > 16
                    seen += 1
    assert seen > 20
