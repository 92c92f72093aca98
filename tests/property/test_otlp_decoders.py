"""Any bytes: a typed error or a batch whose columns agree. Any valid message: its values, in the columns."""

import base64
import json
import math
from itertools import pairwise
from typing import Any

import orjson
import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.edge_server import check_lengths
from triops.edges.otlp.wire import JsonForm, LogDecoder, MetricDecoder, SpanDecoder
from triops.kernel.errors import Invalid, TooLarge
from triops.kernel.limits import Limits
from triops.kernel.signal import fingerprint
from triops.web.columns import Decoded

NOW = 1_800_000_000_000_000_000
LIMITS = Limits(
    rows_per_request=2000, attributes=8, span_attributes=8, attribute_bytes=64, events_per_span=3, label_count=8
)
TIMES = st.integers(0, 2**64 - 1)
spans_decoder, metrics_decoder, logs_decoder = SpanDecoder(LIMITS), MetricDecoder(LIMITS), LogDecoder(LIMITS)


def decoders() -> list[tuple[str, Any]]:
    return [
        ("traces", spans_decoder.decode),
        ("metrics", metrics_decoder.decode),
        ("logs", lambda body: logs_decoder.decode(body, NOW)),
    ]


def check(decoded: Decoded[Any]) -> None:
    batch = decoded.batch
    check_lengths(batch)
    assert batch.resources.fingerprint.tolist() == [fingerprint(text) for text in batch.resources.attributes]
    texts = [*batch.resources.attributes, *getattr(batch, "attributes", ())]
    for text in texts:
        tree = json.loads(text)
        assert list(tree) == sorted(tree)
        assert len(tree) <= LIMITS.attributes + 1
    assert all(count > 0 for count in decoded.refused.values())


values = st.recursive(
    st.one_of(
        st.builds(AnyValue),
        st.builds(AnyValue, string_value=st.text(max_size=100)),
        st.builds(AnyValue, bool_value=st.booleans()),
        st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1)),
        st.builds(AnyValue, double_value=st.floats()),
        st.builds(AnyValue, bytes_value=st.binary(max_size=100)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: AnyValue(array_value={"values": items})),
        st.lists(st.tuples(st.text(max_size=5), inner), max_size=4).map(
            lambda items: AnyValue(kvlist_value={"values": [KeyValue(key=k, value=v) for k, v in items]})
        ),
    ),
    max_leaves=6,
)
attributes = st.lists(st.builds(KeyValue, key=st.text(max_size=8), value=values), max_size=12)
spans = st.builds(
    Span,
    trace_id=st.one_of(st.binary(min_size=16, max_size=16), st.binary(max_size=20)),
    span_id=st.one_of(st.binary(min_size=8, max_size=8), st.binary(max_size=10)),
    parent_span_id=st.binary(max_size=9),
    name=st.text(max_size=20),
    kind=st.integers(0, 5),
    start_time_unix_nano=TIMES,
    end_time_unix_nano=TIMES,
    attributes=attributes,
    events=st.lists(st.builds(Span.Event, name=st.text(max_size=5), attributes=attributes), max_size=4),
    links=st.lists(st.builds(Span.Link, trace_id=st.binary(max_size=16), attributes=attributes), max_size=4),
)


def plain(value: AnyValue) -> Any:
    which = value.WhichOneof("value")
    if which == "array_value":
        return [plain(item) for item in value.array_value.values]
    if which == "kvlist_value":
        return {item.key: plain(item.value) for item in value.kvlist_value.values}
    if which == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    found = getattr(value, which) if which else None
    if isinstance(found, float) and not math.isfinite(found):
        return "NaN" if math.isnan(found) else "Infinity" if found > 0 else "-Infinity"
    return found


@given(st.binary(max_size=300))
def test_any_bytes_are_a_batch_or_an_error(body: bytes) -> None:
    for signal, decode in decoders():
        try:
            check(decode(body))
        except (Invalid, TooLarge) as error:
            assert error.message, signal


