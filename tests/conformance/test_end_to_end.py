"""Unmodified senders fill a real `triops up`, and the API shows what they sent."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from triops.testing.server import RunningTriops, wait_for

PROGRAM = """
import logging, sys
from opentelemetry import metrics, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

resource = Resource.create({"service.name": "checkout", "host.name": "node-7"})
traces = TracerProvider(resource=resource)
traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource)
logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
logger = logging.getLogger("shop")
logger.addHandler(LoggingHandler(logger_provider=logs))
logger.setLevel(logging.INFO)
tracer, meter = traces.get_tracer("shop"), meters.get_meter("shop")
orders = meter.create_counter("shop.orders", unit="{order}")
latency = meter.create_histogram("shop.latency", unit="ms")
meter.create_observable_gauge("shop.queue", [lambda _: [metrics.Observation(7, {"lane": "fast"})]])
for n in range(5):
    with tracer.start_as_current_span("POST /pay", kind=trace.SpanKind.SERVER) as span:
        span.set_attribute("cart.items", n)
        span.add_event("charged", {"amount": 9.5})
        called = {"db.system": "postgresql", "db.name": "orders"}
        with tracer.start_as_current_span("SELECT", kind=trace.SpanKind.CLIENT, attributes=called):
            orders.add(2, {"region": "eu"})
            latency.record(12.5 * n, {"region": "eu"})
        logger.warning("card of customer %s declined", n)
for provider in (traces, meters, logs):
    provider.force_flush()
    provider.shutdown()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with RunningTriops(Path(tmp_path_factory.mktemp("e2e")) / "data") as running:
        yield running


@pytest.fixture(scope="module")
def sent(server: RunningTriops, tmp_path_factory: pytest.TempPathFactory) -> RunningTriops:
    program = Path(tmp_path_factory.mktemp("program")) / "shop.py"
    program.write_text(PROGRAM)
    env = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, str(program)],
        env=env | {"OTEL_EXPORTER_OTLP_ENDPOINT": server.url},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "Failed to export" not in done.stderr
    return server


@pytest.mark.parametrize(
    ("selector", "value"),
    [
        ("shop.orders", 10.0),
        ('shop_orders_total{region="eu"}', 10.0),
        ('{"shop.orders", "service.name"="checkout"}', 10.0),
        ("shop_latency_milliseconds_count", 5.0),
        ("shop.latency_sum", 125.0),
        ('shop_queue{lane="fast", job="checkout"}', 7.0),
    ],
)
def test_metrics_of_an_sdk_program(sent: RunningTriops, selector: str, value: float) -> None:
    (series,) = sent.client.series(selector)
    assert series["points"][-1][1] == value
    assert series["labels"]["service.name"] == "checkout"


def test_logs_of_an_sdk_program(sent: RunningTriops) -> None:
    records = sent.client.logs(service="checkout", severity="warn", query="CUSTOMER 3")
    assert [r["body"] for r in records] == ["card of customer 3 declined"]
    assert len(records[0]["trace_id"]) == 32
    everyone = sent.client.logs(query="declined")
    assert len(everyone) == 5
    assert len({r["template_id"] for r in everyone}) == 1


def test_traces_of_an_sdk_program(sent: RunningTriops) -> None:
    traces = sent.client.traces(service="checkout", name="POST")
    assert len(traces) == 5
    assert {t["root_name"] for t in traces} == {"POST /pay"}
    spans = sent.client.trace(traces[0]["trace_id"])
    assert [s["kind"] for s in spans] == ["server", "client"]
    assert spans[1]["parent_span_id"] == spans[0]["span_id"]
    assert spans[0]["events"][0]["attributes"] == {"amount": 9.5}


def test_the_topology_draws_itself(sent: RunningTriops) -> None:
    def drawn() -> bool:
        entities = {e["id"] for e in sent.client.entities()}
        relations = {(r["source"], r["kind"], r["target"]) for r in sent.client.relations()}
        return {"service:checkout", "host:node-7", "database:orders"} <= entities and {
            ("service:checkout", "runs_on", "host:node-7"),
            ("service:checkout", "uses", "database:orders"),
        } <= relations

    wait_for(drawn, limit_s=45, what="entities and relations of the program")


def test_debian_prometheus_fills_it(server: RunningTriops, tmp_path: Path) -> None:
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("Debian's prometheus is not installed")
    port = server.url.rsplit(":", 1)[1]
    config = tmp_path / "prometheus.yml"
    config.write_text(
        f"global: {{scrape_interval: 1s}}\n"
        f"scrape_configs: [{{job_name: triops, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
        f"remote_write: [{{url: '{server.url}/api/v1/write'}}]\n"
    )
    command = [
        binary,
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path}/tsdb",
        "--web.listen-address=127.0.0.1:0",
    ]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            found = wait_for(
                lambda: [s for s in server.client.series('up{job="triops"}') if len(s["points"]) >= 3],
                limit_s=60,
                what="samples of Prometheus",
            )
        finally:
            process.terminate()
            process.wait(20)
    times = [t for t, _ in found[0]["points"]]
    assert {v for _, v in found[0]["points"]} == {1.0}
    assert times == sorted(set(times))
    assert abs(times[-1] - time.time()) < 60
    sources = {s["id"]: s for s in server.client.start()["sources"]}
    assert sources["remote_write"]["rows"] > 0
