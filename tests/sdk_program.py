"""What an instrumented program does: spans, metrics and logs through the OpenTelemetry SDK."""

import logging
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind


def emit(span_exporter: Any, metric_exporter: Any, log_exporter: Any) -> None:
    """One failing payment with a database call, a few measurements, one warning; returns when all is sent."""
    from opentelemetry.instrumentation.logging.handler import LoggingHandler

    resource = Resource.create({"service.name": "shop", "host.name": "h1"})
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(span_exporter))
    meters = MeterProvider([PeriodicExportingMetricReader(metric_exporter, 3_600_000)], resource=resource)
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(BatchLogRecordProcessor(log_exporter))
    logger = logging.getLogger("sdk_program")
    logger.propagate = False
    logger.handlers = [LoggingHandler(logger_provider=loggers)]

    tracer = tracers.get_tracer("tests")
    try:
        with tracer.start_as_current_span("pay", attributes={"list": ["a", "b"], "n": 1}) as span:
            logger.warning("out of paper")
            links = [Link(span.get_span_context())]
            attributes = {"db.system.name": "sqlite", "db.namespace": "orders"}
            tracer.start_span("query", kind=SpanKind.CLIENT, attributes=attributes, links=links).end()
            raise ValueError("no stock")
    except ValueError:
        pass
    meter = meters.get_meter("tests")
    meter.create_counter("orders", "{order}").add(3, {"route": "/pay"})
    meter.create_gauge("queue.length").set(7)
    meter.create_up_down_counter("active").add(-1)
    duration = meter.create_histogram("pay.duration", "ms")
    duration.record(10)
    duration.record(20)
    for provider in (tracers, meters, loggers):
        provider.shutdown()
