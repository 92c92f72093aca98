"""The book of traces as it was first released: its tables and indexes."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

_CLUSTERED: Any = {"sqlite_with_rowid": False}  # rows lie in the order of their key: one tree instead of two


def apply(connection: Connection) -> None:
    traces = MetaData()
    _tables(traces)
    _indexes(traces)
    traces.create_all(connection)


def _indexes(traces: MetaData) -> None:
    def index(table: str, *columns: str, unique: bool = False) -> None:
        name = f"{'uq' if unique else 'ix'}_{table}_{'_'.join(columns)}"
        Index(name, *(traces.tables[table].c[column] for column in columns), unique=unique)

    index("traces", "project", "id", unique=True)
    index("traces", "project", "experiment", "request_ms")
    index("traces", "project", "experiment", "session")
    index("trace_packs", "trace")
    index("assessments", "trace", "id", unique=True)
    index("assessments", "name", "trace")
    index("trace_links", "project", "kind", "target")


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=options.pop("nullable", False), **options)


def _whole(name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger, nullable=options.pop("nullable", False), **options)


def _serial(name: str) -> Column[int]:
    return Column(name, BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def _trace() -> Column[int]:
    return Column("trace", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)


def _tables(traces: MetaData) -> None:
    Table(
        "traces",
        traces,
        _serial("no"),
        _text("project"),
        _text("id"),
        Column("experiment", BigInteger, nullable=False),
        _whole("request_ms"),
        _whole("duration_ms", nullable=True),
        _text("state"),
        _text("client_request_id", nullable=True),
        _text("request_preview", nullable=True),
        _text("response_preview", nullable=True),
        _text("name", nullable=True),
        _text("session", nullable=True),
        Column("final", SmallInteger, nullable=False),
    )
    Table("trace_tags", traces, _trace(), _text("key", primary_key=True), _text("value"), **_CLUSTERED)
    Table("trace_metadata", traces, _trace(), _text("key", primary_key=True), _text("value"), **_CLUSTERED)
    Table(
        "trace_spans",
        traces,
        _trace(),
        Column("span", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
        _whole("parent", nullable=True),
        _text("name"),
        _text("type", nullable=True),
        _text("status"),
        _whole("start_ns"),
        _whole("end_ns"),
        _text("usage", nullable=True),
        _text("cost", nullable=True),
        **_CLUSTERED,
    )
    Table(
        "trace_packs",
        traces,
        _serial("seq"),
        _whole("trace"),
        _whole("size"),
        Column("body", LargeBinary, nullable=False),
    )
    Table(
        "assessments",
        traces,
        _serial("seq"),
        _whole("trace"),
        _text("id"),
        _text("name"),
        _text("kind"),
        _text("value"),
        Column("number", Double, nullable=True),
        _text("error", nullable=True),
        _text("source_type"),
        _text("source_id"),
        _text("span_id"),
        _text("rationale"),
        _text("metadata"),
        Column("of_session", SmallInteger, nullable=False),
        _text("overrides"),
        Column("valid", SmallInteger, nullable=False),
        _whole("created_ms"),
        _whole("updated_ms"),
    )
    Table(
        "trace_links",
        traces,
        _text("project", primary_key=True),
        _text("trace_id", primary_key=True),
        _text("kind", primary_key=True),
        _text("target", primary_key=True),
        **_CLUSTERED,
    )
