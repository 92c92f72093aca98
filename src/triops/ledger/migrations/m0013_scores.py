"""Scores of traces as they were first released."""

from sqlalchemy import Column, Connection, Double, Index, MetaData, Table, Text


def apply(connection: Connection) -> None:
    scores = MetaData()
    Table(
        "scores",
        scores,
        Column("project", Text, primary_key=True, nullable=False),
        Column("id", Text, primary_key=True, nullable=False),
        Column("trace", Text, nullable=False),
        Column("span", Text, nullable=False),
        Column("session", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("value", Double, nullable=True),
        Column("string_value", Text, nullable=False),
        Column("comment", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("author", Text, nullable=False),
        Column("at", Double, nullable=False),
        Index("scores_by_trace", "project", "trace"),
        Index("scores_by_time", "project", "at", "id"),
    )
    scores.create_all(connection)
