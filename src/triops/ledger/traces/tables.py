"""The tables of traces. How they came to be is in `migrations/`. SQLite and PostgreSQL alike speak what is here.

Rows hang on `traces.no`. A request's spans of one trace are one compressed row of `trace_packs`; `trace_spans` has what
spans are searched by. Links are by a trace's id, since they may be made before the trace arrives.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Double, Integer, LargeBinary, MetaData, SmallInteger, Table, Text

metadata = MetaData()
_CLUSTERED: Any = {"sqlite_with_rowid": False}  # rows lie in the order of their key: one tree instead of two


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=options.pop("nullable", False), **options)


def _whole(name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger, nullable=options.pop("nullable", False), **options)


def _serial(name: str) -> Column[int]:
    return Column(name, BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def _trace() -> Column[int]:
    return Column("trace", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)


traces = Table(
    "traces",
    metadata,
    _serial("no"),
    _text("project"),
    _text("id"),  # unique in the project
    Column("experiment", BigInteger, nullable=False),
    _whole("request_ms"),
    _whole("duration_ms", nullable=True),
    _text("state"),
    _text("client_request_id", nullable=True),
    _text("request_preview", nullable=True),
    _text("response_preview", nullable=True),
    _text("name", nullable=True),
    _text("session", nullable=True),  # as in the metadata
    Column("final", SmallInteger, nullable=False),  # 1: the client has said what it knows; spans change it no more
)

trace_tags = Table("trace_tags", metadata, _trace(), _text("key", primary_key=True), _text("value"), **_CLUSTERED)

trace_metadata = Table(
    "trace_metadata", metadata, _trace(), _text("key", primary_key=True), _text("value"), **_CLUSTERED
)

trace_spans = Table(
    "trace_spans",
    metadata,
    _trace(),
    Column("span", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    _whole("parent", nullable=True),
    _text("name"),
    _text("type", nullable=True),
    _text("status"),
    _whole("start_ns"),
    _whole("end_ns"),
    _text("usage", nullable=True),  # JSON
    _text("cost", nullable=True),  # JSON
    **_CLUSTERED,
)

trace_packs = Table(
    "trace_packs",
    metadata,
    _serial("seq"),
    _whole("trace"),
    _whole("size"),  # of the body, unpacked
    Column("body", LargeBinary, nullable=False),
)

assessments = Table(
    "assessments",
    metadata,
    _serial("seq"),
    _whole("trace"),
    _text("id"),  # unique in the trace
    _text("name"),
    _text("kind"),
    _text("value"),  # JSON
    Column("number", Double, nullable=True),  # of a numeric value
    _text("error", nullable=True),  # JSON
    _text("source_type"),
    _text("source_id"),
    _text("span_id"),
    _text("rationale"),
    _text("metadata"),  # JSON
    Column("of_session", SmallInteger, nullable=False),  # 1: it is of every trace of its trace's session
    _text("overrides"),
    Column("valid", SmallInteger, nullable=False),
    _whole("created_ms"),
    _whole("updated_ms"),
)

trace_links = Table(
    "trace_links",
    metadata,
    _text("project", primary_key=True),
    _text("trace_id", primary_key=True),
    _text("kind", primary_key=True),  # run, prompt
    _text("target", primary_key=True),  # run id, <prompt name>/<version>
    **_CLUSTERED,
)

OF_TRACES = (trace_tags, trace_metadata, trace_spans, trace_packs, assessments)
