"""The unmodified OpenTelemetry SDK over gRPC, on the port of HTTP/1 and on one of its own."""

import asyncio
import gzip
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.conformance.test_otlp_http import request
from tests.edge_server import Stores, serving, until
from tests.sdk_program import emit
from triops.edges.otlp.grpc_server import SERVICES, GrpcServer
from triops.edges.otlp.handlers import routes
from triops.edges.otlp.intake import Intake
from triops.kernel.errors import Overloaded, StoreFull
from triops.kernel.limits import Limits
from triops.ports.clock import SystemClock
from triops.web import sniff
from triops.web.body import Bodies
from triops.web.sniff import PREFACE, Nobody, sniffing_protocol
from triops.web.splice import listen

LIMITS = Limits(body_bytes=8 << 20, rows_per_request=200_000)


class Place:
    def __init__(self, stores: Stores, inner: GrpcServer, port: int) -> None:
        self.stores, self.inner, self.port = stores, inner, port

    async def call(self, body: bytes, port: int = 0, signal: str = "traces", **options: Any) -> bytes:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port or self.port}") as channel:
            answer: bytes = await channel.unary_unary(f"/{SERVICES[signal]}/Export")(body, timeout=20, **options)
            return answer


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    stores = Stores()
    bodies = Bodies(LIMITS)
    intake = Intake(stores.receiver(LIMITS), SystemClock(), LIMITS)
    inner = GrpcServer(intake, bodies, stores.authenticate, LIMITS)
    served = routes(intake, bodies, stores.authenticate)
    async with serving(served, http=sniffing_protocol(inner, Nobody()), timeout_graceful_shutdown=5) as port:
        yield Place(stores, inner, port)
    await inner.stop(0)


async def test_the_sdk_sends_all_three_signals_on_the_port_of_http(place: Place) -> None:
    url = f"http://127.0.0.1:{place.port}"
    gzipped = grpc.Compression.Gzip
    await asyncio.to_thread(
        emit, OTLPSpanExporter(url, insecure=True, compression=gzipped),
        OTLPMetricExporter(url, insecure=True, compression=gzipped), OTLPLogExporter(url, insecure=True),
    )  # fmt: skip
    assert sorted(place.stores.spans.texts("name")) == ["pay", "query"]
    assert "out of paper" in place.stores.logs.texts("body")
    assert place.stores.metric_points()["queue.length"] == [("{}", "gauge", 7.0)]
    async with aiohttp.ClientSession() as session:
        body, headers = request(3).SerializeToString(), {"content-type": "application/x-protobuf"}
        async with session.post(f"{url}/v1/traces", data=body, headers=headers) as answer:
            assert answer.status == 200
    assert place.stores.spans.rows() == 5


async def test_a_listener_of_its_own(place: Place) -> None:
    listener = await listen(place.inner, "127.0.0.1", 0)
    assert listener
    port = listener.sockets[0].getsockname()[1]
    assert await listen(place.inner, "127.0.0.1", port) is None
    assert await place.call(request(2).SerializeToString(), port) == b""
    assert place.stores.spans.rows() == 2
    listener.close()


async def test_large_messages_pass_with_back_pressure(place: Place) -> None:
    body = request(90_000).SerializeToString()
    assert len(body) > 4 << 20
    await asyncio.gather(place.call(body), place.call(body), place.call(request(1).SerializeToString()))
    assert place.stores.spans.rows() in (90_001, 180_001)  # the equal requests may both be in decoding


