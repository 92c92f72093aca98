"""Registered models, their versions, tags, aliases, history, approvals and cards; webhooks and their deliveries."""

from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Double, Index, Integer, MetaData, SmallInteger, Table, Text


def apply(connection: Connection) -> None:
    books = MetaData()
    _models(books)
    _decisions(books)
    _webhooks(books)
    _indexes(books)
    books.create_all(connection)


def _indexes(books: MetaData) -> None:
    def index(table: str, *columns: str, unique: bool = False) -> None:
        name = f"{'uq' if unique else 'ix'}_{table}_{'_'.join(columns)}"
        Index(name, *(books.tables[table].c[column] for column in columns), unique=unique)

    index("registered_models", "project", "updated_ms")
    index("registered_model_tags", "project", "key", "name")
    index("model_versions", "project", "run")
    index("model_versions", "project", "updated_ms")
    index("model_versions", "project", "created_ms")
    index("model_version_tags", "project", "key", "name")
    index("model_history", "project", "name", "seq")
    index("model_approvals", "project", "open_key", unique=True)
    index("model_approvals", "project", "asked_at", "id")
    index("model_approvals", "state", "expires_at")
    index("webhooks", "project", "id", unique=True)
    index("webhook_events", "project", "event")
    index("webhook_deliveries", "done_at", "due_at")
    index("webhook_deliveries", "project", "webhook", "done_at")


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=options.pop("nullable", False), **options)


def _key(name: str) -> Column[str]:
    return _text(name, primary_key=True)


def _ms(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _time(name: str, nullable: bool = False) -> Column[float]:
    return Column(name, Double, nullable=nullable)


def _whole(name: str, **options: Any) -> Column[int]:
    return Column(name, Integer, nullable=options.pop("nullable", False), **options)


def _sequence() -> Column[int]:
    return Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def _models(books: MetaData) -> None:
    Table(
        "registered_models",
        books,
        _key("project"),
        _key("name"),
        _text("description", nullable=True),
        _ms("created_ms"),
        _ms("updated_ms"),
        _whole("last_version"),
    )
    Table("registered_model_tags", books, _key("project"), _key("name"), _key("key"), _text("value"))
    Table(
        "model_versions",
        books,
        _key("project"),
        _key("name"),
        _whole("version", primary_key=True, autoincrement=False),
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
    )
    Table(
        "model_version_tags",
        books,
        _key("project"),
        _key("name"),
        _whole("version", primary_key=True, autoincrement=False),
        _key("key"),
        _text("value"),
    )
    Table("model_aliases", books, _key("project"), _key("name"), _key("alias"), _whole("version"))
    Table(
        "model_cards",
        books,
        _key("project"),
        _key("name"),
        _whole("version", primary_key=True, autoincrement=False),
        _text("text"),
        _text("edited_by"),
        _time("edited_at"),
    )


def _decisions(books: MetaData) -> None:
    Table(
        "model_history",
        books,
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
        _whole("version", nullable=True),
        _text("change"),
    )
    Table(
        "model_approvals",
        books,
        _key("project"),
        _key("id"),
        _text("name"),
        _text("alias"),
        _whole("before", nullable=True),
        _whole("after", nullable=True),
        _text("asked_by"),
        _time("asked_at"),
        _text("why"),
        _text("role"),
        Column("not_self", SmallInteger, nullable=False),
        _time("expires_at"),
        _text("state"),
        _text("checks"),
        _text("decided_by"),
        _time("decided_at", nullable=True),
        _text("decision"),
        _text("open_key", nullable=True),
    )


def _webhooks(books: MetaData) -> None:
    Table(
        "webhooks",
        books,
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
    Table("webhook_events", books, _key("project"), _key("webhook"), _key("event"))
    Table(
        "webhook_deliveries",
        books,
        _sequence(),
        _text("project"),
        _text("id"),
        _text("webhook"),
        _text("body"),
        _time("at"),
        _time("due_at"),
        _whole("attempts"),
        _text("last_error"),
        _time("done_at", nullable=True),
    )
