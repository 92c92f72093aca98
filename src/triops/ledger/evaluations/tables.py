"""The tables of evaluation. How they came to be is in `migrations/`. Times are unix milliseconds."""

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text

metadata = MetaData()


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=options.pop("nullable", False), **options)


def _whole(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


datasets = Table(
    "evaluation_datasets",
    metadata,
    _text("project", primary_key=True),
    _text("id", primary_key=True),
    _text("name"),
    _text("digest"),
    _whole("created_ms"),
    _whole("updated_ms"),
    _text("created_by", nullable=True),
    _text("updated_by", nullable=True),
    _text("schema", nullable=True),
    _text("profile", nullable=True),
)

dataset_tags = Table(
    "evaluation_dataset_tags",
    metadata,
    _text("project", primary_key=True),
    _text("dataset", primary_key=True),
    _text("key", primary_key=True),
    _text("value"),
)

dataset_experiments = Table(
    "evaluation_dataset_experiments",
    metadata,
    _text("project", primary_key=True),
    _text("dataset", primary_key=True),
    _text("experiment", primary_key=True),
)

examples = Table(
    "evaluation_examples",
    metadata,
    _text("project", primary_key=True),
    _text("dataset", primary_key=True),
    _text("hash", primary_key=True),  # SHA-256 of the inputs
    _text("id"),  # unique in the data set
    _text("inputs"),
    _text("outputs", nullable=True),
    _text("expectations", nullable=True),
    _text("tags", nullable=True),
    _text("source", nullable=True),
    _whole("created_ms"),
    _whole("updated_ms"),
    _text("created_by", nullable=True),
    _text("updated_by", nullable=True),
)

scorers = Table(
    "scorers",
    metadata,
    _text("project", primary_key=True),
    _text("id", primary_key=True),
    Column("experiment", BigInteger, nullable=False),
    _text("name"),  # unique in the experiment
)

scorer_versions = Table(
    "scorer_versions",
    metadata,
    _text("project", primary_key=True),
    _text("scorer", primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    _text("serialized"),
    _whole("created_ms"),
)