@settings(max_examples=60)
@given(st.lists(spans, max_size=4), attributes, st.data())
def test_a_request_cut_short_is_a_batch_or_an_error(rows: list[Span], resource: list[KeyValue], data: Any) -> None:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(resource)
    group.scope_spans.add().spans.extend(rows)
    body = bytearray(request.SerializeToString())
    for _ in range(data.draw(st.integers(0, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    body = body[: data.draw(st.integers(0, len(body)))]
    for _, decode in decoders():
        try:
            check(decode(bytes(body)))
        except (Invalid, TooLarge):
            pass


@settings(max_examples=60)
@given(st.lists(spans, max_size=5), attributes)
def test_spans_arrive_in_the_columns(rows: list[Span], resource: list[KeyValue]) -> None:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(resource)
    group.scope_spans.add(scope={"name": "s"}).spans.extend(rows)
    body = request.SerializeToString()
    decoded = spans_decoder.decode(body)
    check(decoded)
    good = [r for r in rows if len(r.trace_id) == 16 and len(r.span_id) == 8 and any(r.trace_id) and any(r.span_id)]
    batch = decoded.batch
    assert len(batch) == len(good)
    assert sum(decoded.refused.values()) == len(rows) - len(good)
    for i, row in enumerate(good):
        assert (int(batch.trace_hi[i]) << 64 | int(batch.trace_lo[i])) == int.from_bytes(row.trace_id, "big")
        assert int(batch.span_id[i]) == int.from_bytes(row.span_id, "big")
        parent = row.parent_span_id
        assert int(batch.parent_id[i]) == (int.from_bytes(parent, "big") if len(parent) == 8 else 0)
        assert (batch.name[i], batch.kind[i], batch.scope[i]) == (row.name, row.kind, "s")
        start, end = min(row.start_time_unix_nano, 2**63 - 1), min(row.end_time_unix_nano, 2**63 - 1)
        assert (batch.time_ns[i], batch.duration_ns[i]) == (start, max(0, end - start))
        if len(row.attributes) <= 8 and all(a.ByteSize() < 60 for a in row.attributes):
            assert json.loads(batch.attributes[i]) == {a.key: plain(a.value) for a in row.attributes}
        assert len(json.loads(batch.events[i] or "[]")) == min(3, len(row.events))
    again = SpanDecoder(LIMITS).decode(body).batch  # caches change nothing
    for column in ("attributes", "events", "links", "peer", "status_message"):
        assert getattr(again, column).tolist() == getattr(batch, column).tolist()


@settings(max_examples=50)
@given(st.lists(spans, max_size=3))
def test_json_means_the_same_as_protobuf(rows: list[Span]) -> None:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend(rows)
    tree = json_format.MessageToDict(request, use_integers_for_enums=True)
    _hex_ids(tree)
    body = JsonForm().encode("traces", orjson.dumps(tree))
    assert ExportTraceServiceRequest.FromString(body) == request or "NaN" in str(tree)


def _hex_ids(tree: Any) -> None:
    """protobuf's own JSON has ids in base64; OTLP's has them in hex."""
    if isinstance(tree, list):
        for item in tree:
            _hex_ids(item)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key in ("traceId", "spanId", "parentSpanId"):
                tree[key] = base64.b64decode(value).hex()
            else:
                _hex_ids(value)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["resourceSpans", "scopeSpans", "spans", "traceId", "name", "kind", "attributes", "key", "value",
                 "intValue", "stringValue", "startTimeUnixNano", "resource_metrics", "scopeMetrics", "metrics", "sum",
                 "dataPoints", "resourceLogs", "logRecords", "body", "doubleValue", "bytesValue", "events", "x"]
            ), inner, max_size=4,
        ),
    ), max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_any_json_is_a_message_or_an_error(tree: Any) -> None:
    body = json.dumps(tree).encode()
    for signal, decode in decoders():
        try:
            check(decode(JsonForm().encode(signal, body)))
        except Invalid as error:
            assert error.details["field"]


