"""How the runs of an experiment end: whether they fail more often than before, or come out worse."""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from triops.lenses.mlops.training.model import TrainingProfile, better

_KEPT = 200  # outcomes and results


@dataclass(slots=True)
class Outcomes:
    """The ends of an experiment's runs, oldest first."""

    failed: deque[bool] = field(default_factory=lambda: deque(maxlen=_KEPT))
    results: dict[str, deque[float]] = field(default_factory=dict)  # last values of good runs, per metric


@dataclass(frozen=True, slots=True)
class Failing:
    failures: int  # of the `recent` last runs
    recent: int
    before: float  # the usual share of failures
    score: float


@dataclass(frozen=True, slots=True)
class Regression:
    key: str
    value: float
    usual: float
    score: float


def failing(outcomes: Outcomes, profile: TrainingProfile) -> Failing | None:
    """A binomial test of the newest runs against the older ones (with one failure and one success added to these, so
    that a clean past does not make the first failure impossible). At least three of the newest must have failed, the
    last one among them."""
    ends = list(outcomes.failed)
    best: Failing | None = None
    for recent in range(3, profile.recent + 1):
        before = ends[:-recent]
        if len(before) < profile.history or not ends[-1]:
            break
        failures = sum(ends[-recent:])
        if failures < 3:
            continue
        rate = (sum(before) + 1) / (len(before) + 2)
        tail = sum(math.comb(recent, k) * rate**k * (1 - rate) ** (recent - k) for k in range(failures, recent + 1))
        score = -math.log10(max(tail, 1e-99))
        if best is None or score > best.score:
            best = Failing(failures, recent, sum(before) / len(before), score)
    return best if best is not None and best.score >= profile.score else None


def regressions(outcomes: Outcomes, latest: Mapping[str, float], profile: TrainingProfile) -> list[Regression]:
    """Metrics of a run that ended well which are worse than its forerunners' by more than their own spread explains: a
    robust z-score of the value against the median of up to 50 forerunners. Call it before `latest` is taken in."""
    found = []
    for key, value in latest.items():
        sign = better(key)
        past = outcomes.results.get(key)
        if not sign or past is None or len(past) < profile.history or not math.isfinite(value):
            continue
        values = np.asarray(past)[-50:]
        usual = float(np.median(values))
        spread = float(np.median(np.abs(values - usual))) * 1.4826
        spread = max(spread, 0.002 * abs(usual), 1e-12)  # two in a thousand is no regression, however even the past was
        z = sign * (usual - value) / spread
        if z > 5.0 and sign * value < sign * (values.min() if sign > 0 else values.max()):
            found.append(Regression(key, value, usual, min(99.0, z * z / (2.0 * math.log(10.0)))))
    return sorted(found, key=lambda r: -r.score)


def take(outcomes: Outcomes, failed: bool, latest: Mapping[str, float], profile: TrainingProfile) -> None:
    """Another run ended."""
    outcomes.failed.append(failed)
    if failed:
        return
    for key, value in latest.items():
        if math.isfinite(value) and (key in outcomes.results or len(outcomes.results) < profile.keys):
            outcomes.results.setdefault(key, deque(maxlen=_KEPT)).append(value)
