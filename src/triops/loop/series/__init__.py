"""Many series at once: a robust online model with calibrated scores. Detectors of metrics, traces and logs share it."""

from triops.loop.series.model import Judged, Profile
from triops.loop.series.season import Seasons
from triops.loop.series.service import SeriesModel, rounds
from triops.loop.series.slots import Slots
from triops.loop.series.tail import binomial_score, count_score

__all__ = ["Judged", "Profile", "Seasons", "SeriesModel", "Slots", "binomial_score", "count_score", "rounds"]
