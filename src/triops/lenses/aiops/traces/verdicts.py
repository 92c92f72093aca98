"""The last verdicts of every (measure, slot), so that a step can be judged anew when late spans complete it."""

import numpy as np
import numpy.typing as npt

from triops.lenses.aiops.traces.model import MEASURES, NONE, NORMAL
from triops.loop.series.model import Bool, Slots1


class Verdicts:
    """A ring of steps. `size[m, slot, column]` is how far from normal that step was (ms, share), for the onset."""

    def __init__(self, ring: int, rows: int = 64) -> None:
        self.ring = ring
        self.steps = np.full(ring, -1, np.int64)  # which step (time // step_s) a column holds
        self.verdict = np.full((len(MEASURES), rows, ring), NONE, np.int8)
        self.size = np.zeros((len(MEASURES), rows, ring))

    def ensure(self, rows: int) -> None:
        have = self.verdict.shape[1]
        if rows > have:
            more = max(64, 1 << (rows - 1).bit_length()) - have
            self.verdict = np.pad(self.verdict, ((0, 0), (0, more), (0, 0)), constant_values=NONE)
            self.size = np.pad(self.size, ((0, 0), (0, more), (0, 0)))

    def open_column(self, step: int) -> int:
        """The column of a step, emptied: it is judged from the start."""
        column = step % self.ring
        self.steps[column] = step
        self.verdict[:, :, column] = NONE
        self.size[:, :, column] = 0.0
        return column

    def recent(self, steps: int) -> npt.NDArray[np.int64]:
        """Per (measure, slot): the weight of the newest `steps` columns."""
        columns = np.argsort(-self.steps, kind="stable")[:steps]
        return np.asarray(np.maximum(self.verdict[:, :, columns], 0).sum(axis=2, dtype=np.int64))

    def clear(self, slots: Slots1) -> None:
        self.verdict[:, slots] = NONE

    def runs(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Per (measure, slot): the weight of abnormal steps up to now without a normal one between, the number of
        normal steps up to now without an abnormal one, and the first step of the abnormal run that shows 40 % of its
        worst (-1): a weak step before is noise, not the onset. Steps without data are passed over."""
        shape = self.verdict.shape[:2]
        hot, calm = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        first = np.full(shape, -1, np.int64)
        worst = np.zeros(shape)
        in_hot: Bool = np.ones(shape, np.bool_)
        in_calm: Bool = np.ones(shape, np.bool_)
        for column in np.argsort(-self.steps, kind="stable"):
            if self.steps[column] < 0:
                continue
            verdict = self.verdict[:, :, column]
            in_hot &= verdict != NORMAL
            in_calm &= verdict <= NORMAL
            abnormal = in_hot & (verdict > NORMAL)
            hot += np.where(abnormal, verdict, 0)
            calm += in_calm & (verdict == NORMAL)
            worst = np.where(abnormal, np.maximum(worst, self.size[:, :, column]), worst)
            first[abnormal & (self.size[:, :, column] >= 0.4 * worst)] = self.steps[column]
        return hot, calm, first
