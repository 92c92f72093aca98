"""Which traces hold a text, newest first, a few thousand spans at a time.

The signatures say which blocks may hold it (`grams.py`); of those the texts are read by their place in the table and
compared. That is asked as a column: a condition would be pushed into the scan, and DuckDB then unpacks every text.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.grams import asked

_FIRST = 512  # texts of the first look
_LOOK = 4096
_ALL = 2**62
_PLACES = """
SELECT rowid AS place, time_ns FROM {day}.llm
WHERE project = $project AND time_ns >= $start AND time_ns < $end AND {blocks}
ORDER BY time_ns DESC, rowid DESC LIMIT $most
"""
_BLOCKS = "block IN (SELECT block FROM {day}.grams WHERE project = $project AND {bits})"
_HOLDING = """
SELECT trace_hi, trace_lo, contains(said, $needle) FROM {day}.llm WHERE rowid IN (SELECT unnest($places::BIGINT[]))
"""


def holding(
    connection: Connection, names: Sequence[str], project: int, text: str, start_ns: int, end_ns: int
) -> Iterator[tuple[int, list[int]]]:
    """(a time down to which all were looked at, traces found above it). The last time is `start_ns`."""
    needle = text.casefold()
    bits = asked(needle.encode("utf-8", "replace"))
    condition = " AND ".join(f"({column} & {mask}) = {mask}" for column, mask in bits.items())
    blocks = _BLOCKS.replace("{bits}", condition) if bits else "true"
    values = {"project": project, "start": start_ns, "end": end_ns}
    look = _FIRST
    for name in reversed(names):  # a day's file holds the spans that began on that day
        select = _PLACES.replace("{blocks}", blocks).replace("{day}", name)
        # Sorting all of a day's is not worth it while the newest few may do.
        most, at = look, 0
        while True:
            found = connection.execute(select, {**values, "most": most}).fetchnumpy()
            places, times = (np.ma.getdata(found[column]) for column in ("place", "time_ns"))
            there = len(places) == most
            while at < len(places):
                upto = min(at + look, len(places))
                asked_for: dict[str, Any] = {"places": places[at:upto].tolist(), "needle": needle}
                rows = connection.execute(_HOLDING.replace("{day}", name), asked_for).fetchall()
                traces = list({hi << 64 | lo for hi, lo, holds in rows if holds})
                last = upto == len(places) and not there
                yield int(times[-1]) if last else int(times[upto - 1]) + 1, traces
                at, look = upto, _LOOK
            if not there:
                break
            most = _ALL
    yield start_ns, []