def test_json_nested_without_end_is_an_error() -> None:
    deep = b'{"arrayValue":{"values":[' * 300 + b"]}}" * 300
    body = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":' + deep + b"}]}]}]}"
    with pytest.raises(Invalid):
        JsonForm().encode("logs", body)


numbers = st.one_of(st.floats(), st.integers(-(2**63), 2**63 - 1))


@given(st.lists(st.tuples(st.text(max_size=5), numbers, TIMES), max_size=6), st.booleans(), st.integers(0, 2))
def test_numbers_arrive_with_their_type(points: list[Any], monotonic: bool, temporality: int) -> None:
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    metric = metrics.add(name="m", unit="By")
    metric.sum.aggregation_temporality = temporality
    metric.sum.is_monotonic = monotonic
    for label, value, at in points:
        point = metric.sum.data_points.add(time_unix_nano=at)
        point.attributes.add(key="l").value.string_value = label
        if isinstance(value, int):
            point.as_int = value
        else:
            point.as_double = value
    metric.sum.data_points.add(flags=1)  # no recorded value
    decoded = metrics_decoder.decode(request.SerializeToString())
    check(decoded)
    batch = decoded.batch
    assert len(batch) == len(points)
    assert set(batch.series.type) <= {"counter" if monotonic and temporality != 1 else "gauge"}
    rows = dict(zip(batch.series.id.tolist(), batch.series.labels, strict=True))
    for i, (label, value, at) in enumerate(points):
        assert json.loads(rows[int(batch.series_id[i])]) == {"l": label}
        assert batch.value[i] == float(value) or math.isnan(value)
        assert batch.time_ns[i] == min(at, 2**63 - 1)
    for j in range(len(batch.series.id)):
        s = batch.series
        assert int(s.id[j]) == fingerprint(f"{int(s.resource[j])}\0{s.name[j]}\0{s.labels[j]}")


@given(
    st.integers(-12, 22), st.integers(0, 2**40), st.floats(0, 1),
    st.tuples(st.integers(-(2**31), 2**31 - 1), st.lists(st.integers(0, 2**32), max_size=300)),
    st.tuples(st.integers(-100, 100), st.lists(st.integers(0, 2**32), max_size=100)),
)  # fmt: skip
def test_exponential_histograms_become_cumulative_buckets(
    scale: int, zeros: int, threshold: float, up: Any, down: Any
) -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="h")
    total = zeros + sum(up[1]) + sum(down[1])
    point = metric.exponential_histogram.data_points.add(
        scale=scale, zero_count=zeros, zero_threshold=threshold, count=total, sum=1.5, time_unix_nano=NOW
    )
    point.positive.offset, point.negative.offset = up[0], down[0]
    point.positive.bucket_counts.extend(up[1])
    point.negative.bucket_counts.extend(down[1])
    decoded = metrics_decoder.decode(request.SerializeToString())
    check(decoded)
    batch = decoded.batch
    if not -10 <= scale <= 20:
        assert sum(decoded.refused.values()) == 1
        return
    names = dict(zip(batch.series.id.tolist(), zip(batch.series.name, batch.series.labels, strict=True), strict=True))
    buckets = []
    for id_, value in zip(batch.series_id.tolist(), batch.value.tolist(), strict=True):
        name, labels = names[id_]
        if name == "h_bucket":
            buckets.append((float(json.loads(labels)["le"]), value))
    assert len(buckets) <= 2 * 66 + 2
    bounds, counts = zip(*buckets, strict=True)
    assert list(bounds) == sorted(set(bounds))
    assert list(counts) == sorted(counts)
    assert (bounds[-1], counts[-1]) == (math.inf, float(total))


