"""The unmodified OpenTelemetry SDK over HTTP, and OTLP/JSON as other senders write it."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.edge_server import Stores, check_lengths, serving
from triops.edges.otlp.handlers import routes
from triops.edges.otlp.intake import Intake
from triops.kernel.errors import Overloaded, StoreFull
from triops.kernel.limits import Limits
from triops.ports.clock import SystemClock
from triops.web.body import Bodies

LIMITS = Limits(body_bytes=1 << 20, compressed_bytes=1 << 18, rows_per_request=5000)


class Place:
    def __init__(self, stores: Stores, url: str) -> None:
        self.stores, self.url = stores, url

    async def post(self, path: str, body: bytes, kind: str = "application/x-protobuf", **headers: str):
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            headers = {"content-type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}}
            async with session.post(self.url + path, data=body, headers=headers) as answer:
                return answer.status, answer.headers, await answer.read()


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    stores = Stores()
    intake = Intake(stores.receiver(LIMITS), SystemClock(), LIMITS)
    async with serving(routes(intake, Bodies(LIMITS), stores.authenticate)) as port:
        yield Place(stores, f"http://127.0.0.1:{port}")


def request(count: int = 1, at_ns: int | None = None) -> ExportTraceServiceRequest:
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    at_ns = at_ns or time.time_ns()
    for i in range(count):
        group.scope_spans.add().spans.add(
            trace_id=bytes([1] * 16), span_id=(i + 1).to_bytes(8, "big"), name="pay", start_time_unix_nano=at_ns,
            end_time_unix_nano=at_ns + 5,
        )  # fmt: skip
    return message


@pytest.mark.parametrize("compression", list(Compression))
async def test_the_sdk_sends_all_three_signals(place: Place, compression: Compression) -> None:
    from tests.sdk_program import emit

    await asyncio.to_thread(
        emit,
        OTLPSpanExporter(f"{place.url}/v1/traces", compression=compression),
        OTLPMetricExporter(f"{place.url}/v1/metrics", compression=compression),
        OTLPLogExporter(f"{place.url}/v1/logs", compression=compression),
    )
    stores = place.stores
    for store in (stores.spans, stores.metrics, stores.logs):
        for batch in store.batches:
            check_lengths(batch)
            assert '"service.name":"shop"' in batch.resources.attributes[0]
    (spans,) = stores.spans.batches
    assert sorted(spans.name) == ["pay", "query"]
    child, parent = list(spans.name).index("query"), list(spans.name).index("pay")
    assert spans.parent_id[child] == spans.span_id[parent]
    assert (spans.peer[child], spans.kind[child]) == ("database:orders", 3)
    assert (spans.status[parent], spans.status_message[parent]) == (2, "ValueError: no stock")
    assert json.loads(spans.attributes[parent])["list"] == ["a", "b"]
    (event,) = json.loads(spans.events[parent])
    assert (event["name"], event["attributes"]["exception.type"]) == ("exception", "ValueError")
    assert json.loads(spans.links[child])[0]["trace_id"] == f"{spans.trace_hi[0]:016x}{spans.trace_lo[0]:016x}"
    assert spans.scope[parent] == "tests"
    (logs,) = stores.logs.batches
    at = list(logs.body).index("out of paper")
    assert logs.severity[at] == 13
    assert (logs.trace_hi[at], logs.span_id[at]) == (spans.trace_hi[parent], spans.span_id[parent])
    points = stores.metric_points()
    assert ('{"route":"/pay"}', "counter", 3.0) in points["orders"]
    assert points["queue.length"] == [("{}", "gauge", 7.0)]
    assert points["active"] == [("{}", "gauge", -1.0)]
    assert points["pay.duration_count"] == [("{}", "histogram", 2.0)]
    assert points["pay.duration_sum"] == [("{}", "histogram", 30.0)]
    assert ('{"le":"10"}', "histogram", 1.0) in points["pay.duration_bucket"]
    assert ('{"le":"+Inf"}', "histogram", 2.0) in points["pay.duration_bucket"]


async def test_json_answers_in_json_and_means_the_same(place: Place) -> None:
    now = time.time_ns()
    span = {
        "traceId": "5B8EFFF798038103D269B633813FC60C", "span_id": "eee19b7ec3c1b174", "parentSpanId": "",
        "name": "pay", "kind": "SPAN_KIND_CLIENT", "startTimeUnixNano": str(now), "end_time_unix_nano": now + 7,
        "attributes": [
            {"key": "n", "value": {"intValue": "12"}},
            {"key": "l", "value": {"arrayValue": {"values": [{"doubleValue": "NaN"}, {"boolValue": True}]}}},
        ],
        "status": {"code": 2}, "somethingNew": {"a": [1]},
    }  # fmt: skip
    tree = {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"spans": [span]}]}]}
    status, headers, body = await place.post("/v1/traces", json.dumps(tree).encode(), "application/json; charset=utf-8")
    assert (status, headers["content-type"], json.loads(body)) == (200, "application/json", {})
    (batch,) = place.stores.spans.batches
    assert (batch.trace_hi[0], batch.trace_lo[0]) == (0x5B8EFFF798038103, 0xD269B633813FC60C)
    assert (batch.kind[0], batch.status[0], batch.duration_ns[0]) == (3, 2, 7)
    assert json.loads(batch.attributes[0]) == {"n": 12, "l": ["NaN", True]}
    span["traceId"] = "xyz"
    status, headers, body = await place.post("/v1/traces", json.dumps(tree).encode(), "application/json")
    assert status == 400
    assert "scopeSpans[0].spans[0].traceId" in json.loads(body)["message"]


async def test_good_rows_are_kept_and_bad_ones_counted(place: Place) -> None:
    message = request(3)
    spans = [scope.spans[0] for scope in message.resource_spans[0].scope_spans]
    spans[0].trace_id = b"short"
    spans[1].start_time_unix_nano = 2**64 - 1
    status, headers, body = await place.post("/v1/traces", message.SerializeToString())
    partial = ExportTraceServiceResponse.FromString(body).partial_success
    assert (status, headers["content-type"], partial.rejected_spans) == (200, "application/x-protobuf", 2)
    assert "trace_id must be 16 bytes" in partial.error_message
    assert "in the future" in partial.error_message
    assert place.stores.spans.rows() == 1


async def test_a_repeated_request_is_stored_once(place: Place) -> None:
    body = request(2).SerializeToString()
    assert (await place.post("/v1/traces", body))[0] == 200
    assert (await place.post("/v1/traces", gzip.compress(body), content_encoding="gzip"))[0] == 200
    assert place.stores.spans.rows() == 2


@pytest.mark.parametrize(
    ("body", "kind", "encoding", "status", "word"),
    [
        (b"\x0a\xff", "application/x-protobuf", "", 400, "not a protobuf"),
        (request().SerializeToString()[:-3], "application/x-protobuf", "", 400, "not a protobuf"),
        (b"{", "application/json", "", 400, "not JSON"),
        (b"x", "text/plain", "", 415, "text/plain"),
        (b"x", "application/x-protobuf", "br", 415, "br"),
        (b"xx", "application/x-protobuf", "gzip", 400, "content encoding"),
        (gzip.compress(b"abc")[:-9], "application/x-protobuf", "gzip", 400, "cut short"),
        (gzip.compress(bytes(2 << 20)), "application/x-protobuf", "gzip", 413, "larger than"),
        (bytes(2 << 20), "application/x-protobuf", "", 413, "larger than"),
        (b"\x0a\x00" * 6000, "application/x-protobuf", "", 413, "more than 5000"),
    ],
    ids=range(10),
)
async def test_what_is_not_right_is_answered_clearly(
    place: Place, body: bytes, kind: str, encoding: str, status: int, word: str
) -> None:
    got, headers, answer = await place.post(
        "/v1/traces", body, kind, **({"content_encoding": encoding} if encoding else {})
    )
    assert got == status
    as_json = kind == "application/json"
    message = json.loads(answer)["message"] if as_json else Status.FromString(answer).message
    assert word in message
    assert headers["content-type"] == ("application/json" if as_json else "application/x-protobuf")
    assert place.stores.spans.rows() == 0


async def test_too_many_rows_are_refused_whole(place: Place) -> None:
    message = request(1)
    spans = message.resource_spans[0].scope_spans[0].spans
    for _ in range(5000):
        spans.add()
    assert (await place.post("/v1/traces", message.SerializeToString()))[0] == 413
    assert place.stores.spans.rows() == 0


async def test_clients_are_told_to_keep_their_data(place: Place) -> None:
    place.stores.spans.fail = [Overloaded("the queue is full", retry_after_s=2.5), StoreFull("the disk is full")]
    body = request().SerializeToString()
    status, headers, _ = await place.post("/v1/traces", body)
    assert (status, headers["retry-after"]) == (429, "3")
    status, headers, answer = await place.post("/v1/traces", body)
    assert (status, headers["retry-after"]) == (507, "5")
    assert Status.FromString(answer).code == 14
    assert (await place.post("/v1/traces", body))[0] == 200
    assert place.stores.spans.rows() == 1


async def test_without_a_key_nothing_is_read(place: Place) -> None:
    place.stores.deny = True
    status, headers, _ = await place.post("/v1/traces", request().SerializeToString())
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
