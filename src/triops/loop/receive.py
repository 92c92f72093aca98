"""The first step: admit a decoded batch, store it, announce it.

Refused rows are counted by reason; good rows of the same request are kept. The caller is answered after the store says
that the rows are durable.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from triops.kernel.clock import DAY_NS, NS
from triops.kernel.ids import ProjectId
from triops.kernel.limits import DEFAULT_LIMITS, Limits
from triops.kernel.signal import U64, LogBatch, MetricBatch, SpanBatch, Text
from triops.loop.bus import Bus
from triops.loop.events import LogsReceived, MetricsReceived, SpansReceived
from triops.ports.clock import Clock
from triops.ports.logs import Logs
from triops.ports.metrics import Metrics
from triops.ports.spans import Spans

B = TypeVar("B", MetricBatch, LogBatch, SpanBatch)
_INLINE_ROWS = 500
_PER_ROW = {
    MetricBatch: ("series_id", "time_ns", "value"),
    LogBatch: ("resource", "time_ns", "severity", "body", "template", "trace_hi", "trace_lo", "span_id", "attributes"),
    SpanBatch: (
        "resource", "trace_hi", "trace_lo", "span_id", "parent_id", "name", "kind", "time_ns", "duration_ns", "status",
        "status_message", "scope", "peer", "attributes", "events", "links",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Receipt:
    """`refused` counts rows by reason, in words a sender understands. A duplicate request is accepted, not stored."""

    accepted: int
    refused: dict[str, int]
    duplicate: bool = False

    @property
    def rejected(self) -> int:
        return sum(self.refused.values())

    def message(self) -> str:
        """For OTLP's `partial_success.error_message`; "" when nothing was refused."""
        return "; ".join(f"{count} refused: {reason}" for reason, count in self.refused.items())


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days each kind is kept."""

    metrics_days: int = 30
    logs_days: int = 14
    spans_days: int = 14


class Redaction(Protocol):
    """What of a project's rows may be stored."""

    async def spans(self, project: ProjectId, batch: SpanBatch) -> SpanBatch: ...

    async def logs(self, project: ProjectId, batch: LogBatch) -> LogBatch: ...


@dataclass
class Receiver:
    metrics: Metrics
    logs: Logs
    spans: Spans
    bus: Bus
    clock: Clock
    templates: Callable[[Text], U64]  # also called from worker threads
    retention: Retention = Retention()
    limits: Limits = DEFAULT_LIMITS
    accepted: Counter[str] = field(default_factory=Counter)  # by kind
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)  # by (kind, reason)
    redaction: Redaction | None = None

    async def receive_metrics(
        self,
        project: ProjectId,
        batch: MetricBatch,
        digest: bytes | None = None,
        refused: dict[str, int] | None = None,
        source: str = "metrics",
    ) -> Receipt:
        """`refused`: what the decoder refused already, by reason; it is counted and reported with the rest."""
        batch, reasons = self._admit(batch, self.retention.metrics_days, refused)
        appended = await self.metrics.append(project, batch, digest) if len(batch) else None
        if appended and not appended.duplicate:
            self.bus.publish(MetricsReceived(project, batch, source))
        return self._receipt("metrics", len(batch), reasons, bool(appended and appended.duplicate))

    async def receive_logs(
        self,
        project: ProjectId,
        batch: LogBatch,
        digest: bytes | None = None,
        refused: dict[str, int] | None = None,
        source: str = "logs",
    ) -> Receipt:
        batch, reasons = self._admit(batch, self.retention.logs_days, refused)
        if self.redaction is not None and len(batch):
            batch = await self.redaction.logs(project, batch)
        if len(batch):
            few = len(batch) <= _INLINE_ROWS  # many would hold the event loop
            template = self.templates(batch.body) if few else await asyncio.to_thread(self.templates, batch.body)
            batch = replace(batch, template=template)
        appended = await self.logs.append(project, batch, digest) if len(batch) else None
        if appended and not appended.duplicate:
            self.bus.publish(LogsReceived(project, batch, source))
        return self._receipt("logs", len(batch), reasons, bool(appended and appended.duplicate))

    async def receive_spans(
        self,
        project: ProjectId,
        batch: SpanBatch,
        digest: bytes | None = None,
        refused: dict[str, int] | None = None,
        source: str = "traces",
    ) -> Receipt:
        batch, reasons = self._admit(batch, self.retention.spans_days, refused)
        if self.redaction is not None and len(batch):
            batch = await self.redaction.spans(project, batch)
        appended = await self.spans.append(project, batch, digest) if len(batch) else None
        if appended and not appended.duplicate:
            self.bus.publish(SpansReceived(project, batch, source, appended.heard))
        return self._receipt("spans", len(batch), reasons, bool(appended and appended.duplicate))

    def _admit(self, batch: B, days: int, refused: dict[str, int] | None) -> tuple[B, dict[str, int]]:
        """Rows within retention and at most `ahead_s` in the future, and why the rest is refused."""
        reasons = dict(refused or {})
        now_ns = int(self.clock.now() * NS)
        old = batch.time_ns < now_ns - days * DAY_NS
        ahead = batch.time_ns > now_ns + int(self.limits.ahead_s * NS)
        if old_count := int(old.sum()):
            reasons[f"time is older than the retention of {days} days"] = old_count
        if ahead_count := int(ahead.sum()):
            reasons[f"time is more than {self.limits.ahead_s:.0f} s in the future"] = ahead_count
        if old_count or ahead_count:
            keep: npt.NDArray[np.bool_] = ~(old | ahead)
            batch = replace(batch, **{name: getattr(batch, name)[keep] for name in _PER_ROW[type(batch)]})
        return batch, reasons

    def _receipt(self, kind: str, accepted: int, reasons: dict[str, int], duplicate: bool) -> Receipt:
        self.accepted[kind] += accepted
        for reason, count in reasons.items():
            self.refused[kind, reason] += count
        return Receipt(accepted, reasons, duplicate)
