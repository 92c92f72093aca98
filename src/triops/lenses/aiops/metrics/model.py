"""Constants and values of the metric detector."""

from dataclasses import dataclass

from triops.kernel.ids import EntityId
from triops.lenses.aiops.metrics.families import Meaning
from triops.loop.series.model import Profile

SERIES_PROFILE = Profile(learn=15, alpha=0.02, floor_ratio=0.02, prior_scale_ratio=0.15, prior_weight=4.0)


@dataclass(frozen=True, slots=True)
class MetricProfile:
    """One setting for every series.

    score, hold, quiet: to begin for `hold` points, and `quiet` normal ones to end; `score_on` to go on.
    relative: least change, as a share of the level; `share`: least change of a value that is a share of 1.
    symptom_score, symptom_relative: above both, for `hold` points, what users sent is a symptom.
    """

    score: float = 5.0
    score_on: float = 2.5
    hold: int = 3
    quiet: int = 3
    flat_score: float = 8.0
    relative: float = 0.3
    share: float = 0.15
    symptom_score: float = 8.0
    symptom_relative: float = 1.0
    disk: float = 0.95
    disk_full_s: float = 1800.0
    memory: float = 0.97
    missing_intervals: float = 5.0
    missing_s: float = 90.0
    missing_life_s: float = 600.0
    series: int = 100_000  # at the bound the one seen longest ago is forgotten
    points: int = 2_000_000  # waiting for a tick; at the bound the oldest batch is dropped, and counted
    rounds: int = 240  # newest points of one series that one tick takes


@dataclass(frozen=True, slots=True)
class Known:
    """What a series is, read once."""

    entity: EntityId
    name: str
    unit: str
    selector: str
    meaning: Meaning
    mate_key: str  # equal for the `_sum` and `_count` of one histogram
