"""What happened to a model, newest first: who registered, moved, renamed or deleted what, and why."""

from sqlalchemy import Connection, func, insert, select

from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.page import Page
from triops.kernel.version import Step
from triops.ledger.paging import AnyRow, after, checked_limit, page_of
from triops.ledger.versions import tables

_H = tables.model_history.c


def add_step(connection: Connection, project: ProjectId, name: str, step: Step) -> None:
    row = {
        "project": project,
        "name": name,
        "at": step.at,
        "who": step.who,
        "why": step.why,
        "kind": step.kind,
        "alias": step.alias,
        "before": step.before,
        "after": step.after,
        "version": step.version,
        "change": step.change,
    }
    connection.execute(insert(tables.model_history), row)


def last_move(connection: Connection, project: ProjectId, name: str, alias: str) -> Step:
    """The last time that this alias moved, of the model that bears the name now. Raises: NotFound when it never did."""
    named = (_H.project == project, _H.name == name)
    ended = select(func.max(_H.seq)).where(*named, _H.kind == "deletion", _H.version.is_(None))
    here = (*named, _H.alias == alias, _H.kind == "promotion", _H.seq > (connection.scalar(ended) or 0))
    statement = select(tables.model_history).where(*here).order_by(_H.seq.desc()).limit(1)
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"Alias {alias} of {name} never moved: there is nothing to undo.")
    return _step(row)


def list_steps(connection: Connection, project: ProjectId, name: str, limit: int, cursor: str | None) -> Page[Step]:
    """Raises: Invalid limit or cursor."""
    statement = select(tables.model_history).where(_H.project == project, _H.name == name)
    behind = after(cursor, (_H.seq,), (int,), newest=True)
    if behind is not None:
        statement = statement.where(behind)
    rows = connection.execute(statement.order_by(_H.seq.desc()).limit(checked_limit(limit) + 1)).all()
    return page_of(rows, limit, _step, lambda row: (row.seq,))


def _step(row: AnyRow) -> Step:
    return Step(row.at, row.who, row.why, row.kind, row.alias, row.before, row.after, row.version, row.change)
