"""Fills a running server through the doors that users have: OTLP by the OpenTelemetry SDK, an alert, a change."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from opentelemetry import context as otel_context
from opentelemetry import trace as otel_trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from triops.sdk import Client
from triops.testing.server import wait_for

BIG = 10_000  # spans of the large trace
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
NS = 1_000_000_000


@dataclass(frozen=True)
class Seeded:
    """What a test may look for."""

    incident: str
    change: str
    small_trace: str
    big_trace: str


class _Program:
    """One instrumented service: its tracer and its logger."""

    def __init__(self, url: str, service: str) -> None:
        resource = Resource.create({"service.name": service, "service.version": "1.2", "host.name": "box-1"})
        self.spans = TracerProvider(resource=resource)
        self.spans.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces"), max_queue_size=2 * BIG, max_export_batch_size=2000)
        )
        self.logs = LoggerProvider(resource=resource)
        self.logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{url}/v1/logs")))
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{url}/v1/metrics"), 3_600_000)
        self.meters = MeterProvider([reader], resource=resource)
        self.tracer = self.spans.get_tracer("seeding")

    def logger(self, name: str) -> logging.Logger:
        from opentelemetry.instrumentation.logging.handler import LoggingHandler

        logger = logging.getLogger(f"seeding.{name}")
        logger.propagate = False
        logger.setLevel(logging.INFO)
        logger.handlers = [LoggingHandler(logger_provider=self.logs)]
        return logger

    def close(self) -> None:
        for provider in (self.spans, self.logs, self.meters):
            provider.shutdown()


def seed(url: str, hook: str, key: str = "") -> Seeded:
    """A shop of three services with some minutes of traffic, one deploy, one alert, and a proposed action.

    `hook` is the address that the proposed action posts to.
    """
    client = Client(url, key or None)
    programs = {name: _Program(url, name) for name in ("front", "catalogue", "pricing")}
    now = time.time_ns()
    for i in range(60):
        _request(programs, now - (300 - 5 * i) * NS, slow=i > 45, fails=i % 20 == 7)
    small = _request(programs, now - 2 * NS, slow=True, fails=False)
    big = _large(programs["catalogue"], now - 60 * NS)
    front, pricing = programs["front"].logger("front"), programs["pricing"].logger("pricing")
    for i in range(40):
        front.info("GET /product/%d answered 200", i)
    pricing.warning("slow price lookup: full scan of 120000 rows")
    pricing.error("payment refused for %s", HOSTILE)
    gauge = programs["front"].meters.get_meter("seeding").create_gauge("queue.length", "{job}")
    for lane in range(3):
        gauge.set(5 + lane, {"lane": str(lane)})
    for program in programs.values():
        program.close()
    client.apply(_documents(hook))
    change = client.record_change(
        "service", "pricing", "config", "pricing v2: new price rules", author="dana", details={"from": "v1", "to": "v2"}
    )
    client.record_change("service", "front", "deploy", f"front v7 {HOSTILE}", author="ci", details={"to": "v7"})
    _alert(url, key)
    incident = _when(lambda: client.incidents(status="active"), "an incident")[0]
    _when(lambda: client.incident(incident["id"])["actions"], "a proposed action")
    _when(lambda: client.traces(limit=100), "traces")
    client.close()
    return Seeded(incident["id"], change["id"], small, big)


def _when(ask: Callable[[], Any], what: str) -> Any:
    return wait_for(ask, limit_s=30, what=what)


def _request(programs: dict[str, _Program], at: int, *, slow: bool, fails: bool) -> str:
    """front → catalogue → pricing → its database. Answers the trace id."""
    price = 400 if slow else 12
    plan = [
        ("front", "GET /product/{id}", SpanKind.SERVER, 0, price + 30),
        ("front", "GET catalogue", SpanKind.CLIENT, 2, price + 26),
        ("catalogue", "GET /products", SpanKind.SERVER, 4, price + 20),
        ("catalogue", "GET pricing", SpanKind.CLIENT, 8, price + 10),
        ("pricing", "GET /price", SpanKind.SERVER, 10, price + 6),
        ("pricing", "SELECT prices", SpanKind.CLIENT, 12, price),
    ]
    context, open_spans = otel_context.Context(), []
    for service, name, kind, start_ms, took_ms in plan:
        attributes = {"db.system.name": "sqlite", "db.namespace": "prices"} if name.startswith("SELECT") else {}
        start = at + start_ms * 1_000_000
        span = programs[service].tracer.start_span(name, context, kind, attributes, start_time=start)
        context = otel_trace.set_span_in_context(span, context)
        open_spans.append((span, start + took_ms * 1_000_000))
    if fails:
        open_spans[4][0].set_status(Status(StatusCode.ERROR, "no such price"))
    for span, end in reversed(open_spans):
        span.end(end)
    return f"{open_spans[0][0].get_span_context().trace_id:032x}"


def _large(program: _Program, at: int) -> str:
    root = program.tracer.start_span("rebuild the index", otel_context.Context(), start_time=at)
    context = otel_trace.set_span_in_context(root)
    for i in range(BIG - 1):
        start = at + i * 1_000_000
        program.tracer.start_span(f"row {i}", context, start_time=start).end(start + 900_000)
    root.end(at + BIG * 1_000_000)
    return f"{root.get_span_context().trace_id:032x}"


def _documents(hook: str) -> list[dict[str, Any]]:
    def post(version: str) -> dict[str, Any]:
        return {"actuator": "http", "spec": {"method": "POST", "url": hook, "json": {"version": version}}}

    runbook = {
        "title": "Roll back {{change.title}}",
        "when": {"change_kinds": ["config"]},
        "effect": post("{{change.details.from}}"),
        "undo": post("{{change.details.to}}"),
        "reach": "one service",
        "entities": 1,
        "verify_s": 30,
    }
    return [
        {"kind": "Runbook", "name": "rollback", "spec": runbook},
        {
            "kind": "Policy",
            "name": "ask-first",
            "spec": {"runbook": "rollback", "level": "ask", "min_probability": 0.0},
        },
    ]


def _alert(url: str, key: str) -> None:
    labels = {"alertname": "PricingSlow", "service": "pricing", "severity": "critical"}
    alert = {"labels": labels, "annotations": {"summary": "pricing answers slowly"}}
    headers = {"authorization": f"Bearer {key}"} if key else {}
    httpx.post(f"{url}/api/v2/alerts", json=[alert], headers=headers).raise_for_status()
