"""The store of spans. See `telemetry` for the promises that all three stores share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from triops.kernel.ids import ProjectId
from triops.kernel.page import Page
from triops.kernel.signal import F64, I64, SpanBatch
from triops.ports.telemetry import Appended, Retained


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """Traces with at least one span that meets all conditions; newest first by the trace's first span.
    `name` is a case-insensitive substring of a span's name; `status`: "", "ok" or "error"."""

    start_ns: int
    end_ns: int
    service: str = ""
    name: str = ""
    min_duration_ms: float = 0.0
    status: str = ""
    limit: int = 100
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """`service` and `root_name` are of the root span, or of the earliest one stored while the root is missing.
    `status` is "error" when any span is, else "ok"."""

    trace_id: int  # 128 bits
    root_name: str
    service: str
    start_ns: int
    duration_ns: int
    status: str
    span_count: int
    error_count: int
    services: Sequence[str]


@dataclass(frozen=True, slots=True)
class SpanRow:
    trace_id: int
    span_id: int
    parent_id: int
    name: str
    service: str
    kind: int
    start_ns: int
    duration_ns: int
    status: int
    status_message: str
    scope: str
    peer: str
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    links: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class RedTable:
    """Rate, errors, duration: one row a (step, source, target), sorted by step.

    For a service as a whole `source` is "" and `target` "service:<name>": its server and consumer spans (and root
    spans of other kinds where it has none). For an edge both are entity ids: a client or producer span of `source`
    whose callee is the service of its child span, else the span's own `peer`; the times are the caller's.
    Durations are milliseconds; `self_ms_avg` is the mean time of a service's span less the time of its client
    children (its own share of the latency), NaN on edges. Spans of our own gateway (`kernel.signal.GATEWAY`) are left
    out.
    """

    time_ns: I64
    source: Sequence[str]
    target: Sequence[str]
    count: I64
    errors: I64
    ms_avg: F64
    ms_p50: F64
    ms_p95: F64
    ms_p99: F64
    self_ms_avg: F64

    def __len__(self) -> int:
        return len(self.time_ns)


class Spans(Retained, Protocol):
    async def append(self, project: ProjectId, batch: SpanBatch, digest: bytes | None = None) -> Appended: ...

    async def trace(
        self, project: ProjectId, trace_id: int, limit: int = 1000, cursor: str | None = None
    ) -> Page[SpanRow]:
        """Spans of one trace by start time, then span id; equal (trace, span) ids once. Empty for an unknown trace."""
        ...

    async def search(self, project: ProjectId, query: TraceQuery) -> Page[TraceSummary]: ...

    async def red(self, project: ProjectId, start_ns: int, end_ns: int, step_ns: int, service: str = "") -> RedTable:
        """`service` narrows to rows where it is source or target."""
        ...

    async def operations(
        self, project: ProjectId, start_ns: int, end_ns: int, service: str, limit: int = 50
    ) -> Sequence[Mapping[str, Any]]:
        """Per span name of a service: `name`, `count`, `errors`, `ms_p50`, `ms_p95`, slowest first by total time."""
        ...
