"""Flat lines: a series that used to vary and repeats itself now."""

from typing import ClassVar

import numpy as np

from triops.kernel.signal import F64
from triops.loop.series.columns import Columns
from triops.loop.series.model import Slots1

_LEARN = 60  # points before a repetition means anything
_LEAST = 10  # repetitions in a row before it is worth a word


class FlatModel(Columns):
    """`repeats` of `points` were equal to the point before; `run` counts the present repetition."""

    FIELDS: ClassVar[dict[str, tuple[type, int, float]]] = {
        "last": (np.float64, 0, np.nan),
        "points": (np.float64, 0, 0.0),
        "repeats": (np.float64, 0, 0.0),
        "run": (np.int64, 0, 0),
        "longest": (np.int64, 0, 0),
    }
    last: F64
    points: F64
    repeats: F64
    run: Slots1
    longest: Slots1

    def step(self, slots: Slots1, values: F64) -> F64:
        """Learn one value each and answer the score of the run it stands in: repetitions are taken as independent,
        with twice the share that this series has shown, and no run is strange that is not thrice its longest."""
        same = values == self.last[slots]
        run = np.where(same, self.run[slots] + 1, 0)
        points, repeats = self.points[slots], self.repeats[slots]
        share = np.minimum(2.0 * (repeats + 1.0) / (points + 2.0), 1.0)
        strange = (points >= _LEARN) & (run >= _LEAST) & (run >= 3 * self.longest[slots])
        score = np.where(strange, -run * np.log10(share), 0.0)
        learn = run < _LEAST  # a long run must not become its own excuse
        self.points[slots] = points + learn
        self.repeats[slots] = repeats + (same & learn)
        ended = ~same & (self.run[slots] > self.longest[slots])
        self.longest[slots] = np.where(ended, self.run[slots], self.longest[slots])
        self.run[slots], self.last[slots] = run, values
        return np.asarray(score)
