"""Rate, errors and duration of services, and of the calls between them, from spans.

One pass joins every client span to the server span it caused, and every span to its nearest server span above, so that
a service's own share of the latency leaves out the time it waited for others.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.relation import union
from triops.kernel.clock import NS
from triops.kernel.signal import F64, GATEWAY
from triops.ports.spans import RedTable

_MARGIN_NS = 60 * NS  # a child may begin before its parent (clocks) or long after it; further off it is not joined
_INTERNAL_DEPTH = 8  # internal spans between a server span and its client span

_SPANS = """
SELECT t.trace_hi, t.trace_lo, t.span_id, t.parent_id, t.kind, t.time_ns, t.duration_ns, t.status, t.peer,
  coalesce(s.service, 'unknown_service') AS service
FROM (
  SELECT * FROM {day}.spans WHERE project = $project AND time_ns >= $from AND time_ns < $to AND scope <> '{gateway}'
) t
LEFT JOIN (SELECT fingerprint, service FROM {day}.resources WHERE project = $project) s ON t.resource = s.fingerprint
"""
_REPEATED = "SELECT count(*) > count(DISTINCT span_id) FROM {spans}"
_RED = """
WITH RECURSIVE spans AS MATERIALIZED (SELECT {once} * FROM {spans}),
serving AS (
  SELECT service FROM spans WHERE kind IN (2, 5) AND time_ns >= $start AND time_ns < $end GROUP BY service
),
climbing AS (
  SELECT trace_hi, trace_lo, parent_id, service, duration_ns, 0 AS depth FROM spans
  WHERE kind IN (3, 4) AND parent_id <> 0
  UNION ALL
  SELECT c.trace_hi, c.trace_lo, s.parent_id, c.service, c.duration_ns, c.depth + 1
  FROM climbing c JOIN spans s ON s.trace_hi = c.trace_hi AND s.trace_lo = c.trace_lo AND s.span_id = c.parent_id
  WHERE s.kind IN (0, 1) AND s.parent_id <> 0 AND c.depth < $depth
),
waited AS (
  SELECT trace_hi, trace_lo, parent_id, service, sum(duration_ns) AS ns FROM climbing GROUP BY ALL
),
whole AS (
  SELECT s.time_ns, '' AS source, 'service:' || s.service AS target, s.status, s.duration_ns,
    greatest(s.duration_ns - coalesce(w.ns, 0), 0) AS self_ns
  FROM spans s LEFT JOIN waited w
    ON w.trace_hi = s.trace_hi AND w.trace_lo = s.trace_lo AND w.parent_id = s.span_id AND w.service = s.service
  WHERE s.time_ns >= $start AND s.time_ns < $end AND (s.kind IN (2, 5)
    OR (s.parent_id = 0 AND s.service NOT IN (SELECT service FROM serving)))
),
callee AS (
  SELECT trace_hi, trace_lo, parent_id, min(service) AS service FROM spans WHERE kind IN (2, 5) AND parent_id <> 0
  GROUP BY ALL
),
edge AS (
  SELECT c.time_ns, 'service:' || c.service AS source, coalesce('service:' || s.service, nullif(c.peer, '')) AS target,
    c.status, c.duration_ns, NULL AS self_ns
  FROM spans c LEFT JOIN callee s
    ON s.trace_hi = c.trace_hi AND s.trace_lo = c.trace_lo AND s.parent_id = c.span_id
  WHERE c.kind IN (3, 4) AND c.time_ns >= $start AND c.time_ns < $end
)
SELECT (time_ns - $start) // $step AS step, source, target, count(*) AS n, count(*) FILTER (status = 2) AS errors,
  avg(duration_ns) / 1e6 AS ms_avg, quantile_cont(duration_ns, [0.5, 0.95, 0.99]) AS quantiles,
  avg(self_ns) / 1e6 AS self_ms
FROM (SELECT * FROM whole UNION ALL SELECT * FROM edge)
WHERE target IS NOT NULL AND ($service = '' OR source = 'service:' || $service OR target = 'service:' || $service)
GROUP BY ALL ORDER BY step, source, target
"""


def red_table(
    connection: Connection, names: Sequence[str], project: int, start_ns: int, end_ns: int, step_ns: int, service: str
) -> RedTable:
    values = {
        "project": project, "start": start_ns, "end": end_ns, "from": start_ns - _MARGIN_NS, "to": end_ns + _MARGIN_NS,
        "step": step_ns, "service": service, "depth": _INTERNAL_DEPTH,
    }  # fmt: skip
    spans = union(names, _SPANS.replace("{gateway}", GATEWAY))
    # Spans that a sender delivered twice are rare, and leaving them out takes as long as all the rest; to see that
    # there are none takes a tenth of it.
    margins = {key: values[key] for key in ("project", "from", "to")}
    (repeated,) = connection.execute(_REPEATED.replace("{spans}", spans), margins).fetchone()
    once = "DISTINCT ON (trace_hi, trace_lo, span_id)" if repeated else ""
    rows: list[tuple[Any, ...]] = connection.execute(
        _RED.replace("{once}", once).replace("{spans}", spans), values
    ).fetchall()
    quantiles = np.array([row[6] for row in rows], dtype=np.float64).reshape(-1, 3) / 1e6
    return RedTable(
        np.array([row[0] * step_ns + start_ns for row in rows], dtype=np.int64),
        [row[1] for row in rows],
        [row[2] for row in rows],
        np.array([row[3] for row in rows], dtype=np.int64),
        np.array([row[4] for row in rows], dtype=np.int64),
        _floats(row[5] for row in rows),
        quantiles[:, 0],
        quantiles[:, 1],
        quantiles[:, 2],
        _floats(row[7] for row in rows),
    )


def _floats(values: Any) -> F64:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


NO_RED = RedTable(
    np.empty(0, np.int64), [], [], np.empty(0, np.int64), np.empty(0, np.int64), *(np.empty(0) for _ in range(5))
)
