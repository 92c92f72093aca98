"""Columns of spans and logs without what must not be stored."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
import orjson

from triops.kernel.genai.names import MARKS
from triops.kernel.signal import LogBatch, SpanBatch, Text
from triops.lenses.llmops.guards.texts import drained
from triops.lenses.llmops.redaction.cleaning import cleaned
from triops.lenses.llmops.redaction.rule import Rule

_EVENT: Final = '"gen_ai.'  # in an attribute's name, or the name of an event


def spans_kept(rule: Rule, batch: SpanBatch) -> SpanBatch:
    """`batch` itself where nothing goes."""
    whole = "\n".join(batch.attributes) + "\n" + "\n".join(batch.events)
    marks = [mark for mark in _looked_for(rule) if mark in whole]
    messages = batch.status_message
    if (rule.redact is not None or rule.keep != "all") and any(messages):
        messages = np.array([rule.said(text) for text in messages], dtype=object)
    if not marks and messages is batch.status_message:
        return batch
    attributes = _column(batch.attributes, marks, partial(_attributes_text, rule))
    events = _column(batch.events, marks, partial(_events_text, rule))
    if attributes is batch.attributes and events is batch.events and messages is batch.status_message:
        return batch
    return replace(batch, attributes=attributes, events=events, status_message=messages)


def logs_kept(rule: Rule, batch: LogBatch) -> LogBatch:
    """Messages come as events in logs too. `batch` itself where nothing goes."""
    whole = "\n".join(batch.attributes)
    marks = [mark for mark in _looked_for(rule) if mark in whole]
    if not marks:
        return batch
    bodies = batch.body
    for row, text in enumerate(batch.attributes):
        if _EVENT in text and (kept := _body(rule, bodies[row])) != bodies[row]:
            if bodies is batch.body:
                bodies = bodies.copy()
            bodies[row] = kept
    attributes = _column(batch.attributes, marks, partial(_attributes_text, rule))
    return replace(batch, attributes=attributes, body=bodies)


def _body(rule: Rule, text: str) -> str:
    if rule.keep == "none":
        return ""
    return text if rule.redact is None else str(drained(cleaned(text, rule.redact)))


def _looked_for(rule: Rule) -> list[str]:
    return [*MARKS, _EVENT, '"exception', '"error.message"', *(f'"{name}' for name in (*rule.names, *rule.prefixes))]


def _attributes_text(rule: Rule, text: str) -> str:
    kept = rule.attributes(orjson.loads(text))
    return text if kept is None else orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()


def _events_text(rule: Rule, text: str) -> str:
    kept = rule.events(orjson.loads(text))
    return text if kept is None else orjson.dumps(kept).decode()


def _column(texts: Text, marks: Sequence[str], clean: Callable[[str], str]) -> Text:
    """`texts` itself where none changed."""
    if not marks:
        return texts
    found: Text | None = None
    for row, text in enumerate(texts):
        if text and any(mark in text for mark in marks):
            try:
                kept = clean(text)
            except orjson.JSONDecodeError:  # what cannot be read is not known to be clean
                kept = ""
            if kept is not text and kept != text:
                if found is None:
                    found = texts.copy()
                found[row] = kept
    return texts if found is None else found
