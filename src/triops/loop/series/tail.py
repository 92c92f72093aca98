"""Tail probabilities as scores (-log10 p), vectorised. Each is an upper bound or heavier than the truth, on purpose:
a score must never promise more than the data can bear."""

import numpy as np

from triops.kernel.signal import F64

KNEE = 2.0  # in robust standard deviations: below it the body, above it a generalised Pareto tail
PRIOR_RATE = 0.05  # share of points beyond the knee before anything is known
PRIOR_EXCESS = 0.55  # mean excess over the knee, and its second moment (a tail index of 0.15)
PRIOR_EXCESS_SQ = 0.7346
MAX_INDEX = 0.4
LEAST_RATE = 1e-3  # a quiet past bears no smaller share
_LN10 = float(np.log(10.0))


def pareto_score(z: F64, rate: F64, excess: F64, excess_sq: F64, least_index: F64) -> F64:
    """Score of |z| under a body and a generalised Pareto tail by the method of moments.

    rate: share of points beyond KNEE; excess, excess_sq: first and second moment of |z| - KNEE beyond it;
    least_index: a heavier tail than the moments say, while few points were seen. All of one shape.
    """
    size = np.abs(z)
    index = 0.5 * (1.0 - excess**2 / np.maximum(excess_sq - excess**2, 1e-9))
    index = np.clip(np.maximum(index, least_index), 0.01, MAX_INDEX)
    width = np.maximum(excess * (1.0 - index), 0.05)
    body = -np.log10(np.maximum(rate, LEAST_RATE)) * np.minimum(size, KNEE) / KNEE
    tail = np.log1p(index * np.maximum(size - KNEE, 0.0) / width) / (index * _LN10)
    return np.asarray(body + tail)


def binomial_score(successes: F64, trials: F64, chance: F64) -> F64:
    """Chernoff's bound on P(X >= successes) for X binomial; 0 where no more than expected was seen."""
    share = np.clip(successes / np.maximum(trials, 1.0), 0.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        up = np.where(share > 0, share * np.log(share / chance), 0.0)
        down = np.where(share < 1, (1 - share) * np.log((1 - share) / (1 - chance)), 0.0)
    return np.where(share > chance, trials * (up + down) / _LN10, 0.0)


def count_score(count: F64, mean: F64, size: F64) -> F64:
    """Chernoff's bound on P(X >= count) for X negative binomial (variance mean + mean^2 / size)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        nats = np.where(count > 0, count * np.log(count / mean), 0.0) - (count + size) * np.log(
            (count + size) / (mean + size)
        )
    return np.where(count > mean, np.maximum(nats, 0.0) / _LN10, 0.0)
