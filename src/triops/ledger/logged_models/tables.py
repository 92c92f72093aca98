"""The tables of logged models. How they came to be is in `migrations/`. Times are unix milliseconds."""

from typing import Any

from sqlalchemy import BigInteger, Column, Double, Integer, MetaData, SmallInteger, Table, Text

metadata = MetaData()


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=False, **options)


def _whole(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


logged_models = Table(
    "logged_models",
    metadata,
    _text("project", primary_key=True),
    _text("id", primary_key=True),
    Column("experiment", BigInteger, nullable=False),
    _text("name"),
    _text("artifact_location"),
    _text("status"),
    _text("stage"),
    _text("model_type"),
    _text("run"),
    _whole("created_ms"),
    _whole("updated_ms"),
)

logged_model_params = Table(
    "logged_model_params",
    metadata,
    _text("project", primary_key=True),
    _text("model", primary_key=True),
    _text("key", primary_key=True),
    _text("value"),
)

logged_model_tags = Table(
    "logged_model_tags",
    metadata,
    _text("project", primary_key=True),
    _text("model", primary_key=True),
    _text("key", primary_key=True),
    _text("value"),
)

logged_model_metrics = Table(
    "logged_model_metrics",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _text("project"),
    _text("model"),  # with key, time, step and run unique in the project
    _text("key"),
    _whole("time_ms"),
    _whole("step"),
    _text("run"),
    Column("value", Double, nullable=False),  # 0 where `nan`
    Column("nan", SmallInteger, nullable=False),  # SQLite has no NaN
    _text("dataset_name"),
    _text("dataset_digest"),
)
