"""Traces out of their rows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.trace import NAME_TAG, Assessment, Trace, TraceState
from triops.ledger.paging import chunks
from triops.ledger.prepared import Prepared
from triops.ledger.traces import tables
from triops.ledger.traces.assessing import COLUMNS as ASSESSMENT
from triops.ledger.traces.assessing import assessment_of

_T = tables.traces.c
COLUMNS = (
    _T.no, _T.id, _T.experiment, _T.request_ms, _T.duration_ms, _T.state, _T.client_request_id, _T.request_preview,
    _T.response_preview, _T.name, _T.session, _T.final,
)  # fmt: skip
_BY_ID = Prepared(select(*COLUMNS).where(_T.project == bindparam("project"), _T.id == bindparam("id")))


def trace_row(connection: Connection, project: ProjectId, id: str) -> Sequence[Any] | None:
    """`COLUMNS` of a trace, or None."""
    row: Sequence[Any] | None = _BY_ID.run(connection, project=project, id=id).first()
    return row


def found(connection: Connection, project: ProjectId, id: str) -> Sequence[Any]:
    """Raises: NotFound."""
    row = trace_row(connection, project, id)
    if row is None:
        raise NotFound(f"Trace with ID '{id}' not found.")
    return row


def rows_by_id(connection: Connection, project: ProjectId, ids: Sequence[str]) -> list[Sequence[Any]]:
    """Those that there are, in the order of `ids`, each once."""
    rows: dict[str, Sequence[Any]] = {}
    for some in chunks(dict.fromkeys(ids)):
        statement = select(*COLUMNS).where(_T.project == project, _T.id.in_(some))
        rows.update({row[1]: row for row in connection.execute(statement)})
    return [rows[id] for id in dict.fromkeys(ids) if id in rows]


def traces_of(connection: Connection, rows: Sequence[Sequence[Any]]) -> list[Trace]:
    """The whole nouns, in the order of `rows` (whose first columns are `COLUMNS`)."""
    nos = [row[0] for row in rows]
    tags = _pairs(connection, tables.trace_tags, nos)
    metadata = _pairs(connection, tables.trace_metadata, nos)
    assessments: dict[int, list[Assessment]] = {}
    for some in chunks(nos):
        statement = (
            select(*ASSESSMENT)
            .where(tables.assessments.c.trace.in_(some))
            .order_by(tables.assessments.c.created_ms, tables.assessments.c.seq)
        )
        for found_row in connection.execute(statement):
            assessments.setdefault(found_row[0], []).append(assessment_of(found_row))
    result = []
    for row in rows:
        no, id, experiment, request_ms, duration_ms, state, client_id, request, response, name = row[:10]
        own = tags.get(no, {})
        if name is not None:
            own[NAME_TAG] = name
        result.append(
            Trace(
                id=id,
                experiment=str(experiment),
                request_ms=request_ms,
                duration_ms=duration_ms,
                state=TraceState(state),
                client_request_id=client_id,
                request_preview=request,
                response_preview=response,
                name=name,
                tags=own,
                metadata=metadata.get(no, {}),
                assessments=assessments.get(no, ()),
            )
        )
    return result


def _pairs(connection: Connection, table: Any, nos: Sequence[int]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for some in chunks(nos):
        statement = select(table.c.trace, table.c.key, table.c.value).where(table.c.trace.in_(some))
        for no, key, value in connection.execute(statement):
            found.setdefault(no, {})[key] = value
    return found
