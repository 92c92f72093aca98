"""Langfuse's JSON → our words: scores, and the events of a batch as spans. Pure.

An observation's events (`generation-create`, `generation-update`, …) are put together by its id; a trace is a span of
its own, above the observations that name no parent. What comes later than its batch is joined by `handlers`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import orjson

from triops.edges.langfuse.ids import span_id, trace_id
from triops.kernel.clock import NS
from triops.kernel.errors import Invalid
from triops.kernel.signal import SpanBatch, fingerprint, text_column
from triops.web.columns import resources

_LOW = 2**64 - 1
_TYPES = ("span", "generation", "event", "observation", "agent", "tool", "chain", "retriever", "evaluator",
          "embedding", "guardrail")  # fmt: skip
_TEXT = 256 << 10
_SCOPE = "langfuse"
_PLAIN = {
    "model": "langfuse.observation.model.name",
    "level": "langfuse.observation.level",
    "statusMessage": "langfuse.observation.status_message",
    "promptName": "langfuse.observation.prompt.name",
    "promptVersion": "langfuse.observation.prompt.version",
    "completionStartTime": "langfuse.observation.completion_start_time",
    "version": "langfuse.version",
    "environment": "langfuse.environment",
}
_JSON = {
    "input": "langfuse.observation.input",
    "output": "langfuse.observation.output",
    "metadata": "langfuse.observation.metadata",
    "modelParameters": "langfuse.observation.model.parameters",
    "usageDetails": "langfuse.observation.usage_details",
    "costDetails": "langfuse.observation.cost_details",
}
_OF_TRACE = {
    "userId": "user.id",
    "sessionId": "session.id",
    "release": "langfuse.release",
    "version": "langfuse.version",
    "environment": "langfuse.environment",
}


@dataclass
class Observed:
    """A span that is not whole yet. `end_ns` 0: its end is not known. `fresh`: its beginning came too."""

    trace: int
    span: int
    parent: int = 0
    name: str = ""
    start_ns: int = 0
    end_ns: int = 0
    failed: bool = False
    message: str = ""
    fresh: bool = False
    attributes: dict[str, Any] = field(default_factory=dict)


def score(body: Mapping[str, Any]) -> dict[str, Any]:
    """As `lenses/llmops/traces/scoring.py` takes it. Raises: Invalid."""
    trace, span, value = body.get("traceId"), body.get("observationId"), body.get("value")
    given: dict[str, Any] = {
        "id": body.get("id"),
        "trace": f"{trace_id(trace):032x}" if isinstance(trace, str) and trace else "",
        "span": f"{span_id(span):016x}" if isinstance(span, str) and span else "",
        "session": body.get("sessionId") or "",
        "name": body.get("name"),
        "value": value,
        "comment": body.get("comment"),
        "source": body.get("source") or "api",
    }
    if body.get("dataType") in ("CATEGORICAL", "TEXT", "CORRECTION") and isinstance(value, str):
        given |= {"value": None, "string_value": value}
    if (at := body.get("timestamp")) is not None:
        given["at"] = time_ns(at, "timestamp") / NS
    return given


def time_ns(text: Any, where: str) -> int:
    """Raises: Invalid unless it is an ISO 8601 time."""
    try:
        if not isinstance(text, str):
            raise ValueError
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        return round(moment.timestamp() * 1e6) * 1000
    except (ValueError, OverflowError):
        raise Invalid("not a time", field=where, got=text, expected="ISO 8601 with a time zone") from None


def observed(kind: str, body: Mapping[str, Any], at_ns: int) -> Observed | None:
    """What one event says of a span; None for a kind that says nothing of any. Raises: Invalid."""
    what, _, verb = kind.rpartition("-")
    if what == "trace":
        return _trace(body, at_ns)
    if what not in _TYPES or verb not in ("create", "update"):
        return None
    id_, trace = _id(body, "id"), body.get("traceId") or body.get("id")
    if not isinstance(trace, str):
        raise Invalid("not an id", field="body.traceId", got=trace, expected="a text")
    one = Observed(trace_id(trace), span_id(id_), fresh=verb == "create")
    parent = body.get("parentObservationId")
    if isinstance(parent, str) and parent:
        one.parent = span_id(parent)
    elif one.fresh and body.get("traceId"):
        one.parent = root_of(trace)
    one.name = _short(body.get("name"))
    if body.get("startTime") is not None:
        one.start_ns = time_ns(body["startTime"], "body.startTime")
    elif one.fresh:
        one.start_ns = at_ns
    if body.get("endTime") is not None:
        one.end_ns = time_ns(body["endTime"], "body.endTime")
    elif what == "event":
        one.end_ns = one.start_ns
    type_ = body.get("type") if what == "observation" else what
    one.attributes["langfuse.observation.type"] = str(type_ or "span").lower()
    one.attributes["langfuse.observation.id"] = id_
    _fill(one.attributes, body)
    if body.get("level") == "ERROR":
        one.failed, one.message = True, _short(body.get("statusMessage"))
    return one


def root_of(trace: str) -> int:
    return span_id(f"trace:{trace}")


def merged(before: Observed, later: Observed) -> Observed:
    """The later's words count."""
    return Observed(
        before.trace,
        before.span,
        later.parent or before.parent,
        later.name or before.name,
        min(filter(None, (before.start_ns, later.start_ns)), default=0),
        max(before.end_ns, later.end_ns),
        before.failed or later.failed,
        later.message or before.message,
        before.fresh or later.fresh,
        {**before.attributes, **later.attributes},
    )


