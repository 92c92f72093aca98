"""A few points of many: what a chart or the loop needs of a metric's history."""

import numpy as np
import numpy.typing as npt

from triops.kernel.run import MetricPoints
from triops.ledger.runs.points import Columns, latest

LOOP_POINTS = 256  # of a request, that the loop is told


def evenly(count: int, most: int) -> npt.NDArray[np.intp]:
    """Which of `count` points in order to show: the first of each of `most` equal parts (the earlier parts take what
    does not divide), and the last point, in the last part's stead. `most` 1: the last alone."""
    if count <= most:
        return np.arange(count)
    part, rest = divmod(count, most)
    numbers = np.arange(most)
    starts = numbers * part + np.minimum(numbers, rest)
    starts[-1] = count - 1
    return starts


def thinned(columns: Columns, most: int) -> Columns:
    time_ms, step, value = columns
    chosen = evenly(len(value), most)
    return time_ms[chosen], step[chosen], value[chosen]


def within(columns: Columns, steps: tuple[int, int] | None) -> Columns:
    """Both ends inclusive."""
    if steps is None:
        return columns
    time_ms, step, value = columns
    kept = (step >= steps[0]) & (step <= steps[1])
    return time_ms[kept], step[kept], value[kept]


def told(points: MetricPoints) -> MetricPoints:
    """What the loop is told of a request: all of a small one, else a sample with each metric's latest point in it."""
    if len(points) <= LOOP_POINTS:
        return points
    last = latest(points)[-LOOP_POINTS:]
    shown = np.zeros(len(points), bool)
    shown[last] = True
    shown[evenly(len(points), max(1, LOOP_POINTS - len(last)))] = True
    chosen = np.flatnonzero(shown)
    origins = points.origins[chosen] if points.origins is not None else None
    return MetricPoints(
        points.keys,
        points.key[chosen],
        points.time_ms[chosen],
        points.step[chosen],
        points.value[chosen],
        origins,
        points.origin_rows,
    )
