"""Rate, errors and duration of every service and edge of one project: learned, and judged step by step.

Owns the state and the verdicts; `plugin` reads the store and words the claims. A step is judged as soon as it is
`judge_age_s` old on what has arrived, again on each tick while late spans complete it, and learned once, when final.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from triops.kernel.signal import F64
from triops.lenses.aiops.traces.model import (
    CLEAR,
    ERRORS,
    GRAVE,
    LATENCY,
    LATENCY_PROFILE,
    MEASURES,
    MISSING,
    NORMAL,
    RATE,
    RATE_PROFILE,
    SLIGHT,
    TAIL,
    RedProfile,
)
from triops.lenses.aiops.traces.verdicts import Verdicts
from triops.loop.series.model import Bool, Slots1
from triops.loop.series.ratio import RatioModel
from triops.loop.series.service import SeriesModel
from triops.ports.spans import RedTable


@dataclass(frozen=True, slots=True)
class StepRows:
    """One step: columns of equal length, one row a service or edge that had a request."""

    slots: Slots1
    count: F64
    errors: F64
    avg: F64
    p50: F64
    p95: F64
    own: F64


class RedWatch:
    def __init__(self, profile: RedProfile) -> None:
        self.profile = profile
        self.keys: list[tuple[str, str]] = []  # by slot: (source, target)
        self.refused = 0  # keys over the bound
        self.avg, self.p50, self.p95, self.own = (SeriesModel(LATENCY_PROFILE) for _ in range(4))
        self.rate = SeriesModel(RATE_PROFILE)
        self.errors = RatioModel()
        self.verdicts = Verdicts(profile.ring)
        self.open = np.zeros((len(MEASURES), 64), np.bool_)
        self.score, self.value, self.expected = (np.zeros((len(MEASURES), 64)) for _ in range(3))
        self.own_now, self.typical, self.doubt = np.full(64, np.nan), np.zeros(64), np.zeros(64)
        self.tally = np.zeros((2, 64, profile.ring))  # errors and requests of the verdicts' columns
        self.last_step = np.full(64, -1, np.int64)
        self.final: int | None = None  # the last step that was learned
        self.judged = -1
        self._slot: dict[tuple[str, str], int] = {}
        self._callers: dict[str, set[int]] = {}

    def window(self, now: float) -> tuple[int, int]:
        """Steps [first, end) that a tick at `now` must read."""
        profile = self.profile
        end = int((now - profile.judge_age_s) // profile.step_s) + 1
        first = int((now - profile.replay_s) // profile.step_s) if self.final is None else self.final + 1
        return max(first, end - int(profile.replay_s // profile.step_s)), end

    def take(self, table: RedTable, first: int, end: int, now: float) -> None:
        """Judge steps [first, end) by `table`, and learn those that are final."""
        profile = self.profile
        final_end = int((now - profile.final_age_s) // profile.step_s) + 1
        replay = self.final is None
        steps = np.asarray(table.time_ns, np.int64) // (profile.step_s * 1_000_000_000)
        slots = self._slots_of(table, steps < final_end)
        for step in range(first, end):
            final = step < final_end
            rows = self._rows(table, slots, np.flatnonzero((steps == step) & (slots >= 0)))
            column = self.verdicts.open_column(step)
            self.tally[:, :, column] = 0.0
            if not (replay and final):
                self._judge(rows, column)
            if final:
                self._learn(rows, step, column, judged=not replay)
                self.final = step
            self.judged = max(self.judged, step)
        if self.final is None:
            self.final = final_end - 1

    def onset(self, measure: int, slot: int, first: int) -> float:
        """Unix seconds. Within the first abnormal step by how much of the next step's deviation it had."""
        column = first % self.profile.ring
        after = (first + 1) % self.profile.ring
        part, whole = self.verdicts.size[measure, slot, column], self.verdicts.size[measure, slot, after]
        share = float(np.clip(part / whole, 0.1, 1.0)) if self.verdicts.steps[after] == first + 1 and whole > 0 else 1.0
        return (first + 1.0 - share) * self.profile.step_s

    def forget(self, step: int) -> Slots1:
        """Learn anew what had no request for `forget_s`; answers the slots."""
        old = int(self.profile.forget_s // self.profile.step_s)
        gone = np.flatnonzero((self.last_step >= 0) & (self.last_step < step - old))
        if len(gone):
            for columns in (self.avg, self.p50, self.p95, self.own, self.rate, self.errors):
                columns.clear(gone)
            self.verdicts.clear(gone)
            self.open[:, gone] = False
            self.last_step[gone] = -1
        return gone

    def _slots_of(self, table: RedTable, may_add: Bool) -> Slots1:
        """A key gets a slot when its step is final: an edge seen half may not know its callee yet."""
        slots = np.full(len(table), -1, np.int64)
        for row, key in enumerate(zip(table.source, table.target, strict=True)):
            slot = self._slot.get(key, -1)
            if slot < 0 and may_add[row]:
                if len(self.keys) >= self.profile.keys:
                    self.refused += 1
                    continue
                slot = self._slot[key] = len(self.keys)
                self.keys.append(key)
                if key[0]:
                    self._callers.setdefault(key[1], set()).add(slot)
            slots[row] = slot
        self._ensure(len(self.keys))
        return slots

    def _ensure(self, rows: int) -> None:
        for columns in (self.avg, self.p50, self.p95, self.own, self.rate, self.errors, self.verdicts):
            columns.ensure(rows)
        more = self.verdicts.verdict.shape[1] - self.open.shape[1]
        if more > 0:
            self.open = np.pad(self.open, ((0, 0), (0, more)))
            self.score, self.value, self.expected = (
                np.pad(a, ((0, 0), (0, more))) for a in (self.score, self.value, self.expected)
            )
            self.own_now = np.pad(self.own_now, (0, more), constant_values=np.nan)
            self.tally = np.pad(self.tally, ((0, 0), (0, more), (0, 0)))
            self.typical, self.doubt = np.pad(self.typical, (0, more)), np.pad(self.doubt, (0, more))
            self.last_step = np.pad(self.last_step, (0, more), constant_values=-1)

    def _rows(self, table: RedTable, slots: Slots1, at: Slots1) -> StepRows:
        def column(values: object) -> F64:
            return np.asarray(values, np.float64)[at]

        return StepRows(
            slots[at],
            column(table.count),
            column(table.errors),
            np.maximum(column(table.ms_avg), 1e-3),
            np.maximum(column(table.ms_p50), 1e-3),
            np.maximum(column(table.ms_p95), 1e-3),
            np.maximum(column(table.self_ms_avg), 1e-3),
        )

    def _spread(self, rows: StepRows) -> F64:
        """A step with fewer requests than usual knows its mean less well."""
        return np.sqrt(np.clip(self.typical[rows.slots] / np.maximum(rows.count, 1.0), 1.0, 100.0))

    def _judge(self, rows: StepRows, column: int) -> None:
        self._judge_latency(rows, column)
        self._judge_errors(rows, column)

    def _judge_errors(self, rows: StepRows, column: int) -> None:
        slots, profile = rows.slots, self.profile
        usual, on = self.errors.share(slots), self.open[ERRORS, slots]
        least = np.where(on, profile.score_on, profile.score)
        share = rows.errors / np.maximum(rows.count, 1.0)
        best, bad = np.zeros(len(slots)), np.zeros(len(slots), np.bool_)
        for errors, count in ((rows.errors, rows.count), self._pooled(rows, column, on)):
            score, part = self.errors.judge(slots, errors, count), errors / np.maximum(count, 1.0)
            wrong = (score >= least) & (errors >= np.where(on, 1.0, profile.errors))
            wrong &= (part >= 2 * usual) & (part - usual >= profile.error_share)
            share = np.where(wrong & ~bad, part, share)
            best, bad = np.maximum(best, score), bad | wrong
        self.doubt[slots] = best
        bad &= self.errors.steps[slots] >= LATENCY_PROFILE.learn
        weight = np.where(bad, np.where((share >= 0.1) & (best >= 6), GRAVE, CLEAR), NORMAL)
        self._note(ERRORS, column, slots, weight, best, share, usual, share - usual)

    def _pooled(self, rows: StepRows, column: int, on: Bool) -> tuple[F64, F64]:
        """Errors and requests of the last steps together; to begin, without the worst one: a burst is not a rate."""
        profile, slots = self.profile, rows.slots
        self.tally[:, slots, column] = rows.errors, rows.count
        columns = (column - np.arange(profile.pool)) % profile.ring
        known = self.verdicts.steps[columns] == self.verdicts.steps[column] - np.arange(profile.pool)
        tally = self.tally[:, slots[:, None], columns] * known
        few = tally[:, :, : profile.pool_on].sum(axis=2)
        worst = tally[:, np.arange(len(slots)), np.argmax(tally[0], axis=1)]
        errors, count = np.where(on, few, tally.sum(axis=2) - worst)
        return errors, count

    def _judge_latency(self, rows: StepRows, column: int) -> None:
        slots, profile = rows.slots, self.profile
        spread, on = self._spread(rows), self.open[LATENCY, slots]
        least_ms = np.array([profile.edge_ms if self.keys[s][0] else profile.service_ms for s in slots])
        young = 1.0 + 4.0 / np.maximum(self.avg.count[slots], 1)
        bad = np.zeros(len(slots), np.bool_)
        weight = np.zeros(len(slots), np.int8)
        score, value, expected = np.zeros(len(slots)), rows.avg, rows.avg
        for model, ms, harder in ((self.avg, rows.avg, 1.0), (self.p95, rows.p95, 1.3), (self.p50, rows.p50, 1.0)):
            judged = model.judge(slots, np.log(ms), spread)
            usual = np.exp(judged.expected)
            ratio = np.where(on, profile.ratio_on, profile.ratio * young) * harder
            slow = (judged.z > 0) & (judged.score >= np.where(on, profile.score_on, profile.score))
            slow &= (ms >= ratio * usual) & (ms - usual >= np.where(on, 0.5, 1.0) * least_ms)
            large = slow & (ms >= 2.5 * usual) & (ms - usual >= 2 * least_ms)
            median = model is self.p50
            heavy = np.where(large, GRAVE if median else TAIL, CLEAR if median else SLIGHT)
            weight = np.maximum(weight, np.where(slow, heavy, NORMAL))
            if not median:  # claims speak of the mean or of p95, whichever says more
                more = (slow & ~bad) | ((slow | ~bad) & (judged.score > score) & (judged.z > 0))
                value, expected = np.where(more, ms, value), np.where(more, usual, expected)
                score = np.where(more, judged.score, score)
            bad = bad | slow
            score = np.where(slow, np.maximum(score, judged.score), score)
        excess = np.maximum(rows.avg - np.exp(self.avg.level[slots]), 0.0)
        self._note(LATENCY, column, slots, weight, score, value, expected, excess)
        self.own_now[slots] = rows.own

    def _note(
        self,
        measure: int,
        column: int,
        slots: Slots1,
        weight: npt.NDArray[np.integer],
        score: F64,
        value: F64,
        expected: F64,
        size: F64,
    ) -> None:
        self.verdicts.verdict[measure, slots, column] = weight
        self.verdicts.size[measure, slots, column] = size
        bad = weight > NORMAL
        at = slots[bad]
        self.score[measure, at], self.value[measure, at], self.expected[measure, at] = (
            score[bad],
            value[bad],
            expected[bad],
        )

    def _learn(self, rows: StepRows, step: int, column: int, *, judged: bool) -> None:
        slots = rows.slots
        at = np.full(len(slots), float(step * self.profile.step_s))
        spread = self._spread(rows)
        # the noise of one request, seen within the step, says how steady a mean of `count` can be
        noise = np.nan_to_num(np.clip(np.log(rows.p95 / rows.p50) / 1.645, 0.1, 2.0), nan=0.5)
        slow, odd = self.open[LATENCY, slots], self.verdicts.verdict[LATENCY, slots, column] > NORMAL
        root = np.sqrt(np.maximum(rows.count, 1.0))
        mean_noise = np.minimum(np.sqrt(np.expm1(noise**2)), 3.0) / root
        for model, ms, error in (
            (self.avg, rows.avg, mean_noise),
            (self.p50, rows.p50, 1.25 * noise / root),
            (self.p95, rows.p95, 2.1 * noise / root),
            (self.own, rows.own, mean_noise),
        ):
            model.learn(
                slots, at, np.log(ms), spread=spread, prior=np.maximum(0.1, 1.5 * error), frozen=slow, doubtful=odd
            )
        wrong = self.open[ERRORS, slots]
        doubtful = self.doubt[slots] >= 1.0  # one in ten: taken in slowly, or a small lasting rise would hide itself
        self.errors.learn(slots[~wrong], rows.errors[~wrong], rows.count[~wrong], doubtful[~wrong])
        self.last_step[slots] = step
        self._learn_rate(rows, step, column, judged=judged)

    def _learn_rate(self, rows: StepRows, step: int, column: int, *, judged: bool) -> None:
        profile = self.profile
        counts = np.zeros(len(self.last_step))
        counts[rows.slots] = rows.count
        slots = np.flatnonzero(self.last_step >= 0)
        root = 2.0 * np.sqrt(counts[slots])  # Poisson counts on this scale have variance 1
        verdict = self.rate.judge(slots, root)
        usual = self.typical[slots]
        steady = (self.rate.scale[slots] <= 0.15 * self.rate.level[slots]) & (usual >= 10)
        silent = counts[slots] == 0
        called = np.zeros(len(slots), np.bool_)
        for row in np.flatnonzero(silent & steady):
            source = [self.keys[edge][0] for edge in self._callers.get(self.keys[slots[row]][1], ())]
            called[row] = not self.keys[slots[row]][0] and any(
                counts[self._slot[c]] > 0 for s in source if (c := ("", s)) in self._slot
            )
        if judged:
            on = self.open[RATE, slots]
            least = np.where(on, profile.score_on, profile.score)
            down = (verdict.z < 0) & (verdict.score >= least) & ~silent & steady
            down &= self.rate.count[slots] >= profile.drop_learn
            down &= counts[slots] <= np.where(on, 0.7, profile.drop) * usual
            lost = usual - counts[slots]
            self._note(RATE, column, slots, CLEAR * down, verdict.score, counts[slots], usual, lost)
            missing = steady & called & self.rate.ready(slots)
            self._note(MISSING, column, slots, CLEAR * missing, usual * 0.434, counts[slots], usual, lost)
        at = np.full(len(slots), float(step * profile.step_s))
        frozen = self.open[RATE, slots] | self.open[MISSING, slots] | silent & steady
        self.rate.learn(slots, at, root, prior=np.full(len(slots), 1.2), frozen=frozen)
        self.typical[slots] = (self.rate.level[slots] / 2.0) ** 2
