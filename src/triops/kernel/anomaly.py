"""A detector's claim that something is not as it should be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from triops.kernel.ids import AnomalyId, EntityId


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return ("info", "warning", "critical").index(self.value)


class Direction(StrEnum):
    UP = "up"
    DOWN = "down"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One claim about one signal of one entity, from its onset to its end.

    While it lasts, a detector emits it again with the same `key` and `ended_at` None; when the signal is normal
    again, once with `ended_at` set. The ledger keeps one row for each onset.

    score: -log10 of the tail probability of what was seen under "nothing is wrong", after the detector's own
        calibration, so that one threshold serves every series; 6 means one in a million.
    symptom: users feel it (latency, errors, missing data, an external alert), so that it may open an incident;
        otherwise it is evidence only (CPU, a queue's length, a custom metric) and joins one.
    kind: spike, level_shift, trend, variance, flat, missing, latency, errors, rate, surge, alert, ...
    evidence: how to show it: {"selector": ...} or {"service": ..., "measure": ...} for a chart, {"trace_ids": [...]}.
    value: what was seen at its worst, beside what was expected; `latest` is the newest value (None: it is the worst).
    times: unix seconds. `started_at` is the onset as well as it can be told, not the moment of detection.
    """

    id: AnomalyId
    entity: EntityId
    detector: str
    kind: str
    signal: str
    direction: Direction
    score: float
    severity: Severity
    symptom: bool
    started_at: float
    detected_at: float
    last_seen: float
    ended_at: float | None = None
    value: float | None = None
    expected: float | None = None
    unit: str = ""
    title: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    latest: float | None = None

    @property
    def off(self) -> float | None:
        """How far the newest value is from what was expected, in the signal's unit."""
        seen = self.value if self.latest is None else self.latest
        return None if seen is None or self.expected is None else abs(seen - self.expected)

    @property
    def key(self) -> str:
        """What makes two claims the same one while it lasts."""
        return f"{self.detector}|{self.entity}|{self.signal}|{self.kind}"
