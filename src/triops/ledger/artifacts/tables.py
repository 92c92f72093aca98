"""The tables of artifacts. How they came to be is in `migrations/`. SQLite and PostgreSQL alike speak what is here.

A path is text that is compared byte by byte, so that all below a folder is one range of the primary key.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Double, Integer, MetaData, Table, Text

metadata = MetaData()
_BYTES = Text().with_variant(Text(collation="C"), "postgresql")


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=False, **options)


def _path(**options: Any) -> Column[str]:
    return Column("path", _BYTES, nullable=False, **options)


artifacts = Table(
    "artifacts",
    metadata,
    _text("project", primary_key=True),
    _path(primary_key=True),
    _text("digest"),
    Column("size", BigInteger, nullable=False),
    Column("at", Double, nullable=False),  # unix seconds
)

# What comes in parts, until it is completed or aborted.
uploads = Table(
    "uploads",
    metadata,
    _text("project", primary_key=True),
    _text("id", primary_key=True),
    _path(),
    Column("at", Double, nullable=False),
)

upload_parts = Table(
    "upload_parts",
    metadata,
    _text("project", primary_key=True),
    _text("upload", primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1
    _text("digest"),
    Column("size", BigInteger, nullable=False),
)