async def test_identity_rides_in_metadata(place: Place) -> None:
    await place.call(request().SerializeToString(), metadata=(("authorization", "Bearer tri_x"),))
    assert place.stores.seen[-1]["authorization"] == "Bearer tri_x"
    place.stores.deny = True
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await place.call(request().SerializeToString())
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        (b"\x0a\xff", grpc.StatusCode.INVALID_ARGUMENT, "not a protobuf"),
        (gzip.compress(bytes(9 << 20), mtime=0), grpc.StatusCode.INVALID_ARGUMENT, "larger than"),
        (gzip.compress(b"abc", mtime=0)[:-4], grpc.StatusCode.INVALID_ARGUMENT, "cut short"),
    ],
)
async def test_what_is_not_right_is_answered_clearly(
    place: Place, body: bytes, code: grpc.StatusCode, word: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await place.call(body)
    assert caught.value.code() is code
    assert word in (caught.value.details() or "")


async def test_clients_are_told_to_keep_their_data(place: Place) -> None:
    place.stores.spans.fail = [Overloaded("the queue is full", retry_after_s=2.5), StoreFull("the disk is full")]
    for code, seconds in ((grpc.StatusCode.RESOURCE_EXHAUSTED, 2.5), (grpc.StatusCode.UNAVAILABLE, 5.0)):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await place.call(request().SerializeToString())
        assert caught.value.code() is code
        raw = dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"]
        info = RetryInfo()
        assert Status.FromString(raw).details[0].Unpack(info)
        assert info.retry_delay.ToTimedelta().total_seconds() == seconds


async def test_partial_success(place: Place) -> None:
    message = request(2)
    message.resource_spans[0].scope_spans[0].spans[0].span_id = b""
    answer = ExportTraceServiceResponse.FromString(await place.call(message.SerializeToString()))
    assert answer.partial_success.rejected_spans == 1


async def test_a_preface_that_comes_byte_by_byte_and_one_that_is_none(place: Place) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    for byte in PREFACE:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)
    writer.write(b"\0\0\0\4\0\0\0\0\0")  # an empty SETTINGS frame
    settings = await asyncio.wait_for(reader.readexactly(9), 10)
    assert settings[3] == 4
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    writer.write(b"PRI")
    await writer.drain()
    writer.write(b"OR / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 4")
    writer.close()


async def test_the_unconfigured_distribution_needs_one_variable(place: Place, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import logging, sqlite3\n"
        "from opentelemetry import trace\n"
        "with trace.get_tracer('p').start_as_current_span('whole'):\n"
        "    sqlite3.connect(':memory:').cursor().execute('select 1')\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{place.port}"
    tool = Path(sys.executable).with_name("opentelemetry-instrument")
    command = [str(tool), sys.executable, str(program)]
    done = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    await until(lambda: {"whole", "select"} <= set(place.stores.spans.texts("name")))
    assert "database:" in "".join(place.stores.spans.texts("peer"))


async def test_an_idle_connection_does_not_hold_up_the_end() -> None:
    stores, bodies = Stores(), Bodies(LIMITS)
    intake = Intake(stores.receiver(LIMITS), SystemClock(), LIMITS)
    inner = GrpcServer(intake, bodies, stores.authenticate, LIMITS)
    await inner.stop(0)  # safe before start
    inner = GrpcServer(intake, bodies, stores.authenticate, LIMITS)
    async with asyncio.timeout(20):
        async with serving([], http=sniffing_protocol(inner, Nobody())) as port:
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
            call = channel.unary_unary(f"/{SERVICES['traces']}/Export")
            await call(request().SerializeToString())
            # leaving the block stops the server, and waits until no connection is left
        await channel.close()
    await inner.stop(0)
    assert stores.spans.rows() == 1


async def test_who_says_nothing_or_never_ends_a_head_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sniff, "HEAD_S", 0.05)
    stores, bodies, made = Stores(), Bodies(LIMITS), []
    intake = Intake(stores.receiver(LIMITS), SystemClock(), LIMITS)
    inner = GrpcServer(intake, bodies, stores.authenticate, LIMITS)

    class Counted(Nobody):
        def back(self, protocol: Any, arguments: tuple[Any, ...]) -> None:
            made.append(protocol)

    async with asyncio.timeout(20):
        async with serving([], http=sniffing_protocol(inner, Counted()), timeout_keep_alive=0.05) as port:
            channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
            call = channel.unary_unary(f"/{SERVICES['traces']}/Export")
            await call(request().SerializeToString())
            for beginning in (b"", b"GET /health HTTP/1.1\r\nhost: x\r\nx-slow: "):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(beginning)
                assert await reader.read() == b""
                writer.close()
            await call(request(2).SerializeToString())  # over the connection that it had
            assert len(made) == 3
            await channel.close()
    await inner.stop(0)
