"""Searches of runs: one index holds what most of them look at, and a run's children are found by the tag that names
their parent."""

from sqlalchemy import BigInteger, Column, Connection, Index, MetaData, Table, Text


def apply(connection: Connection) -> None:
    texts = [Column(name, Text) for name in ("project", "stage", "id")]
    numbers = [Column(name, BigInteger) for name in ("experiment", "start_ms")]
    runs = Table("runs", MetaData(), *texts, *numbers)
    own = runs.c
    Index("ix_runs_project_experiment_start_ms", own.project, own.experiment, own.start_ms).drop(connection)
    Index("ix_runs_search", own.project, own.experiment, own.stage, own.start_ms, own.id).create(connection)
    tags = Table("run_tags", MetaData(), Column("key", Text), Column("value", Text))
    nested = tags.c.key == "mlflow.parentRunId"
    Index("ix_run_tags_parent", tags.c.value, sqlite_where=nested, postgresql_where=nested).create(connection)
