"""Writing traces: as a client says them, and as their spans arrive. Each function is one transaction's work.

Spans and the client's own word for the trace come in any order, and spans in any number of requests. What the client
said (`final`) is not changed by what comes after; what it did not say, the spans still fill in.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from triops.kernel.ids import ProjectId
from triops.kernel.trace import (
    ARTIFACTS_TAG,
    COST,
    FINAL,
    NAME_TAG,
    SESSION,
    SPANS_KEPT,
    SPANS_TAG,
    USAGE,
    USER,
    SentSpans,
    Trace,
    TraceSpan,
    TraceState,
)
from triops.ledger.prepared import Prepared, Rows
from triops.ledger.runs.experiments import active_experiment
from triops.ledger.traces import tables
from triops.ledger.traces.assessing import WRITE as WRITE_ASSESSMENTS
from triops.ledger.traces.assessing import row_of
from triops.ledger.traces.reading import trace_row
from triops.ledger.traces.usage import Node, total_cost, total_tokens

Pack = tuple[int, bytes]  # its length before it was compressed, and itself
_T = tables.traces.c
_COLUMNS = (
    "project", "id", "experiment", "request_ms", "duration_ms", "state", "client_request_id", "request_preview",
    "response_preview", "name", "session", "final",
)  # fmt: skip
INSERT = Prepared(insert(tables.traces).values({name: bindparam(name) for name in _COLUMNS}).returning(_T.no))
_CHANGED = (
    "experiment", "request_ms", "duration_ms", "state", "client_request_id", "request_preview", "response_preview",
    "name", "session", "final",
)  # fmt: skip
_UPDATE = Prepared(
    update(tables.traces).where(_T.no == bindparam("trace_no")).values({name: bindparam(name) for name in _CHANGED})
)
_SPAN = ("trace", "span", "parent", "name", "type", "status", "start_ns", "end_ns", "usage", "cost")
SPANS = Rows(
    tables.trace_spans,
    _SPAN,
    lambda rows: rows.on_conflict_do_update(
        index_elements=["trace", "span"], set_={name: rows.excluded[name] for name in _SPAN[2:]}
    ),
)
PACKS = Rows(tables.trace_packs, ("trace", "size", "body"))
_NODES = Prepared(
    select(
        tables.trace_spans.c.span, tables.trace_spans.c.parent, tables.trace_spans.c.usage, tables.trace_spans.c.cost
    ).where(tables.trace_spans.c.trace == bindparam("trace"))
)
_METADATA = Prepared(
    select(tables.trace_metadata.c.key, tables.trace_metadata.c.value).where(
        tables.trace_metadata.c.trace == bindparam("trace")
    )
)


def _upsert(table: Any) -> Rows:
    return Rows(
        table,
        ("trace", "key", "value"),
        lambda rows: rows.on_conflict_do_update(
            index_elements=["trace", "key"], set_={"value": rows.excluded["value"]}
        ),
    )


TAGS, METADATA = _upsert(tables.trace_tags), _upsert(tables.trace_metadata)


def say(connection: Connection, project: ProjectId, said: Trace, *, final: bool = True) -> int:
    """A trace as its client describes it, new or on top of what is known; answers its number.

    Raises: NotFound, Invalid (the experiment).
    """
    no, _, location, *_ = active_experiment(connection, project, said.experiment)
    known = trace_row(connection, project, said.id)
    tags = {key: value for key, value in said.tags.items() if key != NAME_TAG}
    tags[ARTIFACTS_TAG] = artifacts_of(location, said.id)
    name = said.tags.get(NAME_TAG)
    session = said.metadata.get(SESSION)
    row = {
        "experiment": no,
        "request_ms": said.request_ms,
        "duration_ms": said.duration_ms,
        "state": said.state.value,
        "client_request_id": said.client_request_id,
        "request_preview": said.request_preview,
        "response_preview": said.response_preview,
        "name": name,
        "session": session,
        "final": int(final),
    }
    if known is None:
        trace = int(INSERT.run(connection, project=project, id=said.id, **row).scalar_one())
    else:
        trace, request, response, old_name, old_session = known[0], known[7], known[8], known[9], known[10]
        row["request_preview"] = request if said.request_preview is None else said.request_preview
        row["response_preview"] = response if said.response_preview is None else said.response_preview
        row["name"] = old_name if name is None else name
        row["session"] = old_session if session is None else session
        _UPDATE.run(connection, trace_no=trace, **row)
    TAGS.write(connection, pairs(trace, tags))
    METADATA.write(connection, pairs(trace, {**said.metadata, FINAL: "true"} if final else said.metadata))
    WRITE_ASSESSMENTS.write(connection, [row_of(trace, one) for one in said.assessments])
    return trace


@dataclass(frozen=True, slots=True)
class Brought:
    """Spans of one trace, and what can be made of them before the transaction: their bytes as one, what they used."""

    sent: SentSpans
    pack: Pack
    usage: Sequence[Node]
    cost: Sequence[Node]
    used: str | None
    paid: str | None


def brought(sent: SentSpans) -> Brought:
    usage = [(span.id, span.parent, span.usage) for span in sent.spans]
    cost = [(span.id, span.parent, span.cost) for span in sent.spans]
    return Brought(sent, packed(span.body for span in sent.spans), usage, cost, total_tokens(usage), total_cost(cost))


def add(connection: Connection, project: ProjectId, experiment_id: str, arrived: Sequence[Brought]) -> None:
    """Spans of traces, known or not; a span that is known is replaced. Raises: NotFound, Invalid (the experiment, which
    only new traces ask for)."""
    spans: list[tuple[Any, ...]] = []
    packs: list[tuple[Any, ...]] = []
    tags: list[tuple[Any, ...]] = []
    metadata: list[tuple[Any, ...]] = []
    home: tuple[int, str] | None = None
    for each in arrived:
        one = each.sent
        known = trace_row(connection, project, one.trace)
        own = {**one.tags, SPANS_TAG: SPANS_KEPT}
        if known is None:
            if home is None:
                no, _, location, *_ = active_experiment(connection, project, experiment_id)
                home = int(no), location
            trace, told = _begin(connection, project, home[0], each)
            own[ARTIFACTS_TAG] = artifacts_of(home[1], one.trace)
        else:
            trace, told = int(known[0]), _join(connection, known, each)
        metadata += pairs(trace, told)
        tags += pairs(trace, own)
        spans += [span_row(trace, span) for span in one.spans]
        packs.append((trace, *each.pack))
    SPANS.write(connection, spans)
    PACKS.write(connection, packs)
    TAGS.write(connection, tags)
    METADATA.write(connection, metadata)


def pairs(trace: int, values: Mapping[str, str]) -> list[tuple[int, str, str]]:
    return [(trace, key, value) for key, value in values.items()]


def packed(bodies: Iterable[bytes]) -> Pack:
    """Spans' bytes as one, each after its length."""
    whole = b"".join(part for body in bodies for part in (len(body).to_bytes(4, "big"), body))
    return len(whole), zlib.compress(whole, 1)


