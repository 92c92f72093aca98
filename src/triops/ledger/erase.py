"""Forgetting a project: every row of every book, at once."""

from collections.abc import Collection

from sqlalchemy import Connection, MetaData, delete, select

from triops.kernel.ids import ProjectId
from triops.ledger import tables
from triops.ledger.artifacts import tables as artifacts
from triops.ledger.calls import tables as calls
from triops.ledger.evaluations import tables as evaluations
from triops.ledger.imports import tables as imports
from triops.ledger.logged_models import tables as logged_models
from triops.ledger.runs import tables as runs
from triops.ledger.scores import tables as scores
from triops.ledger.traces import tables as traces
from triops.ledger.versions import tables as versions
from triops.ports.records import Records

BOOKS: tuple[MetaData, ...] = (
    tables.metadata,
    runs.metadata,
    artifacts.metadata,
    versions.metadata,
    logged_models.metadata,
    evaluations.metadata,
    traces.metadata,
    imports.metadata,
    calls.metadata,
    scores.metadata,
)  # the tables of every book


async def erase_project(records: Records, project: ProjectId, *, keep: Collection[str] = ()) -> int:
    """Erase all that the books hold of a project, its keys and audit trail too, but for the tables
    named in `keep`; answers the rows erased.

    One transaction: all or nothing. Who holds a `Keys` should call its `forget` afterwards.
    """

    def change(connection: Connection) -> int:
        erased = 0
        own = select(runs.runs.c.no).where(runs.runs.c.project == project)
        for table in runs.OF_RUNS:
            erased += connection.execute(delete(table).where(table.c.run.in_(own))).rowcount
        kept = select(traces.traces.c.no).where(traces.traces.c.project == project)
        for table in traces.OF_TRACES:
            erased += connection.execute(delete(table).where(table.c.trace.in_(kept))).rowcount
        for book in BOOKS:
            for table in book.sorted_tables:
                if "project" in table.c and table.name not in keep:
                    erased += connection.execute(delete(table).where(table.c.project == project)).rowcount
        return erased

    return await records.write(change)
