"""Runs within runs: a tag of the child names its parent."""

from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, literal_column, select

from triops.kernel.ids import ProjectId, RunId
from triops.ledger.prepared import Prepared
from triops.ledger.runs import tables

PARENT_TAG: Final = "mlflow.parentRunId"
MOST_CHILDREN: Final = 1000

_R = tables.runs.c
_T = tables.run_tags.c
# As a literal: only so do databases see that the index of just this tag serves.
_NAMES_PARENT = _T.key == literal_column(f"'{PARENT_TAG}'")

_CHILDREN = Prepared(
    select(_R.id)
    .join_from(tables.run_tags, tables.runs, _R.no == _T.run)
    .where(_NAMES_PARENT, _T.value == bindparam("parent"), _R.project == bindparam("project"))
    .where(_R.stage == literal_column("'active'"))
    .order_by(_R.start_ms, _R.id)
    .limit(literal_column(str(MOST_CHILDREN)))
)
_PARENT = Prepared(select(_T.value).where(_T.run == bindparam("run"), _NAMES_PARENT))


def children_named(parent: str) -> Select[Any]:
    """The numbers of the runs that name it, of any project and stage."""
    return select(_T.run).where(_NAMES_PARENT, _T.value == parent)


def children_of(connection: Connection, project: ProjectId, run: RunId) -> list[RunId]:
    """Active ones, the oldest first; at most MOST_CHILDREN."""
    return [RunId(row[0]) for row in _CHILDREN.run(connection, project=project, parent=run)]


def parent_of(connection: Connection, run: int) -> RunId | None:
    """As the run's tag has it, whether there is such a run or not."""
    row = _PARENT.run(connection, run=run).first()
    return RunId(row[0]) if row is not None else None