@given(st.lists(st.integers(0, 2**40), max_size=8), st.lists(st.floats(), max_size=8))
def test_explicit_histograms(counts: list[int], bounds: list[float]) -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="h")
    point = metric.histogram.data_points.add(count=sum(counts), time_unix_nano=NOW)
    point.bucket_counts.extend(counts)
    point.explicit_bounds.extend(bounds)
    decoded = metrics_decoder.decode(request.SerializeToString())
    check(decoded)
    fits = (not counts and not bounds) or (
        len(counts) == len(bounds) + 1
        and all(a < b for a, b in pairwise(bounds))
        and not any(math.isnan(b) for b in bounds)
    )
    assert bool(decoded.refused) != fits
    names = set(decoded.batch.series.name)
    assert names == (set() if not fits else {"h_count", "h_bucket"} if counts else {"h_count"})


@given(st.integers(0, 30), st.one_of(values, st.none()), TIMES, TIMES, st.sampled_from(["", "WARN", "fatal", "?"]))
def test_logs_arrive_in_the_columns(severity: int, body: AnyValue | None, at: int, seen: int, text: str) -> None:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(
        time_unix_nano=at, observed_time_unix_nano=seen, severity_number=severity if severity <= 24 else 0,
        severity_text=text, event_name="e", trace_id=b"1" * 16,
    )  # fmt: skip
    if body is not None:
        record.body.CopyFrom(body)
    decoded = logs_decoder.decode(request.SerializeToString(), NOW)
    check(decoded)
    batch = decoded.batch
    assert batch.time_ns[0] == min(at or seen or NOW, 2**63 - 1)
    assert decoded.timed == bool(at or seen)
    by_text = {"WARN": 13, "fatal": 21}.get(text, 0)
    assert batch.severity[0] == (severity if 1 <= severity <= 24 else by_text)
    if body is not None and body.WhichOneof("value") == "string_value":
        assert batch.body[0] == body.string_value
    assert json.loads(batch.attributes[0]) == {"event.name": "e"}


def test_what_is_not_utf_8_is_kept_as_well_as_it_can_be() -> None:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="naXXme")
    span.attributes.add(key="k").value.string_value = "vaXXlue"
    batch = spans_decoder.decode(request.SerializeToString().replace(b"XX", b"\xff\xfe")).batch
    assert batch.name[0] == "na\ufffd\ufffdme"
    assert json.loads(batch.attributes[0]) == {"k": "va\ufffd\ufffdlue"}


def test_a_million_attributes_cost_a_row_its_surplus() -> None:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    body = span.SerializeToString() + b"\x4a\x02\x0a\x00" * 1_000_000
    for _ in range(3):
        number = 1 if _ == 2 else 2
        size, length = len(body), b""
        while size > 127:
            length += bytes([size & 127 | 128])
            size >>= 7
        body = bytes([number << 3 | 2]) + length + bytes([size]) + body
    decoded = spans_decoder.decode(body)
    assert len(decoded.batch) == 1
    assert sum(decoded.cut.values()) == 999_992


def test_json_of_too_many_objects_is_refused() -> None:
    body = b'{"resourceSpans":[' + b",".join([b"{}"] * 2000) + b"]}"
    with pytest.raises(TooLarge):
        JsonForm(most_messages=1000).encode("traces", body)


def test_a_row_that_is_too_large_is_refused_and_its_neighbours_kept() -> None:
    request = ExportTraceServiceRequest()
    spans_ = request.resource_spans.add().scope_spans.add().spans
    spans_.add(trace_id=b"t" * 16, span_id=b"s" * 8).attributes.add(key="k").value.string_value = "x" * (9 << 20)
    spans_.add(trace_id=b"t" * 16, span_id=b"s" * 8).attributes.add(key="k").value.string_value = "x" * 1000
    decoded = spans_decoder.decode(request.SerializeToString())
    assert sum(decoded.refused.values()) == len(decoded.batch) == 1
    assert json.loads(decoded.batch.attributes[0]) == {"k": "x" * 64}
    assert sum(decoded.cut.values()) == 1
