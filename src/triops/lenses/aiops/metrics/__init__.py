"""Metrics, watched: rates, means and gauges against their own past, saturation, and what stopped."""

from triops.lenses.aiops.metrics.model import MetricProfile
from triops.lenses.aiops.metrics.plugin import MetricDetector

__all__ = ["MetricDetector", "MetricProfile"]
