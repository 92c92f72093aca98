"""The tables of versions. How they came to be is in `migrations/`. SQLite and PostgreSQL alike speak what is here.

A deleted version's row is gone, with its tags; its number stays used through `registered_models.last_version`.
Times ending in `_ms` are unix milliseconds, the others unix seconds.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Double, Integer, MetaData, SmallInteger, Table, Text

metadata = MetaData()


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=options.pop("nullable", False), **options)


def _key(name: str) -> Column[str]:
    return _text(name, primary_key=True)


def _ms(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _time(name: str, nullable: bool = False) -> Column[float]:
    return Column(name, Double, nullable=nullable)


def _version(name: str = "version", **options: Any) -> Column[int]:
    return Column(name, Integer, nullable=options.pop("nullable", False), **options)


def _sequence() -> Column[int]:
    return Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


registered_models = Table(
    "registered_models",
    metadata,
    _key("project"),
    _key("name"),
    _text("description", nullable=True),
    _ms("created_ms"),
    _ms("updated_ms"),
    _version("last_version"),
)

registered_model_tags = Table(
    "registered_model_tags", metadata, _key("project"), _key("name"), _key("key"), _text("value")
)

model_versions = Table(
    "model_versions",
    metadata,
    _key("project"),
    _key("name"),
    _version(primary_key=True, autoincrement=False),
    _ms("created_ms"),
    _ms("updated_ms"),
    _text("description", nullable=True),
    _text("user"),
    _text("stage"),
    _text("source"),
    _text("storage"),
    _text("run"),
    _text("run_link"),
    _text("model_id"),
    _text("status", server_default="READY"),
    _text("status_message", server_default=""),
)

model_version_tags = Table(
    "model_version_tags",
    metadata,
    _key("project"),
    _key("name"),
    _version(primary_key=True, autoincrement=False),
    _key("key"),
    _text("value"),
)

model_aliases = Table("model_aliases", metadata, _key("project"), _key("name"), _key("alias"), _version())

model_history = Table(
    "model_history",
    metadata,
    _sequence(),
    _text("project"),
    _text("name"),
    _time("at"),
    _text("who"),
    _text("why"),
    _text("kind"),
    _text("alias"),
    _text("before"),
    _text("after"),
    _version(nullable=True),
    _text("change"),
)

model_approvals = Table(
    "model_approvals",
    metadata,
    _key("project"),
    _key("id"),
    _text("name"),
    _text("alias"),
    _version("before", nullable=True),
    _version("after", nullable=True),
    _text("asked_by"),
    _time("asked_at"),
    _text("why"),
    _text("role"),
    Column("not_self", SmallInteger, nullable=False),
    _time("expires_at"),
    _text("state"),
    _text("checks"),  # JSON array
    _text("decided_by"),
    _time("decided_at", nullable=True),
    _text("decision"),
    _text("open_key", nullable=True),  # unique in the project while it waits
)

model_cards = Table(
    "model_cards",
    metadata,
    _key("project"),
    _key("name"),
    _version(primary_key=True, autoincrement=False),
    _text("text"),
    _text("edited_by"),
    _time("edited_at"),
)

prompt_shares = Table(  # of a label that stands for several versions; its alias is on the one with the most traffic
    "prompt_shares",
    metadata,
    _key("project"),
    _key("name"),
    _key("alias"),
    _version(primary_key=True, autoincrement=False),
    Column("percent", SmallInteger, nullable=False),
)

prompt_comments = Table(
    "prompt_comments",
    metadata,
    _sequence(),
    _text("project"),
    _text("name"),
    _version(),
    _time("at"),
    _text("who"),
    _text("text"),
)

webhooks = Table(
    "webhooks",
    metadata,
    _sequence(),
    _text("project"),
    _text("id"),
    _text("name"),
    _text("description", nullable=True),
    _text("url"),
    _text("secret", nullable=True),
    _text("status"),
    _ms("created_ms"),
    _ms("updated_ms"),
)

webhook_events = Table("webhook_events", metadata, _key("project"), _key("webhook"), _key("event"))

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    _sequence(),
    _text("project"),
    _text("id"),
    _text("webhook"),
    _text("body"),
    _time("at"),
    _time("due_at"),
    Column("attempts", Integer, nullable=False),
    _text("last_error"),
    _time("done_at", nullable=True),  # delivered or given up
)
