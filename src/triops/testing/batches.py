"""Small batches with known contents, for contract suites and tests of third-party stores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from triops.kernel.signal import LogBatch, MetricBatch, Resources, Series, SpanBatch, Text, fingerprint


def texts(values: Sequence[str]) -> Text:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def json_text(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def resources(*attributes: Mapping[str, Any]) -> Resources:
    unique = list(dict.fromkeys(json_text(one) for one in attributes))
    return Resources(np.array([fingerprint(one) for one in unique], dtype=np.uint64), texts(unique))


def series_id(resource: Mapping[str, Any], name: str, labels: Mapping[str, Any]) -> int:
    return fingerprint(f"{fingerprint(json_text(resource))}\0{name}\0{json_text(labels)}")


def points(
    name: str,
    values: Mapping[int, float] | Sequence[tuple[int, float]],
    labels: Mapping[str, Any] | None = None,
    resource: Mapping[str, Any] | None = None,
    type: str = "gauge",
    unit: str = "",
) -> MetricBatch:
    """One series; `values` are (time in ns, value)."""
    labels, resource = labels or {}, resource or {"service.name": "shop"}
    pairs = list(values.items()) if isinstance(values, Mapping) else list(values)
    id_ = series_id(resource, name, labels)
    source = resources(resource)
    series = Series(
        np.array([id_], dtype=np.uint64), source.fingerprint, texts([name]), texts([json_text(labels)]), texts([type]),
        texts([unit]),
    )  # fmt: skip
    return MetricBatch(
        source,
        series,
        np.full(len(pairs), id_, dtype=np.uint64),
        np.array([at for at, _ in pairs], dtype=np.int64),
        np.array([value for _, value in pairs], dtype=np.float64),
    )


@dataclass(frozen=True)
class Log:
    time_ns: int
    body: str = "hello"
    severity: int = 9
    template: int = 0
    trace_id: int = 0
    span_id: int = 0
    attributes: Mapping[str, Any] = field(default_factory=dict)
    resource: Mapping[str, Any] = field(default_factory=lambda: {"service.name": "shop", "host.name": "h1"})


def logs(*rows: Log) -> LogBatch:
    return LogBatch(
        resources(*(row.resource for row in rows)),
        _u64([fingerprint(json_text(row.resource)) for row in rows]),
        np.array([row.time_ns for row in rows], dtype=np.int64),
        np.array([row.severity for row in rows], dtype=np.uint8),
        texts([row.body for row in rows]),
        _u64([row.template for row in rows]),
        _u64([row.trace_id >> 64 for row in rows]),
        _u64([row.trace_id & (2**64 - 1) for row in rows]),
        _u64([row.span_id for row in rows]),
        texts([json_text(row.attributes) for row in rows]),
    )


@dataclass(frozen=True)
class Span:
    trace_id: int
    span_id: int
    time_ns: int
    duration_ns: int = 1_000_000
    parent_id: int = 0
    name: str = "GET /"
    kind: int = 2
    status: int = 0
    status_message: str = ""
    scope: str = ""
    peer: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Mapping[str, Any]] = ()
    service: str = "shop"
    resource: Mapping[str, Any] = field(default_factory=dict)


def spans(*rows: Span) -> SpanBatch:
    sources = [{"service.name": row.service, **row.resource} for row in rows]
    return SpanBatch(
        resources(*sources),
        _u64([fingerprint(json_text(source)) for source in sources]),
        _u64([row.trace_id >> 64 for row in rows]),
        _u64([row.trace_id & (2**64 - 1) for row in rows]),
        _u64([row.span_id for row in rows]),
        _u64([row.parent_id for row in rows]),
        texts([row.name for row in rows]),
        np.array([row.kind for row in rows], dtype=np.uint8),
        np.array([row.time_ns for row in rows], dtype=np.int64),
        np.array([row.duration_ns for row in rows], dtype=np.int64),
        np.array([row.status for row in rows], dtype=np.uint8),
        texts([row.status_message for row in rows]),
        texts([row.scope for row in rows]),
        texts([row.peer for row in rows]),
        texts([json_text(row.attributes) for row in rows]),
        texts([orjson.dumps(list(row.events)).decode() if row.events else "" for row in rows]),
        texts([""] * len(rows)),
    )


def _u64(values: Sequence[int]) -> Any:
    return np.array(values, dtype=np.uint64)
