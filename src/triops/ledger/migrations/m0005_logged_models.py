"""Logged models, their params, tags and metrics."""

from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Double, Index, Integer, MetaData, SmallInteger, Table, Text


def apply(connection: Connection) -> None:
    book = MetaData()

    def text(name: str, **options: Any) -> Column[str]:
        return Column(name, Text, nullable=False, **options)

    def whole(name: str) -> Column[int]:
        return Column(name, BigInteger, nullable=False)

    models = Table(
        "logged_models",
        book,
        text("project", primary_key=True),
        text("id", primary_key=True),
        Column("experiment", BigInteger, nullable=False),
        text("name"),
        text("artifact_location"),
        text("status"),
        text("stage"),
        text("model_type"),
        text("run"),
        whole("created_ms"),
        whole("updated_ms"),
    )
    Index("ix_logged_models_project_experiment", models.c.project, models.c.experiment, models.c.created_ms)
    Index("ix_logged_models_project_run", models.c.project, models.c.run)
    for kind in ("params", "tags"):
        named = Table(
            f"logged_model_{kind}",
            book,
            text("project", primary_key=True),
            text("model", primary_key=True),
            text("key", primary_key=True),
            text("value"),
        )
        Index(f"ix_logged_model_{kind}_project_key", named.c.project, named.c.key, named.c.model)
    metrics = Table(
        "logged_model_metrics",
        book,
        Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        text("project"),
        text("model"),
        text("key"),
        whole("time_ms"),
        whole("step"),
        text("run"),
        Column("value", Double, nullable=False),
        Column("nan", SmallInteger, nullable=False),
        text("dataset_name"),
        text("dataset_digest"),
    )
    m = metrics.c
    Index("uq_logged_model_metrics", m.project, m.model, m.key, m.time_ms, m.step, m.run, unique=True)
    Index("ix_logged_model_metrics_project_key", m.project, m.key, m.value)
    book.create_all(connection)
