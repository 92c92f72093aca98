"""Nested runs: a run's children are found by the tag that names their parent."""

from sqlalchemy import Column, Connection, Index, MetaData, Table, Text


def apply(connection: Connection) -> None:
    tags = Table("run_tags", MetaData(), Column("key", Text), Column("value", Text))
    nested = tags.c.key == "mlflow.parentRunId"
    Index("ix_run_tags_parent", tags.c.value, sqlite_where=nested, postgresql_where=nested).create(connection)
