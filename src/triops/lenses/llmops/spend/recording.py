"""Calls of the gateway as spans, in the columns that the span store takes: OpenTelemetry's names for generative AI.

One span a call, in the caller's trace; what the call cost stands on it, and every failed attempt is an event of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import orjson

from triops.kernel.money import usd
from triops.kernel.signal import GATEWAY, Resources, SpanBatch, Text, fingerprint
from triops.lenses.llmops.gateway.keeping import SETTINGS
from triops.lenses.llmops.spend.journalled import Call

_CLIENT: Final = 3
_ERROR: Final = 2
_MASK: Final = (1 << 64) - 1
_LATEST_NS: Final = 1 << 62
_WHOLE: Final = (1 << 63) - 1  # JSON's whole numbers end here
_NOTHING: Final[Mapping[str, Any]] = {}
_INTENT: Final = (
    ("operation", "gen_ai.operation.name"),
    ("asked", "gen_ai.request.model"),
    ("input", "gen_ai.input.messages"),
    ("user", "user.id"),
    ("session", "session.id"),
    ("session", "gen_ai.conversation.id"),
    ("call", "triops.call"),
    ("key", "triops.key"),
    ("application", "triops.application"),
    ("team", "triops.team"),
    ("route", "triops.route"),
    ("prompt", "triops.prompt.name"),
    ("prompt_version", "triops.prompt.version"),
    ("prompt_label", "triops.prompt.label"),
    ("tags", "tag.tags"),
    ("dialect", "triops.dialect"),
)
_OUTCOME: Final = (
    ("model", "gen_ai.response.model"),
    ("answer_id", "gen_ai.response.id"),
    ("finish", "gen_ai.response.finish_reasons"),
    ("output", "gen_ai.output.messages"),
    ("output_bytes", "triops.output_bytes"),
    ("guards", "triops.guards"),
    ("dropped", "triops.dropped"),
    ("error", "error.type"),
    ("status", "http.response.status_code"),
)


def service_of_call(intent: Mapping[str, Any]) -> str:
    """The application that called: as its key says, else the key itself."""
    return str(intent.get("application") or intent.get("key") or "gateway")


@dataclass
class SpanRows:
    """Rows of one project, gathered call by call."""

    _rows: list[tuple[Any, ...]] = field(default_factory=list)
    _senders: dict[str, tuple[str, int]] = field(default_factory=dict)  # service -> resource, its fingerprint

    def add(self, call: Call) -> None:
        """Raises: KeyError, TypeError, ValueError for a record that is no call; nothing of it is kept."""
        self._rows.append(_row(call, self._senders))

    def batch(self) -> SpanBatch:
        column = list(zip(*self._rows, strict=True)) or [()] * 12
        senders, count = list(self._senders.values()), len(self._rows)
        return SpanBatch(
            Resources(np.array([print_ for _, print_ in senders], np.uint64), _texts([text for text, _ in senders])),
            np.array(column[0], np.uint64),
            np.array(column[1], np.uint64),
            np.array(column[2], np.uint64),
            np.array(column[3], np.uint64),
            np.array(column[4], np.uint64),
            _texts(column[5]),
            np.full(count, _CLIENT, np.uint8),
            np.array(column[6], np.int64),
            np.array(column[7], np.int64),
            np.array([_ERROR if failed else 0 for failed in column[8]], np.uint8),
            _texts(column[8]),
            _texts([GATEWAY] * count),
            _texts(column[9]),
            _texts(column[10]),
            _texts(column[11]),
            _texts([""] * count),
        )


def _row(call: Call, resources: dict[str, tuple[str, int]]) -> tuple[Any, ...]:
    intent, outcome = call.intent, call.outcome
    service = service_of_call(intent)
    sender = resources.get(service)
    if sender is None:
        text = orjson.dumps({"service.name": service, "telemetry.sdk.name": GATEWAY}).decode()
        sender = resources[service] = (text, fingerprint(text))
    trace = _number(intent.get("trace"), 128)
    started = int(intent["at_ns"])
    if not 0 <= started < _LATEST_NS:
        raise ValueError("not a time")
    attempts = outcome.get("attempts") or ()
    provider = (attempts[-1].get("provider") or "") if attempts else ""
    error = outcome.get("error") or ""
    took = min(max(int(outcome.get("ended_ns") or started) - started, 0), _LATEST_NS)
    return (
        sender[1],
        trace >> 64,
        trace & _MASK,
        _number(intent.get("span"), 64),
        _number(intent.get("parent"), 64),
        f"{intent.get('operation') or 'chat'} {intent.get('asked') or ''}".rstrip(),
        started,
        took,
        str(outcome.get("message") or error) if error else "",
        f"provider:{provider}" if provider else "",
        orjson.dumps(_attributes(call, attempts, provider, took), option=orjson.OPT_SORT_KEYS).decode(),
        _events(attempts),
    )


def _attributes(call: Call, attempts: Sequence[Mapping[str, Any]], provider: str, took: int) -> dict[str, Any]:
    intent, outcome = call.intent, call.outcome
    told: dict[str, Any] = {name: value for key, name in _INTENT if (value := intent.get(key))}
    told |= {name: value for key, name in _OUTCOME if (value := outcome.get(key))}
    for key, value in (intent.get("settings") or _NOTHING).items():
        if value is not None:
            told[SETTINGS.get(key) or f"gen_ai.request.{key}"] = value
    if provider:
        told["gen_ai.provider.name"] = provider
    if intent.get("stream"):
        told["triops.stream"] = True
    if outcome.get("disconnected"):
        told["triops.disconnected"] = True
    told["triops.cache"] = outcome.get("cache") or "off"
    told["triops.attempts"] = len(attempts)
    if first := outcome.get("first_ns"):
        told["triops.first_token_ms"] = min(first, took) / 1e6  # counted from a little earlier than the span
    if saved := outcome.get("saved"):
        told["triops.saved_usd"] = usd(saved)
    _usage(told, attempts)
    return told


def _usage(told: dict[str, Any], attempts: Sequence[Mapping[str, Any]]) -> None:
    """Of all attempts together: what the call as a whole is billed."""
    given = cached = written = made = 0
    cost: int | None = None if attempts else 0  # nobody was asked: it cost nothing
    for attempt in attempts:
        usage = attempt.get("usage") or _NOTHING
        given += usage.get("input") or 0
        made += usage.get("output") or 0
        cached += usage.get("cached_input") or 0
        written += usage.get("cache_write") or 0
        if attempt.get("cost") is not None:
            cost = (cost or 0) + attempt["cost"]
        if attempt.get("estimated"):
            told["triops.estimated"] = True
    if attempts:
        told["gen_ai.usage.input_tokens"] = min(given, _WHOLE)
        told["gen_ai.usage.output_tokens"] = min(made, _WHOLE)
    if cached:
        told["gen_ai.usage.cache_read.input_tokens"] = min(cached, _WHOLE)
    if written:
        told["gen_ai.usage.cache_creation.input_tokens"] = min(written, _WHOLE)
    if cost is not None:
        told["triops.cost_usd"] = usd(cost)
        told["triops.cost_pico"] = min(cost, _WHOLE)


def _events(attempts: Sequence[Mapping[str, Any]]) -> str:
    failed = [
        {
            "name": "triops.attempt_failed",
            "time_ns": attempt.get("ended_ns") or 0,
            "attributes": {
                "gen_ai.provider.name": attempt.get("provider") or "",
                "gen_ai.request.model": attempt.get("model") or "",
                "error.type": attempt["error"],
                "error.message": attempt.get("message") or "",
                "http.response.status_code": attempt.get("status") or 0,
            },
        }
        for attempt in attempts
        if attempt.get("error")
    ]
    return orjson.dumps(failed).decode() if failed else ""


def _number(text: Any, bits: int) -> int:
    """Of hexadecimal digits; 0 for what is none."""
    try:
        return int(text, 16) & ((1 << bits) - 1) if text else 0
    except (TypeError, ValueError):
        return 0


def _texts(values: Sequence[str]) -> Text:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
