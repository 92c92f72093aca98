"""Calls of one project, by application, prompt, model and provider: learned, and judged window by window.

Owns the state and the verdicts; `plugin` reads the bus and words the claims. A series is judged on windows of at least
a few calls, so that a quiet application and a busy one are judged alike.
"""

from collections.abc import Sequence

import numpy as np

from triops.kernel.ids import EntityId, entity_id
from triops.kernel.signal import F64
from triops.lenses.llmops.watch.asked import Asked, Languages
from triops.lenses.llmops.watch.cusum import DOWN, UP, Cusum
from triops.lenses.llmops.watch.model import MEANS, MEASURES, SERIES, SHARES, CallColumns, Mean, WatchProfile
from triops.lenses.llmops.watch.windows import Window, Windows
from triops.loop.series.model import HEAD, Bool, Slots1
from triops.loop.series.ratio import RatioModel
from triops.loop.series.service import SeriesModel

_UPWARD, _DOWNWARD = 2, 3  # windows at least; where few answers are long, windows without one come by themselves
_FAR = 1.6  # the most that a window's evidence is multiplied by for how far off it is
_MISSED = 4.0  # calls that would be expected to show a share: seeing none of so many proves that it is over
_VERSIONS = 50  # of one prompt


class CallWatch:
    """[measure, slot] arrays in the order of `MEASURES`: `hot` is the evidence of abnormal windows in a row (of each
    its score less one, more for one that is far off), `run` their number, all to one `side` (1 up, -1 down), `calm`
    that of normal ones, `onset` when the run began (unix seconds), `value` beside `expected` at the last judgement.

    A window alone proves little where few are known; several in a row do, since noise of one is not that of the next.
    What looks wrong is not learned meanwhile: it would become the norm before it is claimed.
    """

    def __init__(self, profile: WatchProfile) -> None:
        self.profile = profile
        self.keys: list[EntityId] = []  # by slot
        self.refused = 0  # series over the bound
        self.models = [SeriesModel(SERIES) for _ in MEANS]
        self.ratios = [RatioModel() for _ in SHARES]
        self.cusums = [Cusum() for _ in MEANS]
        self.windows = Windows()
        self.open = np.zeros((len(MEASURES), 64), np.bool_)
        self.hot = np.zeros((len(MEASURES), 64))
        self.run, self.calm, self.side = (np.zeros((len(MEASURES), 64), np.int64) for _ in range(3))
        self.score, self.value, self.expected, self.size = (np.zeros((len(MEASURES), 64)) for _ in range(4))
        self.onset = np.full((len(MEASURES), 64), np.nan)
        self.typical, self.heard, self.gap = np.zeros(64), np.full(64, np.nan), np.zeros(64)
        self.pool = np.zeros((2, len(SHARES), 64, profile.share_windows))
        self.without = np.zeros((len(SHARES), 64))  # calls since the last abnormal window
        self.nth = np.zeros(64, np.int64)  # windows closed
        self.versions: dict[int, dict[str, F64]] = {}  # slot -> version -> sums of means, then of calls
        self._asked, self._languages = Asked(), Languages()
        self._slot: dict[EntityId, int] = {}
        self._free: list[int] = []

    def take(self, calls: CallColumns, told_s: F64) -> None:
        """Add calls to the open windows of their series. `told_s`: when each was told of, in order."""
        means = np.stack([np.asarray(getattr(calls, mean.column), np.float64) for mean in MEANS])
        failed = np.array([bool(error) for error in calls.error])
        means[:, failed] = np.where(np.isin([m.name for m in MEANS], ["cost"])[:, None], means[:, failed], np.nan)
        hits = np.full((len(SHARES), len(calls)), np.nan)
        hits[0] = failed
        hits[1] = calls.refused
        hits[3] = self._asked.again(calls.question, calls.trace, calls.ended_s)
        spoken = np.array([bool(language) for language in calls.language])
        served = [f"{p}/{m}" if p and m else m for p, m in zip(calls.provider, calls.model, strict=True)]
        for type_, names in (
            ("application", calls.application),
            ("prompt", calls.prompt),
            ("llm", served),
            ("provider", calls.provider),
        ):
            slots = self._slots_of(type_, names)
            known = slots >= 0
            told = np.flatnonzero(known & spoken)
            hits[2] = np.nan
            spoke = [calls.language[row] for row in told.tolist()]
            hits[2, told] = self._languages.unusual(slots[told], spoke, told_s[told])
            self._hear(slots[known], told_s[known])
            self.windows.add(slots[known], told_s[known], means[:, known], hits[:, known])
            if type_ == "prompt":
                self._by_version(slots, calls.version, means)

    def judge(self, now: float) -> None:
        """Close, judge and learn the windows that are due."""
        profile, windows = self.profile, self.windows
        age = now - windows.started - profile.settle_s
        enough = (windows.count >= profile.calls) & (age >= profile.window_s)
        due = (windows.count > 0) & (enough | (age >= profile.longest_s))
        if not due.any():
            return
        window = windows.close(due)
        for at in range(len(MEANS)):
            self._judge_mean(at, window, now)
        for at in range(len(SHARES)):
            self._judge_share(at, window)
        self.typical[window.slots] += 0.1 * (window.count - self.typical[window.slots])
        self.nth[window.slots] += 1

    def due(self) -> "np.ndarray[tuple[int, int], np.dtype[np.bool_]]":
        """[measure, slot]: what is to be claimed, and is not yet."""
        long = self.run >= np.where(self.side < 0, _DOWNWARD, _UPWARD)
        hold = np.full(self.hot.shape, self.profile.hold)
        hold[: len(MEANS)][self.run[: len(MEANS)] <= 2] = self.profile.hold_two
        return (self.hot >= hold) & long & ~self.open

    def silent(self, slot: int, now: float) -> bool:
        """No call for much longer than is usual."""
        profile = self.profile
        return bool(now - self.heard[slot] > max(profile.silent_s, profile.silent_gaps * self.gap[slot]))

    def close(self, measure: int, slot: int) -> None:
        """What was claimed is over; what comes is judged afresh."""
        self.open[measure, slot] = False
        self.hot[measure, slot] = self.run[measure, slot] = self.calm[measure, slot] = 0
        if measure < len(MEANS):
            self.cusums[measure].clear(np.array([slot]))

    def calmed(self, measure: int, slot: int) -> bool:
        """Normal windows in a row; where only many together showed the shift, also when they are taken together, or
        twice as many."""
        calm = self.calm[measure, slot]
        if calm < self.profile.quiet:
            return False
        if measure < len(MEANS):
            cusum = self.cusums[measure]
            near = abs(cusum.lately[slot]) < np.log(_still(MEANS[measure]))
            return bool(not cusum.claimed[slot] or near or calm >= 2 * self.profile.quiet)
        return bool(self.without[measure - len(MEANS), slot] * self.value[measure, slot] >= _MISSED)

    def relearn(self, measure: int, slot: int) -> None:
        """A share that has lasted has become usual. (A mean's model sees to that by itself.)"""
        self.ratios[measure - len(MEANS)].clear(np.array([slot]))
        self.pool[:, measure - len(MEANS), slot] = 0.0
        if MEASURES[measure] == "language":
            self._languages.relearn(slot)

    def forget(self, now: float) -> Slots1:
        """What had no call for `forget_s` makes room for others; answers the slots."""
        gone: Slots1 = np.flatnonzero(now - self.heard > self.profile.forget_s)
        if len(gone):
            for columns in (*self.models, *self.ratios, *self.cusums):
                columns.clear(gone)
            self.open[:, gone] = False
            self.hot[:, gone] = self.run[:, gone] = self.calm[:, gone] = 0
            self.pool[:, :, gone] = 0.0
            self.heard[gone], self.nth[gone], self.typical[gone], self.gap[gone] = np.nan, 0, 0.0, 0.0
            self._free += gone.tolist()
            for slot in gone.tolist():
                del self._slot[self.keys[slot]]
                self._languages.forget(slot)
                self.versions.pop(slot, None)
        return gone

    def _hear(self, slots: Slots1, told_s: F64) -> None:
        """What is told at one time is heard once. The usual gap moves by a tenth towards each gap, in their order."""
        if not len(slots):
            return
        order = np.argsort(slots, kind="stable")
        slots, told_s = slots[order], told_s[order]
        apart = np.append(True, (slots[1:] != slots[:-1]) | (told_s[1:] != told_s[:-1]))
        slots, told_s = slots[apart], told_s[apart]
        here, first, times = np.unique(slots, return_index=True, return_counts=True)
        gaps = np.diff(told_s, prepend=np.nan)
        gaps[first] = told_s[first] - self.heard[here]  # NaN where it is the first of all
        later = np.repeat(first + times - 1, times) - np.arange(len(slots))
        moved = np.add.reduceat(0.1 * 0.9**later * np.nan_to_num(gaps), first)
        self.gap[here] = self.gap[here] * 0.9 ** (times - np.isnan(gaps[first])) + moved
        self.heard[here] = told_s[first + times - 1]

    def _judge_mean(self, at: int, window: Window, now: float) -> None:
        mean, model, profile = MEANS[at], self.models[at], self.profile
        rows = np.flatnonzero(window.known[at] > 0)
        slots, values = window.slots[rows], window.mean[at][rows]
        on = self.open[at, slots]
        usual_calls = np.maximum(self.typical[slots], 1.0)
        spread = np.sqrt(np.clip(usual_calls / window.known[at][rows], 1.0, 100.0))
        judged = model.judge(slots, np.log(values), spread)
        usual = np.exp(judged.expected)
        ratio = np.where(on, _still(mean), mean.ratio * (1.0 + 2.0 / np.maximum(model.count[slots], 1)))
        far = np.where(on, 0.5, 1.0) * mean.rise
        likely = judged.score >= np.where(on, profile.score_on, profile.score)
        up = (judged.z > 0) & likely & (values >= ratio * usual) & (values - usual >= far)
        if mean.down:
            up |= (judged.z < 0) & likely & (values <= usual / ratio) & (usual - values >= far)
        # the farther off, the less of it can be the noise of a few calls
        size = np.clip(np.abs(np.log(values / usual)) / np.log(mean.ratio), 1.0, _FAR)
        # amid a run, a window that is off but proves nothing by itself neither ends it nor is learned
        still = (self.run[at, slots] > 0) & ~up & (np.abs(np.log(values / usual)) >= _half(mean))
        self._note(at, slots[~still], up[~still], judged.score[~still], values[~still], usual[~still],
                   window.started_s[rows][~still], size[~still])  # fmt: skip
        self._sum_up(at, slots, judged.score, values / usual, usual, window.started_s[rows], ratio, far)
        model.learn(
            slots,
            np.full(len(slots), now),
            np.log(values),
            spread=spread,
            prior=np.maximum(0.06, window.noise[at][rows]),
            frozen=on | ((up | still) & (model.count[slots] < HEAD)),
            doubtful=up | still,
        )

    def _sum_up(
        self, at: int, slots: Slots1, score: F64, off: F64, usual: F64, started_s: F64, ratio: F64, far: F64
    ) -> None:
        """What many windows prove together."""
        cusum, on = self.cusums[at], self.open[at, slots]
        far_off = 2.0 * np.log(MEANS[at].ratio)
        cusum.step(slots, score, np.clip(np.log(off), -far_off, far_off), started_s)
        for side in (UP, DOWN) if MEANS[at].down else (UP,):
            factor = cusum.factor(slots, side)
            much = factor >= ratio if side == UP else factor <= 1.0 / ratio
            found = cusum.shifted(slots, side) & much & (np.abs(factor - 1.0) * usual >= far) & ~on
            rows = slots[found]
            if len(rows):
                cusum.claimed[rows] = True
                self.onset[at, rows] = cusum.onset[rows, side]
                self.run[at, rows] = np.maximum(self.run[at, rows], np.maximum(cusum.run[rows, side], _DOWNWARD))
                self.hot[at, rows] = np.maximum(self.hot[at, rows], self.profile.hold)
                self.calm[at, rows] = 0
                self.score[at, rows] = np.maximum(self.score[at, rows], self.profile.hold)
                self.value[at, rows], self.expected[at, rows] = (factor * usual)[found], usual[found]

    def _judge_share(self, at: int, window: Window) -> None:
        share, model, profile = SHARES[at], self.ratios[at], self.profile
        measure = len(MEANS) + at
        slots = window.slots
        hits, trials = window.hits[at], window.trials[at]
        ring = self.nth[slots] % profile.share_windows
        self.pool[:, at, slots, ring] = hits, trials
        on, usual = self.open[measure, slots], model.share(slots)
        best, bad, seen = np.zeros(len(slots)), np.zeros(len(slots), np.bool_), hits / np.maximum(trials, 1.0)
        pooled = self.pool[:, at, slots].sum(axis=2)
        for some, of in ((hits, trials), (pooled[0], pooled[1])):
            score, part = model.judge(slots, some, of), some / np.maximum(of, 1.0)
            wrong = (score >= np.where(on, profile.score_on, profile.share_score)) & (part - usual >= share.rise)
            wrong &= (some >= np.where(on, 1.0, share.hits)) & (hits > 0)
            seen = np.where(wrong & ~bad, part, seen)
            best, bad = np.maximum(best, np.where(of > 0, score, 0.0)), bad | wrong
        ready = model.steps[slots] >= SERIES.learn
        bad &= ready
        told = trials > 0
        self._note(measure, slots[told], bad[told], best[told], seen[told], usual[told], window.started_s[told])
        self.without[at, slots] = np.where(bad, 0.0, self.without[at, slots] + trials)
        learns = told & ~on
        model.learn(slots[learns], hits[learns], trials[learns], best[learns] >= 1.0)

    def _note(
        self,
        measure: int,
        slots: Slots1,
        bad: Bool,
        score: F64,
        value: F64,
        expected: F64,
        started_s: F64,
        weight: F64 | float = 1.0,
    ) -> None:
        side = np.where(value >= expected, 1, -1)
        turned = bad & (side != self.side[measure, slots])  # what goes up and down again is noise
        self.run[measure, slots[turned]] = self.hot[measure, slots[turned]] = 0
        self.side[measure, slots[bad]] = side[bad]
        begins = bad & (self.run[measure, slots] == 0)
        size = np.abs(value - expected)
        # within its first abnormal window a shift began the later, the less of it is seen there
        second = bad & (self.run[measure, slots] > 0) & (self.size[measure, slots] < 0.4 * size)
        again = slots[second]
        part = np.clip(1.0 - self.size[measure, again] / np.maximum(size[second], 1e-300), 0.0, 0.9)
        self.onset[measure, again] += part * np.maximum(started_s[second] - self.onset[measure, again], 0.0)
        self.onset[measure, slots[begins]] = started_s[begins]
        self.size[measure, slots[bad]] = size[bad]
        self.hot[measure, slots] = np.where(bad, self.hot[measure, slots] + (score - 1.0) * weight, 0.0)
        self.run[measure, slots] = np.where(bad, self.run[measure, slots] + 1, 0)
        self.calm[measure, slots] = np.where(bad, 0, self.calm[measure, slots] + 1)
        at = slots[bad]
        self.score[measure, at], self.value[measure, at], self.expected[measure, at] = (
            score[bad],
            value[bad],
            expected[bad],
        )

    def _by_version(self, slots: Slots1, versions: Sequence[str], means: F64) -> None:
        for row, slot in enumerate(slots.tolist()):
            version = versions[row]
            if slot < 0 or not version or not np.isfinite(means[0, row]):
                continue
            known = self.versions.setdefault(slot, {})
            if version not in known:
                if len(known) >= _VERSIONS:
                    del known[next(iter(known))]
                known[version] = np.zeros(len(MEANS) + 1)
            sums = known[version]
            if sums[-1] >= 200:
                sums /= 2
            sums[:-1] += np.nan_to_num(means[:, row])
            sums[-1] += 1

    def _slots_of(self, type_: str, names: Sequence[str]) -> Slots1:
        found: dict[str, int] = {"": -1}
        for name in dict.fromkeys(names):
            if not name:
                continue
            key = entity_id(type_, name)
            slot = self._slot.get(key, -1)
            if slot < 0:
                if self._free:
                    slot = self._free.pop()
                    self.keys[slot] = key
                elif len(self.keys) < self.profile.slots:
                    slot = len(self.keys)
                    self.keys.append(key)
                else:
                    self.refused += 1
                    slot = -1
                if slot >= 0:
                    self._slot[key] = slot
            found[name] = slot
        self._ensure(len(self.keys))
        return np.array([found[name] for name in names], np.int64)

    def _ensure(self, rows: int) -> None:
        for columns in (*self.models, *self.ratios, *self.cusums):
            columns.ensure(rows)
        self.windows.ensure(rows)
        more = self.windows.rows - self.open.shape[1]
        if more > 0:
            wide = ((0, 0), (0, more))
            self.open = np.pad(self.open, wide)
            self.hot = np.pad(self.hot, wide)
            self.run, self.calm, self.side = (np.pad(a, wide) for a in (self.run, self.calm, self.side))
            self.score, self.value, self.expected, self.size = (
                np.pad(a, wide) for a in (self.score, self.value, self.expected, self.size)
            )
            self.onset = np.pad(self.onset, wide, constant_values=np.nan)
            self.pool = np.pad(self.pool, ((0, 0), (0, 0), (0, more), (0, 0)))
            self.without = np.pad(self.without, wide)
            self.typical, self.gap = np.pad(self.typical, (0, more)), np.pad(self.gap, (0, more))
            self.nth = np.pad(self.nth, (0, more))
            self.heard = np.pad(self.heard, (0, more), constant_values=np.nan)


def _still(mean: Mean) -> float:
    """The factor from which on what is claimed goes on."""
    return 1.0 + 0.6 * (mean.ratio - 1.0)


def _half(mean: Mean) -> float:
    """Half of how far a mean must be off, as a logarithm."""
    return float(0.5 * np.log(mean.ratio))
