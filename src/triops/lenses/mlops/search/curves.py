"""Curves as a chart needs them: few points that look like all of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from triops.ledger.runs.points import Columns


@dataclass(frozen=True, slots=True)
class Curve:
    """Of `total` points those shown, by step and time. `at`: unix seconds."""

    run: str
    key: str
    total: int
    step: npt.NDArray[np.int64]
    at: npt.NDArray[np.float64]
    value: npt.NDArray[np.float64]


def curve_of(run: str, key: str, columns: Columns, most: int) -> Curve:
    time_ms, step, value = columns
    chosen = extremes(value, most)
    return Curve(run, key, len(value), step[chosen], time_ms[chosen] / 1000.0, value[chosen])


def extremes(values: npt.NDArray[np.float64], most: int) -> npt.NDArray[np.intp]:
    """Which of the points in order to show: the first, the last, and of each of equal stretches between them the
    lowest and the highest, so that no spike is lost; at most `most` (4 or more). A stretch of NaN alone shows one."""
    count = len(values)
    if count <= most:
        return np.arange(count)
    stretches = (most - 2) // 2
    width = -(-(count - 2) // stretches)
    padded = np.full(stretches * width, np.nan)
    padded[: count - 2] = values[1:-1]
    table = padded.reshape(stretches, width)
    unknown = np.isnan(table)
    starts = 1 + np.arange(stretches) * width
    lowest = starts + np.argmin(np.where(unknown, np.inf, table), axis=1)
    highest = starts + np.argmax(np.where(unknown, -np.inf, table), axis=1)
    chosen: npt.NDArray[np.intp] = np.unique(np.concatenate(([0], lowest, highest, [count - 1])))
    return chosen[chosen < count]


def points_json(curve: Curve) -> list[list[Any]]:
    """`[step, at, value]` each; what is no number as "NaN", "Infinity", "-Infinity"."""
    values = [value if value - value == 0 else _named(value) for value in curve.value.tolist()]
    return [list(point) for point in zip(curve.step.tolist(), curve.at.tolist(), values, strict=True)]


def _named(value: float) -> str:
    if value != value:
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
