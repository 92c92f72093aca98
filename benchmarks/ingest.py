"""Claim: OTLP spans are taken, durable before the 200, at ≥ 20,000/s on one core; remote write at ≥ 150,000 samples/s.

    python -m benchmarks.ingest [--seconds 8] [--no-peers]

Durability of Triops: DuckDB's write-ahead log is synced (fsync) before each answer. Peers, same senders, and Triops
measured a second time on the very requests that they get:
`mlflow server --workers 1` (SQLite, its default) and Phoenix (SQLite; answers before it has stored); for remote write
Debian's Prometheus as a receiver (compiled Go; its write-ahead log is not synced before the answer).
"""

import argparse
import http.client
import random
import shutil
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cramjam
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.peers import QUIET, environment, free_port, server, tree_cpu_s, triops_command

SPANS = 1000  # of one request
FEW = 200  # of one request where peers are compared
SERIES, SAMPLES = 2000, 1  # of one remote-write request: as Prometheus sends them, a sample a series


def trace_body(rng: random.Random, spans: int = SPANS) -> bytes:
    """Spans as an instrumented web service sends them: 6 attributes, traces of 4 spans."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    for key, value in (("service.name", "checkout"), ("host.name", "node-1"), ("telemetry.sdk.language", "python")):
        resource.resource.attributes.add(key=key).value.string_value = value
    out = resource.scope_spans.add()
    out.scope.name = "opentelemetry.instrumentation.flask"
    now = time.time_ns()
    trace = parent = b""
    for n in range(spans):
        if n % 4 == 0:
            trace, parent = rng.randbytes(16), b""
        span_id = rng.randbytes(8)
        start = now - rng.randrange(10**9)
        span = out.spans.add(
            trace_id=trace,
            span_id=span_id,
            parent_span_id=parent,
            name=f"GET /items/{n % 40}",
            kind=2 + n % 2,
            start_time_unix_nano=start,
            end_time_unix_nano=start + rng.randrange(10**8),
        )
        parent = span_id
        for key, value in (("http.request.method", "GET"), ("url.path", f"/items/{n % 40}"), ("url.scheme", "http")):
            span.attributes.add(key=key).value.string_value = value
        span.attributes.add(key="http.response.status_code").value.int_value = 200
        span.attributes.add(key="server.port").value.int_value = 8080
        span.attributes.add(key="client.address").value.string_value = f"10.0.0.{n % 250}"
    return request.SerializeToString()


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_body(rng: random.Random, sender: int, number: int) -> bytes:
    """Remote write 1.0 as Prometheus sends it: 2,000 series with 6 labels, a sample each, snappy block."""
    now = int(time.time() * 1000) - 60_000
    out = bytearray()
    for s in range(SERIES):
        labels = {
            "__name__": f"http_requests_total_{s % 20}",
            "code": "200",
            "handler": f"/api/{s}",
            "instance": f"10.0.{sender}.{s % 50}:9090",
            "job": "api",
            "zone": "a",
        }
        series = b"".join(_field(1, _field(1, k.encode()) + _field(2, v.encode())) for k, v in sorted(labels.items()))
        for n in range(SAMPLES):
            sample = (
                b"\x09" + struct.pack("<d", rng.random() * 1e6) + b"\x10" + _varint(now + (number * SAMPLES + n) * 100)
            )
            series += _field(2, sample)
        out += _field(1, series)
    return bytes(cramjam.snappy.compress_raw(bytes(out)))


def flood(
    port: int, path: str, headers: dict[str, str], bodies: list[list[bytes]], seconds: float
) -> tuple[int, float, list[float]]:
    """Send from one thread a list of bodies, keep-alive; answers (acknowledged requests, seconds, latencies)."""
    latencies: list[float] = []
    done = [0] * len(bodies)
    until = time.perf_counter() + seconds

    def send(n: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        for body in bodies[n]:
            if time.perf_counter() > until:
                break
            began = time.perf_counter()
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status in (429, 503):  # back-pressure: the request is not taken
                time.sleep(0.05)
                continue
            assert answer.status in (200, 204), (answer.status, path)
            latencies.append(time.perf_counter() - began)
            done[n] += 1
        connection.close()

    threads = [threading.Thread(target=send, args=(n,)) for n in range(len(bodies))]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done), time.perf_counter() - began, sorted(latencies)


def measure(
    name: str, pid: int, per_request: int, unit: str, run: Callable[[], tuple[int, float, list[float]]]
) -> float:
    cpu = tree_cpu_s(pid)
    requests, took, latencies = run()
    cpu = tree_cpu_s(pid) - cpu
    rate = requests * per_request / took
    p50, p99 = (latencies[int(len(latencies) * q)] * 1000 for q in (0.5, 0.99))
    print(
        f"{name:34} {rate:>12,.0f} {unit}/s   {cpu / max(1, requests * per_request) * 1e6:8.1f} µs CPU/{unit[:-1]}   "
        f"p50 {p50:.0f} ms, p99 {p99:.0f} ms a request",
        flush=True,
    )
    return rate


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--senders", type=int, default=8)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    rng = random.Random(7)
    protobuf = {"Content-Type": "application/x-protobuf"}
    print("server on one core; durability: write-ahead log synced before the answer (Triops)")
    traces = [[trace_body(rng) for _ in range(60)] for _ in range(options.senders)]
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = triops_command(Path(folder) / "data", port)
        with server(command, f"http://127.0.0.1:{port}/health", env=QUIET) as process:
            measure(
                "Triops, OTLP spans",
                process.pid,
                SPANS,
                "spans",
                lambda: flood(port, "/v1/traces", protobuf, traces, options.seconds),
            )
            writes = [[write_body(rng, n, i) for i in range(200)] for n in range(options.senders)]
            headers = {
                "Content-Type": "application/x-protobuf",
                "Content-Encoding": "snappy",
                "X-Prometheus-Remote-Write-Version": "0.1.0",
            }
            samples = measure(
                "Triops, remote write",
                process.pid,
                SERIES * SAMPLES,
                "samples",
                lambda: flood(port, "/api/v1/write", headers, writes, options.seconds),
            )
            # The peers get small requests, which suit them better; the ratios compare with ours on the very same ones.
            small = [[trace_body(rng, FEW) for _ in range(60)] for _ in range(options.senders)]
            alike = measure(
                f"Triops, OTLP spans, {FEW} a request",
                process.pid,
                FEW,
                "spans",
                lambda: flood(port, "/v1/traces", protobuf, small, options.seconds),
            )
    if options.no_peers:
        return
    if prometheus := shutil.which("prometheus"):
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            (Path(folder) / "config.yml").write_text("{}")
            command = [
                prometheus, "--web.enable-remote-write-receiver", f"--web.listen-address=127.0.0.1:{port}",
                f"--config.file={folder}/config.yml", f"--storage.tsdb.path={folder}/tsdb",
            ]  # fmt: skip
            with server(command, f"http://127.0.0.1:{port}/-/ready") as process:
                writes = [[write_body(rng, n, i) for i in range(200)] for n in range(options.senders)]
                peer = measure(
                    "Prometheus, remote write",
                    process.pid,
                    SERIES * SAMPLES,
                    "samples",
                    lambda: flood(port, "/api/v1/write", headers, writes, options.seconds),
                )
                print(f"ratio Triops / Prometheus: {samples / peer:.2f}x")
    else:
        print("skipped: Debian's prometheus is not installed")
    with tempfile.TemporaryDirectory() as folder:
        if binaries := environment("mlflow", "mlflow==3.17.2"):
            port = free_port()
            command = [
                str(binaries / "mlflow"), "server", "--workers", "1", "--port", str(port),
                "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
            ]  # fmt: skip
            with server(command, f"http://127.0.0.1:{port}/health", limit_s=180) as process:
                peer = measure(
                    "mlflow server --workers 1, spans",
                    process.pid,
                    FEW,
                    "spans",
                    lambda: flood(
                        port, "/v1/traces", protobuf | {"x-mlflow-experiment-id": "0"}, small, options.seconds
                    ),
                )
                print(f"ratio Triops / MLflow: {alike / peer:.1f}x")
        if binaries := environment("phoenix", "arize-phoenix"):
            port = free_port()
            with server(
                [str(binaries / "phoenix"), "serve"],
                f"http://127.0.0.1:{port}/healthz",
                limit_s=180,
                env={
                    "PHOENIX_WORKING_DIR": folder,
                    "PHOENIX_PORT": str(port),
                    "PHOENIX_GRPC_PORT": str(free_port()),
                    "PHOENIX_HOST": "127.0.0.1",
                },
            ) as process:
                peer = measure(
                    "Phoenix, spans (not yet stored)",
                    process.pid,
                    FEW,
                    "spans",
                    lambda: flood(port, "/v1/traces", protobuf, small, options.seconds),
                )
                print(f"ratio Triops / Phoenix: {alike / peer:.1f}x")


if __name__ == "__main__":
    main()
