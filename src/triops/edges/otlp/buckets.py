"""Histogram buckets as Prometheus has them: upper bounds, and counts that include all lower buckets."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import inf

MOST = 512  # explicit buckets of one point; over it the point is refused
MOST_EXPONENTIAL = 64  # of each sign; neighbours are merged until they fit
FINEST = 2  # scale: four buckets for each doubling (bounds 19 % apart); finer ones are merged

Buckets = list[tuple[float, int]]
Half = tuple[int, Sequence[int]]  # offset, counts


def bound_text(bound: float) -> str:
    """As in Prometheus' labels: `0.005`, `1`, `+Inf`."""
    return "+Inf" if bound == inf else repr(bound).removesuffix(".0")


def explicit_buckets(bounds: Sequence[float], counts: Sequence[int]) -> Buckets | str:
    """[(upper bound, count up to it)], the last +Inf; empty for a histogram without buckets. A text says why not."""
    if not counts and not bounds:
        return []
    if len(counts) != len(bounds) + 1:
        return "a histogram must have one bucket more than bounds"
    if len(counts) > MOST:
        return f"more than {MOST} buckets"
    if not all(a < b for a, b in pairwise(bounds)) or any(b != b for b in bounds):
        return "the bounds of a histogram must rise"
    if bounds and bounds[-1] == inf:
        bounds, counts = bounds[:-1], [*counts[:-2], counts[-2] + counts[-1]]
    return list(zip([*bounds, inf], accumulate(counts), strict=True))


def exponential_buckets(scale: int, zeros: int, threshold: float, positive: Half, negative: Half) -> Buckets | str:
    """Bucket i of scale s holds (b^i, b^(i+1)] with b = 2^(2^-s); halving the resolution puts i into i >> 1."""
    if not -10 <= scale <= 20:
        return "the scale of an exponential histogram must be -10 to 20"
    if max(len(positive[1]), len(negative[1])) > 2048:
        return "more than 2048 buckets"
    shift = max(0, scale - FINEST)
    while max(_width(positive, shift), _width(negative, shift)) > MOST_EXPONENTIAL:
        shift += 1
    up, down = _merged(positive, shift), _merged(negative, shift)
    scale -= shift
    rows: Buckets = []
    total = 0
    if down:
        rows.append((-_bound(max(down) + 1, scale), 0))
        for i in range(max(down), min(down) - 1, -1):
            total += down.get(i, 0)
            rows.append((-_bound(i, scale), total))
    if zeros or down:
        total += zeros
        rows.append((max(threshold, 0.0), total))
    if up:
        rows.append((_bound(min(up), scale), total))
        for i in range(min(up), max(up) + 1):
            total += up.get(i, 0)
            rows.append((_bound(i + 1, scale), total))
    rows.append((inf, total))
    # Bounds that a double cannot tell apart, or below the zero threshold, are one bucket: the greatest count holds.
    merged: dict[float, int] = {}
    reached = -inf
    for bound, count in rows:
        reached = max(reached, bound)
        merged[reached + 0.0] = count
    return list(merged.items())


def _width(half: Half, shift: int) -> int:
    merged = [i for i, count in enumerate(half[1], half[0]) if count]
    return (merged[-1] >> shift) - (merged[0] >> shift) + 1 if merged else 0


def _merged(half: Half, shift: int) -> dict[int, int]:
    out: dict[int, int] = {}
    for i, count in enumerate(half[1], half[0]):
        if count:
            out[i >> shift] = out.get(i >> shift, 0) + count
    return out


def _bound(index: int, scale: int) -> float:
    exponent = index * 2.0**-scale
    return inf if exponent >= 1024 else 0.0 if exponent < -1074 else 2.0**exponent
