"""Traces from elsewhere, in a transaction: with spans and assessments. One that is here already stays as it is."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from triops.kernel.ids import ProjectId
from triops.kernel.trace import ARTIFACTS_TAG, FINAL, NAME_TAG, SESSION, SPANS_KEPT, SPANS_TAG, Trace
from triops.ledger.paging import chunks
from triops.ledger.traces import tables
from triops.ledger.traces.assessing import WRITE as WRITE_ASSESSMENTS
from triops.ledger.traces.assessing import row_of
from triops.ledger.traces.writing import (
    INSERT,
    METADATA,
    PACKS,
    SPANS,
    TAGS,
    Brought,
    artifacts_of,
    pairs,
    span_row,
)

_T = tables.traces.c
_G = tables.trace_tags.c


def trace_locations(connection: Connection, project: ProjectId, ids: Sequence[str]) -> dict[str, str]:
    """Where the artifacts of those lie that are here."""
    found: dict[str, str] = {}
    for some in chunks(ids):
        statement = (
            select(_T.id, _G.value)
            .join_from(tables.traces, tables.trace_tags, (_G.trace == _T.no) & (_G.key == ARTIFACTS_TAG), isouter=True)
            .where(_T.project == project, _T.id.in_(some))
        )
        found |= {row.id: row.value or "" for row in connection.execute(statement)}
    return found


def write_trace(
    connection: Connection, project: ProjectId, said: Trace, experiment: int, home: str, spans: Brought | None
) -> str:
    """Answers where its artifacts lie, below its experiment's `home`. Who calls has seen that it is not here."""
    location = artifacts_of(home, said.id)
    tags = {key: value for key, value in said.tags.items() if key not in (NAME_TAG, ARTIFACTS_TAG, SPANS_TAG)}
    tags[ARTIFACTS_TAG] = location
    if spans is not None:
        tags[SPANS_TAG] = SPANS_KEPT
    row = {
        "project": project,
        "id": said.id,
        "experiment": experiment,
        "request_ms": said.request_ms,
        "duration_ms": said.duration_ms,
        "state": said.state.value,
        "client_request_id": said.client_request_id,
        "request_preview": said.request_preview,
        "response_preview": said.response_preview,
        "name": said.tags.get(NAME_TAG),
        "session": said.metadata.get(SESSION),
        "final": 1,
    }
    trace = int(INSERT.run(connection, **row).scalar_one())
    TAGS.write(connection, pairs(trace, tags))
    METADATA.write(connection, pairs(trace, {**said.metadata, FINAL: "true"}))
    WRITE_ASSESSMENTS.write(connection, [row_of(trace, one) for one in said.assessments])
    if spans is not None:
        SPANS.write(connection, [span_row(trace, span) for span in spans.sent.spans])
        PACKS.write(connection, [(trace, *spans.pack)])
    return location
