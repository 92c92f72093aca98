"""What is logged to a run: params, tags, metric points. One request is one transaction: all of it or nothing."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Connection, bindparam, delete, insert, select, tuple_, update

from triops.kernel.errors import Invalid, NotFound
from triops.kernel.ids import ProjectId, RunId
from triops.kernel.run import MetricPoints
from triops.ledger.paging import chunks
from triops.ledger.prepared import Prepared, Rows
from triops.ledger.runs import tables
from triops.ledger.runs.points import latest, pack
from triops.ledger.runs.runs import NAME_TAG, WRITE_TAGS, RunRow, active
from triops.ports.records import Records

_P = tables.run_params.c
_T = tables.run_tags.c
_M = tables.run_metrics.c
_B = tables.metric_batches.c
_WRITE_PARAMS = Rows(tables.run_params, ("run", "key", "value"), lambda rows: rows.on_conflict_do_nothing())
_WRITE_LATEST = Rows(
    tables.run_metrics,
    ("run", "key", "value", "nan", "time_ms", "step", "origin"),
    lambda rows: rows.on_conflict_do_update(
        index_elements=["run", "key"],
        set_={name: rows.excluded[name] for name in ("value", "nan", "time_ms", "step", "origin")},
        where=tuple_(rows.excluded.step, rows.excluded.time_ms, rows.excluded.value)
        > tuple_(_M.step, _M.time_ms, _M.value),
    ),
)
_WRITE_BATCH = Prepared(
    insert(tables.metric_batches).values(run=bindparam("run"), points=bindparam("points"), body=bindparam("body"))
)
_RENAME = Prepared(update(tables.runs).where(tables.runs.c.no == bindparam("run")).values(name=bindparam("new_name")))

ModelMetrics = Callable[[Connection, ProjectId, RunId, int, MetricPoints], None]
"""Is told, in the same transaction, of points that were measured on a model: project, run, experiment, points."""


class RunLog:
    def __init__(self, records: Records, model_metrics: ModelMetrics | None = None) -> None:
        self._records = records
        self._model_metrics = model_metrics

    async def batch(
        self,
        project: ProjectId,
        run: str,
        *,
        points: MetricPoints | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> RunRow:
        """Answers the run as it was. A param that is there with the same value is no change.

        Raises: NotFound; Invalid: deleted, or a param that has another value.
        """
        rows = _latest_rows(points) if points is not None and len(points) else []
        body = pack(points) if points is not None and len(points) else b""

        def write(connection: Connection) -> RunRow:
            row = active(connection, project, run)
            if params:
                self._write_params(connection, row, params)
            if points is not None and rows:
                _WRITE_LATEST.write(connection, [(row.no, *one) for one in rows])
                _WRITE_BATCH.run(connection, run=row.no, points=len(points), body=body)
                if points.origins is not None and self._model_metrics is not None:
                    self._model_metrics(connection, project, row.id, row.experiment, points)
            if tags:
                _write_tags(connection, row, tags)
            return row

        return await self._records.write(write)

    async def append_to_tag(self, project: ProjectId, run: str, key: str, value: Callable[[str | None], str]) -> None:
        """`value` makes the tag of what it is now. Raises: NotFound, Invalid (deleted), what `value` raises."""

        def write(connection: Connection) -> None:
            row = active(connection, project, run)
            known = connection.scalar(select(_T.value).where(_T.run == row.no, _T.key == key))
            _write_tags(connection, row, {key: value(known)})

        await self._records.write(write)

    async def delete_tag(self, project: ProjectId, run: str, key: str) -> None:
        """Raises: NotFound (the run, the tag), Invalid (deleted)."""

        def write(connection: Connection) -> None:
            row = active(connection, project, run)
            gone = delete(tables.run_tags).where(_T.run == row.no, _T.key == key)
            if not connection.execute(gone).rowcount:
                raise NotFound(f"No tag with name: {key} in run with id {run}")

        await self._records.write(write)

    def _write_params(self, connection: Connection, row: RunRow, params: Mapping[str, str]) -> None:
        new = _WRITE_PARAMS.write(connection, [(row.no, key, value) for key, value in params.items()])
        if new == len(params):
            return
        known: dict[str, str] = {}
        for keys in chunks(params):
            statement = select(_P.key, _P.value).where(_P.run == row.no, _P.key.in_(keys))
            known |= {one.key: one.value for one in connection.execute(statement)}
        changed = [key for key, value in params.items() if known[key] != value]
        if changed:
            raise ParamChanged([(key, known[key], params[key]) for key in changed], row.id)


class ParamChanged(Invalid):
    """Params are written once: (key, value, new value) of those that were to change."""

    def __init__(self, changed: list[tuple[str, str, str]], run: RunId) -> None:
        listed = [{"key": key, "old_value": old, "new_value": new} for key, old, new in changed]
        super().__init__(
            f"Changing param values is not allowed. Params were already logged='{listed}' for run ID='{run}'."
        )
        self.changed = changed
        self.run = run


def _write_tags(connection: Connection, row: RunRow, tags: Mapping[str, str]) -> None:
    if NAME_TAG in tags:
        tags = {key: value for key, value in tags.items() if key != NAME_TAG or value}  # a name is never taken away
        if name := tags.get(NAME_TAG):
            _RENAME.run(connection, run=row.no, new_name=name)
    WRITE_TAGS.write(connection, [(row.no, key, value) for key, value in tags.items()])


def _latest_rows(points: MetricPoints) -> list[tuple[Any, ...]]:
    """Each metric's latest point: key, value, nan, time, step, origin."""
    at = latest(points)
    value = points.value[at]
    nan = np.isnan(value)
    keys = points.keys
    origins: list[str] = [""] * len(at)
    if points.origins is not None:
        known = [orjson.dumps(list(row)).decode() for row in points.origin_rows]
        origins = [known[index] if index >= 0 else "" for index in points.origins[at].tolist()]
    return list(
        zip(
            [keys[index] for index in points.key[at].tolist()],
            np.where(nan, 0.0, value).tolist(),
            nan.astype(int).tolist(),
            points.time_ms[at].tolist(),
            points.step[at].tolist(),
            origins,
            strict=True,
        )
    )


def write_points(connection: Connection, run: int, points: MetricPoints) -> None:
    """Points of a run by its number, in the caller's transaction."""
    if len(points):
        _WRITE_LATEST.write(connection, [(run, *row) for row in _latest_rows(points)])
        _WRITE_BATCH.run(connection, run=run, points=len(points), body=pack(points))
