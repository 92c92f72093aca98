"""Which traces hold a text, newest first, in growing looks, so that a page of a frequent word costs what it shows.

The signatures say which blocks may hold it (`grams.py`), for a needle of two letters the pairs do (`pairs.py`). Where
those are few, their texts are read by their places in the table and compared; that is asked as a column, since a
condition would be pushed into the scan, and DuckDB then unpacks every text. Where they are many, or nothing tells,
unpacking all of a window of time is cheaper than choosing, and the condition is pushed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from triops.adapters.embedded.engine import Connection
from triops.adapters.embedded.grams import asked
from triops.adapters.embedded.llm_among import Among
from triops.adapters.embedded.pairs import blocks_with, told
from triops.kernel.signal import I64, U64

_FIRST, _LARGEST = 128, 65_536  # texts of the first look, and of any
_GROWTH = 4
_FEW = 65_536  # blocks whose texts are read by their places: 16 MB of places where spans are small
_ALL = 2**62
_SHARE = 6  # of the blocks of a day: from one in so many on, reading all texts is cheaper
_OTHERS = 8192  # spans that meet the other conditions and whose texts are then read by their places
_WINDOW, _WIDER = 1024, 8  # spans of the first window of time; how much wider each further one is
_SAMPLED = 64  # spans of which the time of one is read to cut the windows

_COUNTS = "SELECT count(*), count(*) FILTER ({bits}) FROM {day}.grams WHERE project = $project"
_RANGE = "project = $project AND time_ns >= $start AND time_ns < $end"
_PLACES = f"""
SELECT rowid AS place, time_ns FROM {{day}}.llm WHERE {_RANGE}{{blocks}}{{among}}
ORDER BY time_ns DESC, rowid DESC LIMIT $most
"""  # noqa: S608 (only our own catalog and column names; every value is a parameter)
_BLOCKS = " AND block IN (SELECT block FROM {day}.grams WHERE project = $project AND {bits})"
_WANTED = " AND block IN (SELECT block FROM wanted)"
_AMONG = " AND trace_lo IN (SELECT trace_lo FROM met)"
_HOLDING = """
SELECT trace_hi, trace_lo, contains(said, $needle) AS holds FROM {day}.llm
WHERE rowid IN (SELECT place FROM looked_at)
"""
_TIMES = f"SELECT time_ns FROM {{day}}.llm WHERE {_RANGE} AND rowid % {_SAMPLED} = 0 ORDER BY time_ns DESC"  # noqa: S608
_WITHIN = f"SELECT trace_hi, trace_lo FROM {{day}}.llm WHERE {_RANGE} AND contains(said, $needle){{among}}"  # noqa: S608


def holding(
    connection: Connection,
    names: Sequence[str],
    project: int,
    text: str,
    start_ns: int,
    end_ns: int,
    among: Among,
) -> Iterator[tuple[int, list[int]]]:
    """(a time down to which all were looked at, traces found above it). The last time is `start_ns`."""
    looking = _Looking(connection, text.casefold(), project, start_ns, end_ns, among)
    for name in reversed(names):  # a day's file holds the spans that began on that day
        yield from looking.at(name)
    yield start_ns, []


class _Looking:
    def __init__(
        self, connection: Connection, needle: str, project: int, start_ns: int, end_ns: int, among: Among
    ) -> None:
        self._connection = connection
        self._needle = needle
        self._among = among
        bits = asked(needle.encode("utf-8", "replace"))
        self._bits = " AND ".join(f"({column} & {mask}) = {mask}" for column, mask in bits.items())
        self._own, self._project = project, {"project": project}
        self._wanted: U64 = np.zeros(0, np.uint64)  # blocks whose texts are read, where no signature tells
        self._start, self._end = start_ns, end_ns
        self._look, self._window = _FIRST, _WINDOW
        self._narrowed = False  # whether only the texts of traces that meet the other conditions are read

    def at(self, name: str) -> Iterator[tuple[int, list[int]]]:
        if self._bits:
            blocks, matching = self._execute(_COUNTS, name, self._project).fetchone()
            if not matching:
                return
            if matching <= min(_FEW, blocks // _SHARE + _FIRST):
                yield from self._by_places(name, self._places(name, _BLOCKS, self._end, _ALL))
                return
        elif told(self._needle) and (found := blocks_with(self._connection, name, self._own, self._needle)) is not None:
            self._wanted, part = found
            if part * _SHARE <= 1:
                if part:
                    yield from self._by_places(name, self._places(name, _WANTED, self._end, _ALL))
                return
        windows, top = self._by_windows(name), self._end
        if not self._narrowed:  # where what meets all is common, the newest of it fill the page
            if (window := next(windows, None)) is not None:
                floor, top, traces = window
                yield floor, traces
            self._narrowed = True
        if top > self._start and self._among.low_halves() is not None:
            others = self._places(name, "", top, _OTHERS)
            if len(others["place"]) < _OTHERS:
                yield from self._by_places(name, others)
                return
        for floor, _, traces in windows:
            yield floor, traces

    def _places(self, name: str, blocks: str, end_ns: int, most: int) -> dict[str, Any]:
        self._narrowed = True
        values = {**self._range(self._start, end_ns), "most": most}
        return _columns(self._execute(_PLACES.replace("{blocks}", blocks), name, values))

    def _by_places(self, name: str, found: Mapping[str, Any]) -> Iterator[tuple[int, list[int]]]:
        places, times, at = found["place"], found["time_ns"], 0
        while at < len(places):
            upto = min(at + self._look, len(places))
            rows = self._holding(name, places[at:upto])
            yield int(times[upto - 1]) + (upto < len(places)), _traces(rows, rows["holds"])
            at, self._look = upto, min(self._look * _GROWTH, _LARGEST)

    def _holding(self, name: str, places: I64) -> dict[str, Any]:
        looked_at = {"place": places}  # noqa: F841 (DuckDB finds it by the name of this variable)
        return _columns(self._connection.execute(_HOLDING.replace("{day}", name), {"needle": self._needle}))

    def _by_windows(self, name: str) -> Iterator[tuple[int, int, list[int]]]:
        """Also down to where the day's texts were read."""
        top, at = self._end, 0
        times = _columns(self._execute(_TIMES, name, self._range(self._start, self._end)))["time_ns"]
        while top > self._start:
            at += max(self._window // _SAMPLED, 1)
            floor = min(int(times[at]), top) if at < len(times) else self._start
            values = {**self._range(floor, top), "needle": self._needle}
            rows = _columns(self._execute(_WITHIN, name, values))
            # Below the last window of a day lie the days before it, down to the start.
            yield floor if at < len(times) else top, floor, _traces(rows, slice(None))
            top, self._window = floor, self._window * _WIDER

    def _execute(self, sql: str, name: str, values: Mapping[str, Any]) -> Any:
        among, wanted = "", {"block": self._wanted}  # noqa: F841 (as below)
        if self._narrowed and "{among}" in sql and (low := self._among.low_halves()) is not None:
            met = {"trace_lo": low}  # noqa: F841 (DuckDB finds it by the name of this variable)
            among = _AMONG
        sql = sql.replace("{among}", among).replace("{bits}", self._bits).replace("{day}", name)
        return self._connection.execute(sql, values)

    def _range(self, start_ns: int, end_ns: int) -> dict[str, Any]:
        return {**self._project, "start": start_ns, "end": end_ns}


def _columns(result: Any) -> dict[str, Any]:
    return {name: np.ma.getdata(column) for name, column in result.fetchnumpy().items()}


def _traces(rows: Mapping[str, Any], chosen: Any) -> list[int]:
    halves = zip(rows["trace_hi"][chosen].tolist(), rows["trace_lo"][chosen].tolist(), strict=True)
    return list({hi << 64 | lo for hi, lo in halves})
