"""Which slot a series has: 64-bit ids to rows of the state, without a Python loop over series."""

import numpy as np
import numpy.typing as npt

from triops.kernel.signal import U64

Ints = npt.NDArray[np.int64]


class Slots:
    """At most `bound` series. At the bound the series that were seen longest ago lose their slots (an eighth at once,
    so that the work of it is rare), and their state with them."""

    def __init__(self, bound: int = 100_000) -> None:
        self.bound = bound
        self.evicted = 0
        self._ids: U64 = np.empty(0, np.uint64)  # sorted
        self._slots: Ints = np.empty(0, np.int64)  # beside _ids
        self._seen = np.zeros(0, np.float64)  # by slot
        self._free: Ints = np.empty(0, np.int64)
        self._top = 0

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def top(self) -> int:
        """One more than the greatest slot ever given."""
        return self._top

    def find(self, ids: U64) -> Ints:
        """Slots of known series, -1 for unknown ones."""
        if not len(self._ids):
            return np.full(len(ids), -1, np.int64)
        at = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        return np.where(self._ids[at] == ids, self._slots[at], -1)

    def assign(self, ids: U64, now: float) -> tuple[Ints, Ints]:
        """The slot of each id, and the slots whose state must be cleared because their series is new."""
        found = self.find(ids)
        new_ids = np.unique(ids[found < 0])[: self.bound]
        fresh = np.empty(0, np.int64)
        if len(new_ids):
            self._seen[found[found >= 0]] = now
            if len(self._ids) + len(new_ids) > self.bound:
                self._evict(max(self.bound // 8, len(self._ids) + len(new_ids) - self.bound))
            fresh = self._take(len(new_ids))
            at = np.searchsorted(self._ids, new_ids)
            self._ids = np.insert(self._ids, at, new_ids)
            self._slots = np.insert(self._slots, at, fresh)
            found = self.find(ids)
        self._seen[found[found >= 0]] = now
        return found, fresh

    def _take(self, count: int) -> Ints:
        reused, self._free = self._free[:count], self._free[count:]
        added = np.arange(self._top, self._top + count - len(reused), dtype=np.int64)
        self._top += len(added)
        if self._top > len(self._seen):
            self._seen = np.concatenate([self._seen, np.zeros(max(64, self._top))])
        return np.concatenate([reused, added])

    def _evict(self, count: int) -> None:
        count = min(count, len(self._ids))
        oldest = np.argpartition(self._seen[self._slots], count - 1)[:count]
        self._free = np.concatenate([self._free, self._slots[oldest]])
        self._ids, self._slots = np.delete(self._ids, oldest), np.delete(self._slots, oldest)
        self.evicted += count
