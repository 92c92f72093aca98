"""The books as they were first released: every table and index."""

from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Double, Index, Integer, MetaData, Table, Text


def apply(connection: Connection) -> None:
    books = MetaData()
    _tables(books)
    _indexes(books)
    books.create_all(connection)


def _indexes(books: MetaData) -> None:
    def index(table: str, *columns: str, unique: bool = False) -> None:
        name = f"{'uq' if unique else 'ix'}_{table}_{'_'.join(columns)}"
        Index(name, *(books.tables[table].c[column] for column in columns), unique=unique)

    index("entities", "project", "type", "id")
    index("entities", "project", "health", "id")
    index("entities", "project", "last_seen")
    index("relations", "project", "target")
    index("relations", "project", "last_seen")
    index("changes", "project", "at", "id")
    index("changes", "project", "entity", "at", "id")
    index("changes", "project", "idempotency_key", unique=True)
    index("anomalies", "project", "open_key", unique=True)
    index("anomalies", "project", "started_at", "id")
    index("anomalies", "project", "entity", "started_at", "id")
    index("anomalies", "project", "ended_at")
    index("incidents", "project", "opened_at", "id")
    index("incidents", "project", "status", "opened_at")
    index("incident_entities", "project", "entity")
    index("incident_anomalies", "project", "anomaly")
    index("actions", "project", "proposed_at", "id")
    index("actions", "project", "incident", "proposed_at")
    index("actions", "project", "runbook", "proposed_at")
    index("audit", "project", "seq")
    index("audit", "project", "verb", "seq")
    index("outbox", "project", "id", "notifier", unique=True)
    index("outbox", "sent_at", "gave_up_at", "due_at")
    index("keys", "hash", unique=True)
    index("keys", "project", "live_name", unique=True)


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=options.pop("nullable", False), **options)


def _time(name: str, nullable: bool = False) -> Column[float]:
    return Column(name, Double, nullable=nullable)


def _sequence() -> Column[int]:
    return Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def _tables(books: MetaData) -> None:
    Table(
        "entities",
        books,
        _text("project", primary_key=True),
        _text("id", primary_key=True),
        _text("type"),
        _text("name"),
        _text("search"),
        _text("health"),
        _time("first_seen"),
        _time("last_seen"),
        _text("attributes"),
    )
    Table(
        "relations",
        books,
        _text("project", primary_key=True),
        _text("source", primary_key=True),
        _text("kind", primary_key=True),
        _text("target", primary_key=True),
        _time("first_seen"),
        _time("last_seen"),
    )
    Table(
        "changes",
        books,
        _text("project", primary_key=True),
        _text("id", primary_key=True),
        _text("entity"),
        _text("kind"),
        _time("at"),
        _text("idempotency_key", nullable=True),
        _text("search"),
        _text("body"),
    )
    Table(
        "anomalies",
        books,
        _text("project", primary_key=True),
        _text("id", primary_key=True),
        _text("open_key", nullable=True),
        _text("entity"),
        _text("detector"),
        _time("started_at"),
        _time("ended_at", nullable=True),
        _text("body"),
    )
    Table(
        "incidents",
        books,
        _text("project", primary_key=True),
        _text("id", primary_key=True),
        _text("status"),
        _time("opened_at"),
        _time("resolved_at", nullable=True),
        _text("search"),
        _text("body"),
    )
    Table(
        "incident_entities",
        books,
        _text("project", primary_key=True),
        _text("incident", primary_key=True),
        _text("entity", primary_key=True),
    )
    Table(
        "incident_anomalies",
        books,
        _text("project", primary_key=True),
        _text("incident", primary_key=True),
        _text("anomaly", primary_key=True),
    )
    Table(
        "actions",
        books,
        _text("project", primary_key=True),
        _text("id", primary_key=True),
        _text("incident"),
        _text("status"),
        _text("runbook"),
        _time("proposed_at"),
        _text("body"),
    )
    Table(
        "audit",
        books,
        _sequence(),
        _text("project"),
        _time("at"),
        _text("actor"),
        _text("verb"),
        _text("target"),
        _text("outcome"),
        _text("details"),
    )
    Table(
        "documents",
        books,
        _text("project", primary_key=True),
        _text("kind", primary_key=True),
        _text("name", primary_key=True),
        Column("revision", Integer, nullable=False),
        _time("updated_at"),
        _text("updated_by"),
        _text("spec"),
    )
    Table(
        "document_revisions",
        books,
        _text("project", primary_key=True),
        _text("kind", primary_key=True),
        _text("name", primary_key=True),
        Column("revision", Integer, primary_key=True, autoincrement=False),
        _time("updated_at"),
        _text("updated_by"),
        _text("spec"),
    )
    Table(
        "outbox",
        books,
        _sequence(),
        _text("project"),
        _text("id"),
        _text("notifier"),
        _text("notice"),
        _time("due_at"),
        Column("attempts", Integer, nullable=False),
        _text("last_error"),
        _time("sent_at", nullable=True),
        _time("gave_up_at", nullable=True),
    )
    Table(
        "keys",
        books,
        _text("project", primary_key=True),
        _text("id", primary_key=True),
        _text("name"),
        _text("live_name", nullable=True),
        _text("role"),
        _text("hint"),
        _text("hash"),
        _time("created_at"),
        _time("revoked_at", nullable=True),
        _time("expires_at", nullable=True),
    )
