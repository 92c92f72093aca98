"""Who sends metrics regularly, and who has stopped: one row an entity, however many processes and series it has."""

from typing import ClassVar

import numpy as np

from triops.kernel.ids import EntityId
from triops.kernel.signal import F64
from triops.lenses.aiops.metrics.model import MetricProfile
from triops.loop.series.columns import Columns
from triops.loop.series.model import Bool, Slots1

_PAUSE_S = 30.0  # between two ticks: then it is we who slept
_FORGET_S = 86_400.0


class Presence(Columns):
    """Entities are numbered once, and are as many as `profile.series` at most (then new ones are not watched)."""

    FIELDS: ClassVar[dict[str, tuple[type, int, float]]] = {
        "first": (np.float64, 0, np.nan),
        "last": (np.float64, 0, np.nan),
        "period": (np.float64, 0, np.inf),
        "missing": (np.bool_, 0, 0),
    }
    first: F64
    last: F64
    period: F64
    missing: Bool

    def __init__(self, profile: MetricProfile) -> None:
        super().__init__()
        self.profile = profile
        self.entities: list[EntityId] = []
        self._number: dict[EntityId, int] = {}
        self._ticked = 0.0

    def number(self, entity: EntityId) -> int:
        """The row of an entity; -1 at the bound."""
        found = self._number.get(entity, -1)
        if found < 0 and len(self.entities) < self.profile.series:
            found = self._number[entity] = len(self.entities)
            self.entities.append(entity)
            self.ensure(found + 1)
        return found

    def tick(self, numbers: Slots1, at: F64, period: F64, now: float) -> tuple[list[EntityId], list[EntityId]]:
        """Of each series its entity's number, its last time and its interval, in seconds; answers which entities have
        just gone missing, and which are back (or have been gone so long that nobody waits)."""
        slept, self._ticked = now - self._ticked > _PAUSE_S, now
        known = numbers >= 0
        newest = np.full(self.rows, -np.inf)
        np.maximum.at(newest, numbers[known], np.minimum(at[known], now))
        self.period[:] = np.inf
        np.minimum.at(self.period, numbers[known], period[known])
        seen = np.isfinite(newest)
        new = newest > np.nan_to_num(self.last, nan=-np.inf)
        self.first[seen & np.isnan(self.first)] = newest[seen & np.isnan(self.first)]
        back = self.missing & new & seen
        self.last[new & seen] = newest[new & seen]
        if slept:
            self.last[seen] = now
        silent = now - self.last
        overdue = silent > np.maximum(self.profile.missing_s, self.profile.missing_intervals * self.period)
        lived = self.last - self.first >= self.profile.missing_life_s  # shorter: a job that came and went
        gone = overdue & lived & ~self.missing & seen
        given_up = self.missing & (silent > _FORGET_S)
        self.first[back | given_up | (overdue & ~lived)] = np.nan
        self.missing = (self.missing | gone) & ~back & ~given_up
        return self._names(gone), self._names(back | given_up)

    def _names(self, rows: Bool) -> list[EntityId]:
        return [self.entities[row] for row in np.flatnonzero(rows).tolist()]
