"""Training, watched: runs that diverge, stall, fail more often than before, or make a registered model worse."""

from triops.lenses.mlops.training.model import TrainingProfile
from triops.lenses.mlops.training.plugin import TrainingDetector

__all__ = ["TrainingDetector", "TrainingProfile"]
