"""Claim: a trace for an MLflow experiment costs about what OTLP ingest costs, and many times less than in MLflow.

    python -m benchmarks.mlflow_traces [--seconds 8] [--senders 8] [--no-peers]

Requests are OTLP of one trace of 10 spans (inputs, outputs, tokens: 5 kB) with the header of an experiment; the same
requests without it go to telemetry alone. Then a search of 20 of them.
Durability: Triops syncs both the records and the telemetry before it answers; `mlflow server --workers 1` has its
default, SQLite (synced at commit).
"""

import argparse
import json
import random
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.ingest import flood, measure
from benchmarks.peers import QUIET, environment, free_port, server, triops_command

SPANS = 10
PROTOBUF = {"Content-Type": "application/x-protobuf"}


def trace_body(rng: random.Random) -> bytes:
    """A question to an application: a root, a retrieval, calls of a model, as the `mlflow` client encodes them."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="telemetry.sdk.language").value.string_value = "python"
    trace, parent, now = rng.randbytes(16), b"", time.time_ns()
    out = group.scope_spans.add()
    words = " ".join(rng.choice(("weather", "paris", "tomorrow", "rain", "or", "sun")) for _ in range(30))
    for number in range(SPANS):
        span = out.spans.add(
            trace_id=trace,
            span_id=rng.randbytes(8),
            parent_span_id=parent,
            name="answer" if number == 0 else f"step_{number}",
            kind=1,
            start_time_unix_nano=now + number * 1000,
            end_time_unix_nano=now + 5_000_000,
        )
        span.status.code = 1
        for key, text in (
            ("mlflow.traceRequestId", f"tr-{trace.hex()}"),
            ("mlflow.spanType", "CHAIN" if number == 0 else "LLM"),
            ("mlflow.spanFunctionName", span.name),
        ):
            span.attributes.add(key=key).value.string_value = text
        for key, name in (("mlflow.spanInputs", "question"), ("mlflow.spanOutputs", "answer")):
            pair = span.attributes.add(key=key).value.kvlist_value.values.add(key=name)
            pair.value.string_value = words
        if number:
            usage = span.attributes.add(key="mlflow.chat.tokenUsage").value.kvlist_value
            for key, count in (("input_tokens", 30), ("output_tokens", 12), ("total_tokens", 42)):
                usage.values.add(key=key).value.int_value = count
        parent = span.span_id if number == 0 else parent
    return request.SerializeToString()


def search_ms(url: str, rounds: int = 7) -> float:
    """Median of the newest 20 traces of experiment 0, or of all that the peer has taken by then."""
    asked = {
        "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}],
        "filter": "status = 'OK' AND span.type = 'LLM'",
        "max_results": 20,
    }
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        assert len(_post(f"{url}/api/3.0/mlflow/traces/search", asked)["traces"]) > 0
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def _post(url: str, body: Mapping[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--senders", type=int, default=8)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    rng = random.Random(11)
    headers = {**PROTOBUF, "x-mlflow-experiment-id": "0"}

    def bodies(count: int) -> list[list[bytes]]:
        return [[trace_body(rng) for _ in range(count)] for _ in range(options.senders)]

    print(f"server on one core; traces of {SPANS} spans, one a request, {options.senders} senders")
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        with server(triops_command(Path(folder) / "data", port), f"{url}/health", env=QUIET) as process:
            plain = measure(
                "Triops, telemetry alone",
                process.pid,
                1,
                "traces",
                lambda: flood(port, "/v1/traces", PROTOBUF, bodies(1000), options.seconds),
            )
            kept = measure(
                "Triops, kept in an experiment too",
                process.pid,
                1,
                "traces",
                lambda: flood(port, "/v1/traces", headers, bodies(1000), options.seconds),
            )
            found = search_ms(url)
            print(f"{'Triops, 20 traces by a filter':34} {found:>12,.1f} ms")
    print(f"kept in an experiment: {kept / plain:.2f} of the rate of telemetry alone")
    if options.no_peers:
        return
    home = environment("mlflow", "mlflow==3.17.2")
    if home is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [
            str(home / "mlflow"), "server", "--workers", "1", "--port", str(port),
            "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/artifacts",
        ]  # fmt: skip
        with server(command, f"{url}/health", env={"MLFLOW_DISABLE_TELEMETRY": "true"}) as process:
            peer = measure(
                "mlflow server --workers 1",
                process.pid,
                1,
                "traces",
                lambda: flood(port, "/v1/traces", headers, bodies(200), options.seconds),
            )
            theirs = search_ms(url)
            print(f"{'mlflow server, 20 by a filter':34} {theirs:>12,.1f} ms")
    print(f"ratio: {kept / peer:.1f}x the traces, {theirs / found:.1f}x as fast a search")


if __name__ == "__main__":
    main()
