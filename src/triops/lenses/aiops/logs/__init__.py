"""Logs, watched: surges of errors, errors that were never seen, and what a line says without its particulars."""

from triops.lenses.aiops.logs.model import LogProfile
from triops.lenses.aiops.logs.plugin import LogDetector
from triops.lenses.aiops.logs.templates import Templates

__all__ = ["LogDetector", "LogProfile", "Templates"]
