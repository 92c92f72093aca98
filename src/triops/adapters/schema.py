"""Numbered migrations, each once and in order, for every store that SQLAlchemy speaks to."""

import time
from collections.abc import Sequence

from sqlalchemy import Column, Connection, Double, Integer, MetaData, Table, Text, inspect, select

from triops.kernel.errors import Unavailable
from triops.ports.records import Migration


def migrate(connection: Connection, migrations: Sequence[Migration]) -> int:
    """Apply what is missing, within the caller's transaction; answers how many were applied.

    Raises: Unavailable when the store knows a migration that this code does not: an older Triops must not write it.
    """
    applied_table = Table(
        "schema_migrations",
        MetaData(),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("name", Text, nullable=False),
        Column("applied_at", Double, nullable=False),
    )
    if not inspect(connection).has_table("schema_migrations"):
        applied_table.create(connection)
    applied = set(connection.scalars(select(applied_table.c.number)))
    ordered = sorted(migrations, key=lambda migration: migration.number)
    newest = ordered[-1].number if ordered else 0
    if applied and max(applied) > newest:
        raise Unavailable(
            f"the records are of schema {max(applied)} and this version of Triops knows {newest}: "
            "a newer version has written them; start that one"
        )
    missing = [migration for migration in ordered if migration.number not in applied]
    for migration in missing:
        migration.apply(connection)
        connection.execute(
            applied_table.insert().values(number=migration.number, name=migration.name, applied_at=time.time())
        )
    return len(missing)
