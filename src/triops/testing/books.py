"""Records with the books' tables in them, for tests of what stands on the books."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from triops.adapters.embedded.records import SqliteRecords
from triops.ledger.migrations import MIGRATIONS
from triops.ports.records import Records


@asynccontextmanager
async def open_records(directory: Path, **options: int) -> AsyncIterator[Records]:
    """`options` are those of SqliteRecords."""
    records = SqliteRecords(directory / "records.db", MIGRATIONS, **options)
    await records.start()
    try:
        yield records
    finally:
        await records.close()
