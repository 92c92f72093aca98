"""Correlated anomalies with a lifecycle."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from triops.kernel.anomaly import Severity
from triops.kernel.errors import Conflict
from triops.kernel.hypothesis import Hypothesis
from triops.kernel.ids import ActionId, AnomalyId, EntityId, IncidentId

TIMELINE = 500  # lines


class Status(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    REOPENED = "reopened"


_NEXT = {
    Status.OPEN: {Status.ACKNOWLEDGED, Status.MITIGATED, Status.RESOLVED},
    Status.ACKNOWLEDGED: {Status.MITIGATED, Status.RESOLVED},
    Status.MITIGATED: {Status.RESOLVED, Status.REOPENED, Status.ACKNOWLEDGED},
    Status.RESOLVED: {Status.REOPENED},
    Status.REOPENED: {Status.ACKNOWLEDGED, Status.MITIGATED, Status.RESOLVED},
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline. `kind`: opened, anomaly, severity, hypothesis, action, status, comment, assigned,
    cause (what the outcome confirmed), flapping."""

    at: float
    kind: str
    text: str
    author: str = "triops"


@dataclass(frozen=True, slots=True)
class Incident:
    id: IncidentId
    title: str
    status: Status
    severity: Severity
    opened_at: float
    updated_at: float
    onset_at: float
    resolved_at: float | None = None
    assignee: str = ""
    entities: tuple[EntityId, ...] = ()
    anomalies: tuple[AnomalyId, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    actions: tuple[ActionId, ...] = ()
    timeline: tuple[Entry, ...] = ()

    @property
    def active(self) -> bool:
        return self.status is not Status.RESOLVED

    def moved(self, status: Status, at: float, *, author: str = "triops", why: str = "") -> "Incident":
        """The incident in its next status, with a timeline line. Raises: Conflict for a move that is not allowed."""
        if status not in _NEXT[self.status]:
            raise Conflict(f"incident {self.id} is {self.status}; it cannot become {status}")
        text = f"{self.status} → {status}" + (f": {why}" if why else "")
        return replace(
            self.noted("status", text, at, author=author),
            status=status,
            resolved_at=at if status is Status.RESOLVED else None,
        )

    def noted(self, kind: str, text: str, at: float, *, author: str = "triops") -> "Incident":
        """The incident, updated now, with one more line in its timeline."""
        return replace(self.appended(Entry(at, kind, text, author)), updated_at=at)

    def appended(self, entry: Entry) -> "Incident":
        """The incident with one more line. At the bound of the timeline the middle is left out, and a line says so:
        the first lines, which tell how it began, and the last stay."""
        timeline = (*self.timeline, entry)
        if len(timeline) > TIMELINE:
            head, tail = timeline[:50], timeline[-(TIMELINE - 100) :]
            gap = Entry(tail[0].at, "comment", f"{len(timeline) - len(head) - len(tail)} lines left out")
            timeline = (*head, gap, *tail)
        return replace(self, timeline=timeline)

    def assigned(self, assignee: str) -> "Incident":
        return replace(self, assignee=assignee)


def transition(entry: Entry) -> str | None:
    """What a line of the timeline announces, as `ports.notifiers.Notice` names it; None when nothing moved."""
    if entry.kind == "opened":
        return "opened"
    if entry.kind == "severity":
        return "escalated"
    if entry.kind == "status":  # as `moved` writes it
        return entry.text.partition(" → ")[2].partition(":")[0] or None
    return None


def flaps(timeline: Iterable[Entry], at: float, window_s: float = 3600.0) -> int:
    """How often an incident was reopened in the time before `at`, `at` included."""
    return sum(transition(e) == "reopened" and at - window_s < e.at <= at for e in timeline)
