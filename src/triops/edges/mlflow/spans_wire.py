"""OTLP spans ⇄ what MLflow keeps of them: bytes → spans with their attributes, and bytes → JSON as its API shows spans.

Each span stays in the bytes in which it came; they are parsed again when a trace is read.
"""

import base64
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from triops.kernel.errors import Invalid
from triops.kernel.genai.meaning import texts, translated
from triops.lenses.mlops.genai_traces.gather import SpanSaid
from triops.web.body import MESSAGE_BYTES
from triops.web.protobuf import DecodeError, field_bytes

_STATUS = {1: "OK", 2: "ERROR"}
_CODES = {1: "STATUS_CODE_OK", 2: "STATUS_CODE_ERROR"}
_REQUEST = "mlflow.traceRequestId"
_ATTRIBUTES = 1000  # of one span
_GROUPS = 10_000
_MOST_NS = 1 << 63


class NotOtlp(Exception):
    """The body is no ExportTraceServiceRequest, or is beyond bounds; the text says why."""


class NotASpan(Exception):
    """One of its spans cannot be kept; the text says why."""


def spans_of(body: bytes) -> list[SpanSaid]:
    """Of an ExportTraceServiceRequest. Raises: NotOtlp, NotASpan."""
    found: list[SpanSaid] = []
    try:
        for number, group in enumerate(field_bytes(body, 1, "ExportTraceServiceRequest")):
            if number >= _GROUPS:
                raise NotOtlp(f"more than {_GROUPS} groups of spans in one request")
            resource: dict[str, Any] = {}
            for raw in field_bytes(group, 1, "ResourceSpans"):
                resource |= {pair.key: plain(pair.value) for pair in Resource.FromString(raw).attributes}
            for scope in field_bytes(group, 2, "ResourceSpans"):
                found += [_said(raw, resource) for raw in field_bytes(scope, 2, "ScopeSpans")]
    except (DecodeError, Invalid) as error:
        raise NotOtlp(str(error)) from None
    return found


def span_of(raw: bytes, trace: str) -> SpanSaid:
    """One span's bytes, for a trace of any id. Raises: Invalid."""
    try:
        said = _said(raw, {})
    except (NotASpan, DecodeError) as error:
        raise Invalid(f"not a span: {error}", field="spans") from None
    said.trace = trace
    return said


def _said(raw: bytes, resource: Mapping[str, Any]) -> SpanSaid:
    if len(raw) > MESSAGE_BYTES:
        raise NotASpan(f"{len(raw)} bytes; at most {MESSAGE_BYTES}")
    span = Span.FromString(raw)
    trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    if len(trace_id) != 16 or len(span_id) != 8 or not any(trace_id) or not any(span_id):
        raise NotASpan("a trace id has 16 bytes and a span id 8, not all zero")
    if len(span.attributes) > _ATTRIBUTES or start >= _MOST_NS or end >= _MOST_NS:
        raise NotASpan(f"a span has at most {_ATTRIBUTES} attributes, and times that fit 63 bits")
    return SpanSaid(
        trace=f"tr-{trace_id.hex()}",
        id=int.from_bytes(span_id, "big", signed=True),
        parent=int.from_bytes(parent, "big", signed=True) if len(parent) == 8 and any(parent) else None,
        name=span.name,
        status=_STATUS.get(span.status.code, "UNSET"),
        start_ns=start,
        end_ns=end,
        attributes=_Attributes({pair.key: pair.value for pair in span.attributes}),
        resource=resource,
        body=raw,
    )


class _Attributes(Mapping[str, Any]):
    """Values become Python's when they are asked for, and are not kept: most never are."""

    def __init__(self, values: Mapping[str, AnyValue]) -> None:
        self._values = values

    def __getitem__(self, key: str) -> Any:
        return plain(self._values[key])

    def get(self, key: str, default: Any = None) -> Any:
        value = self._values.get(key)
        return default if value is None else plain(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def kept(bodies: Sequence[bytes]) -> list[Span]:
    """A trace's spans out of their bytes, of one id the latest; roots first, then by their start."""
    spans = {span.span_id: span for span in map(Span.FromString, bodies)}
    return sorted(spans.values(), key=lambda span: (any(span.parent_span_id), span.start_time_unix_nano))


def attributes_of(span: Span, trace: str) -> dict[str, Any]:
    """With what they say in another convention than MLflow's, in MLflow's names."""
    return translated(_sent(span, trace))


def texts_of(span: Span, trace: str) -> dict[str, str]:
    """The same as JSON texts; what came as a JSON text stays as it was written."""
    return texts(_sent(span, trace))


def _sent(span: Span, trace: str) -> dict[str, Any]:
    return {**{pair.key: plain(pair.value) for pair in span.attributes}, _REQUEST: trace}


def shown_span(span: Span, trace: str) -> dict[str, Any]:
    """As protobuf's JSON has an OTLP span, ids in base64 and fields by their own names."""
    shown: dict[str, Any] = {"trace_id": base64_of(span.trace_id), "span_id": base64_of(span.span_id)}
    if span.parent_span_id:
        shown["parent_span_id"] = base64_of(span.parent_span_id)
    shown |= {"name": span.name, "start_time_unix_nano": span.start_time_unix_nano}
    if span.end_time_unix_nano:
        shown["end_time_unix_nano"] = span.end_time_unix_nano
    shown["attributes"] = [_shown_pair(key, value) for key, value in attributes_of(span, trace).items()]
    if span.events:
        shown["events"] = [_shown_event(event) for event in span.events]
    if span.links:
        shown["links"] = [_shown_link(link) for link in span.links]
    status = {"code": _CODES[span.status.code]} if span.status.code in _CODES else {}
    if span.status.message:
        status["message"] = span.status.message
    shown["status"] = status
    return shown


def plain(value: AnyValue) -> Any:
    which = value.WhichOneof("value")
    if which is None:
        return None
    if which == "array_value":
        return [plain(item) for item in value.array_value.values]
    if which == "kvlist_value":
        return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
    if which == "bytes_value":
        return base64_of(value.bytes_value)
    return getattr(value, which)


def _shown_pair(key: str, value: Any) -> dict[str, Any]:
    return {"key": key} if value is None else {"key": key, "value": _shown_value(value)}


def _shown_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, str):
        return {"string_value": value}
    if isinstance(value, int):
        return {"int_value": value} if -(1 << 63) <= value < 1 << 63 else {"string_value": str(value)}
    if isinstance(value, float):
        if not math.isfinite(value):
            return {"double_value": "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"}
        return {"double_value": value}
    if isinstance(value, list):
        return {"array_value": {"values": [_shown_value(one) for one in value]} if value else {}}
    if isinstance(value, dict):
        return {"kvlist_value": {"values": [_shown_pair(str(k), v) for k, v in value.items()]} if value else {}}
    return {}


def _shown_event(event: Any) -> dict[str, Any]:
    shown = {"time_unix_nano": event.time_unix_nano, "name": event.name}
    if event.attributes:
        shown["attributes"] = [_shown_pair(pair.key, plain(pair.value)) for pair in event.attributes]
    return shown


def _shown_link(link: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {"trace_id": base64_of(link.trace_id), "span_id": base64_of(link.span_id)}
    if link.attributes:
        shown["attributes"] = [_shown_pair(pair.key, plain(pair.value)) for pair in link.attributes]
    return shown


def base64_of(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
