"""Which params a metric hangs on.

Two measures, each of one param alone, both on the metric's ranks, so that one wild run does not decide:
`correlation` is Spearman's, for params that are numbers; `importance` is the share of variance that the param's values
explain (epsilon squared: the correlation ratio, less what as many groups would explain by chance), numbers being cut
into at most ten groups of equal size. Runs without the param are a group of their own. It tells what goes together
in the runs there are, not what would follow from a change; params that always move together share their importance.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int64]

MOST_RUNS: Final = 5000
LEAST_RUNS: Final = 3
_BINS: Final = 10
_CATEGORIES: Final = 20  # the rest is one more


@dataclass(frozen=True, slots=True)
class Importance:
    """`importance`: 0 to 1. `correlation`: -1 to 1, None where the param is not a number."""

    param: str
    importance: float
    correlation: float | None


def importances(metric: Floats, params: Mapping[str, Sequence[str | None]]) -> list[Importance]:
    """Of params by run, in the order of `metric` (finite); the most important first. Params with one value are left
    out, and everything is for fewer than LEAST_RUNS."""
    if len(metric) < LEAST_RUNS:
        return []
    ranks = ranked(metric)
    found = []
    for name, values in params.items():
        if len(set(values)) < 2:
            continue
        numbers = _numbers(values)
        groups = _categories(values) if numbers is None else _bins(numbers)
        correlation = None if numbers is None else _correlation(numbers, metric)
        found.append(Importance(name, explained(ranks, groups), correlation))
    return sorted(found, key=lambda one: (-one.importance, -abs(one.correlation or 0.0), one.param))


def ranked(values: Floats) -> Floats:
    """From 0, equal values sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean: Floats = (ends - (counts + 1) / 2.0)[inverse]
    return mean


def explained(values: Floats, groups: Groups) -> float:
    """Epsilon squared: 0 to 1."""
    _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    total = float(np.sum((values - values.mean()) ** 2))
    free = len(values) - len(counts)
    if total == 0.0 or free <= 0:
        return 0.0
    means = np.bincount(inverse, weights=values) / counts
    within = float(np.sum((values - means[inverse]) ** 2))
    return max(0.0, 1.0 - (within / free) / (total / (len(values) - 1)))


def _numbers(values: Sequence[str | None]) -> Floats | None:
    """NaN where there is none; None when a value is no finite number."""
    numbers = np.full(len(values), np.nan)
    for at, value in enumerate(values):
        if value is None:
            continue
        try:
            numbers[at] = float(value)
        except ValueError:
            return None
        if not math.isfinite(numbers[at]):
            return None
    return numbers


def _bins(numbers: Floats) -> Groups:
    """By rank; each value its own group where there are few."""
    known = ~np.isnan(numbers)
    groups = np.full(len(numbers), -1, np.int64)
    distinct, inverse = np.unique(numbers[known], return_inverse=True)
    if len(distinct) > _BINS:
        inverse = np.minimum(ranked(numbers[known]) * _BINS / known.sum(), _BINS - 1).astype(np.int64)
    groups[known] = inverse
    return groups


def _categories(values: Sequence[str | None]) -> Groups:
    counts: dict[str | None, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    often = sorted(counts, key=lambda value: (-counts[value], str(value)))[:_CATEGORIES]
    numbers = {value: at for at, value in enumerate(often)}
    return np.array([numbers.get(value, _CATEGORIES) for value in values], np.int64)


def _correlation(numbers: Floats, metric: Floats) -> float | None:
    known = ~np.isnan(numbers)
    if known.sum() < LEAST_RUNS:
        return None
    x, y = ranked(numbers[known]), ranked(metric[known])
    x, y = x - x.mean(), y - y.mean()
    scale = math.sqrt(float(np.sum(x * x) * np.sum(y * y)))
    return float(np.sum(x * y)) / scale if scale else None
