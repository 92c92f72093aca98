"""Searching what was tracked, in MLflow's language of filters."""

from triops.lenses.mlops.search.service import Search, Searched, experiment_numbers

__all__ = ["Search", "Searched", "experiment_numbers"]
