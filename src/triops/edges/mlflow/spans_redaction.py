"""A request of spans without what must not be stored: the experiment's traces keep spans in the bytes they came in."""

import math
from collections.abc import Mapping
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from triops.edges.mlflow.spans_wire import NotOtlp, plain
from triops.kernel.errors import Invalid
from triops.lenses.mlops.genai_traces.redaction import Rule


def redacted(body: bytes, rule: Rule) -> bytes:
    """Raises: NotOtlp."""
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise NotOtlp(str(error)) from None
    for group in request.resource_spans:
        for scope in group.scope_spans:
            for span in scope.spans:
                _redact(span, rule)
    return request.SerializeToString()


def redacted_span(body: bytes, rule: Rule) -> bytes:
    """Raises: Invalid."""
    try:
        span = Span.FromString(body)
    except DecodeError as error:
        raise Invalid(f"not a span: {error}", field="spans") from None
    _redact(span, rule)
    return span.SerializeToString()


def _redact(span: Span, rule: Rule) -> None:
    _keep(span.attributes, rule.attributes({pair.key: plain(pair.value) for pair in span.attributes}))
    events = [
        {"name": event.name, "attributes": {pair.key: plain(pair.value) for pair in event.attributes}}
        for event in span.events
    ]
    for event, kept in zip(span.events, rule.events(events) or (), strict=False):
        _keep(event.attributes, kept["attributes"])
    if span.status.message:
        span.status.message = rule.said(span.status.message)


def _keep(pairs: Any, kept: Mapping[str, Any] | None) -> None:
    if kept is None:
        return
    before = {pair.key: pair.value for pair in pairs}
    staying = {key: _value(value, before.get(key)) for key, value in kept.items()}
    del pairs[:]
    for key, value in staying.items():
        pairs.add(key=key).value.CopyFrom(value)


def _value(value: Any, before: AnyValue | None) -> AnyValue:
    """As it came where it is the same."""
    if before is not None and plain(before) == value:
        kept = AnyValue()
        kept.CopyFrom(before)
        return kept
    made = AnyValue()
    if isinstance(value, bool):
        made.bool_value = value
    elif isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        made.int_value = value
    elif isinstance(value, float) and math.isfinite(value):
        made.double_value = value
    elif isinstance(value, list):
        made.array_value.SetInParent()
        made.array_value.values.extend([_value(one, None) for one in value])
    elif isinstance(value, dict):
        made.kvlist_value.SetInParent()
        for key, one in value.items():
            made.kvlist_value.values.add(key=key).value.CopyFrom(_value(one, None))
    elif value is not None:
        made.string_value = str(value)
    return made
