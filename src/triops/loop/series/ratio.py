"""The online model of shares (errors of requests): binomial against the series' own past and its overdispersion."""

from typing import ClassVar

import numpy as np

from triops.kernel.signal import F64
from triops.loop.series.columns import Columns
from triops.loop.series.model import Bool, Slots1
from triops.loop.series.tail import binomial_score

_PRIOR_HITS, _PRIOR_TRIALS = 0.5, 25.0  # 2 %, worth 25 requests: a first error is no surprise
_KEEP = 0.998  # a step: about 40 minutes of memory at 5 s


class RatioModel(Columns):
    FIELDS: ClassVar[dict[str, tuple[type, int, float]]] = {
        "steps": (np.int64, 0, 0),
        "hits": (np.float64, 0, 0.0),
        "trials": (np.float64, 0, 0.0),
        "spread": (np.float64, 0, 1.0),
    }
    steps: Slots1
    hits: F64
    trials: F64
    spread: F64

    def share(self, slots: Slots1) -> F64:
        """The share to expect, one standard error above its estimate."""
        weight = self.trials[slots] + _PRIOR_TRIALS
        share = (self.hits[slots] + _PRIOR_HITS) / weight
        return np.asarray(np.minimum(share + np.sqrt(share / weight), 0.999))

    def judge(self, slots: Slots1, hits: F64, trials: F64) -> F64:
        """Scores of `hits` in `trials`; the bound on their tail is softened by how unsteady the share is by itself."""
        return np.asarray(binomial_score(hits, trials, self.share(slots)) / self.spread[slots])

    def learn(self, slots: Slots1, hits: F64, trials: F64, doubtful: Bool) -> None:
        """`doubtful` rows look wrong but claim nothing yet: they pull a little, so that only repeated bursts become
        the norm."""
        chance = self.share(slots)
        usual = trials * chance
        surprise = np.minimum(
            (hits - usual) ** 2 / np.maximum(usual * (1 - chance), 0.5), np.where(doubtful, 2.0, 25.0)
        )
        pull = 1.0 / (np.minimum(self.steps[slots], 500) + 20.0)
        spread = self.spread[slots]
        self.spread[slots] = np.maximum(1.0, spread + pull * (surprise - spread))
        hits = np.where(doubtful, np.minimum(hits, usual + 0.2 * (hits - usual)), hits)
        self.hits[slots] = self.hits[slots] * _KEEP + hits
        self.trials[slots] = self.trials[slots] * _KEEP + trials
        self.steps[slots] += 1
