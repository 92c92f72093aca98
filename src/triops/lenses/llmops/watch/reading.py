"""What was heard of models' calls as columns for the detector, whichever convention they speak."""

from collections.abc import Callable
from typing import Any

import numpy as np

from triops.kernel.clock import NS
from triops.kernel.completion import Usage
from triops.kernel.genai.heard import Heard
from triops.kernel.genai.messages import messages
from triops.kernel.genai.sayings import Bool, Sayings
from triops.kernel.genai.values import UNKNOWN
from triops.kernel.money import PICO
from triops.kernel.signal import F64, I64
from triops.lenses.llmops.watch.model import CallColumns
from triops.lenses.llmops.watch.words import language, refuses

_REFUSED = ("content_filter", "refusal")
_NAN = float("nan")
_ASKED = 8  # characters of a question, at least
_BITS = 2**63 - 1

# Pico-dollars of a call whose sender said no cost: provider, model, usage, unix nanoseconds. None without a price.
Priced = Callable[[str, str, Usage, int], int | None]


def calls_of(heard: Heard, priced: Priced | None = None, texts: int = 200) -> CallColumns:
    """The calls among them. The words of the first `texts` are read."""
    rows, said = np.flatnonzero(heard.said.call), heard.said
    starts, took = heard.time_ns[rows], heard.duration_ns[rows]
    failed = heard.status[rows] == 2
    words = [
        None if bad else _answer(said.output[row])
        for row, bad in zip(rows[:texts].tolist(), failed[:texts].tolist(), strict=True)
    ]
    length, refused = np.full((2, len(rows)), _NAN)
    length[: len(words)] = [_NAN if text is None else len(text) for text in words]
    length = np.where(_counted(said, rows), said.output_chars[rows], length)
    refused[: len(words)] = [_NAN if text is None else float(refuses(text)) for text in words]
    for at, row in enumerate(rows.tolist()):
        if said.finish[row] is not None and _is_refusal(said.finish[row]):
            refused[at] = 1.0
    return CallColumns(
        ended_s=(starts + took) / NS,
        application=heard.application[rows].tolist(),
        prompt=said.prompt[rows].tolist(),
        version=said.prompt_version[rows].tolist(),
        model=said.model[rows].tolist(),
        provider=said.provider[rows].tolist(),
        ms=np.where(said.cached[rows], _NAN, took / 1e6),
        first_ms=_known(said.first_ns[rows], 1e6),
        cost_usd=_known(_costs(said, rows, starts, priced), PICO),
        input_tokens=_known(said.input_tokens[rows], 1),
        output_tokens=_known(said.output_tokens[rows], 1),
        output_chars=length,
        error=np.where(failed, np.where(said.error[rows] == "", "error", said.error[rows]), "").tolist(),
        refused=refused,
        language=[language(text) if text else "" for text in words] + [""] * (len(rows) - len(words)),
        question=_questions(heard, rows),
        trace=heard.trace[rows],
    )


def _known(counts: I64, unit: float) -> F64:
    """NaN for what is not above 0."""
    return np.where(counts > 0, counts / unit, _NAN)


def _answer(output: Any) -> str | None:
    """All that was said, without calls of tools; None where it was not recorded."""
    if output is None:
        return None
    heard = messages(output, "assistant")
    said = (part["content"] for message in heard for part in message["parts"] if part.get("type") == "text")
    return "\n".join(text for text in said if isinstance(text, str))


def _is_refusal(finish: Any) -> bool:
    return any(reason in _REFUSED for reason in (finish if isinstance(finish, list) else [finish]))


def _counted(said: Sayings, rows: I64) -> Bool:
    """Where the words themselves were not recorded but their sender counted them."""
    unrecorded = np.fromiter((said.output[row] is None for row in rows.tolist()), np.bool_, len(rows))
    counted: Bool = unrecorded & (said.output_chars[rows] >= 0)
    return counted


def _costs(said: Sayings, rows: I64, starts_ns: I64, priced: Priced | None) -> I64:
    """As said, else by its price."""
    costs = said.cost[rows]
    if priced is not None:
        for at in np.flatnonzero((costs == UNKNOWN) & (said.input_tokens[rows] >= 0)).tolist():
            row = rows[at]
            made, cached = max(said.output_tokens[row], 0), said.cached_tokens[row]
            usage = Usage(*map(int, (said.input_tokens[row], made, cached, said.cache_write_tokens[row])))
            found = priced(said.provider[row], said.model[row], usage, int(starts_ns[at]))
            costs[at] = UNKNOWN if found is None else found
    return costs


def _questions(heard: Heard, rows: I64) -> I64:
    """Who asked what, in 63 bits, told apart in this process alone; 0 where either is not known, or a tool's answer is
    what the model was told last."""
    said = heard.said
    whose = np.where(said.session == "", said.user, said.session)
    asked = zip(said.application[rows], whose[rows], heard.input[rows], rows.tolist(), strict=True)
    return np.fromiter(
        (
            hash((application, who, text.lower())) & _BITS or 1
            if who and len(text) >= _ASKED and _from_people(said.input[row])
            else 0
            for application, who, text, row in asked
        ),
        np.int64,
        len(rows),
    )


def _from_people(told: Any) -> bool:
    last = told[-1] if isinstance(told, list) and told else None
    return not isinstance(last, dict) or (
        last.get("role") not in ("tool", "function") and last.get("type") not in ("function_call_output", "tool")
    )
