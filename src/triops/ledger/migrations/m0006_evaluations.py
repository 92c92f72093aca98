"""Evaluation data sets with their examples; scorers."""

from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, MetaData, Table, Text


def apply(connection: Connection) -> None:
    book = MetaData()

    def text(name: str, **options: Any) -> Column[str]:
        return Column(name, Text, nullable=options.pop("nullable", False), **options)

    def whole(name: str) -> Column[int]:
        return Column(name, BigInteger, nullable=False)

    def maybe(*names: str) -> list[Column[str]]:
        return [text(name, nullable=True) for name in names]

    datasets = Table(
        "evaluation_datasets",
        book,
        text("project", primary_key=True),
        text("id", primary_key=True),
        text("name"),
        text("digest"),
        whole("created_ms"),
        whole("updated_ms"),
        *maybe("created_by", "updated_by", "schema", "profile"),
    )
    Index("ix_evaluation_datasets_project_created", datasets.c.project, datasets.c.created_ms, datasets.c.id)
    tags = Table(
        "evaluation_dataset_tags",
        book,
        text("project", primary_key=True),
        text("dataset", primary_key=True),
        text("key", primary_key=True),
        text("value"),
    )
    Index("ix_evaluation_dataset_tags_project_key", tags.c.project, tags.c.key, tags.c.dataset)
    links = Table(
        "evaluation_dataset_experiments",
        book,
        text("project", primary_key=True),
        text("dataset", primary_key=True),
        text("experiment", primary_key=True),
    )
    Index("ix_evaluation_dataset_experiments_experiment", links.c.project, links.c.experiment)
    examples = Table(
        "evaluation_examples",
        book,
        text("project", primary_key=True),
        text("dataset", primary_key=True),
        text("hash", primary_key=True),
        text("id"),
        text("inputs"),
        *maybe("outputs", "expectations", "tags", "source"),
        whole("created_ms"),
        whole("updated_ms"),
        *maybe("created_by", "updated_by"),
    )
    e = examples.c
    Index("uq_evaluation_examples_id", e.project, e.dataset, e.id, unique=True)
    Index("ix_evaluation_examples_created", e.project, e.dataset, e.created_ms, e.id)
    scorers = Table(
        "scorers",
        book,
        text("project", primary_key=True),
        text("id", primary_key=True),
        Column("experiment", BigInteger, nullable=False),
        text("name"),
    )
    Index("uq_scorers_name", scorers.c.project, scorers.c.experiment, scorers.c.name, unique=True)
    Table(
        "scorer_versions",
        book,
        text("project", primary_key=True),
        text("scorer", primary_key=True),
        Column("version", Integer, primary_key=True, autoincrement=False),
        text("serialized"),
        whole("created_ms"),
    )
    book.create_all(connection)
