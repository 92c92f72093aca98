"""The table of scores. How it came to be is in `migrations/`. SQLite and PostgreSQL alike speak what is here."""

from sqlalchemy import Column, Double, Index, MetaData, Table, Text

metadata = MetaData()

scores = Table(
    "scores",
    metadata,
    Column("project", Text, primary_key=True, nullable=False),
    Column("id", Text, primary_key=True, nullable=False),
    Column("trace", Text, nullable=False),  # 32 hexadecimal digits, or ""
    Column("span", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Double, nullable=True),
    Column("string_value", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", Double, nullable=False),  # unix seconds
    Index("scores_by_trace", "project", "trace"),
    Index("scores_by_time", "project", "at", "id"),
)
