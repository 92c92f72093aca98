"""What the hour of the day does to a series, on working days and at weekends: used where it has proved to help.

Owns a profile of 48 hours a series (UTC), and two moving levels that compete: one of the values, one of the values
less their season. The season is subtracted only while the second predicts clearly better.
"""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from triops.kernel.signal import F64
from triops.loop.series.columns import Columns
from triops.loop.series.model import Bool, Slots1

_HOURS = 24
_BINS = 2 * _HOURS
_DAY_S, _HOUR_S = 86_400.0, 3600.0
_LEAST_S = 2 * _DAY_S  # of history before a season is believed
_ON, _OFF = 0.75, 0.95  # of the plain error, below and above which the season is used and left
_VISIT = 0.3  # weight of the newest day in an hour's mean


class Seasons(Columns):
    FIELDS: ClassVar[dict[str, tuple[type, int, float]]] = {
        "first": (np.float64, 0, np.nan),
        "last": (np.float64, 0, np.nan),
        "mean": (np.float64, 0, 0.0),
        "plain": (np.float64, 0, 0.0),
        "rested": (np.float64, 0, 0.0),
        "plain_error": (np.float64, 0, 0.0),
        "rested_error": (np.float64, 0, 0.0),
        "points": (np.int64, 0, 0),
        "in_bin": (np.int32, 0, 0),
        "bin": (np.int16, 0, -1),
        "on": (np.bool_, 0, 0),
        "hours": (np.float32, _BINS, 0.0),
        "visits": (np.uint8, _BINS, 0),
    }
    first: F64
    last: F64
    mean: F64
    plain: F64
    rested: F64
    plain_error: F64
    rested_error: F64
    points: Slots1
    in_bin: npt.NDArray[np.int32]
    bin: npt.NDArray[np.int16]
    on: Bool
    hours: npt.NDArray[np.float32]
    visits: npt.NDArray[np.uint8]

    def offset(self, slots: Slots1, times_s: F64) -> F64:
        """What to subtract from a value at a time; 0 where no season is believed."""
        on = self.on[slots]
        if not on.any():
            return np.zeros(len(slots))
        return np.where(on, self._season(slots, times_s)[0], 0.0)

    def learn(self, slots: Slots1, times_s: F64, values: F64) -> tuple[Bool, F64]:
        """Take one value each; which series change their mind about the season now, and their level from here on (of
        the values less the season when it is used, of the values when it is not)."""
        season, known = self._season(slots, times_s)
        points = self.points[slots]
        gap = np.nan_to_num(times_s - self.last[slots], nan=0.0).clip(0.0, _DAY_S)
        self._compete(slots, values, season, points)
        fresh = np.isnan(self.first[slots])
        self.first[slots] = np.where(fresh, times_s, self.first[slots])
        pull = np.maximum(gap / _DAY_S, 1.0 / (points + 1))
        self.mean[slots] += np.minimum(pull, 1.0) * (values - self.mean[slots])
        self._visit(slots, times_s, values, gap)
        self.last[slots], self.points[slots] = times_s, points + 1
        before = self.on[slots]
        share = self.rested_error[slots] / np.maximum(self.plain_error[slots], 1e-300)
        old = times_s - self.first[slots] >= _LEAST_S
        now = np.where(before, share < _OFF, share < _ON) & old & known
        self.on[slots] = now
        return now != before, np.where(now, self.rested[slots], self.plain[slots])

    def _season(self, slots: Slots1, times_s: F64) -> tuple[F64, Bool]:
        """Interpolated between the middles of two hours; and whether both have been seen."""
        one, other = _bin_of(times_s - _HOUR_S / 2), _bin_of(times_s + _HOUR_S / 2)
        share = ((times_s + _HOUR_S / 2) % _HOUR_S) / _HOUR_S
        season = self.hours[slots, one] * (1 - share) + self.hours[slots, other] * share
        return season.astype(np.float64), (self.visits[slots, one] > 0) & (self.visits[slots, other] > 0)

    def _compete(self, slots: Slots1, values: F64, season: F64, points: Slots1) -> None:
        step, slow = np.maximum(0.02, 1.0 / (points + 1)), np.maximum(0.003, 1.0 / (points + 1))
        rested = values - season
        plain_error = np.abs(values - self.plain[slots])
        rested_error = np.abs(rested - self.rested[slots])
        bound = 5 * np.maximum(self.plain_error[slots], 1e-300)  # one burst must not decide
        bound = np.where(points < 20, np.inf, bound)
        self.plain_error[slots] += slow * (np.minimum(plain_error, bound) - self.plain_error[slots])
        self.rested_error[slots] += slow * (np.minimum(rested_error, bound) - self.rested_error[slots])
        self.plain[slots] += step * (values - self.plain[slots])
        self.rested[slots] += step * (rested - self.rested[slots])

    def _visit(self, slots: Slots1, times_s: F64, values: F64, gap: F64) -> None:
        bin_ = _bin_of(times_s)
        moved = bin_ != self.bin[slots]
        in_bin = np.where(moved, 0, self.in_bin[slots])
        left = moved & (self.bin[slots] >= 0)
        done = self.bin[slots[left]].astype(np.int64)
        self.visits[slots[left], done] = np.minimum(self.visits[slots[left], done], 254) + 1
        first = self.visits[slots, bin_] == 0
        weight = np.where(first, 1.0 / (in_bin + 1), _VISIT * np.minimum(gap, _HOUR_S) / _HOUR_S)
        hours = self.hours[slots, bin_]
        self.hours[slots, bin_] = hours + weight * (values - self.mean[slots] - hours)
        self.bin[slots], self.in_bin[slots] = bin_, in_bin + 1


def _bin_of(times_s: F64) -> Slots1:
    """0 to 23 on working days, 24 to 47 at weekends (UTC; 1970 began on a Thursday)."""
    day = (times_s // _DAY_S).astype(np.int64)
    weekend = ((day + 3) % 7) >= 5
    return np.asarray((times_s % _DAY_S // _HOUR_S).astype(np.int64) + np.where(weekend, _HOURS, 0))
