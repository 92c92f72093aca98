"""Experiments and runs from elsewhere, in a transaction: every function takes the caller's connection."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, delete, func, insert, select

from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.run import MetricPoints, Stage
from triops.kernel.transfer import MovedExperiment, MovedRun
from triops.ledger.imports.tables import partial_runs
from triops.ledger.paging import chunks
from triops.ledger.prepared import Rows
from triops.ledger.runs import tables
from triops.ledger.runs.log import write_points

_E = tables.experiments.c
_R = tables.runs.c
_N = tables.experiment_counters.c
_D = tables.datasets.c
_P = partial_runs.c
_COUNTED = 1 << 31  # ids over it (a file store's) are not counted on from
_DATASET = ("name", "digest", "source_type", "source", "schema", "profile")
_TAGS = Rows(
    tables.experiment_tags, ("project", "experiment", "key", "value"), lambda rows: rows.on_conflict_do_nothing()
)
_RUN_PARAMS = Rows(tables.run_params, ("run", "key", "value"))
_RUN_TAGS = Rows(tables.run_tags, ("run", "key", "value"))
_RUN_MODELS = Rows(tables.run_models, ("run", "model_id", "role", "step"), lambda rows: rows.on_conflict_do_nothing())
_RUN_INPUTS = Rows(tables.run_inputs, ("run", "dataset", "tags"), lambda rows: rows.on_conflict_do_nothing())
_DATASETS = Rows(tables.datasets, ("project", "experiment", *_DATASET), lambda rows: rows.on_conflict_do_nothing())


@dataclass(frozen=True, slots=True)
class PlacedExperiment:
    """`state`: created, or merged into the one of the same name."""

    id: int
    location: str
    state: str


def place_experiment(
    connection: Connection, project: ProjectId, moved: MovedExperiment, location: Callable[[int], str], now_ms: int
) -> PlacedExperiment:
    """Into the experiment of that name, if there is one; else a new one, under the id it had where that is free.

    A deleted one counts as deleted now, so that nothing is freed before anybody has seen it.
    """
    named = (_E.project == project) & (_E.name == moved.name)
    row = connection.execute(select(_E.id, _E.artifact_location).where(named)).one_or_none()
    if row is not None:
        write_tags(connection, project, row.id, moved)
        return PlacedExperiment(row.id, row.artifact_location, "merged")
    id = int(moved.id)
    taken = connection.scalar(select(_E.id).where(_E.project == project, _E.id == id))
    last = connection.scalar(select(_N.last).where(_N.project == project))
    if taken is not None:
        highest = connection.scalar(select(func.max(_E.id)).where(_E.project == project, _E.id < _COUNTED)) or 0
        id = max(last or 0, highest) + 1
    if id < _COUNTED and id > (last or 0):
        connection.execute(delete(tables.experiment_counters).where(_N.project == project))
        connection.execute(insert(tables.experiment_counters).values(project=project, last=id))
    deleted = moved.stage == Stage.DELETED
    connection.execute(
        insert(tables.experiments).values(
            project=project,
            id=id,
            name=moved.name,
            artifact_location=location(id),
            stage=moved.stage,
            created_ms=moved.created_ms,
            updated_ms=moved.updated_ms,
            deleted_ms=now_ms if deleted else None,
        )
    )
    write_tags(connection, project, id, moved)
    return PlacedExperiment(id, location(id), "created")


def write_tags(connection: Connection, project: ProjectId, id: int, moved: MovedExperiment) -> None:
    """Those that are there stay."""
    _TAGS.write(connection, [(project, id, key, value) for key, value in moved.tags.items()])


def whole_runs(connection: Connection, project: ProjectId, ids: Sequence[str]) -> set[str]:
    """Of these ids those of runs that are here and not in part only."""
    found: set[str] = set()
    for some in chunks(ids):
        found |= set(connection.scalars(select(_R.id).where(_R.project == project, _R.id.in_(some))))
        found -= set(connection.scalars(select(_P.run).where(_P.project == project, _P.run.in_(some))))
    return found


def artifact_uris(connection: Connection, project: ProjectId, ids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for some in chunks(ids):
        rows = connection.execute(select(_R.id, _R.artifact_uri).where(_R.project == project, _R.id.in_(some)))
        found |= {row.id: row.artifact_uri for row in rows}
    return found


def experiment_location(connection: Connection, project: ProjectId, id: int) -> str:
    """Raises: NotFound."""
    location: str | None = connection.scalar(select(_E.artifact_location).where(_E.project == project, _E.id == id))
    if location is None:
        raise NotFound(f"No Experiment with id={id} exists")
    return location


def write_run(
    connection: Connection,
    project: ProjectId,
    moved: MovedRun,
    experiment: int,
    artifact_uri: str,
    points: MetricPoints,
    now_ms: int,
    *,
    more: bool,
) -> None:
    """A run that came in part before is replaced. `more`: points of it follow (`write_more`)."""
    known = connection.scalar(select(_R.no).where(_R.project == project, _R.id == moved.id))
    if known is not None:
        for table in tables.OF_RUNS:
            connection.execute(delete(table).where(table.c.run == known))
        connection.execute(delete(tables.runs).where(_R.no == known))
    no: int = connection.execute(
        insert(tables.runs)
        .values(
            project=project,
            id=moved.id,
            experiment=experiment,
            name=moved.name,
            status=moved.status,
            stage=moved.stage,
            user=moved.user,
            start_ms=moved.start_ms,
            end_ms=moved.end_ms,
            deleted_ms=now_ms if moved.stage == Stage.DELETED else None,
            artifact_uri=artifact_uri,
        )
        .returning(_R.no)
    ).scalar_one()
    _RUN_PARAMS.write(connection, [(no, key, value) for key, value in moved.params.items()])
    _RUN_TAGS.write(connection, [(no, key, value) for key, value in moved.tags.items()])
    _RUN_MODELS.write(connection, [(no, link.model_id, link.role, link.step) for link in moved.links])
    _write_inputs(connection, project, moved, experiment, no)
    write_points(connection, no, points)
    _mark(connection, project, moved.id, partial=more)


def write_more(connection: Connection, project: ProjectId, run: str, points: MetricPoints, *, more: bool) -> None:
    """The next points of a run that has come in part. Raises: NotFound."""
    here = (_P.project == project) & (_P.run == run)
    no = connection.scalar(select(_R.no).where(_R.project == project, _R.id == run))
    if no is None or connection.scalar(select(_P.run).where(here)) is None:
        raise NotFound(f"no part of run {run} has come before")
    write_points(connection, no, points)
    _mark(connection, project, run, partial=more)


def _mark(connection: Connection, project: ProjectId, run: str, *, partial: bool) -> None:
    connection.execute(delete(partial_runs).where(_P.project == project, _P.run == run))
    if partial:
        connection.execute(insert(partial_runs).values(project=project, run=run))


def _write_inputs(connection: Connection, project: ProjectId, moved: MovedRun, experiment: int, no: int) -> None:
    for one in moved.inputs:
        data = tuple(getattr(one, name) for name in _DATASET)
        _DATASETS.write(connection, [(project, experiment, *data)])
        own = (_D.project == project, _D.experiment == experiment, _D.name == one.name, _D.digest == one.digest)
        number = connection.execute(select(_D.no).where(*own)).scalar_one()
        _RUN_INPUTS.write(connection, [(no, number, orjson.dumps(dict(one.tags)).decode())])
