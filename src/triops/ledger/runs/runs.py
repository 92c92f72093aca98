"""The book of runs themselves: create, read whole, change, delete, restore. What is logged to them is in `log`,
whole histories are in `history`. Times are unix milliseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, insert, select, update

from triops.kernel.errors import Invalid, NotFound
from triops.kernel.ids import ExperimentId, ProjectId, RunId
from triops.kernel.run import Latest, Run, RunStatus, Stage
from triops.ledger.prepared import Prepared, Rows
from triops.ledger.runs import tables
from triops.ledger.runs.experiments import active_experiment, under
from triops.ports.records import Records

NAME_TAG = "mlflow.runName"  # the tag and the run's name are one

_R = tables.runs.c
COLUMNS = (
    _R.no,
    _R.id,
    _R.experiment,
    _R.name,
    _R.status,
    _R.stage,
    _R.user,
    _R.start_ms,
    _R.end_ms,
    _R.artifact_uri,
)
_ROW = Prepared(select(*COLUMNS).where(_R.project == bindparam("project"), _R.id == bindparam("id")))
_INSERT = Prepared(
    insert(tables.runs)
    .values(
        {column.name: bindparam(column.name) for column in COLUMNS if column is not _R.no}
        | {"project": bindparam("project")}
    )
    .returning(_R.no)
)
_UPDATE = Prepared(
    update(tables.runs)
    .where(_R.no == bindparam("run"))
    .values(name=bindparam("new_name"), status=bindparam("new_status"), end_ms=bindparam("new_end"))
)
_PARAMS = Prepared(
    select(tables.run_params.c.key, tables.run_params.c.value)
    .where(tables.run_params.c.run == bindparam("run"))
    .order_by(tables.run_params.c.key)
)
_TAGS = Prepared(
    select(tables.run_tags.c.key, tables.run_tags.c.value)
    .where(tables.run_tags.c.run == bindparam("run"))
    .order_by(tables.run_tags.c.key)
)
_M = tables.run_metrics.c
_METRICS = Prepared(
    select(_M.key, _M.value, _M.nan, _M.time_ms, _M.step, _M.origin).where(_M.run == bindparam("run")).order_by(_M.key)
)
WRITE_TAGS = Rows(
    tables.run_tags,
    ("run", "key", "value"),
    lambda rows: rows.on_conflict_do_update(index_elements=["run", "key"], set_={"value": rows.excluded.value}),
)


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as its own row has it, `no` being what other rows hang on."""

    no: int
    id: RunId
    experiment: int
    name: str
    status: str
    stage: str
    user: str
    start_ms: int
    end_ms: int | None
    artifact_uri: str


class Runs:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def create(
        self,
        project: ProjectId,
        id: RunId,
        experiment: str,
        *,
        name: str,
        user: str,
        start_ms: int,
        tags: Mapping[str, str],
    ) -> Run:
        """Its artifacts lie under its experiment's. Raises: NotFound, Invalid (the experiment)."""

        def write(connection: Connection) -> Run:
            row = active_experiment(connection, project, experiment)
            number, root = row[0], row[2]
            uri = under(root, id, "artifacts")
            no = _INSERT.run(
                connection,
                project=project,
                id=id,
                experiment=number,
                name=name,
                status=RunStatus.RUNNING.value,
                stage=Stage.ACTIVE.value,
                user=user,
                start_ms=start_ms,
                end_ms=None,
                artifact_uri=uri,
            ).scalar_one()
            WRITE_TAGS.write(connection, [(no, key, value) for key, value in tags.items()])
            return Run(
                id,
                ExperimentId(str(number)),
                name,
                RunStatus.RUNNING,
                Stage.ACTIVE,
                user,
                start_ms,
                None,
                uri,
                tags=tags,
            )

        return await self._records.write(write)

    async def get(self, project: ProjectId, id: str) -> Run:
        """With params, tags and latest metrics, each by key. Raises: NotFound."""
        return await self._records.read(lambda c: whole_run(c, found(c, project, id)))

    async def update(
        self,
        project: ProjectId,
        id: str,
        *,
        status: RunStatus | None = None,
        end_ms: int | None = None,
        name: str = "",
    ) -> tuple[int, Run, bool]:
        """Its number, the run without what was logged to it, and whether its status changed. None and "" change
        nothing.

        Raises: NotFound, Invalid (deleted).
        """

        def write(connection: Connection) -> tuple[int, Run, bool]:
            row = active(connection, project, id)
            moved = status is not None and status != row.status
            changed = RunRow(
                row.no,
                row.id,
                row.experiment,
                name or row.name,
                row.status if status is None else status.value,
                row.stage,
                row.user,
                row.start_ms,
                row.end_ms if end_ms is None else end_ms,
                row.artifact_uri,
            )
            _UPDATE.run(
                connection, run=row.no, new_name=changed.name, new_status=changed.status, new_end=changed.end_ms
            )
            if name:
                WRITE_TAGS.write(connection, [(row.no, NAME_TAG, name)])
            return row.no, bare_run(changed), moved

        return await self._records.write(write)

    async def delete(self, project: ProjectId, id: str, now_ms: int) -> None:
        """A deleted one is deleted anew. Raises: NotFound."""
        await self._mark(project, id, Stage.DELETED, now_ms)

    async def restore(self, project: ProjectId, id: str) -> None:
        """Raises: NotFound."""
        await self._mark(project, id, Stage.ACTIVE, None)

    async def _mark(self, project: ProjectId, id: str, stage: Stage, deleted_ms: int | None) -> None:
        def write(connection: Connection) -> None:
            row = found(connection, project, id)
            values = {"stage": stage.value, "deleted_ms": deleted_ms}
            connection.execute(update(tables.runs).where(_R.no == row.no).values(**values))

        await self._records.write(write)


def found(connection: Connection, project: ProjectId, id: str) -> RunRow:
    """Of either stage. Raises: NotFound."""
    row = _ROW.run(connection, project=project, id=id).first()
    if row is None:
        raise NotFound(f"Run with id={id} not found")
    return RunRow(*row)


def active(connection: Connection, project: ProjectId, id: str) -> RunRow:
    """Raises: NotFound, Invalid (deleted)."""
    row = found(connection, project, id)
    if row.stage != Stage.ACTIVE:
        raise Invalid(f"The run {row.id} must be in the 'active' state. Current state is {row.stage}.", field="run_id")
    return row


def bare_run(row: RunRow) -> Run:
    return Run(
        row.id,
        ExperimentId(str(row.experiment)),
        row.name,
        RunStatus(row.status),
        Stage(row.stage),
        row.user,
        row.start_ms,
        row.end_ms,
        row.artifact_uri,
    )


def whole_run(connection: Connection, row: RunRow) -> Run:
    run = bare_run(row)
    return Run(
        run.id,
        run.experiment,
        run.name,
        run.status,
        run.stage,
        run.user,
        run.start_ms,
        run.end_ms,
        run.artifact_uri,
        params=dict(map(tuple, _PARAMS.run(connection, run=row.no))),
        tags=dict(map(tuple, _TAGS.run(connection, run=row.no))),
        metrics={metric[0]: latest_of(metric[1:]) for metric in _METRICS.run(connection, run=row.no)},
    )


def latest_of(row: Sequence[Any]) -> Latest:
    """Of the columns value, nan, time_ms, step, origin."""
    value, nan, time_ms, step, origin = row
    return Latest(float("nan") if nan else value, time_ms, step, *(orjson.loads(origin) if origin else ()))
