"""Logged models: what runs made, before any of it is registered."""

from triops.lenses.mlops.logged_models.plugin import logged_model_jobs
from triops.lenses.mlops.logged_models.search import DatasetAsked, ModelSearch, OrderAsked
from triops.lenses.mlops.logged_models.service import Models

__all__ = ["DatasetAsked", "ModelSearch", "Models", "OrderAsked", "logged_model_jobs"]
