"""What people say about a prompt's versions, newest first."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from triops.kernel.errors import TooLarge
from triops.kernel.ids import ProjectId
from triops.kernel.page import Page
from triops.ledger.paging import AnyRow, after, checked_limit, page_of
from triops.ledger.versions import tables

_C = tables.prompt_comments.c
_MOST = 10_000  # of one prompt


@dataclass(frozen=True, slots=True)
class Comment:
    """`at`: unix seconds."""

    id: int
    version: int
    at: float
    who: str
    text: str


def add_comment(
    connection: Connection, project: ProjectId, name: str, version: int, at: float, who: str, text: str
) -> Comment:
    """Raises: TooLarge."""
    here = (_C.project == project, _C.name == name)
    if (connection.scalar(select(func.count()).select_from(tables.prompt_comments).where(*here)) or 0) >= _MOST:
        raise TooLarge(f"a prompt has at most {_MOST} comments")
    row = {"project": project, "name": name, "version": version, "at": at, "who": who, "text": text}
    key = connection.execute(insert(tables.prompt_comments), row).inserted_primary_key
    assert key is not None
    return Comment(key[0], version, at, who, text)


def list_comments(
    connection: Connection, project: ProjectId, name: str, *, version: int | None, limit: int, cursor: str | None
) -> Page[Comment]:
    """Of all versions, or of one. Raises: Invalid limit or cursor."""
    statement = select(tables.prompt_comments).where(_C.project == project, _C.name == name)
    if version is not None:
        statement = statement.where(_C.version == version)
    behind = after(cursor, (_C.seq,), (int,), newest=True)
    if behind is not None:
        statement = statement.where(behind)
    rows = connection.execute(statement.order_by(_C.seq.desc()).limit(checked_limit(limit) + 1)).all()
    return page_of(rows, limit, _comment, lambda row: (row.seq,))


def _comment(row: AnyRow) -> Comment:
    return Comment(row.seq, row.version, row.at, row.who, row.text)
