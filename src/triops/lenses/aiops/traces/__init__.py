"""Rate, errors and duration of services and edges, watched."""

from triops.lenses.aiops.traces.model import RedProfile
from triops.lenses.aiops.traces.plugin import RedDetector

__all__ = ["RedDetector", "RedProfile"]
