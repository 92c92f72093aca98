"""Spans as MLflow's stores write them down ⇄ OTLP's bytes, in which they travel, and what they are compared by."""

import base64
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from triops.sdk.importing.source import SourceError

JSON = Mapping[str, Any]
_OK, _ERROR = Status.STATUS_CODE_OK, Status.STATUS_CODE_ERROR
_CODES = {"STATUS_CODE_OK": _OK, "OK": _OK, "STATUS_CODE_ERROR": _ERROR, "ERROR": _ERROR}
_TRACE = "mlflow.traceRequestId"
_DEPTH = 64


def encoded(documents: Iterable[JSON]) -> tuple[str, ...]:
    """Each span's bytes in base64. Raises: SourceError for what is no span."""
    try:
        return tuple(base64.b64encode(_span(one).SerializeToString(deterministic=True)).decode() for one in documents)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise SourceError(f"a span cannot be read: {type(error).__name__} {error}") from error


def compared(spans: Iterable[str]) -> list[Any]:
    """What of each span must be the same on both sides, in order."""
    return sorted((_content(Span.FromString(base64.b64decode(one))) for one in spans), key=lambda one: str(one[0]))


def _span(given: JSON) -> Span:
    """Of today's form, or of the one that MLflow before 3.0 wrote."""
    old = given.get("context")
    trace, own = (old["trace_id"], old["span_id"]) if old else (given["trace_id"], given["span_id"])
    parent = given.get("parent_id" if old else "parent_span_id")
    status = given.get("status") or {}
    span = Span(
        trace_id=_id(trace, 16),
        span_id=_id(own, 8),
        parent_span_id=_id(parent, 8) if parent else b"",
        name=given.get("name") or "",
        start_time_unix_nano=int(given.get("start_time_unix_nano") or given.get("start_time") or 0),
        end_time_unix_nano=int(given.get("end_time_unix_nano") or given.get("end_time") or 0),
    )
    code = given.get("status_code") if old else status.get("code")
    span.status.code = _CODES.get(str(code), Status.STATUS_CODE_UNSET)
    span.status.message = str(given.get("status_message" if old else "message") or status.get("message") or "")
    _pairs(span.attributes, {key: _typed(value) for key, value in (given.get("attributes") or {}).items()})
    for one in given.get("events") or ():
        event = span.events.add(name=one["name"])
        event.time_unix_nano = int(one.get("time_unix_nano") or one.get("timestamp") or 0)
        _pairs(event.attributes, one.get("attributes") or {})
    for one in given.get("links") or ():
        link = span.links.add(trace_id=_id(one["trace_id"].removeprefix("tr-"), 16), span_id=_id(one["span_id"], 8))
        _pairs(link.attributes, one.get("attributes") or {})
    return span


def _typed(value: Any) -> Any:
    """Stores write all attributes as JSON texts; senders send only texts, lists and objects so."""
    meant = _meant(value)
    return value if isinstance(meant, str | list | dict) else meant


def _id(text: str, size: int) -> bytes:
    """Hexadecimal, or base64."""
    plain = text.removeprefix("0x")
    raw = bytes.fromhex(plain) if len(plain) == 2 * size else base64.b64decode(text, validate=True)
    if len(raw) != size:
        raise ValueError(f"{text[:80]!r} is no id of {size} bytes")
    return raw


def _pairs(to: Any, values: JSON) -> None:
    for key, value in values.items():
        _put(to.add(key=key).value, value, 0)


def _put(to: AnyValue, value: Any, depth: int) -> None:
    if depth > _DEPTH:
        raise ValueError("nested too deep")
    if value is None:
        return
    if isinstance(value, bool):
        to.bool_value = value
    elif isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        to.int_value = value
    elif isinstance(value, float):
        to.double_value = value
    elif isinstance(value, list):
        to.array_value.SetInParent()
        for one in value:
            _put(to.array_value.values.add(), one, depth + 1)
    elif isinstance(value, Mapping):
        to.kvlist_value.SetInParent()
        for key, one in value.items():
            _put(to.kvlist_value.values.add(key=str(key)).value, one, depth + 1)
    else:
        to.string_value = str(value)


def _content(span: Span) -> list[Any]:
    ids = [span.span_id.hex(), span.parent_span_id.hex()]
    times = [span.start_time_unix_nano, span.end_time_unix_nano]
    attributes = {pair.key: _meant(_plain(pair.value)) for pair in span.attributes if pair.key != _TRACE}
    events = [[one.name, one.time_unix_nano, _values(one.attributes)] for one in span.events]
    links = [[one.trace_id.hex(), one.span_id.hex(), _values(one.attributes)] for one in span.links]
    return [*ids, span.name, *times, span.status.code, span.status.message, attributes, events, links]


def _values(pairs: Any) -> dict[str, Any]:
    return {pair.key: _plain(pair.value) for pair in pairs}


def _meant(value: Any) -> Any:
    """An attribute is JSON in a text, however its writer spaced it."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


def _plain(value: AnyValue) -> Any:
    which = value.WhichOneof("value")
    if which == "array_value":
        return [_plain(one) for one in value.array_value.values]
    if which == "kvlist_value":
        return {pair.key: _plain(pair.value) for pair in value.kvlist_value.values}
    if which is None:
        return None
    found = getattr(value, which)
    return str(found) if isinstance(found, float) and not math.isfinite(found) else found
