"""Artifacts as they were first released."""

from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Double, Index, Integer, MetaData, Table, Text


def apply(connection: Connection) -> None:
    book = MetaData()
    ordered = Text().with_variant(Text(collation="C"), "postgresql")

    def text(name: str, **options: Any) -> Column[str]:
        return Column(name, Text, nullable=False, **options)

    artifacts = Table(
        "artifacts",
        book,
        text("project", primary_key=True),
        Column("path", ordered, nullable=False, primary_key=True),
        text("digest"),
        Column("size", BigInteger, nullable=False),
        Column("at", Double, nullable=False),
        sqlite_with_rowid=False,
    )
    Index("ix_artifacts_project_digest", artifacts.c.project, artifacts.c.digest)
    uploads = Table(
        "uploads",
        book,
        text("project", primary_key=True),
        text("id", primary_key=True),
        Column("path", ordered, nullable=False),
        Column("at", Double, nullable=False),
    )
    Index("ix_uploads_at", uploads.c.at)
    parts = Table(
        "upload_parts",
        book,
        text("project", primary_key=True),
        text("upload", primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        text("digest"),
        Column("size", BigInteger, nullable=False),
    )
    Index("ix_upload_parts_project_digest", parts.c.project, parts.c.digest)
    book.create_all(connection)
