"""The table of imports. How it came to be is in `migrations/`."""

from sqlalchemy import Column, MetaData, Table, Text

metadata = MetaData()

# Runs that have come in part: their rest is under way, or they are sent anew from the beginning.
partial_runs = Table(
    "partial_runs",
    metadata,
    Column("project", Text, primary_key=True, nullable=False),
    Column("run", Text, primary_key=True, nullable=False),
)
