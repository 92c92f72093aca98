"""Points of a few series, one value a step."""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.relation import union
from triops.ports.metrics import Aggregate, PointTable

# Equal (series, time): the last written counts. NaN, which is stored as NULL, is left out.
_POINTS = """
SELECT series_id, time_ns, arg_max_null(value, rowid) AS value FROM {day}.points
WHERE project = $project AND time_ns >= $from AND time_ns < $end
  AND series_id IN (SELECT unnest($ids::UBIGINT[]))
GROUP BY series_id, time_ns HAVING NOT isnan(arg_max_null(value, rowid))
"""
_STEPS = (
    "SELECT series_id, (time_ns - $start) // $step AS step, {value} AS value FROM {points} GROUP BY ALL ORDER BY ALL"
)
_VALUES = {
    "avg": "avg(value)",
    "min": "min(value)",
    "max": "max(value)",
    "sum": "sum(value)",
    "last": "arg_max(value, time_ns)",
}
_AUTO = """CASE WHEN any_value(kind) IN ('counter', 'histogram') THEN arg_max(value, time_ns) ELSE avg(value) END"""
_KINDS = "SELECT id, any_value(type) AS kind FROM {series} GROUP BY id"
# A fall is a reset: the counter began again from zero. Divided by the time between the points, so that a step shorter
# than the sender's interval is right too.
_RATE = """
SELECT series_id, (time_ns - $start) // $step AS step, sum(increase) / (sum(elapsed) / 1e9) AS value FROM (
  SELECT series_id, time_ns, time_ns - lag(time_ns) OVER w AS elapsed,
    CASE WHEN value >= lag(value) OVER w THEN value - lag(value) OVER w ELSE value END AS increase
  FROM {points} WINDOW w AS (PARTITION BY series_id ORDER BY time_ns)
) WHERE elapsed IS NOT NULL AND time_ns >= $start GROUP BY ALL ORDER BY ALL
"""


def downsampled(
    connection: Connection, names: Sequence[str], values: Mapping[str, Any], step_ns: int, aggregate: Aggregate
) -> PointTable:
    """`values`: project, start, end, ids."""
    points = union(names, _POINTS)
    given = {**values, "step": step_ns, "from": values["start"] - (step_ns if aggregate == "rate" else 0)}
    if aggregate == "rate":
        sql = _RATE.replace("{points}", points)
    elif aggregate == "auto":
        series = union(names, "SELECT id, type FROM {day}.series WHERE project = $project")
        joined = f"(SELECT * FROM {points} LEFT JOIN ({_KINDS.replace('{series}', series)}) ON series_id = id)"
        sql = _STEPS.replace("{value}", _AUTO).replace("{points}", joined)
    else:
        sql = _STEPS.replace("{value}", _VALUES[aggregate]).replace("{points}", points)
    found = connection.execute(sql, given).fetchnumpy()
    return PointTable(
        np.asarray(found["series_id"], dtype=np.uint64),
        np.asarray(found["step"], dtype=np.int64) * step_ns + values["start"],
        np.ma.filled(np.ma.asarray(found["value"], dtype=np.float64), np.nan),
    )
