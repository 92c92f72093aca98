"""Error lines of every service of one project: how many come in a step, against the service's own past.

Counts are negative binomial: real error logs come in bursts, and each service has shown how much.
"""

from typing import ClassVar

import numpy as np

from triops.kernel.signal import F64
from triops.lenses.aiops.logs.model import LogProfile
from triops.loop.series.columns import Columns
from triops.loop.series.lifecycle import Lifecycle
from triops.loop.series.model import Bool, Slots1
from triops.loop.series.tail import count_score
from triops.ports.logs import LogCounts

_PRIOR_STEPS = 2.0
_PRIOR_SIZE = 2.0  # of the negative binomial: as unsteady as this before anything is known
_PULL = 0.02
_RELEARN_S = 3600.0


class _Counts(Columns):
    FIELDS: ClassVar[dict[str, tuple[type, int, float]]] = {
        "steps": (np.int64, 0, 0),
        "mean": (np.float64, 0, 0.0),
        "spread": (np.float64, 0, 0.0),  # mean of squared deviation
        "count": (np.float64, 0, 0.0),
        "score": (np.float64, 0, 0.0),
        "expected": (np.float64, 0, 0.0),
    }
    steps: Slots1
    mean: F64
    spread: F64
    count: F64
    score: F64
    expected: F64


class LogWatch:
    def __init__(self, profile: LogProfile) -> None:
        self.profile = profile
        self.services: list[str] = []  # by slot
        self.counts = _Counts()
        self.life = Lifecycle(profile.hold, profile.quiet)
        self.done: int | None = None  # the last step that was counted
        self._slot: dict[str, int] = {}
        self._seen = False  # whether any line came yet

    def window(self, now: float) -> tuple[int, int]:
        """Steps [first, end) that a tick at `now` must read."""
        profile = self.profile
        end = int((now - profile.settle_s) // profile.step_s)
        longest = int(profile.replay_s // profile.step_s)
        return max(end - longest, end - longest if self.done is None else self.done + 1), end

    def take(self, counts: LogCounts, first: int, end: int) -> tuple[list[int], list[int]]:
        """Count steps [first, end); the slots whose surge begins and ends. The first call only learns."""
        replay = self.done is None
        steps = np.asarray(counts.time_ns, np.int64) // (self.profile.step_s * 1_000_000_000)
        slots = np.array([self._slot_of(service) for service in counts.service], np.int64)
        errors = np.where(np.asarray(counts.band) == 2, np.asarray(counts.count, np.float64), 0.0)
        begun: list[int] = []
        ended: list[int] = []
        for step in range(first, end):
            rows = (steps == step) & (slots >= 0)
            if replay and not self._seen and not rows.any():
                continue  # nothing was sent yet: no zeros to learn from
            self._seen |= bool(rows.any())
            now = np.bincount(slots[rows], errors[rows], minlength=len(self.services)).astype(np.float64)
            begins, ends = self._step(now, float(step * self.profile.step_s), judge=not replay)
            begun += np.flatnonzero(begins).tolist()
            ended += np.flatnonzero(ends).tolist()
        self.done = max(end - 1, -1 if self.done is None else self.done)
        return begun, ended

    def _slot_of(self, service: str) -> int:
        slot = self._slot.get(service, -1)
        if slot < 0 and len(self.services) < self.profile.services:
            slot = self._slot[service] = len(self.services)
            self.services.append(service)
            self.counts.ensure(slot + 1)
            self.life.ensure(slot + 1)
        return slot

    def _step(self, count: F64, at: float, *, judge: bool) -> tuple[Bool, Bool]:
        profile, state = self.profile, self.counts
        slots = np.arange(len(self.services))
        on = self.life.open[slots]
        known = state.steps[slots]
        weight = np.minimum(known, 1 / _PULL) + _PRIOR_STEPS
        mean = ((weight - _PRIOR_STEPS) * state.mean[slots] + 1.0) / weight
        mean = mean + np.sqrt(mean / weight)  # one standard error above
        extra = np.maximum(state.spread[slots] - mean, 0.0)
        size = np.where(extra > 0, mean**2 / np.maximum(extra, 1e-9), 1e6)
        size = np.clip((_PRIOR_SIZE * 20 + size.clip(0, 100) * known) / (20 + known), 0.3, 100.0)
        score = count_score(count, mean, size)
        bad = (score >= np.where(on, profile.score_on, profile.score)) & (known >= profile.learn)
        bad &= (count >= profile.least) & (count >= np.where(on, 2.0, profile.ratio) * mean)
        if not judge:
            bad[:] = False
        strong = bad & (score >= profile.symptom_score) & (count >= profile.symptom_ratio * mean)
        strong &= count >= profile.symptom_least
        begins, ends = self.life.step(slots, np.full(len(slots), at), bad, strong)
        state.score[slots] = np.where(bad, score, state.score[slots])
        state.expected[slots] = np.where(on, state.expected[slots], state.mean[slots])
        state.count[slots] = count
        stale = self.life.open[slots] & (at - self.life.onset[slots] > _RELEARN_S)
        state.clear(slots[stale])  # it lasts: what is wrong has become usual
        learn = slots[~bad & ~stale]
        pull = np.maximum(1.0 / (state.steps[learn] + 1.0), _PULL)
        apart = count[learn] - state.mean[learn]
        state.mean[learn] += pull * apart
        state.spread[learn] += pull * (apart**2 - state.spread[learn])
        state.steps[learn] += 1
        return begins, ends
