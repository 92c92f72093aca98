"""Rows of some traces, found by their narrow columns and then read at their places in the tables.

Asked for at once, DuckDB would unpack every text of the range to give a page of it.
"""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from triops.adapters.embedded.engine import Connection

_LOW = 2**64 - 1


def rows_of_traces(
    connection: Connection,
    names: Sequence[str],
    table: str,
    columns: str,
    project: int,
    traces: Sequence[int],
    around: tuple[int, int],
    most: int,
) -> dict[str, Any]:
    """At most `most` rows of `table` in the day files, in columns; empty where there are none."""
    values = {
        "project": project,
        "traces": [trace & _LOW for trace in traces],
        "from": around[0],
        "to": around[1],
        "most": most,
    }
    parts: list[Mapping[str, Any]] = []
    for name in names:
        places = connection.execute(
            f"SELECT rowid AS place FROM {name}.{table} WHERE project = $project AND time_ns >= $from"
            " AND time_ns < $to AND trace_lo IN (SELECT unnest($traces::UBIGINT[])) LIMIT $most",
            values,
        ).fetchnumpy()["place"]
        if len(places):
            found = connection.execute(
                f"SELECT {columns} FROM {name}.{table} WHERE rowid IN (SELECT unnest($places::BIGINT[]))",
                {"places": np.ma.getdata(places).tolist()},
            ).fetchnumpy()
            parts.append(found)
            values["most"] -= len(places)  # type: ignore[operator]
    if not parts:
        return {}
    return {column: np.concatenate([np.ma.getdata(part[column]) for part in parts]) for column in parts[0]}
