"""The book of runs as it was first released: its tables and indexes."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

_CLUSTERED: Any = {"sqlite_with_rowid": False}  # rows lie in the order of their key: one tree instead of two


def apply(connection: Connection) -> None:
    runs = MetaData()
    _tables(runs)
    _indexes(runs)
    runs.create_all(connection)


def _indexes(runs: MetaData) -> None:
    def index(table: str, *columns: str, unique: bool = False) -> None:
        name = f"{'uq' if unique else 'ix'}_{table}_{'_'.join(columns)}"
        Index(name, *(runs.tables[table].c[column] for column in columns), unique=unique)

    index("experiments", "project", "name", unique=True)
    index("runs", "project", "id", unique=True)
    index("runs", "project", "experiment", "start_ms")
    index("metric_batches", "run")
    index("datasets", "project", "experiment", "name", "digest", unique=True)
    index("run_inputs", "dataset")
    index("run_models", "model_id")
    for table in ("experiments", "runs"):
        deleted = runs.tables[table].c.deleted_ms
        given = deleted.is_not(None)
        Index(f"ix_{table}_deleted_ms", deleted, sqlite_where=given, postgresql_where=given)


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=options.pop("nullable", False), **options)


def _whole(name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger, nullable=options.pop("nullable", False), **options)


def _run(**options: Any) -> Column[int]:
    return Column("run", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False, **options)


def _tables(runs: MetaData) -> None:
    Table(
        "experiments",
        runs,
        _text("project", primary_key=True),
        Column("id", BigInteger, primary_key=True, autoincrement=False),  # counted per project, from 0 ("Default")
        _text("name"),  # unique in the project, among deleted ones too
        _text("artifact_location"),
        _text("stage"),
        _whole("created_ms"),
        _whole("updated_ms"),
        _whole("deleted_ms", nullable=True),
    )
    Table(
        "experiment_counters",
        runs,
        _text("project", primary_key=True),
        Column("last", Integer, nullable=False),  # an id is never given twice, even when its experiment was freed
    )
    Table(
        "experiment_tags",
        runs,
        _text("project", primary_key=True),
        Column("experiment", BigInteger, primary_key=True, autoincrement=False),
        _text("key", primary_key=True),
        _text("value"),
    )
    Table(
        "runs",
        runs,
        Column("no", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        _text("project"),
        _text("id"),  # unique in the project
        Column("experiment", BigInteger, nullable=False),
        _text("name"),
        _text("status"),
        _text("stage"),
        _text("user"),
        _whole("start_ms"),
        _whole("end_ms", nullable=True),
        _whole("deleted_ms", nullable=True),
        _text("artifact_uri"),
    )
    Table("run_params", runs, _run(), _text("key", primary_key=True), _text("value"), **_CLUSTERED)
    Table("run_tags", runs, _run(), _text("key", primary_key=True), _text("value"), **_CLUSTERED)
    Table(
        "run_metrics",
        runs,
        _run(),
        _text("key", primary_key=True),
        Column("value", Double, nullable=False),  # 0 where `nan`
        Column("nan", SmallInteger, nullable=False),  # 1 or 0: SQLite has no NaN
        _whole("time_ms"),
        _whole("step"),
        _text("origin"),  # "" or JSON [model id, dataset name, dataset digest]
        **_CLUSTERED,
    )
    Table(
        "metric_batches",
        runs,
        Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        _whole("run"),
        Column("points", Integer, nullable=False),
        Column("body", LargeBinary, nullable=False),
    )
    Table(
        "metric_chunks",
        runs,
        _run(),
        _text("key", primary_key=True),
        Column("part", Integer, primary_key=True, autoincrement=False),
        Column("points", Integer, nullable=False),
        Column("body", LargeBinary, nullable=False),
    )
    Table(
        "datasets",
        runs,
        Column("no", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        _text("project"),
        Column("experiment", BigInteger, nullable=False),
        _text("name"),
        _text("digest"),  # with name and experiment unique in the project
        _text("source_type"),
        _text("source"),
        _text("schema", nullable=True),
        _text("profile", nullable=True),
    )
    Table(
        "run_inputs",
        runs,
        _run(),
        Column("dataset", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
        _text("tags"),  # JSON object
        **_CLUSTERED,
    )
    Table(
        "run_models",
        runs,
        _run(),
        _text("model_id", primary_key=True),
        _text("role", primary_key=True),  # input, output
        _whole("step"),
        **_CLUSTERED,
    )
    Table(
        "freed_artifacts",
        runs,
        Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        _text("project"),
        _text("uri"),  # of a run that is gone: what lies under it is still to go
    )
