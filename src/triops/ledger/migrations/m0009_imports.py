"""Imports from other tracking servers as they were first released."""

from sqlalchemy import Column, Connection, MetaData, Table, Text


def apply(connection: Connection) -> None:
    imports = MetaData()
    Table(
        "partial_runs",
        imports,
        Column("project", Text, primary_key=True, nullable=False),
        Column("run", Text, primary_key=True, nullable=False),
    )
    imports.create_all(connection)
