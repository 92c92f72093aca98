"""The tables of the books, as statements use them now. How they came to be is in `migrations/`.

Each book keeps its noun whole as JSON in `body`, and beside it only the columns that it searches or orders by.
Everything here is spoken by SQLite and PostgreSQL alike. Times are unix seconds.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Double, Integer, MetaData, Table, Text

metadata = MetaData()


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=options.pop("nullable", False), **options)


def _time(name: str, nullable: bool = False) -> Column[float]:
    return Column(name, Double, nullable=nullable)


def _sequence() -> Column[int]:
    return Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


entities = Table(
    "entities",
    metadata,
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

relations = Table(
    "relations",
    metadata,
    _text("project", primary_key=True),
    _text("source", primary_key=True),
    _text("kind", primary_key=True),
    _text("target", primary_key=True),
    _time("first_seen"),
    _time("last_seen"),
)

changes = Table(
    "changes",
    metadata,
    _text("project", primary_key=True),
    _text("id", primary_key=True),
    _text("entity"),
    _text("kind"),
    _time("at"),
    _text("idempotency_key", nullable=True),  # null: none given
    _text("search"),
    _text("body"),
)

anomalies = Table(
    "anomalies",
    metadata,
    _text("project", primary_key=True),
    _text("id", primary_key=True),
    _text("open_key", nullable=True),  # the claim's key while it is open, so that it is open once; then null
    _text("entity"),
    _text("detector"),
    _time("started_at"),
    _time("ended_at", nullable=True),
    _text("body"),
)

incidents = Table(
    "incidents",
    metadata,
    _text("project", primary_key=True),
    _text("id", primary_key=True),
    _text("status"),
    _time("opened_at"),
    _time("resolved_at", nullable=True),
    _text("search"),
    _text("body"),
)

incident_entities = Table(
    "incident_entities",
    metadata,
    _text("project", primary_key=True),
    _text("incident", primary_key=True),
    _text("entity", primary_key=True),
)

incident_anomalies = Table(
    "incident_anomalies",
    metadata,
    _text("project", primary_key=True),
    _text("incident", primary_key=True),
    _text("anomaly", primary_key=True),
)

actions = Table(
    "actions",
    metadata,
    _text("project", primary_key=True),
    _text("id", primary_key=True),
    _text("incident"),
    _text("status"),
    _text("runbook"),
    _time("proposed_at"),
    _text("body"),
)

audit = Table(
    "audit",
    metadata,
    _sequence(),
    _text("project"),
    _time("at"),
    _text("actor"),
    _text("verb"),
    _text("target"),
    _text("outcome"),
    _text("details"),
)

documents = Table(
    "documents",
    metadata,
    _text("project", primary_key=True),
    _text("kind", primary_key=True),
    _text("name", primary_key=True),
    Column("revision", Integer, nullable=False),
    _time("updated_at"),
    _text("updated_by"),
    _text("spec"),
)

document_revisions = Table(
    "document_revisions",
    metadata,
    _text("project", primary_key=True),
    _text("kind", primary_key=True),
    _text("name", primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    _time("updated_at"),
    _text("updated_by"),
    _text("spec"),
)

outbox = Table(
    "outbox",
    metadata,
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

keys = Table(
    "keys",
    metadata,
    _text("project", primary_key=True),
    _text("id", primary_key=True),
    _text("name"),
    _text("live_name", nullable=True),  # the name until it is revoked, so that it is taken once; then null
    _text("role"),
    _text("hint"),
    _text("hash"),
    _time("created_at"),
    _time("revoked_at", nullable=True),
    _time("expires_at", nullable=True),
)
