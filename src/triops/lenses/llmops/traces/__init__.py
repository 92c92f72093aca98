"""Traces of applications that ask models: lists, one trace in full, sessions, users, scores.

`sums` adds up what spans say, each call once; `service` reads traces, `people` sessions and users, `scoring` takes
scores. What a span says is `kernel/genai`'s affair, where it is kept `ports/llm_spans.py`'s.
"""

from triops.lenses.llmops.traces.people import People
from triops.lenses.llmops.traces.scoring import Scoring
from triops.lenses.llmops.traces.service import LlmTracing

__all__ = ["LlmTracing", "People", "Scoring"]
