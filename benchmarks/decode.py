"""Decode alone, one thread, no network and no store: `python -m benchmarks.decode`.

Spans: requests of 1,000 with six attributes, one of them new on each span (more values than a cache holds). Remote
write: requests of 2,000 series with one sample each, seven labels, the same series in each request (as a sender repeats
them), and new to the decoder (as after a start). The best of many rounds: what
the machine can do when nothing else runs.
"""

import itertools
import os
import random
import struct
import time
from collections.abc import Callable

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from triops.edges.otlp.wire import LogDecoder, MetricDecoder, SpanDecoder
from triops.edges.prometheus.wire import Known, WriteDecoder
from triops.kernel.limits import Limits

NOW = 1_800_000_000_000_000_000


def best_rate(rows: int, work: Callable[[], object], seconds: float = 1.0) -> float:
    """Rows a second of the fastest round."""
    work()
    best, end = float("inf"), time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        work()
        best = min(best, time.perf_counter() - start)
    return rows / best


def span_request(first: int, count: int = 1000) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    scope = group.scope_spans.add(scope={"name": "benchmark"})
    for i in range(count):
        span = scope.spans.add(
            trace_id=os.urandom(16), span_id=os.urandom(8), parent_span_id=os.urandom(8), kind=random.choice([1, 2, 3]),
            name=random.choice(["GET /pay", "POST /orders"]), start_time_unix_nano=NOW, end_time_unix_nano=NOW + i,
        )  # fmt: skip
        for key, value in (
            ("http.request.method", "GET"), ("http.route", "/pay/{id}"), ("server.address", "shop"),
            ("user_agent.original", "curl/8"), ("url.path", f"/pay/{first + i}"),
        ):  # fmt: skip
            span.attributes.add(key=key).value.string_value = value
        span.attributes.add(key="http.response.status_code").value.int_value = 200
    return request.SerializeToString()


def log_request(count: int = 1000) -> bytes:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    scope = group.scope_logs.add()
    for i in range(count):
        record = scope.log_records.add(time_unix_nano=NOW, severity_number=9, trace_id=os.urandom(16))
        record.body.string_value = f"order {i} was paid with card"
        record.attributes.add(key="code.function").value.string_value = "pay"
        record.attributes.add(key="code.lineno").value.int_value = 42
    return request.SerializeToString()


def point_request(count: int = 2000) -> bytes:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    metric = group.scope_metrics.add().metrics.add(name="orders")
    metric.sum.is_monotonic, metric.sum.aggregation_temporality = True, 2
    for i in range(count):
        point = metric.sum.data_points.add(time_unix_nano=NOW, as_double=i * 0.5)
        point.attributes.add(key="route").value.string_value = f"/pay/{i}"
        point.attributes.add(key="method").value.string_value = "GET"
    return request.SerializeToString()


def write_request(count: int = 2000) -> bytes:
    def varint(value: int) -> bytes:
        out = bytearray()
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        return bytes([*out, value])

    def nested(field: int, data: bytes) -> bytes:
        return bytes([field << 3 | 2]) + varint(len(data)) + data

    out = []
    for i in range(count):
        labels = {
            "__name__": f"http_requests_{i % 50}_total", "code": "200", "handler": f"/api/{i}", "method": "GET",
            "instance": f"10.0.0.{i % 20}:9090", "job": "api", "region": "eu",
        }  # fmt: skip
        series = b"".join(nested(1, nested(1, k.encode()) + nested(2, v.encode())) for k, v in sorted(labels.items()))
        sample = b"\x09" + struct.pack("<d", i + 0.5) + b"\x10" + varint(NOW // 1_000_000)
        out.append(nested(1, series + nested(2, sample)))
    return b"".join(out)


def main() -> None:
    limits = Limits()
    spans, logs, metrics, write = SpanDecoder(limits), LogDecoder(limits), MetricDecoder(limits), WriteDecoder(limits)
    log_body, point_body, write_body = log_request(), point_request(), write_request()
    span_bodies = itertools.cycle([span_request(first) for first in range(0, 40_000, 1000)])
    known = Known()
    for what, rows, work, least in (
        ("OTLP spans", 1000, lambda: spans.decode(next(span_bodies)), 150_000),
        ("OTLP log records", 1000, lambda: logs.decode(log_body, NOW), None),
        ("OTLP number points", 2000, lambda: metrics.decode(point_body), None),
        ("remote-write samples, known series", 2000, lambda: write.decode(write_body, known), 300_000),
        ("remote-write samples, new series", 2000, lambda: write.decode(write_body, Known()), None),
    ):
        aim = f"  (aim: {least:,})" if least else ""
        print(f"decode  {what:<36}{best_rate(rows, work):>12,.0f}/s{aim}")


if __name__ == "__main__":
    main()
