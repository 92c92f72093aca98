"""Which traces meet the other conditions of a search, found once for it, so that only their texts are read."""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.relation import union
from triops.kernel.signal import U64

_MOST = 500_000  # ids, 4 MB; where more meet them, choosing spares little


class Among:
    """Of the spans of a trace that begin at `from_ns` or later and before `to_ns`, each of `conditions` (about the
    columns of `llm`) must be met by some, and each of `sums` (about aggregates of them) by all together. Of any part of
    these spans a sum must be met only where it is by all: what is asked of a part is left to who asks."""

    def __init__(
        self,
        connection: Connection,
        names: Sequence[str],
        conditions: Sequence[str],
        sums: Sequence[str],
        values: Mapping[str, Any],
        project: int,
        from_ns: int,
        to_ns: int,
    ) -> None:
        self._connection = connection
        self._values = {**values, "project": project, "from": from_ns, "to": to_ns, "most": _MOST}
        where = "project = $project AND time_ns >= $from AND time_ns < $to"
        self._met = [
            union(names, f"SELECT trace_lo FROM {{day}}.llm WHERE {where} AND {condition}") for condition in conditions
        ]
        if sums:
            spans = "SELECT trace_hi, trace_lo, time_ns, duration_ns, input_tokens, output_tokens FROM {day}.llm"
            rows = union(names, f"{spans} WHERE {where}")
            grouped = f"SELECT trace_lo FROM {rows} GROUP BY trace_hi, trace_lo HAVING {' AND '.join(sums)}"
            self._met.append(f"({grouped})")
        self._found: U64 | None = None

    def low_halves(self) -> U64 | None:
        """Of the ids of the traces that meet all; others may be among them. None: of any trace."""
        if self._met and self._found is None:
            first, *others = self._met
            also = " AND ".join(f"trace_lo IN {rows}" for rows in others) or "true"
            sql = f"SELECT DISTINCT trace_lo FROM {first} WHERE {also} LIMIT $most"
            found = np.ma.getdata(self._connection.execute(sql, self._values).fetchnumpy()["trace_lo"])
            if len(found) < _MOST:
                self._found = found
            else:
                self._met = []
        return self._found
