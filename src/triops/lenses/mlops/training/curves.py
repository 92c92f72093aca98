"""One curve of one run: whether it diverges."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from triops.lenses.mlops.training.model import TrainingProfile

_KEPT = 64  # points; older ones are thinned to every second


@dataclass(slots=True)
class Curve:
    """What is kept of one metric of one run: a bounded, evenly thinned copy, the newest points whole."""

    values: list[float] = field(default_factory=list)
    last_step: int = -1
    seen: int = 0
    broken: float = math.nan  # the first value that was no finite number, when there was one
    broke: bool = False

    def take(self, steps: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> None:
        """Points in the order of logging; a step that is known already (a retry) is passed over."""
        for step, value in zip(steps.tolist(), values.tolist(), strict=True):
            if step <= self.last_step and self.seen and step != 0:
                continue
            self.last_step = step
            self.seen += 1
            if not math.isfinite(value):
                if not self.broke:
                    self.broken, self.broke = value, True
                continue
            self.values.append(value)
            if len(self.values) > 2 * _KEPT:
                self.values = self.values[:-_KEPT:2] + self.values[-_KEPT:]


@dataclass(frozen=True, slots=True)
class Divergence:
    """`best` so far, the level `now` (the median of the newest points), and how sure (-log10 of a tail probability)."""

    best: float
    now: float
    score: float


def divergence(curve: Curve, sign: int, profile: TrainingProfile) -> Divergence | None:
    """Whether the curve has lost more than `lost` of what it had gained, by more than its noise explains.

    `sign` is -1 for a loss (less is better). The level is the median of the newest five points and the best that of any
    five in a row, so that one odd batch is not taken for either; the noise is the median absolute difference of
    neighbours, scaled to a standard deviation. A curve that rises slowly after its best (overfitting) has not diverged
    until it lost half its gain. None while there are too few points.
    """
    if curve.seen < profile.points or len(curve.values) < profile.points:
        return None
    losses = np.asarray(curve.values) * -sign
    levels = np.median(np.lib.stride_tricks.sliding_window_view(losses, 5), axis=1)
    best, now, start = float(levels.min()), float(levels[-1]), float(levels[0])
    noise = float(np.median(np.abs(np.diff(losses)))) * 1.4826 / math.sqrt(2.0)
    noise = max(noise, 1e-9 * max(abs(best), abs(start), 1e-300))
    gained = max(start - best, 0.0)
    lost = now - best
    if lost <= max(profile.noise * noise, profile.lost * gained):
        return None
    score = min(99.0, (lost / noise) ** 2 / (2.0 * math.log(10.0)))
    return Divergence(-sign * best, -sign * now, score)
