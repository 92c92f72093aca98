"""Many series at once: a robust online model with calibrated scores. Detectors of metrics, traces and logs share it."""

from triops.lenses.aiops.series.model import Judged, Profile
from triops.lenses.aiops.series.season import Seasons
from triops.lenses.aiops.series.service import SeriesModel, rounds
from triops.lenses.aiops.series.slots import Slots
from triops.lenses.aiops.series.tail import binomial_score, count_score

__all__ = ["Judged", "Profile", "Seasons", "SeriesModel", "Slots", "binomial_score", "count_score", "rounds"]
