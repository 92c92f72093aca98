"""How calls of models fare, at a glance and over time, out of the narrow columns beside the spans (`llm_index.py`).

Calls are as told: one that two spans tell of is in it twice.
"""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

from collections.abc import Sequence
from dataclasses import asdict

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.relation import union
from triops.ports.llm_spans import CallsOf, LlmPace, LlmStep

_CALLS = " FROM {day}.llm WHERE project = $project AND call = 1 AND time_ns >= $start AND time_ns < $end"
_FINE = "FILTER (status <> 2)"
_STEPS = f"""
SELECT $start + (time_ns - $start) // $step * $step AS began, count(*), count(*) FILTER (status = 2),
  avg(duration_ns) {_FINE} / 1e6, quantile_cont(duration_ns, 0.95) {_FINE} / 1e6,
  avg(first_ns) FILTER (status <> 2 AND first_ns > 0) / 1e6,
  avg(input_tokens) FILTER (status <> 2 AND input_tokens >= 0),
  avg(output_tokens) FILTER (status <> 2 AND output_tokens >= 0),
  avg(output_chars) FILTER (status <> 2 AND output_chars >= 0),
  coalesce(sum(cost) FILTER (cost >= 0), 0), count(*) FILTER (cost >= 0)
FROM {{calls}} GROUP BY began ORDER BY began
"""


def pace_in(connection: Connection, names: Sequence[str], project: int, start_ns: int, end_ns: int) -> LlmPace:
    select = "SELECT trace_lo, status, duration_ns, first_ns" + _CALLS
    traces, failed, p95_ns, first_ns = connection.execute(
        f"""SELECT count(DISTINCT trace_lo), count(DISTINCT trace_lo) FILTER (status = 2),
        quantile_cont(duration_ns, 0.95) FILTER (status <> 2),
        quantile_cont(first_ns, 0.5) FILTER (status <> 2 AND first_ns > 0) FROM {union(names, select)}""",
        {"project": project, "start": start_ns, "end": end_ns},
    ).fetchone()
    ms = [None if ns is None else ns / 1e6 for ns in (p95_ns, first_ns)]
    return LlmPace(traces, failed, *ms)


def steps_in(
    connection: Connection, names: Sequence[str], project: int, start_ns: int, end_ns: int, step_ns: int, of: CallsOf
) -> list[LlmStep]:
    named = {column: value for column, value in asdict(of).items() if value}
    select = "SELECT time_ns, status, duration_ns, first_ns, input_tokens, output_tokens, output_chars, cost" + _CALLS
    select += "".join(f" AND {column} = ${column}" for column in named)
    rows = connection.execute(
        _STEPS.replace("{calls}", union(names, select)),
        {"project": project, "start": start_ns, "end": end_ns, "step": step_ns, **named},
    )
    return [LlmStep(*row) for row in rows.fetchall()]
