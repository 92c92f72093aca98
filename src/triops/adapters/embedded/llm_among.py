"""Which traces meet conditions on single spans, found once for a search, so that only their texts are read."""
# ruff: noqa: S608 (only our own catalog and column names are put into statements; every value is a parameter)

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.relation import union
from triops.kernel.signal import U64

_MOST = 500_000  # ids, 4 MB; where more meet them, choosing spares little


class Among:
    """`conditions` are about the columns of `llm`; each must be met by some span of a trace that begins at `from_ns` or
    later and before `to_ns`."""

    def __init__(
        self,
        connection: Connection,
        names: Sequence[str],
        conditions: Sequence[str],
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
