"""Calls of models: what each attempt cost, sums by hour and day, how far the gateway's journal is applied; the secrets
of gateway keys (hashed) and of providers (encrypted)."""

from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Double, Index, Integer, LargeBinary, MetaData, Table, Text

_MEASURES = (
    "requests", "refused", "attempts", "errors", "failed", "hits", "estimated", "unpriced",
    "input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens",
    "cost_micro", "cost_pico", "estimated_micro", "estimated_pico", "saved_micro", "saved_pico",
)  # fmt: skip
_CLUSTERED: Any = {"sqlite_with_rowid": False}


def apply(connection: Connection) -> None:
    book = MetaData()

    def text(name: str, **options: Any) -> Column[str]:
        return Column(name, Text, nullable=False, **options)

    def whole(name: str, **options: Any) -> Column[int]:
        return Column(name, BigInteger, nullable=False, **options)

    def measures() -> list[Column[int]]:
        return [whole(name) for name in _MEASURES]

    dims = Table(
        "spend_dims",
        book,
        Column("no", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        text("project"),
        text("digest"),
        *(text(name) for name in ("key", "application", "team", "user", "route", "provider", "model", "prompt")),
        whole("prompt_version"),
    )
    Index("uq_spend_dims_project_digest", dims.c.project, dims.c.digest, unique=True)
    Index("ix_spend_dims_project_user", dims.c.project, dims.c.user)
    calls = Table(
        "spend_calls",
        book,
        whole("seq", primary_key=True, autoincrement=False),
        whole("attempt", primary_key=True, autoincrement=False),
        text("project"),
        whole("dims"),
        whole("at_ms"),
        *measures(),
        **_CLUSTERED,
    )
    Index("ix_spend_calls_project_at", calls.c.project, calls.c.at_ms)
    Index("ix_spend_calls_at", calls.c.at_ms)
    Table(
        "spend_sums",
        book,
        text("project", primary_key=True),
        whole("level", primary_key=True),
        whole("span", primary_key=True),
        whole("start", primary_key=True),
        whole("dims", primary_key=True),
        *measures(),
        **_CLUSTERED,
    )
    Table("spend_position", book, text("name", primary_key=True), whole("applied"), whole("open_from"), whole("noted"))
    keys = Table(
        "gateway_keys",
        book,
        text("project", primary_key=True),
        text("id", primary_key=True),
        text("key"),
        text("hint"),
        text("hash", unique=True),
        Column("created_at", Double, nullable=False),
        Column("expires_at", Double, nullable=True),
        Column("revoked_at", Double, nullable=True),
    )
    Index("ix_gateway_keys_project_key", keys.c.project, keys.c.key)
    Table(
        "gateway_credentials",
        book,
        text("project", primary_key=True),
        text("provider", primary_key=True),
        Column("sealed", LargeBinary, nullable=False),
        Column("updated_at", Double, nullable=False),
        text("updated_by"),
    )
    book.create_all(connection)