def batch(spans: Sequence[Observed]) -> SpanBatch:
    resource = orjson.dumps({"service.name": "langfuse"}).decode()
    held = {fingerprint(resource): resource}
    count = len(spans)
    return SpanBatch(
        resources=resources(held),
        resource=np.full(count, next(iter(held)), dtype=np.uint64),
        trace_hi=np.array([one.trace >> 64 for one in spans], dtype=np.uint64),
        trace_lo=np.array([one.trace & _LOW for one in spans], dtype=np.uint64),
        span_id=np.array([one.span for one in spans], dtype=np.uint64),
        parent_id=np.array([one.parent for one in spans], dtype=np.uint64),
        name=text_column([one.name for one in spans]),
        kind=np.ones(count, dtype=np.uint8),
        time_ns=np.array([one.start_ns for one in spans], dtype=np.int64),
        duration_ns=np.array([max(one.end_ns - one.start_ns, 0) for one in spans], dtype=np.int64),
        status=np.array([2 if one.failed else 0 for one in spans], dtype=np.uint8),
        status_message=text_column([one.message for one in spans]),
        scope=text_column([_SCOPE] * count),
        peer=text_column([""] * count),
        attributes=text_column([orjson.dumps(one.attributes, option=orjson.OPT_SORT_KEYS).decode() for one in spans]),
        events=text_column([""] * count),
        links=text_column([""] * count),
    )


def _trace(body: Mapping[str, Any], at_ns: int) -> Observed:
    id_ = _id(body, "id")
    at = time_ns(body["timestamp"], "body.timestamp") if body.get("timestamp") is not None else at_ns
    one = Observed(trace_id(id_), root_of(id_), name=_short(body.get("name")), start_ns=at, end_ns=at, fresh=True)
    one.attributes["langfuse.observation.type"] = "span"
    one.attributes["langfuse.trace.id"] = id_
    for name, attribute in _OF_TRACE.items():
        if isinstance(value := body.get(name), str) and value:
            one.attributes[attribute] = value[:256]
    if isinstance(tags := body.get("tags"), list):
        one.attributes["langfuse.trace.tags"] = [tag for tag in tags[:100] if isinstance(tag, str)]
    for name in ("input", "output", "metadata"):
        if (value := body.get(name)) is not None:
            one.attributes[f"langfuse.trace.{name}"] = _text(value)
    return one


def _fill(attributes: dict[str, Any], body: Mapping[str, Any]) -> None:
    for name, attribute in _PLAIN.items():
        if isinstance(value := body.get(name), str | int | float) and value != "":
            attributes[attribute] = value
    for name, attribute in _JSON.items():
        if (value := body.get(name)) is not None:
            attributes[attribute] = _text(value)
    usage = body.get("usage")
    if isinstance(usage, dict) and "langfuse.observation.usage_details" not in attributes:
        counted = {
            "input": usage.get("input", usage.get("promptTokens")),
            "output": usage.get("output", usage.get("completionTokens")),
        }
        attributes["langfuse.observation.usage_details"] = _text({k: v for k, v in counted.items() if v is not None})
        costs = {"input": usage.get("inputCost"), "output": usage.get("outputCost"), "total": usage.get("totalCost")}
        if costs := {k: v for k, v in costs.items() if v is not None}:
            attributes["langfuse.observation.cost_details"] = _text(costs)


def _id(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 800:
        raise Invalid("not an id", field=f"body.{name}", got=value, expected="a text of 1 to 800 characters")
    return value


def _short(value: Any) -> str:
    return value[:1024] if isinstance(value, str) else ""


def _text(value: Any) -> str:
    return (value if isinstance(value, str) else orjson.dumps(value).decode())[:_TEXT]
