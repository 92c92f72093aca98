"""Spans of models' calls as columns for the detector, whichever convention they speak.

A span that cannot be one is passed over by a look at its attributes' text: most spans of a server are of other things.
"""

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
import orjson

from triops.kernel.clock import NS
from triops.kernel.completion import Usage
from triops.kernel.genai.messages import messages, preview
from triops.kernel.genai.said import UNKNOWN, Said, said
from triops.kernel.money import PICO
from triops.kernel.signal import SpanBatch, service_of
from triops.lenses.llmops.watch.model import CallColumns
from triops.lenses.llmops.watch.words import language, refuses

_MARKS = ("gen_ai.", "llm.", "openinference.", "langfuse.", "ai.", "traceloop.")
_REFUSED = ("content_filter", "refusal")
_HIT = "hit"
_NAN = float("nan")

# Pico-dollars of a call whose sender said no cost: provider, model, usage, unix nanoseconds. None without a price.
Priced = Callable[[str, str, Usage, int], int | None]


def calls_of(batch: SpanBatch, priced: Priced | None = None, texts: int = 200) -> CallColumns:
    """The calls of a batch. The words of its first `texts` are read."""
    services: dict[int, str] = {}
    rows: list[tuple[Any, ...]] = []
    for row, text in enumerate(batch.attributes.tolist()):
        if not any(mark in text for mark in _MARKS):
            continue
        attributes = orjson.loads(text)
        events = orjson.loads(batch.events[row]) if batch.events[row] else ()
        start_ns, duration_ns = int(batch.time_ns[row]), int(batch.duration_ns[row])
        one = said(attributes, events, start_ns)
        if one is None or not one.call:
            continue
        resource = int(batch.resource[row])
        if resource not in services:
            services[resource] = _service(batch, resource)
        failed = int(batch.status[row]) == 2
        words = _answer(one) if len(rows) < texts and not failed else None
        rows.append(
            (
                (start_ns + duration_ns) / NS,
                one.application or services[resource],
                one.prompt,
                one.prompt_version,
                one.model,
                one.provider,
                _NAN if attributes.get("triops.cache") == _HIT else duration_ns / 1e6,
                one.first_ns / 1e6 if one.first_ns > 0 else _NAN,
                _cost(one, priced, start_ns),
                _tokens(one.input_tokens),
                _tokens(one.output_tokens),
                _NAN if words is None else float(len(words)),
                (one.error or "error") if failed else "",
                _refused(one, words),
                language(words) if words else "",
                _question(one),
            )
        )
    columns = list(zip(*rows, strict=True)) if rows else [()] * 16
    number = {at: np.array(columns[at], np.float64) for at in (0, 6, 7, 8, 9, 10, 11, 13)}
    return CallColumns(
        number[0], columns[1], columns[2], columns[3], columns[4], columns[5], number[6], number[7], number[8],
        number[9], number[10], number[11], columns[12], number[13], columns[14], np.array(columns[15], np.int64),
    )  # fmt: skip


def _service(batch: SpanBatch, resource: int) -> str:
    at = np.flatnonzero(batch.resources.fingerprint == np.uint64(resource))
    found: Mapping[str, Any] = orjson.loads(batch.resources.attributes[at[0]]) if len(at) else {}
    return service_of(found)


def _answer(one: Said) -> str | None:
    """All that was said, without calls of tools; None where it was not recorded."""
    if one.output is None:
        return None
    heard = messages(one.output, "assistant")
    said = (part["content"] for message in heard for part in message["parts"] if part.get("type") == "text")
    return "\n".join(text for text in said if isinstance(text, str))


def _refused(one: Said, words: str | None) -> float:
    finish = one.finish if isinstance(one.finish, list) else [one.finish]
    if any(reason in _REFUSED for reason in finish):
        return 1.0
    return _NAN if words is None else float(refuses(words))


def _cost(one: Said, priced: Priced | None, at_ns: int) -> float:
    cost = one.cost
    if cost == UNKNOWN and priced is not None and one.input_tokens >= 0:
        usage = Usage(one.input_tokens, max(one.output_tokens, 0), one.cached_tokens)
        found = priced(one.provider, one.model, usage, at_ns)
        cost = UNKNOWN if found is None else found
    return cost / PICO if cost > 0 else _NAN


def _tokens(count: int) -> float:
    return float(count) if count > 0 else _NAN


def _question(one: Said) -> int:
    """Who asked what, in 63 bits; 0 where either is not known."""
    if not (one.user or one.session) or one.input is None:
        return 0
    asked = " ".join(preview(one.input, "user").lower().split())
    if len(asked) < 8:
        return 0
    told = f"{one.application}\0{one.session or one.user}\0{asked}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(told, digest_size=8).digest(), "little") >> 1 or 1
