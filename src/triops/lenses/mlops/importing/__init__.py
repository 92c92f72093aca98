"""Receives what `triops import mlflow` reads elsewhere: checked, written with its own ids and times, counted twice."""

from triops.lenses.mlops.importing.evaluations import EvaluationImport
from triops.lenses.mlops.importing.service import Importing

__all__ = ["EvaluationImport", "Importing"]
