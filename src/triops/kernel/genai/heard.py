"""What the spans of one batch say of models' calls, read once: the store's index and the detector both take it.

A span that says nothing of a model costs a look for a few names in its attributes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from triops.kernel.genai.messages import preview
from triops.kernel.genai.names import MARKS, SAID
from triops.kernel.genai.said import Said, opened, said
from triops.kernel.genai.texts import words
from triops.kernel.loading import loads_array, loads_object
from triops.kernel.signal import I64, U8, U64, service_of

_EVENT = '"gen_ai.'
_OPENED = frozenset(name for name, (field, _) in SAID.items() if field in ("input", "output"))


@dataclass(frozen=True, slots=True)
class Heard:
    """One row a span that says something of a model, in columns of one length. `rows`: its place in the batch.
    `application`: as the span says, else the service that sent it. `status`: 2 also where only its attributes say that
    it failed. `input`, `output`: previews."""

    rows: I64
    said: Sequence[Said]
    application: Sequence[str]
    time_ns: I64
    duration_ns: I64
    trace: U64  # the lower half of its id
    status: U8
    input: Sequence[str]
    output: Sequence[str]

    def __len__(self) -> int:
        return len(self.said)


def heard(columns: Mapping[str, Any], resources: Mapping[str, Any]) -> tuple[Heard, list[str]] | None:
    """Of columns named as `SpanBatch` and `Resources` name them; and of each row its words, for searching. None where
    no span says anything."""
    attributes, events = columns["attributes"], columns["events"]
    # One look over all of them first: most batches have no such span.
    whole = "\n".join(attributes)
    marks = [mark for mark in MARKS if mark in whole]
    if not marks and not any(_EVENT in event for event in events if event):
        return None
    at: list[int] = []
    found: list[Said] = []
    texts: list[str] = []
    starts, names, notes = columns["time_ns"].tolist(), columns["name"], columns["status_message"]
    for row, (raw, event) in enumerate(zip(attributes, events, strict=True)):
        for mark in marks:
            if mark in raw:
                break
        else:
            if not event or _EVENT not in event:
                continue
        own = loads_object(raw)
        its = loads_array(event) if event else ()
        for name in _OPENED & own.keys():  # once, and not for the search again
            own[name] = opened(own[name])
        one = said(own, its, starts[row])
        if one is None:
            continue
        at.append(row)
        found.append(one)
        texts.append(words(names[row], own, its, notes[row]).casefold())
    if not found:
        return None
    places = np.array(at, np.int64)
    services = _services(resources)
    senders = columns["resource"][places].tolist()
    failed = np.array([one.failed for one in found], dtype=bool)
    read = Heard(
        places,
        found,
        [
            one.application or services.get(sender, "unknown_service")
            for one, sender in zip(found, senders, strict=True)
        ],
        columns["time_ns"][places],
        columns["duration_ns"][places],
        columns["trace_lo"][places],
        np.where(failed, np.uint8(2), columns["status"][places]).astype(np.uint8),
        [preview(one.input, "user") for one in found],
        [preview(one.output, "assistant") for one in found],
    )
    return read, texts


def _services(resources: Mapping[str, Any]) -> dict[int, str]:
    return {
        fingerprint: service_of(loads_object(text))
        for fingerprint, text in zip(resources["fingerprint"].tolist(), resources["attributes"], strict=True)
    }
