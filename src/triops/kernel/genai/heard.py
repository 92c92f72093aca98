"""What the spans of one batch say of models' calls, read once: the store's index and the detector both take it.

A span that says nothing of a model costs a look for a few names in its attributes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from triops.kernel.genai.messages import previews
from triops.kernel.genai.names import MARKS, WHOSE
from triops.kernel.genai.plans import Plans
from triops.kernel.genai.sayings import Sayings, sayings
from triops.kernel.genai.texts import words
from triops.kernel.genai.values import OPENING, opened
from triops.kernel.loading import loads_array, loads_object
from triops.kernel.signal import I64, U8, U64, Text, service_of, text_column

_EVENT = '"gen_ai.'
_MARKS = (*MARKS, *WHOSE)


@dataclass(frozen=True, slots=True)
class Heard:
    """One row a span that says something of a model, or whose its trace is (its type is "", and its words are not
    searched), in columns of one length. `rows`: its place in the batch. `application`: as the span says, else the
    service that sent it. `status`: 2 also where only its attributes say that it failed. `input`, `output`: previews."""

    rows: I64
    said: Sayings
    application: Text
    time_ns: I64
    duration_ns: I64
    trace: U64  # the lower half of its id
    status: U8
    input: Text
    output: Text

    def __len__(self) -> int:
        return len(self.rows)


def heard(columns: Mapping[str, Any], resources: Mapping[str, Any], plans: Plans) -> tuple[Heard, Sequence[str]] | None:
    """Of columns named as `SpanBatch` and `Resources` name them; and of each row its words, for searching. None where
    no span says anything."""
    rows = _rows(columns["attributes"], columns["events"])
    if not len(rows):
        return None
    attributes = [loads_object(text) for text in columns["attributes"][rows]]
    events = [loads_array(text) if text else () for text in columns["events"][rows]]
    planned = [plans.of(own) for own in attributes]
    for own, plan in zip(attributes, planned, strict=True):
        for name in plan.whole:  # once, and not for the search again
            value = own[name]
            if type(value) is str and value[:1] in OPENING:
                own[name] = opened(value)
    told = sayings(attributes, planned, events, columns["time_ns"][rows].tolist(), whose=True)
    if told is None:
        return None
    if len(told) < len(rows):
        rows, attributes = rows[np.array(told.rows)], [attributes[row] for row in told.rows]
        planned, events = [planned[row] for row in told.rows], [events[row] for row in told.rows]
    names, notes = columns["name"][rows], columns["status_message"][rows]
    texts = [
        words(name, map(own.__getitem__, plan.searched), its, note).casefold() if type_ else ""
        for type_, name, own, plan, its, note in zip(told.type, names, attributes, planned, events, notes, strict=True)
    ]
    read = Heard(
        rows,
        told,
        np.where(told.application == "", _services(resources, columns["resource"][rows]), told.application),
        columns["time_ns"][rows],
        columns["duration_ns"][rows],
        columns["trace_lo"][rows],
        np.where(told.failed, np.uint8(2), columns["status"][rows]).astype(np.uint8),
        text_column(previews(told.input, "user")),
        text_column(previews(told.output, "assistant")),
    )
    return read, texts


def _rows(attributes: Text, events: Text) -> I64:
    """Of the spans that may say something."""
    # One look over all of them first: most batches have no such span.
    whole = "\n".join(attributes)
    mark = next((mark for mark in _MARKS if mark in whole), None)
    told = [row for row, event in enumerate(events) if event and _EVENT in event]
    if mark is None:
        return np.array(told, np.int64)
    marked = [mark in text for text in attributes]  # one sender marks its spans alike
    if not all(marked):
        others = [other for other in _MARKS if other != mark and other in whole]
        marked = [has or any(other in text for other in others) for has, text in zip(marked, attributes, strict=True)]
    here = np.array(marked, np.bool_)
    here[told] = True
    return np.flatnonzero(here)


def _services(resources: Mapping[str, Any], senders: U64) -> Text:
    known = {
        fingerprint: service_of(loads_object(text))
        for fingerprint, text in zip(resources["fingerprint"].tolist(), resources["attributes"], strict=True)
    }
    return text_column([known.get(sender, "unknown_service") for sender in senders.tolist()])
