"""Forgetting a project: every row of every book, at once."""

from collections.abc import Collection

from sqlalchemy import Connection, delete

from triops.kernel.ids import ProjectId
from triops.ledger import tables
from triops.ports.records import Records


async def erase_project(records: Records, project: ProjectId, *, keep: Collection[str] = ()) -> int:
    """Erase all that the books hold of a project, its keys and audit trail too, but for the tables
    named in `keep`; answers the rows erased.

    One transaction: all or nothing. Who holds a `Keys` should call its `forget` afterwards.
    """

    def change(connection: Connection) -> int:
        books = [table for table in tables.metadata.sorted_tables if "project" in table.c and table.name not in keep]
        return sum(connection.execute(delete(table).where(table.c.project == project)).rowcount for table in books)

    return await records.write(change)
