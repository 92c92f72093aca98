"""What was heard of models' calls as columns for the detector, whichever convention they speak."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import numpy as np

from triops.kernel.clock import NS
from triops.kernel.completion import Usage
from triops.kernel.genai.heard import Heard
from triops.kernel.genai.messages import messages
from triops.kernel.genai.said import UNKNOWN, Said
from triops.kernel.money import PICO
from triops.kernel.signal import F64
from triops.lenses.llmops.watch.model import CallColumns
from triops.lenses.llmops.watch.words import language, refuses

_REFUSED = ("content_filter", "refusal")
_NAN = float("nan")

# Pico-dollars of a call whose sender said no cost: provider, model, usage, unix nanoseconds. None without a price.
Priced = Callable[[str, str, Usage, int], int | None]


def calls_of(heard: Heard, priced: Priced | None = None, texts: int = 200) -> CallColumns:
    """The calls among them. The words of the first `texts` are read."""
    rows = [row for row, one in enumerate(heard.said) if one.call]
    calls = [heard.said[row] for row in rows]
    starts, took = heard.time_ns[rows], heard.duration_ns[rows]
    failed = (heard.status[rows] == 2).tolist()
    words = [_answer(one) if not bad else None for one, bad in zip(calls[:texts], failed, strict=False)]
    words += [None] * (len(calls) - len(words))
    chars = [_length(one, text) for one, text in zip(calls, words, strict=True)]
    ms = took / 1e6
    ms[[one.cached for one in calls]] = _NAN
    return CallColumns(
        ended_s=(starts + took) / NS,
        application=[heard.application[row] for row in rows],
        prompt=[one.prompt for one in calls],
        version=[one.prompt_version for one in calls],
        model=[one.model for one in calls],
        provider=[one.provider for one in calls],
        ms=ms,
        first_ms=_known([one.first_ns for one in calls], 1e6),
        cost_usd=_known([_cost(one, priced, at) for one, at in zip(calls, starts.tolist(), strict=True)], PICO),
        input_tokens=_known([one.input_tokens for one in calls], 1),
        output_tokens=_known([one.output_tokens for one in calls], 1),
        output_chars=np.array(chars, np.float64),
        error=[(one.error or "error") if bad else "" for one, bad in zip(calls, failed, strict=True)],
        refused=np.array([_refused(one, text) for one, text in zip(calls, words, strict=True)], np.float64),
        language=[language(text) if text else "" for text in words],
        question=np.array([_question(one, heard.input[row]) for one, row in zip(calls, rows, strict=True)], np.int64),
        trace=heard.trace[rows],
    )


def _known(counts: list[int], unit: float) -> F64:
    """NaN for what is not above 0."""
    column = np.array(counts, np.float64)
    column[column <= 0] = _NAN
    return column / unit


def _answer(one: Said) -> str | None:
    """All that was said, without calls of tools; None where it was not recorded."""
    if one.output is None:
        return None
    heard = messages(one.output, "assistant")
    said = (part["content"] for message in heard for part in message["parts"] if part.get("type") == "text")
    return "\n".join(text for text in said if isinstance(text, str))


def _length(one: Said, words: str | None) -> float:
    """As its sender counted where the words themselves were not recorded."""
    if words is not None:
        return len(words)
    return one.output_chars if one.output is None and one.output_chars >= 0 else _NAN


def _refused(one: Said, words: str | None) -> float:
    if one.finish is not None:
        finish = one.finish if isinstance(one.finish, list) else [one.finish]
        if any(reason in _REFUSED for reason in finish):
            return 1.0
    return _NAN if words is None else float(refuses(words))


def _from_people(told: Any) -> bool:
    last = told[-1] if isinstance(told, list) and told else None
    return not isinstance(last, dict) or (
        last.get("role") not in ("tool", "function") and last.get("type") not in ("function_call_output", "tool")
    )


def _cost(one: Said, priced: Priced | None, at_ns: int) -> int:
    if one.cost == UNKNOWN and priced is not None and one.input_tokens >= 0:
        usage = Usage(one.input_tokens, max(one.output_tokens, 0), one.cached_tokens)
        found = priced(one.provider, one.model, usage, at_ns)
        return UNKNOWN if found is None else found
    return one.cost


def _question(one: Said, asked: str) -> int:
    """Who asked what, in 63 bits; 0 where either is not known, or a tool's answer is what the model was told last."""
    if len(asked) < 8 or not (one.user or one.session) or not _from_people(one.input):
        return 0
    told = f"{one.application}\0{one.session or one.user}\0{asked.lower()}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(told, digest_size=8).digest(), "little") >> 1 or 1