def unpacked(body: bytes) -> list[bytes]:
    """The reverse."""
    whole, at, bodies = zlib.decompress(body), 0, []
    while at < len(whole):
        start = at + 4
        at = start + int.from_bytes(whole[at:start], "big")
        bodies.append(whole[start:at])
    return bodies


def artifacts_of(location: str, trace: str) -> str:
    return f"{location.rstrip('/')}/traces/{trace}/artifacts"


def _begin(connection: Connection, project: ProjectId, experiment: int, each: Brought) -> tuple[int, dict[str, str]]:
    one = each.sent
    start_ms, end_ms = _times(one.spans)
    row = {
        "project": project,
        "id": one.trace,
        "experiment": experiment,
        "request_ms": start_ms,
        "duration_ms": end_ms - start_ms if end_ms is not None else None,
        "state": (one.state or TraceState.IN_PROGRESS).value,
        "client_request_id": None,
        "request_preview": one.request_preview,
        "response_preview": one.response_preview,
        "name": one.name,
        "session": one.session,
        "final": 0,
    }
    told = {SESSION: one.session, USER: one.user, USAGE: each.used, COST: each.paid}
    return int(INSERT.run(connection, **row).scalar_one()), {key: value for key, value in told.items() if value}


def _join(connection: Connection, known: Sequence[Any], each: Brought) -> dict[str, str]:
    """More spans of a trace that is there; answers the metadata to write."""
    one = each.sent
    trace, _, experiment, request_ms, duration_ms, state, client_id, request, response, name, session, final = known
    says_usage, says_cost = each.used is not None, each.paid is not None
    told: dict[str, str | None] = {}
    if says_usage or says_cost or one.session or one.user:
        written = dict(tuple(row) for row in _METADATA.run(connection, trace=trace))
        if one.session and session is None:
            told[SESSION] = session = one.session
        if one.user and USER not in written:
            told[USER] = one.user
        if (says_usage and not (final and USAGE in written)) or (says_cost and not (final and COST in written)):
            sent = {span.id for span in one.spans}
            stored = [tuple(row) for row in _NODES.run(connection, trace=trace) if row[0] not in sent]
            if says_usage and not (final and USAGE in written):
                told[USAGE] = total_tokens([*each.usage, *((id, parent, said) for id, parent, said, _ in stored)])
            if says_cost and not (final and COST in written):
                told[COST] = total_cost([*each.cost, *((id, parent, said) for id, parent, _, said in stored)])
    if not final:
        start_ms, end_ms = _times(one.spans)
        ends = [
            end for end in (end_ms, request_ms + duration_ms if duration_ms is not None else None) if end is not None
        ]
        request_ms = min(request_ms, start_ms)
        duration_ms = max(ends) - request_ms if ends else None
    if TraceState(state).open and one.state is not None:
        state = one.state.value
    row = {
        "experiment": experiment,
        "request_ms": request_ms,
        "duration_ms": duration_ms,
        "state": state,
        "client_request_id": client_id,
        "request_preview": one.request_preview if request is None else request,
        "response_preview": one.response_preview if response is None else response,
        "name": name if one.name is None else one.name,
        "session": session,
        "final": final,
    }
    if tuple(row.values()) != tuple(known[2:]):
        _UPDATE.run(connection, trace_no=trace, **row)
    return {key: value for key, value in told.items() if value}


def _times(spans: Sequence[TraceSpan]) -> tuple[int, int | None]:
    """Of the first start and the last end, in milliseconds; a span without an end is not over."""
    ends = [span.end_ns for span in spans if span.end_ns]
    return min(span.start_ns for span in spans) // 1_000_000, max(ends) // 1_000_000 if ends else None


def span_row(trace: int, span: TraceSpan) -> tuple[Any, ...]:
    return (
        trace, span.id, span.parent, span.name, span.type, span.status, span.start_ns, span.end_ns, span.usage,
        span.cost,
    )  # fmt: skip
