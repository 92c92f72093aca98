"""All series of one project, judged as their points come: state in columns, no names but those it was told once."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from triops.kernel.ids import EntityId
from triops.kernel.signal import F64, I64, U64
from triops.lenses.aiops.metrics.families import Reading, Rule
from triops.lenses.aiops.metrics.model import SERIES_PROFILE, Known, MetricProfile
from triops.lenses.aiops.metrics.presence import Presence
from triops.lenses.aiops.metrics.readings import Readings
from triops.loop.series.columns import Columns
from triops.loop.series.flat import FlatModel
from triops.loop.series.lifecycle import Lifecycle
from triops.loop.series.model import Bool, Slots1
from triops.loop.series.season import Seasons
from triops.loop.series.service import SeriesModel, rounds
from triops.loop.series.slots import Slots

SHIFT, FLAT, SATURATION = range(3)
KINDS = ("level_shift", "flat", "saturation")


class Traits(Columns):
    """What is known of a series besides its points, and the newest judgement of it."""

    FIELDS: ClassVar[dict[str, tuple[type, int, float]]] = {
        "entity": (np.int64, 0, -1),
        "rule": (np.int8, 0, 0),
        "users": (np.bool_, 0, 0),
        "share": (np.float64, 0, 0.0),
        "well": (np.int64, 0, 0),
        "slope": (np.float64, 0, 0.0),
        "value": (np.float64, 0, np.nan),
        "expected": (np.float64, 0, np.nan),
        "score": (np.float64, 3, 0.0),
    }
    entity: Slots1
    rule: npt.NDArray[np.int8]
    users: Bool
    share: F64
    well: Slots1
    slope: F64
    value: F64
    expected: F64
    score: F64


@dataclass(frozen=True, slots=True)
class Moved:
    """Claims that begin or end, as (kind, slot): what the plugin words."""

    begun: list[tuple[int, int]]
    ended: list[tuple[int, int]]


class MetricWatch:
    def __init__(self, profile: MetricProfile) -> None:
        self.profile = profile
        self.slots = Slots(profile.series)
        self.known: dict[int, Known] = {}  # by slot
        self.series = SeriesModel(SERIES_PROFILE)
        self.readings, self.traits, self.flat, self.seasons = Readings(), Traits(), FlatModel(), Seasons()
        self.lives = tuple(Lifecycle(profile.hold, profile.quiet) for _ in KINDS)
        self._presence = Presence(profile)
        self.skipped = 0  # points over `rounds`
        self._mates: dict[str, dict[Reading, int]] = {}

    def learn_names(self, ids: U64, known: list[Known], now: float) -> list[int]:
        """Take series that were never told, or were forgotten; answers the slots that changed hands."""
        slots, fresh = self.slots.assign(ids, now)
        for columns in self._columns():
            columns.ensure(self.slots.top)
            columns.clear(fresh)
        for slot in fresh.tolist():
            if gone := self.known.pop(slot, None):
                self._mates.pop(gone.mate_key, None)
        for slot, one in zip(slots.tolist(), known, strict=True):
            if slot >= 0:
                self.known[slot] = one
                self._tell(slot, one)
        return [int(slot) for slot in fresh]

    def take(self, ids: U64, time_ns: I64, value: F64, now: float) -> Moved:
        """Judge and learn points in the order of their times, one round of distinct series after another."""
        told = self.slots.find(ids) >= 0
        slots, _ = self.slots.assign(ids[told], now)
        time_ns, value = time_ns[told], value[told]
        wanted = (self.readings.reading[slots] != Reading.SKIP) & np.isfinite(value)
        slots, time_ns, value = slots[wanted], time_ns[wanted], value[wanted]
        order = np.argsort(time_ns, kind="stable")
        slots, times, value = slots[order], time_ns[order] / 1e9, value[order]
        groups = rounds(slots)
        if len(groups) > self.profile.rounds:  # a backlog: the newest points of each series say what is now
            back = rounds(slots[::-1])[: self.profile.rounds]
            groups = [len(slots) - 1 - group for group in reversed(back)]
            self.skipped += len(slots) - sum(len(group) for group in groups)
        moved = Moved([], [])
        for group in groups:
            self._point(slots[group], times[group], value[group], moved)
        return moved

    def presence(self, now: float) -> tuple[list[EntityId], list[EntityId]]:
        """Entities whose metrics have just stopped, and those that are back."""
        points = self.readings.points[: self.slots.top]
        slots = np.flatnonzero(points >= 5)
        return self._presence.tick(self.traits.entity[slots], self.readings.at[slots], self.readings.period[slots], now)

    def last_of(self, entity: EntityId) -> float:
        """When an entity last sent a metric, unix seconds."""
        return float(self._presence.last[self._presence.number(entity)])

    def _columns(self) -> tuple[Columns, ...]:
        return self.series, self.seasons, self.readings, self.traits, self.flat, *self.lives

    def _tell(self, slot: int, one: Known) -> None:
        meaning = one.meaning
        self.readings.reading[slot] = meaning.reading
        self.traits.rule[slot], self.traits.users[slot] = meaning.rule, meaning.users
        self.traits.share[slot], self.traits.entity[slot] = meaning.scale, self._presence.number(one.entity)
        if meaning.reading in (Reading.SUM, Reading.COUNTER) and one.mate_key:
            pair = self._mates.setdefault(one.mate_key, {})
            pair[meaning.reading] = slot
            if len(pair) == 2:
                self.readings.mate[pair[Reading.SUM]] = pair[Reading.COUNTER]

    def _point(self, slots: Slots1, times: F64, values: F64, moved: Moved) -> None:
        values = self.readings.read(slots, times, values)
        said = np.isfinite(values)
        slots, times, values = slots[said], times[said], values[said]
        if not len(slots):
            return
        traits = self.traits
        season = self.seasons.offset(slots, times)
        shift = self._shifted(slots, values, season)
        flat = self.flat.step(slots, values)
        traits.score[slots, FLAT] = np.where(flat > 0, flat, traits.score[slots, FLAT])
        gauges = self.readings.reading[slots] == Reading.GAUGE
        judged = (shift, (flat >= self.profile.flat_score) & gauges, self._saturated(slots, values))
        for kind, abnormal in enumerate(judged):
            strong = abnormal & (traits.score[slots, kind] >= self.profile.symptom_score)
            begins, ends = self.lives[kind].step(slots, times, abnormal, strong)
            moved.begun.extend((kind, slot) for slot in slots[begins].tolist())
            moved.ended.extend((kind, slot) for slot in slots[ends].tolist())
        frozen = self.lives[SHIFT].open[slots]
        self.series.learn(slots, times, values - season, frozen=frozen, doubtful=shift)
        calm = ~frozen & ~shift
        turned, level = self.seasons.learn(slots[calm], times[calm], values[calm])
        if turned.any():
            self.series.rebase(slots[calm][turned], level[turned])
        traits.value[slots] = values

    def _shifted(self, slots: Slots1, values: F64, season: F64) -> Bool:
        """Surprising, and large enough to matter."""
        profile, traits = self.profile, self.traits
        judged = self.series.judge(slots, values - season)
        expected = judged.expected + season
        on = self.lives[SHIFT].open[slots]
        change, level = np.abs(values - expected), np.abs(expected)
        share = traits.share[slots]
        young = 1.0 + 10.0 / np.maximum(self.series.count[slots], 1)
        least = np.where(share > 0, profile.share * share, profile.relative * level) * np.where(on, 0.5, young)
        abnormal = (judged.score >= np.where(on, profile.score_on, profile.score)) & (change >= least)
        traits.score[slots, SHIFT] = np.where(abnormal, judged.score, traits.score[slots, SHIFT])
        traits.expected[slots] = expected
        return np.asarray(abnormal)

    def _saturated(self, slots: Slots1, values: F64) -> Bool:
        profile, traits = self.profile, self.traits
        rule = traits.rule[slots]
        bad = np.zeros(len(slots), np.bool_)
        if not rule.any():
            return bad
        rise = (values - traits.value[slots]) / np.maximum(self.readings.period[slots], 1.0)
        slope = traits.slope[slots] + 0.1 * (np.nan_to_num(rise) - traits.slope[slots])
        traits.slope[slots] = slope
        full_in = (1.0 - values) / np.maximum(slope, 1e-12)
        filling = (values > 0.85) & (full_in < profile.disk_full_s) & (self.readings.points[slots] >= 20)
        bad = np.where(rule == Rule.DISK, (values > profile.disk) | filling, bad)
        bad = np.where(rule == Rule.MEMORY, values > profile.memory, bad)
        bad = np.where(rule == Rule.UP, values < 0.5, bad)
        traits.well[slots] += ~bad
        # what was so from the first point on is how this machine is kept, not news
        bad &= traits.well[slots] >= 3
        traits.score[slots, SATURATION] = 9.0
        return np.asarray(bad)
