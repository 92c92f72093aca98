"""OTLP, bytes ↔ nouns: the decoders of the three signals, the JSON form, and the answers. Pure; no I/O, no clock."""

from triops.edges.otlp.answers import Answers
from triops.edges.otlp.jsonform import JsonForm
from triops.edges.otlp.logs import LogDecoder
from triops.edges.otlp.metrics import MetricDecoder
from triops.edges.otlp.spans import SpanDecoder

__all__ = ["Answers", "JsonForm", "LogDecoder", "MetricDecoder", "SpanDecoder"]
