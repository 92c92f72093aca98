"""Triops: one loop over services, models and language."""

__version__ = "0.1.0"
