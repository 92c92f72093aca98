"""Small shifts that last: one-sided cumulative sums (Page's CUSUM) of how far windows are off, upwards and downwards.

A window of few calls that is twice as slow as usual proves little; several of them in a row do.
"""

from typing import ClassVar, Final

import numpy as np

from triops.kernel.signal import F64
from triops.loop.series.columns import Columns
from triops.loop.series.model import Bool, Slots1

UP, DOWN = 0, 1
_SLACK: Final = 1.0  # standard deviations a window that are taken for noise
_CLIP: Final = 3.0  # of one window: it takes several
_LIMIT: Final = 6.0  # of the sum
_NEWEST: Final = 0.4  # weight of the newest window in what is so lately


class Cusum(Columns):
    """One row a slot, a column a direction. `sum`: standard deviations; `away`: of logarithms, over the `run` of
    windows in which the sum was above 0, which began at `onset` (unix seconds). `lately`: moving mean of how far off
    windows are, of logarithms. `claimed`: something was claimed for the sum's sake."""

    FIELDS: ClassVar[dict[str, tuple[type, int, float]]] = {
        "sum": (np.float64, 2, 0.0),
        "away": (np.float64, 2, 0.0),
        "run": (np.int64, 2, 0),
        "onset": (np.float64, 2, np.nan),
        "lately": (np.float64, 0, 0.0),
        "claimed": (np.bool_, 0, 0),
    }
    sum: F64
    away: F64
    run: Slots1
    onset: F64
    lately: F64
    claimed: Bool

    def step(self, slots: Slots1, score: F64, away: F64, started_s: F64) -> None:
        """One window each, which is off by a factor of exp(`away`). `score`: how surprising that is (-log10 p)."""
        size = np.sqrt(2.0 * np.log(10.0) * score) - 0.45  # standard deviations that surprise as much, within 0.1
        z = np.copysign(np.clip(size, 0.0, _CLIP), away)
        for side, sign in ((UP, 1.0), (DOWN, -1.0)):
            total = np.clip(self.sum[slots, side] + sign * z - _SLACK, 0.0, _LIMIT)
            run = self.run[slots, side]
            self.onset[slots, side] = np.where(run == 0, started_s, self.onset[slots, side])
            self.away[slots, side] = np.where(total > 0, np.where(run > 0, self.away[slots, side], 0.0) + away, 0.0)
            self.run[slots, side] = np.where(total > 0, run + 1, 0)
            self.sum[slots, side] = total
        self.lately[slots] += _NEWEST * (away - self.lately[slots])

    def shifted(self, slots: Slots1, side: int) -> Bool:
        return np.asarray(self.sum[slots, side] >= _LIMIT)

    def factor(self, slots: Slots1, side: int) -> F64:
        """How far it is off over the whole run, as a factor."""
        return np.asarray(np.exp(self.away[slots, side] / np.maximum(self.run[slots, side], 1)))
