"""Batches as OTLP protobuf, for the agent. Pure."""

from collections import defaultdict

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    Gauge,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from triops.kernel.signal import LogBatch, MetricBatch

_SCOPE = InstrumentationScope(name="triops.host")


def encode_metrics(batch: MetricBatch) -> bytes:
    """Gauges and counters of one resource."""
    series = batch.series
    row_of = {int(id_): row for row, id_ in enumerate(series.id)}
    points: defaultdict[tuple[str, str, str], list[NumberDataPoint]] = defaultdict(list)
    for id_, time_ns, value in zip(batch.series_id, batch.time_ns, batch.value, strict=True):
        row = row_of[int(id_)]
        points[series.name[row], series.type[row], series.unit[row]].append(
            NumberDataPoint(
                attributes=_attributes(series.labels[row]), time_unix_nano=int(time_ns), as_double=float(value)
            )
        )
    metrics = []
    for (name, type_, unit), data in points.items():
        if type_ == "counter":
            total = Sum(data_points=data, is_monotonic=True, aggregation_temporality=AGGREGATION_TEMPORALITY_CUMULATIVE)
            metrics.append(Metric(name=name, unit=unit, sum=total))
        else:
            metrics.append(Metric(name=name, unit=unit, gauge=Gauge(data_points=data)))
    resource = Resource(attributes=_attributes(batch.resources.attributes[0]))
    scoped = ScopeMetrics(scope=_SCOPE, metrics=metrics)
    request = ExportMetricsServiceRequest(resource_metrics=[ResourceMetrics(resource=resource, scope_metrics=[scoped])])
    return bytes(request.SerializeToString(deterministic=True))


def encode_logs(batch: LogBatch) -> bytes:
    """Records of one resource."""
    records = [
        LogRecord(
            time_unix_nano=int(time_ns),
            observed_time_unix_nano=int(time_ns),
            severity_number=SeverityNumber.ValueType(int(severity)),
            body=AnyValue(string_value=body),
            attributes=_attributes(attributes),
        )
        for time_ns, severity, body, attributes in zip(
            batch.time_ns, batch.severity, batch.body, batch.attributes, strict=True
        )
    ]
    resource = Resource(attributes=_attributes(batch.resources.attributes[0]))
    scoped = ScopeLogs(scope=_SCOPE, log_records=records)
    request = ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=resource, scope_logs=[scoped])])
    return bytes(request.SerializeToString(deterministic=True))


def _attributes(text: str) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=str(value))) for key, value in orjson.loads(text).items()]
