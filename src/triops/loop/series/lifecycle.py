"""From judged points to what begins and ends: hysteresis in columns, one row a series."""

from typing import ClassVar

import numpy as np

from triops.kernel.signal import F64
from triops.loop.series.columns import Columns
from triops.loop.series.model import Bool, Slots1


class Lifecycle(Columns):
    """Begins after `hold` abnormal points in a row, ends after `quiet` normal ones. `onset` is the first of the run."""

    FIELDS: ClassVar[dict[str, tuple[type, int, float]]] = {
        "hot": (np.int32, 0, 0),
        "strong": (np.int32, 0, 0),
        "calm": (np.int32, 0, 0),
        "open": (np.bool_, 0, 0),
        "onset": (np.float64, 0, 0.0),
    }
    hot: Slots1
    strong: Slots1
    calm: Slots1
    open: Bool
    onset: F64

    def __init__(self, hold: int, quiet: int, rows: int = 64) -> None:
        super().__init__(rows)
        self.hold, self.quiet = hold, quiet

    def step(self, slots: Slots1, times_s: F64, abnormal: Bool, strong: Bool) -> tuple[Bool, Bool]:
        """Which rows begin and which end with this point. `strong` counts points that are more than abnormal."""
        hot = np.where(abnormal, self.hot[slots] + 1, 0)
        calm = np.where(abnormal, 0, self.calm[slots] + 1)
        self.onset[slots] = np.where(abnormal & (hot == 1) & ~self.open[slots], times_s, self.onset[slots])
        self.strong[slots] = np.where(strong, self.strong[slots] + 1, 0)
        begins = ~self.open[slots] & (hot >= self.hold)
        ends = self.open[slots] & (calm >= self.quiet)
        self.hot[slots], self.calm[slots] = hot, calm
        self.open[slots] = (self.open[slots] | begins) & ~ends
        return begins, ends
