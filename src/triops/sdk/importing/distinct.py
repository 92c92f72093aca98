"""Points of one metric, each once, in bounded memory: a long history is told apart on the disk."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing

from triops.sdk.importing.source import Point

_HELD = 50_000  # points whose likes are told apart in memory


def distinct(points: Iterable[Point]) -> Iterator[Point]:
    """In their order."""
    seen: set[tuple[int, int, str]] = set()
    following = iter(points)
    for point in following:
        key = _key(point)
        if key not in seen:
            seen.add(key)
            yield point
        if len(seen) == _HELD:
            yield from _on_disk(following, seen)


def _on_disk(points: Iterator[Point], seen: set[tuple[int, int, str]]) -> Iterator[Point]:
    with closing(sqlite3.connect("")) as db:  # a file of its own, gone when it is closed
        db.execute("CREATE TABLE seen (step, time_ms, value, PRIMARY KEY (step, time_ms, value)) WITHOUT ROWID")
        insert = "INSERT OR IGNORE INTO seen VALUES (?, ?, ?)"
        db.executemany(insert, seen)
        seen.clear()
        for point in points:
            if db.execute(insert, _key(point)).rowcount:
                yield point


def _key(point: Point) -> tuple[int, int, str]:
    return point.step, point.time_ms, repr(point.value)
