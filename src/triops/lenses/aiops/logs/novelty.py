"""Templates of error lines that a project has never seen: how strange a new one is depends on how often news comes."""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from triops.kernel.signal import LogBatch
from triops.lenses.aiops.logs.model import LogProfile

_ERROR = 17


@dataclass(frozen=True, slots=True)
class News:
    template: int
    resource: int  # fingerprint
    at: float  # unix seconds of its first line
    example: str
    score: float


class Novelty:
    """Good and Turing: the chance that the next line is news is the share of lines that were news so far."""

    def __init__(self, profile: LogProfile) -> None:
        self.profile = profile
        self.lines = 0.0
        self.news = 0.0
        self.first = float("inf")
        self._known: OrderedDict[int, None] = OrderedDict()

    def take(self, batch: LogBatch, now: float) -> list[News]:
        """New error templates of a batch; nothing while the project is young."""
        self.first = min(self.first, now)
        known, found = self._known, []
        errors = np.flatnonzero((batch.severity >= _ERROR) & (batch.template != 0))
        templates, rows = np.unique(batch.template[errors], return_index=True)
        for template, row in zip(templates.tolist(), errors[rows].tolist(), strict=True):
            if template in known:
                known.move_to_end(template)
                continue
            known[template] = None
            if len(known) > self.profile.templates:
                known.popitem(last=False)
            score = float(-np.log10((self.news + 1.0) / (self.lines + 2.0)))
            self.news += 1.0
            if now - self.first >= self.profile.new_after_s and score >= self.profile.new_score:
                body = str(batch.body[row])[:500]
                found.append(News(template, int(batch.resource[row]), float(batch.time_ns[row]) / 1e9, body, score))
        self.lines += len(batch)
        return found
