"""Tracking: experiments, runs, and what is logged to them."""

from triops.lenses.mlops.tracking.service import Tracking

__all__ = ["Tracking"]
