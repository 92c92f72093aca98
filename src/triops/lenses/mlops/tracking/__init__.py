"""Tracking: experiments, runs, and what is logged to them."""

from triops.lenses.mlops.tracking.plugin import Gc, tracking_jobs
from triops.lenses.mlops.tracking.service import Tracking

__all__ = ["Gc", "Tracking", "tracking_jobs"]
