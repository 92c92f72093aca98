"""Watches calls of models: cost, tokens, latency, time to first token, errors, refusals, length and language of
answers, and questions that are asked again; by application, prompt, model and provider."""

from triops.lenses.llmops.watch.model import CallColumns, WatchProfile
from triops.lenses.llmops.watch.plugin import CallDetector

__all__ = ["CallColumns", "CallDetector", "WatchProfile"]
