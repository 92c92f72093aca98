"""The online model of many series: robust level and scale, and how surprising a value is.

Owns one column of state per quantity and one row per series. It does not know names, does not decide what is an
anomaly (`lifecycle`, and the detectors' own sense of what matters), and never reads the clock.
"""

from typing import ClassVar

import numpy as np

from triops.kernel.signal import F64
from triops.loop.series.columns import Columns
from triops.loop.series.model import HEAD, Bool, Judged, Profile, Slots1
from triops.loop.series.tail import KNEE, PRIOR_EXCESS, PRIOR_EXCESS_SQ, PRIOR_RATE, pareto_score

LEVEL, JUMP, DRIFT = 0, 1, 2  # channels: each has its own calibration
_CLIP = 3.0  # standard deviations, beyond which a point pulls the level no further
_DRIFT_STEP = 0.2  # weight of the newest point in the drift channel
_DRIFT_SPREAD = float(np.sqrt(_DRIFT_STEP / (2 - _DRIFT_STEP)))
_MEAN_ABS = 1.2533  # standard deviation over mean absolute deviation, for a normal distribution
_MEDIAN_ABS = 1.4826


class SeriesModel(Columns):
    """`judge` asks, `learn` teaches; a value may be judged many times (as late data completes it) and learned once.

    In one call every slot may occur once (`rounds` splits a batch in which it occurs more often).
    """

    FIELDS: ClassVar[dict[str, tuple[type, int, float]]] = {
        "count": (np.int64, 0, 0),
        "level": (np.float64, 0, 0.0),
        "scale": (np.float64, 0, 0.0),
        "wide": (np.float64, 0, 0.0),
        "last": (np.float64, 0, np.nan),
        "jump_scale": (np.float64, 0, 0.0),
        "drift": (np.float64, 0, 0.0),
        "frozen_since": (np.float64, 0, np.nan),
        "head": (np.float64, HEAD, np.inf),
        "rate": (np.float64, 3, PRIOR_RATE),
        "beyond": (np.float64, 3, 0.0),
        "worst": (np.float64, 3, 0.0),
        "held": (np.float64, 3, 0.0),
        "excess": (np.float64, 3, PRIOR_EXCESS),
        "excess_sq": (np.float64, 3, PRIOR_EXCESS_SQ),
    }
    count: Slots1
    level: F64
    scale: F64
    wide: F64
    last: F64
    jump_scale: F64
    drift: F64
    frozen_since: F64
    head: F64
    rate: F64
    beyond: F64
    worst: F64
    held: F64
    excess: F64
    excess_sq: F64

    def __init__(self, profile: Profile, rows: int = 64) -> None:
        super().__init__(rows)
        self.profile = profile

    def ready(self, slots: Slots1) -> Bool:
        return np.asarray(self.count[slots] >= self.profile.learn)

    def judge(self, slots: Slots1, values: F64, spread: F64 | float = 1.0) -> Judged:
        """How surprising `values` are. `spread` widens the scale of a row whose value is known less well than usual
        (a mean of few requests). Nothing is changed."""
        level, scale = self.level[slots], self.scale_of(slots)
        finite = np.isfinite(values)
        z, channels = self._channels(slots, np.where(finite, values, level), level, scale * spread)
        count = self.count[slots]
        least: F64 = np.asarray(1.0 / (count + self.profile.prior_weight + 2.0), np.float64)
        score = np.zeros(len(slots))
        for at, channel in enumerate(channels):
            one = pareto_score(
                z[at], self.rate[slots, channel], self.excess[slots, channel], self.excess_sq[slots, channel], least
            )
            score = np.maximum(score, one)
        score -= np.log10(len(channels))
        ready = (count >= self.profile.learn) & finite
        return Judged(np.where(ready, np.clip(score, 0, 99), 0.0), z[0], level, scale)

    def learn(
        self,
        slots: Slots1,
        times_s: F64,
        values: F64,
        *,
        spread: F64 | float = 1.0,
        prior: F64 | None = None,
        frozen: Bool | None = None,
        doubtful: Bool | None = None,
    ) -> None:
        """Take `values` into the baseline, except where `frozen` (an anomaly lasts), until it has lasted `relearn_s`.

        `doubtful`: a value that looks wrong while no anomaly is claimed yet. It is held back; when its run ends
        without a claim, the worst of the run is taken into the calibration, once.
        `prior`: a scale to expect before any was seen. Values that are not finite are left out.
        """
        keep = np.isfinite(values)
        spread = np.broadcast_to(np.asarray(spread, np.float64), values.shape)
        if frozen is not None:
            since = np.where(frozen, np.fmin(self.frozen_since[slots], times_s), np.nan)
            self.frozen_since[slots] = since
            over = times_s - since > self.profile.relearn_s
            if over.any():
                self.clear(slots[over])
            keep &= ~frozen | over
            self.held[slots[frozen]] = 0.0
        if doubtful is not None:
            hold = keep & doubtful & (self.count[slots] >= HEAD)
            self._hold(slots[hold], values[hold], spread[hold])
            keep &= ~hold
        if not keep.all():
            slots, values, spread = slots[keep], values[keep], spread[keep]
            prior = None if prior is None else prior[keep]
        if not len(slots):
            return
        young = self.count[slots] < HEAD
        if young.any():
            self._start(slots[young], values[young], None if prior is None else prior[young])
        if not young.all():
            old = ~young
            self._move(slots[old], values[old], spread[old])
        self.last[slots] = values
        self.count[slots] += 1

    def rebase(self, slots: Slots1, levels: F64) -> None:
        """Values mean something else from here on (a season is subtracted now): start from another level."""
        self.level[slots] = levels
        self.drift[slots] = 0.0
        self.last[slots] = levels

    def scale_of(self, slots: Slots1) -> F64:
        """One robust standard deviation. A part of it is the mean deviation, bursts included: where most points are
        equal (a queue that is mostly empty) the robust part alone would be nothing."""
        profile = self.profile
        count = np.maximum(self.count[slots], 1)
        floor = np.maximum(profile.floor, profile.floor_ratio * np.abs(self.level[slots]))
        return np.asarray(
            np.sqrt((self.scale[slots] ** 2 + (0.5 * self.wide[slots]) ** 2) * (1.0 + 1.0 / count) + floor**2)
        )

    def _channels(self, slots: Slots1, values: F64, level: F64, scale: F64) -> tuple[list[F64], list[int]]:
        z, channels = [(values - level) / np.maximum(scale, 1e-300)], [LEVEL]
        if self.profile.jumps:
            floor = np.maximum(self.profile.floor, self.profile.floor_ratio * np.abs(level))
            jump = np.sqrt(self.jump_scale[slots] ** 2 + floor**2)
            z.append(np.nan_to_num((values - self.last[slots]) / jump))
            channels.append(JUMP)
        if self.profile.drifts:
            z.append(self._drifted(slots, z[0]) / _DRIFT_SPREAD)
            channels.append(DRIFT)
        return z, channels

    def _drifted(self, slots: Slots1, z: F64) -> F64:
        return np.asarray(self.drift[slots] + _DRIFT_STEP * (np.clip(z, -4, 4) - self.drift[slots]))

    def _hold(self, slots: Slots1, values: F64, spread: F64 | float) -> None:
        if len(slots):
            z, channels = self._channels(slots, values, self.level[slots], self.scale_of(slots) * spread)
            for at, channel in enumerate(channels):
                self.held[slots, channel] = np.maximum(self.held[slots, channel], np.abs(z[at]))
            self.last[slots] = values

    def _start(self, slots: Slots1, values: F64, prior: F64 | None) -> None:
        """Median and median deviation of the first points: a slow first request must not be the norm."""
        count = self.count[slots]
        head = self.head[slots]
        rows = np.arange(len(slots))
        head[rows, count] = values
        self.head[slots] = head
        level = _median(head, count + 1)
        deviation = np.abs(head - level[:, None])  # unused places are infinite and sort last
        seen = _MEDIAN_ABS * _median(deviation, count + 1)
        used = np.isfinite(head)
        wide = np.sum(np.where(used, deviation, 0.0), axis=1) / (count + 1)
        if prior is None:
            prior = self.profile.prior_scale_ratio * np.abs(level)
        weight = self.profile.prior_weight
        scale = np.sqrt((weight * prior**2 + (count + 1) * seen**2) / (weight + count + 1))
        jumps = np.abs(np.diff(np.where(used, head, np.nan), axis=1))
        known = np.sum(np.isfinite(jumps), axis=1)
        mean = _MEAN_ABS * np.nansum(jumps, axis=1) / np.maximum(known, 1)
        self.level[slots], self.scale[slots], self.wide[slots] = level, scale, wide
        self.jump_scale[slots] = np.where(known > 0, mean, scale)

    def _move(self, slots: Slots1, values: F64, spread: F64) -> None:
        """One step of the Huberised moving level and scale, then of the calibration."""
        level, scale, count = self.level[slots], self.scale_of(slots), self.count[slots]
        z, channels = self._channels(slots, values, level, scale * spread)
        if self.profile.drifts:
            self.drift[slots] = self._drifted(slots, z[0])
        held = self.held[slots]
        if held.any():
            rows = np.flatnonzero(held.any(axis=1))
            self._calibrate(slots[rows], [held[rows, channel] for channel in channels], channels, count[rows])
            self.held[slots[rows]] = 0.0
        self._calibrate(slots, z, channels, count)
        clip = np.clip(z[0], -_CLIP, _CLIP)
        step = np.maximum(self.profile.alpha, 1.0 / (count + 1))
        self.level[slots] = level + step * clip * scale / np.maximum(spread, 1.0)
        self.scale[slots] += step * (_MEAN_ABS * np.abs(clip) * scale - self.scale[slots])
        away = np.abs(values - level)
        bound = 10 * np.maximum(self.wide[slots], self.scale[slots])
        self.wide[slots] += step * (np.where(bound > 0, np.minimum(away, bound), away) - self.wide[slots])
        jump = np.abs(values - self.last[slots])
        limit = _CLIP * np.maximum(self.jump_scale[slots], 0.1 * scale)
        self.jump_scale[slots] += step * (_MEAN_ABS * np.fmin(jump, limit) - self.jump_scale[slots])

    def _calibrate(self, slots: Slots1, z: list[F64], channels: list[int], count: Slots1) -> None:
        """How often and how far this series goes beyond the knee by itself. A point is taken for at most ten times
        the usual excess or the worst before it: it takes repeated bursts, not one disaster, to call bursts normal."""
        step = np.maximum(1.0 / (count + 40.0), 0.002)
        for at, channel in enumerate(channels):
            size = np.abs(z[at])
            beyond = size > KNEE
            self.rate[slots, channel] += step * (beyond - self.rate[slots, channel])
            if beyond.any():
                s = slots[beyond]
                excess = size[beyond] - KNEE
                worst = self.worst[s, channel]
                self.worst[s, channel] = np.maximum(excess, 0.998 * worst)
                excess = np.minimum(excess, np.maximum(10 * self.excess[s, channel], worst))
                self.beyond[s, channel] += 1
                pull = 1.0 / (np.minimum(self.beyond[s, channel], 200) + 15.0)
                self.excess[s, channel] += pull * (excess - self.excess[s, channel])
                self.excess_sq[s, channel] += pull * (excess**2 - self.excess_sq[s, channel])


def rounds(slots: Slots1) -> list[Slots1]:
    """Row numbers of a batch in groups in which each slot occurs once; a slot's rows keep their order."""
    order = np.argsort(slots, kind="stable")
    ordered = slots[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    nth = np.arange(len(slots)) - np.repeat(starts, np.diff(np.r_[starts, len(slots)]))
    if not len(slots) or nth.max() == 0:
        return [order] if len(slots) else []
    by_round = np.argsort(nth, kind="stable")
    return np.split(order[by_round], np.cumsum(np.bincount(nth))[:-1])


def _median(rows: F64, count: Slots1) -> F64:
    """Median of the first `count` finite places of each row (the rest is infinite)."""
    ordered = np.sort(rows, axis=1)
    at = np.arange(len(rows))
    return np.asarray((ordered[at, (count - 1) // 2] + ordered[at, count // 2]) / 2)
