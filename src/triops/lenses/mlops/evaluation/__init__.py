"""Evaluation: data sets of examples, and the scorers that judge what is made of them."""

from triops.lenses.mlops.evaluation.datasets import Datasets
from triops.lenses.mlops.evaluation.scorers import ScorerBook

__all__ = ["Datasets", "ScorerBook"]
