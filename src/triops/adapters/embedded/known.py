"""Which ids (resources, series) a day file holds already: sorted arrays, 8 bytes an id.

Filled from the file when a day is first written to; changed only after a commit, so that it never claims what is not
stored. Used by the one writer thread of a kind alone.
"""

from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from triops.kernel.errors import TooLarge
from triops.kernel.signal import U64

_MIX = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio: spreads the project over all bits


def keys(project: int, ids: U64) -> U64:
    """One 64-bit key for (project, id)."""
    return ids ^ np.uint64((project * _MIX) & (2**64 - 1))


class Known:
    """`days` days are remembered, the least recently used is forgotten; a day holds at most `bound` ids (TooLarge)."""

    def __init__(self, days: int = 4, bound: int = 5_000_000) -> None:
        self._days: OrderedDict[tuple[str, str], U64] = OrderedDict()
        self._most = 2 * days  # tables: resources and series
        self._bound = bound

    def load(self, day: str, table: str, read: Callable[[], U64]) -> U64:
        key = (day, table)
        if key not in self._days:
            self._days[key] = np.sort(read())
            while len(self._days) > self._most:
                self._days.popitem(last=False)
        self._days.move_to_end(key)
        return self._days[key]

    def check(self, day: str, table: str, count: int) -> None:
        """Raises: TooLarge when `count` new ids do not fit."""
        if len(self._days.get((day, table), ())) + count > self._bound:
            raise TooLarge(f"more than {self._bound} different {table} in one day", field=table)

    def add(self, day: str, table: str, new: U64) -> None:
        held = self._days.get((day, table))
        if held is not None:
            new = np.sort(new)
            self._days[day, table] = np.insert(held, np.searchsorted(held, new), new)

    def clear(self) -> None:
        self._days.clear()

    def forget(self, day: str) -> None:
        for key in [key for key in self._days if key[0] == day]:
            del self._days[key]


def absent(held: U64, asked: U64) -> U64:
    """Positions in `asked` of ids that `held` (sorted) lacks, each id once."""
    unique, first = np.unique(asked, return_index=True)
    if not len(held):
        return first.astype(np.uint64)
    at = np.searchsorted(held, unique)
    at[at == len(held)] = 0
    missing: U64 = first[held[at] != unique].astype(np.uint64)
    return missing
