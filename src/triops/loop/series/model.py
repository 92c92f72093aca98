"""What the series detector is told, and what it answers: values, no behaviour."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from triops.kernel.signal import F64

HEAD = 12  # first points of a series, kept to start from a median

Slots1 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Profile:
    """Developer-set constants of one family of series; none is set for a single series.

    learn: points before anything is judged.      alpha: forgetting of level and scale, a point.
    floor, floor_ratio: least scale, in the values' unit and as a share of the level: smaller moves are never large.
    prior_scale_ratio: scale assumed before any was seen, as a share of the level, worth `prior_weight` points.
    jumps, drifts: also judge the difference to the last point, and the slow mean of small deviations.
    relearn_s: how long an anomaly may last before its level becomes the new normal.
    """

    learn: int = 20
    alpha: float = 0.02
    floor: float = 1e-9
    floor_ratio: float = 0.01
    prior_scale_ratio: float = 0.1
    prior_weight: float = 3.0
    jumps: bool = False
    drifts: bool = True
    relearn_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Judged:
    """One row a judged point. `score` is 0 while its series learns; `z` is signed; `expected` has the values' unit."""

    score: F64
    z: F64
    expected: F64
    scale: F64
