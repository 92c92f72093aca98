"""Metric points in DuckDB (`ports/metrics.py`)."""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

from collections.abc import Sequence
from typing import Any

import numpy as np

from triops.adapters.embedded.downsample import downsampled
from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.layout import METRICS
from triops.adapters.embedded.relation import check_limit, check_range, check_step, union
from triops.adapters.embedded.series import label_values, matching
from triops.adapters.embedded.store import TelemetryStore
from triops.kernel.errors import TooLarge
from triops.kernel.ids import ProjectId
from triops.kernel.selector import Selector
from triops.kernel.signal import MetricBatch, fingerprint
from triops.ports.metrics import Aggregate, PointTable, SeriesInfo
from triops.ports.telemetry import Appended

_RAW_ROWS = 1_000_000
_SINCE_ROWS = 5_000_000
_POINTS = "SELECT series_id, time_ns, value, rowid AS row FROM {day}.points WHERE project = $project"
_RANGE = " AND time_ns >= $start AND time_ns < $end"


class EmbeddedMetrics(TelemetryStore):
    layout = METRICS

    async def append(self, project: ProjectId, batch: MetricBatch, digest: bytes | None = None) -> Appended:
        return await self._append(project, batch, digest)

    async def series(
        self, project: ProjectId, selector: Selector | None, start_ns: int, end_ns: int, limit: int = 1000
    ) -> Sequence[SeriesInfo]:
        check_range(start_ns, end_ns)
        check_limit(limit, 1_000_000)
        found = await self._query(
            self._days(start_ns, end_ns),
            lambda connection, names: matching(connection, names, fingerprint(project), selector, limit),
        )
        return found or []

    async def points(
        self,
        project: ProjectId,
        series_ids: Sequence[int],
        start_ns: int,
        end_ns: int,
        step_ns: int | None = None,
        aggregate: Aggregate = "auto",
    ) -> PointTable:
        check_range(start_ns, end_ns)
        if step_ns is not None:
            check_step(step_ns, start_ns, end_ns)
        values = {"project": fingerprint(project), "start": start_ns, "end": end_ns, "ids": list(series_ids)}

        def ask(connection: Connection, names: Sequence[str]) -> PointTable:
            if step_ns is not None:
                return downsampled(connection, names, values, step_ns, aggregate)
            select = f"{_POINTS}{_RANGE} AND series_id IN (SELECT unnest($ids::UBIGINT[]))"
            found = connection.execute(f"{union(names, select)} LIMIT {_RAW_ROWS + 1}", values).fetchnumpy()
            if len(found["time_ns"]) > _RAW_ROWS:
                raise TooLarge(f"more than {_RAW_ROWS} points; ask with a step", field="step")
            return _table(found)

        lookback = start_ns - (step_ns or 0)  # a rate also reads the point before its first step
        days = self._days(lookback, end_ns) if series_ids else []
        return await self._query(days, ask) or _empty()

    async def since(self, project: ProjectId, start_ns: int, end_ns: int) -> PointTable:
        check_range(start_ns, end_ns)
        values = {"project": fingerprint(project), "start": start_ns, "end": end_ns}

        def ask(connection: Connection, names: Sequence[str]) -> PointTable:
            relation = union(names, _POINTS + _RANGE)
            (count,) = connection.execute(f"SELECT count(*) FROM {relation}", values).fetchone()
            newest = f" ORDER BY time_ns DESC LIMIT {_SINCE_ROWS}" if count > _SINCE_ROWS else ""
            return _table(connection.execute(f"SELECT * FROM {relation}{newest}", values).fetchnumpy())

        return await self._query(self._days(start_ns, end_ns), ask) or _empty()

    async def label_values(
        self, project: ProjectId, label: str, start_ns: int, end_ns: int, limit: int = 1000
    ) -> Sequence[str]:
        check_range(start_ns, end_ns)
        check_limit(limit, 1_000_000)
        found = await self._query(
            self._days(start_ns, end_ns),
            lambda connection, names: label_values(connection, names, fingerprint(project), label, limit),
        )
        return found or []


def _table(found: Any) -> PointTable:
    """Sorted by series, then time; of equal ones the last written."""
    series = np.asarray(found["series_id"], dtype=np.uint64)
    times = np.asarray(found["time_ns"], dtype=np.int64)
    values = np.ma.filled(np.ma.asarray(found["value"], dtype=np.float64), np.nan)
    order = np.lexsort((found["row"], times, series))
    series, times, values = series[order], times[order], values[order]
    last = np.ones(len(series), dtype=np.bool_)
    last[:-1] = (series[1:] != series[:-1]) | (times[1:] != times[:-1])
    return PointTable(series[last], times[last], values[last])


def _empty() -> PointTable:
    return PointTable(np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.float64))
