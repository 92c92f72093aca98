"""From points as they are stored to the values that are judged: rates of counters, means of histograms."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from triops.kernel.signal import F64
from triops.lenses.aiops.metrics.families import Reading
from triops.loop.series.columns import Columns
from triops.loop.series.model import Slots1


class Readings(Columns):
    """One row a series: how it is read, and its last point. `period` is its usual interval in seconds."""

    FIELDS: ClassVar[dict[str, tuple[type, int, float]]] = {
        "reading": (np.int8, 0, 0),
        "mate": (np.int64, 0, -1),  # slot of the `_count` beside a `_sum`
        "value": (np.float64, 0, np.nan),
        "at": (np.float64, 0, -np.inf),
        "gain": (np.float64, 0, np.nan),
        "points": (np.int64, 0, 0),
        "period": (np.float64, 0, 0.0),
    }
    reading: npt.NDArray[np.int8]
    mate: Slots1
    value: F64
    at: F64
    gain: F64
    points: Slots1
    period: F64

    def read(self, slots: Slots1, times_s: F64, values: F64) -> F64:
        """What to judge for one point each of distinct series; NaN where nothing can be said (a first point of a
        counter, a point not newer than the last, a histogram without new observations)."""
        reading, before, last_at = self.reading[slots], self.value[slots], self.at[slots]
        newer = times_s > last_at
        gap = np.where(newer & np.isfinite(last_at), times_s - last_at, np.nan)
        gain = np.where(values < before, values, values - before)  # a counter that fell was reset to zero
        gain = np.where(newer, gain, np.nan)
        self.gain[slots] = gain
        self.value[slots] = np.where(newer, values, before)
        self.at[slots] = np.where(newer, times_s, last_at)
        self.points[slots] += newer
        period = self.period[slots]
        pull = 1.0 / np.minimum(np.maximum(self.points[slots] - 1, 1), 20)
        self.period[slots] = np.where(np.isfinite(gap), period + pull * (gap - period), period)
        out = np.where(reading == Reading.GAUGE, np.where(newer, values, np.nan), np.nan)
        out = np.where(reading == Reading.COUNTER, gain / gap, out)
        mate = self.mate[slots]
        mated = (reading == Reading.SUM) & (mate >= 0)
        observed = np.where(mated & (self.at[mate] == times_s), self.gain[mate], np.nan)
        return np.where(mated & (observed > 0), gain / np.where(observed > 0, observed, 1.0), out)
