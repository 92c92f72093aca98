"""The fields of OTLP (opentelemetry-proto 1.x) that Triops reads; all others are skipped.

`int32` stands for enums, so that unknown numbers are read, not lost.
"""

from triops.web.protobuf import MessageClass, message_classes

_TABLES = {
    "ResourceGroup": {"resource": (1, "bytes")},  # ResourceSpans, ResourceMetrics, ResourceLogs; (2) groups by scope
    "Resource": {"attributes": (1, "repeated bytes")},
    "ScopeGroup": {"scope": (1, "bytes")},  # ScopeSpans, ScopeMetrics, ScopeLogs; (2) rows
    "Scope": {"name": (1, "bytes")},
    "KeyValue": {"key": (1, "bytes"), "value": (2, "bytes")},
    "AnyValue": {
        "string_value": (1, "bytes in value"),
        "bool_value": (2, "bool in value"),
        "int_value": (3, "int64 in value"),
        "double_value": (4, "double in value"),
        "array_value": (5, "bytes in value"),
        "kvlist_value": (6, "bytes in value"),
        "bytes_value": (7, "bytes in value"),
    },
    "Values": {"values": (1, "repeated bytes")},  # ArrayValue of AnyValue, KeyValueList of KeyValue
    "Span": {
        "trace_id": (1, "bytes"),
        "span_id": (2, "bytes"),
        "parent_span_id": (4, "bytes"),
        "name": (5, "bytes"),
        "kind": (6, "int32"),
        "start": (7, "fixed64"),
        "end": (8, "fixed64"),
        "attributes": (9, "repeated bytes"),
        "events": (11, "repeated bytes"),
        "links": (13, "repeated bytes"),
        "status": (15, "bytes"),
    },
    "Status": {"message": (2, "bytes"), "code": (3, "int32")},
    "Event": {"time": (1, "fixed64"), "name": (2, "bytes"), "attributes": (3, "repeated bytes")},
    "Link": {"trace_id": (1, "bytes"), "span_id": (2, "bytes"), "attributes": (4, "repeated bytes")},
    "LogRecord": {
        "time": (1, "fixed64"),
        "severity": (2, "int32"),
        "severity_text": (3, "bytes"),
        "body": (5, "bytes"),
        "attributes": (6, "repeated bytes"),
        "trace_id": (9, "bytes"),
        "span_id": (10, "bytes"),
        "observed": (11, "fixed64"),
        "event_name": (12, "bytes"),
    },
    "Metric": {
        "name": (1, "bytes"),
        "unit": (3, "bytes"),
        "gauge": (5, "bytes in data"),
        "sum": (7, "bytes in data"),
        "histogram": (9, "bytes in data"),
        "exponential_histogram": (10, "bytes in data"),
        "summary": (11, "bytes in data"),
    },
    "Points": {"temporality": (2, "int32"), "monotonic": (3, "bool")},  # Gauge, Sum, ...; (1) data points
    "NumberPoint": {
        "time": (3, "fixed64"),
        "as_double": (4, "double in value"),
        "as_int": (6, "sfixed64 in value"),
        "attributes": (7, "repeated bytes"),
        "flags": (8, "uint32"),
    },
    "HistogramPoint": {
        "time": (3, "fixed64"),
        "count": (4, "fixed64"),
        "sum": (5, "double"),
        "buckets": (6, "repeated fixed64"),
        "bounds": (7, "repeated double"),
        "attributes": (9, "repeated bytes"),
        "flags": (10, "uint32"),
    },
    "ExponentialPoint": {
        "attributes": (1, "repeated bytes"),
        "time": (3, "fixed64"),
        "count": (4, "fixed64"),
        "sum": (5, "double"),
        "scale": (6, "sint32"),
        "zero_count": (7, "fixed64"),
        "positive": (8, "bytes"),
        "negative": (9, "bytes"),
        "flags": (10, "uint32"),
        "zero_threshold": (14, "double"),
    },
    "Buckets": {"offset": (1, "sint32"), "counts": (2, "repeated uint64")},
    "SummaryPoint": {
        "time": (3, "fixed64"),
        "count": (4, "fixed64"),
        "sum": (5, "double"),
        "quantiles": (6, "repeated bytes"),
        "attributes": (7, "repeated bytes"),
        "flags": (8, "uint32"),
    },
    "Quantile": {"quantile": (1, "double"), "value": (2, "double")},
}


def otlp_classes() -> dict[str, MessageClass]:
    """A message class for each table above."""
    return message_classes("triops.otlp", _TABLES)
