"""What has been told of each series since its last window closed: sums in columns, one row a slot."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from triops.kernel.signal import F64
from triops.lenses.llmops.watch.model import MEANS, SHARES
from triops.loop.series.model import Bool, Slots1

_FLOORS = np.array([[mean.floor] for mean in MEANS])


@dataclass(frozen=True, slots=True)
class Window:
    """Closed windows, one row a slot. `mean`, `noise`, `known`: [measure, row]: the mean of a call, the standard error
    of its logarithm, and of how many calls it was known. `hits`, `trials`: [share, row]."""

    slots: Slots1
    started_s: F64
    count: F64
    mean: F64
    noise: F64
    known: F64
    hits: F64
    trials: F64


class Windows:
    def __init__(self, rows: int = 64) -> None:
        self.rows = 0
        self.ensure(rows)

    def ensure(self, rows: int) -> None:
        if rows <= self.rows:
            return
        size = max(64, 1 << (rows - 1).bit_length())
        more = size - self.rows
        if not self.rows:
            self.count, self.started = np.zeros(size), np.full(size, np.nan)
            self.total, self.logs, self.squares, self.known = (np.zeros((len(MEANS), size)) for _ in range(4))
            self.hits, self.trials = np.zeros((len(SHARES), size)), np.zeros((len(SHARES), size))
        else:
            self.count = np.pad(self.count, (0, more))
            self.started = np.pad(self.started, (0, more), constant_values=np.nan)
            wide = ((0, 0), (0, more))
            self.total, self.logs, self.squares, self.known = (
                np.pad(a, wide) for a in (self.total, self.logs, self.squares, self.known)
            )
            self.hits, self.trials = np.pad(self.hits, wide), np.pad(self.trials, wide)
        self.rows = size

    def add(self, slots: Slots1, told_s: F64, means: F64, hits: F64) -> None:
        """One row a call: when it was told of, `means` [measure, call] and `hits` [share, call], NaN where it says
        nothing of it."""
        if not len(slots):
            return
        order = np.argsort(slots, kind="stable")
        here, first = np.unique(slots[order], return_index=True)

        def add(sums: F64, of: F64) -> None:  # of the calls of each slot, which lie together
            sums[:, here] += np.add.reduceat(of, first, axis=1)

        self.count[here] += np.diff(first, append=len(slots))
        opened = np.isnan(self.started[here])
        self.started[here[opened]] = told_s[order][first[opened]]
        known = np.isfinite(means[:, order])
        values = np.where(known, np.maximum(means[:, order], _FLOORS), 1.0)
        logs = np.log(values)  # 0 of the unknown
        add(self.total, np.where(known, values, 0.0))
        add(self.logs, logs)
        add(self.squares, logs**2)
        add(self.known, known.astype(np.float64))
        told = np.isfinite(hits[:, order])
        add(self.hits, np.where(told, hits[:, order], 0.0))
        add(self.trials, told.astype(np.float64))

    def close(self, which: Bool) -> Window:
        """The windows of `which` (a mask over slots), which begin anew."""
        slots: npt.NDArray[np.int64] = np.flatnonzero(which)
        known = self.known[:, slots]
        several = np.maximum(known, 1.0)
        average = self.logs[:, slots] / several
        spread = np.sqrt(
            np.maximum(self.squares[:, slots] / several - average**2, 0.0) * several / np.maximum(several - 1, 1)
        )
        spread = np.where(known >= 3, np.clip(spread, 0.05, 2.0), 0.5)
        window = Window(
            slots,
            self.started[slots].copy(),
            self.count[slots].copy(),
            np.where(known > 0, self.total[:, slots] / several, np.nan),
            np.minimum(np.sqrt(np.expm1(spread**2)), 3.0) / np.sqrt(several),
            known.copy(),
            self.hits[:, slots].copy(),
            self.trials[:, slots].copy(),
        )
        self.count[slots], self.started[slots] = 0.0, np.nan
        for column in (self.total, self.logs, self.squares, self.known, self.hits, self.trials):
            column[:, slots] = 0.0
        return window
