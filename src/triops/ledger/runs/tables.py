"""The tables of runs. How they came to be is in `migrations/`. SQLite and PostgreSQL alike speak what is here.

Rows hang on `runs.no`, a small integer, so that the wide tables stay narrow. `run_metrics` has latest values only;
whole histories are packed: `metric_batches` as they were logged, one row a request, and `metric_chunks` as the
compaction job merges them, one row for a few thousand points of one metric.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Double, Integer, LargeBinary, MetaData, SmallInteger, Table, Text

metadata = MetaData()
_CLUSTERED: Any = {"sqlite_with_rowid": False}  # rows lie in the order of their key: one tree instead of two


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=options.pop("nullable", False), **options)


def _whole(name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger, nullable=options.pop("nullable", False), **options)


def _run(**options: Any) -> Column[int]:
    return Column("run", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False, **options)


experiments = Table(
    "experiments",
    metadata,
    _text("project", primary_key=True),
    Column("id", BigInteger, primary_key=True, autoincrement=False),  # counted per project, from 0 ("Default")
    _text("name"),  # unique in the project, among deleted ones too
    _text("artifact_location"),
    _text("stage"),
    _whole("created_ms"),
    _whole("updated_ms"),
    _whole("deleted_ms", nullable=True),
)

experiment_counters = Table(
    "experiment_counters",
    metadata,
    _text("project", primary_key=True),
    Column("last", Integer, nullable=False),  # an id is never given twice, even when its experiment was freed
)

experiment_tags = Table(
    "experiment_tags",
    metadata,
    _text("project", primary_key=True),
    Column("experiment", BigInteger, primary_key=True, autoincrement=False),
    _text("key", primary_key=True),
    _text("value"),
)

runs = Table(
    "runs",
    metadata,
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

run_params = Table("run_params", metadata, _run(), _text("key", primary_key=True), _text("value"), **_CLUSTERED)

run_tags = Table("run_tags", metadata, _run(), _text("key", primary_key=True), _text("value"), **_CLUSTERED)

run_metrics = Table(
    "run_metrics",
    metadata,
    _run(),
    _text("key", primary_key=True),
    Column("value", Double, nullable=False),  # 0 where `nan`
    Column("nan", SmallInteger, nullable=False),  # 1 or 0: SQLite has no NaN
    _whole("time_ms"),
    _whole("step"),
    _text("origin"),  # "" or JSON [model id, dataset name, dataset digest]
    **_CLUSTERED,
)

metric_batches = Table(
    "metric_batches",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _whole("run"),
    Column("points", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

metric_chunks = Table(
    "metric_chunks",
    metadata,
    _run(),
    _text("key", primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("points", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

datasets = Table(
    "datasets",
    metadata,
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

run_inputs = Table(
    "run_inputs",
    metadata,
    _run(),
    Column("dataset", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    _text("tags"),  # JSON object
    **_CLUSTERED,
)

run_models = Table(
    "run_models",
    metadata,
    _run(),
    _text("model_id", primary_key=True),
    _text("role", primary_key=True),  # input, output
    _whole("step"),
    **_CLUSTERED,
)

freed_artifacts = Table(
    "freed_artifacts",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    _text("project"),
    _text("uri"),  # of a run that is gone: what lies under it is still to go
)

OF_RUNS = (run_params, run_tags, run_metrics, metric_batches, metric_chunks, run_inputs, run_models)
"""What hangs on a run by its number."""
