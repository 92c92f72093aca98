"""The book of logged models: one row each, and their params and tags by key.

A deleted model stays until it is freed; its params and tags can still be written, as MLflow's clients expect.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from triops.kernel.errors import Invalid, NotFound
from triops.kernel.ids import ExperimentId, ProjectId
from triops.kernel.logged_model import LoggedModel, ModelMetric, ModelStatus
from triops.kernel.run import Stage
from triops.ledger.logged_models import tables
from triops.ledger.paging import AnyRow, chunks
from triops.ledger.prepared import Rows
from triops.ledger.runs.experiments import active_experiment
from triops.ports.records import Records

POINTS = 10_000  # of one model that are read, newest kept
_M = tables.logged_models.c
_P = tables.logged_model_params.c
_T = tables.logged_model_tags.c
_K = tables.logged_model_metrics.c
COLUMNS = tuple(tables.logged_models.c)
_POINT = tuple(tables.logged_model_metrics.c)
_WRITE_PARAMS = Rows(
    tables.logged_model_params, ("project", "model", "key", "value"), lambda rows: rows.on_conflict_do_nothing()
)
_WRITE_TAGS = Rows(
    tables.logged_model_tags,
    ("project", "model", "key", "value"),
    lambda rows: rows.on_conflict_do_update(
        index_elements=["project", "model", "key"], set_={"value": rows.excluded.value}
    ),
)


class LoggedModels:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def create(
        self,
        project: ProjectId,
        id: str,
        experiment: str,
        name: str,
        *,
        model_type: str,
        run: str,
        params: Mapping[str, str],
        tags: Mapping[str, str],
        now_ms: int,
    ) -> LoggedModel:
        """Raises: NotFound, Invalid (the experiment: none, or deleted)."""

        def write(connection: Connection) -> LoggedModel:
            no, _, location, *_ = active_experiment(connection, project, experiment)
            head, mark, query = location.partition("?")
            row = {
                "project": project,
                "id": id,
                "experiment": no,
                "name": name,
                "artifact_location": f"{head.rstrip('/')}/models/{id}/artifacts{mark}{query}",
                "status": ModelStatus.PENDING.value,
                "stage": Stage.ACTIVE.value,
                "model_type": model_type,
                "run": run,
                "created_ms": now_ms,
                "updated_ms": now_ms,
            }
            connection.execute(insert(tables.logged_models), row)
            _WRITE_PARAMS.write(connection, [(project, id, key, value) for key, value in params.items()])
            _WRITE_TAGS.write(connection, [(project, id, key, value) for key, value in tags.items()])
            return _found(connection, project, id)

        return await self._records.write(write)

    async def get(self, project: ProjectId, id: str, *, deleted: bool = False) -> LoggedModel:
        """`deleted`: one that was deleted, too. Raises: NotFound."""

        def query(connection: Connection) -> LoggedModel:
            model = _found(connection, project, id)
            if model.stage is Stage.DELETED and not deleted:
                raise _missing(id)
            return model

        return await self._records.read(query)

    async def finalize(self, project: ProjectId, id: str, status: ModelStatus, now_ms: int) -> LoggedModel:
        """Raises: NotFound."""

        def write(connection: Connection) -> LoggedModel:
            _update(connection, project, id, status=status.value, updated_ms=now_ms)
            return _found(connection, project, id)

        return await self._records.write(write)

    async def delete(self, project: ProjectId, id: str, now_ms: int) -> None:
        """Raises: NotFound."""
        await self._records.write(lambda c: _update(c, project, id, stage=Stage.DELETED.value, updated_ms=now_ms))

    async def add_params(self, project: ProjectId, id: str, params: Mapping[str, str]) -> None:
        """They are written once: the same again is no change. Raises: NotFound; Invalid for another value."""

        def write(connection: Connection) -> None:
            _check(connection, project, id)
            new = _WRITE_PARAMS.write(connection, [(project, id, key, value) for key, value in params.items()])
            if new == len(params):
                return
            statement = select(_P.key, _P.value).where(_P.project == project, _P.model == id)
            known = {row.key: row.value for row in connection.execute(statement)}
            for key, value in params.items():
                if known[key] != value:
                    raise Invalid(
                        f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                        f"value='{known[key]}' for model ID='{id}'. Attempted logging new value '{value}'.",
                        field="params",
                    )

        await self._records.write(write)

    async def set_tags(self, project: ProjectId, id: str, tags: Mapping[str, str]) -> None:
        """Raises: NotFound."""

        def write(connection: Connection) -> None:
            _check(connection, project, id)
            _WRITE_TAGS.write(connection, [(project, id, key, value) for key, value in tags.items()])

        await self._records.write(write)

    async def delete_tag(self, project: ProjectId, id: str, key: str) -> None:
        """Raises: NotFound (the model, the tag)."""

        def write(connection: Connection) -> None:
            _check(connection, project, id)
            gone = delete(tables.logged_model_tags).where(_T.project == project, _T.model == id, _T.key == key)
            if not connection.execute(gone).rowcount:
                raise NotFound(f"No tag with key {key!r} found for model with ID {id!r}.")

        await self._records.write(write)

    async def location(self, project: ProjectId, id: str) -> str:
        """Where its artifacts lie. Raises: NotFound for one that was deleted, too."""
        statement = select(_M.artifact_location).where(
            _M.project == project, _M.id == id, _M.stage == Stage.ACTIVE.value
        )
        location: str | None = await self._records.read(lambda c: c.scalar(statement))
        if location is None:
            raise _missing(id)
        return location

    async def experiments(self, project: ProjectId, ids: Collection[str]) -> dict[str, str]:
        """Model id → experiment id, of those that there are."""

        def query(connection: Connection) -> dict[str, str]:
            found: dict[str, str] = {}
            for some in chunks(ids):
                statement = select(_M.id, _M.experiment).where(_M.project == project, _M.id.in_(some))
                found |= {row.id: str(row.experiment) for row in connection.execute(statement)}
            return found

        return await self._records.read(query)


def whole_models(connection: Connection, project: ProjectId, rows: Sequence[AnyRow]) -> list[LoggedModel]:
    """Rows of `COLUMNS` with their params, tags and metrics: three statements, however many rows."""
    ids = [row.id for row in rows]
    params: dict[str, dict[str, str]] = {id: {} for id in ids}
    tags: dict[str, dict[str, str]] = {id: {} for id in ids}
    metrics: dict[str, list[ModelMetric]] = {id: [] for id in ids}
    for some in chunks(ids):
        for columns, into in ((_P, params), (_T, tags)):
            named = select(columns.model, columns.key, columns.value).where(
                columns.project == project, columns.model.in_(some)
            )
            for model, key, value in connection.execute(named.order_by(columns.model, columns.key)):
                into[model][key] = value
        measured = select(*_POINT).where(_K.project == project, _K.model.in_(some)).order_by(_K.seq.desc())
        for row in connection.execute(measured.limit(POINTS * 10)):
            if len(metrics[row.model]) < POINTS:
                metrics[row.model].append(_metric(row))
    return [
        LoggedModel(
            row.id,
            ExperimentId(str(row.experiment)),
            row.name,
            row.artifact_location,
            ModelStatus(row.status),
            Stage(row.stage),
            row.created_ms,
            row.updated_ms,
            row.model_type,
            row.run,
            params[row.id],
            tags[row.id],
            metrics[row.id][::-1],
        )
        for row in rows
    ]


def _metric(row: AnyRow) -> ModelMetric:
    value = float("nan") if row.nan else row.value
    return ModelMetric(row.key, value, row.time_ms, row.step, row.run, row.dataset_name, row.dataset_digest)


def _missing(id: str) -> NotFound:
    return NotFound(f"Logged model with ID '{id[:80]}' not found.")


def _found(connection: Connection, project: ProjectId, id: str) -> LoggedModel:
    row = connection.execute(select(*COLUMNS).where(_M.project == project, _M.id == id)).one_or_none()
    if row is None:
        raise _missing(id)
    return whole_models(connection, project, [row])[0]


def _check(connection: Connection, project: ProjectId, id: str) -> None:
    if connection.scalar(select(_M.id).where(_M.project == project, _M.id == id)) is None:
        raise _missing(id)


def _update(connection: Connection, project: ProjectId, id: str, **values: Any) -> None:
    changed = update(tables.logged_models).where(_M.project == project, _M.id == id).values(**values)
    if not connection.execute(changed).rowcount:
        raise _missing(id)
