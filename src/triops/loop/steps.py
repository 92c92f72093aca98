"""What correlation does to one incident, as a value: decided purely, applied within the ledger's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from triops.kernel.anomaly import Anomaly, Severity
from triops.kernel.ids import IncidentId, sortable_id
from triops.kernel.incident import Entry, Incident, Status
from triops.loop.wording import headline, listed

ATTACHED = 1000  # anomalies of one incident; more stay in their book and are counted in the timeline


class StepKind(StrEnum):
    OPEN = "open"
    JOIN = "join"
    ESCALATE = "escalate"
    REOPEN = "reopen"
    MERGE = "merge"  # resolved into an earlier one
    NOTE = "note"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Step:
    """`transition` is what the bus announces; "" when nothing moved. `line`: a timeline line's kind and text."""

    kind: StepKind
    incident: IncidentId
    transition: str = ""
    anomalies: tuple[Anomaly, ...] = ()
    severity: Severity = Severity.INFO
    title: str = ""
    line: str = "anomaly"
    text: str = ""


def opened(symptoms: Sequence[Anomaly], title_of: Anomaly, now: float) -> Incident:
    """A new incident with its first symptoms."""
    severity = max((s.severity for s in symptoms), key=lambda s: s.rank)
    onset = min(s.started_at for s in symptoms)
    incident = Incident(
        id=IncidentId(sortable_id("inc", now)),
        title=headline(title_of),
        status=Status.OPEN,
        severity=severity,
        opened_at=now,
        updated_at=now,
        onset_at=onset,
        timeline=(Entry(now, "opened", f"opened: {headline(title_of)}"),),
    )
    return joined(incident, symptoms, now)


def joined(incident: Incident, anomalies: Sequence[Anomaly], now: float) -> Incident:
    """With more anomalies, each once, and one line for them all."""
    known = set(incident.anomalies)
    fresh = sorted((a for a in anomalies if a.id not in known), key=lambda a: (not a.symptom, -a.score))
    left_out = len(fresh) - max(0, ATTACHED - len(known))
    fresh = fresh[: max(0, ATTACHED - len(known))]
    if not fresh:
        return incident
    text = listed([headline(a) for a in fresh])
    if left_out > 0:
        text += f"; {ATTACHED} are attached, others stay in the list of anomalies"
    incident = replace(
        incident,
        anomalies=(*incident.anomalies, *(a.id for a in fresh)),
        entities=tuple(dict.fromkeys((*incident.entities, *(a.entity for a in fresh)))),
        onset_at=min([incident.onset_at, *(a.started_at for a in fresh if a.symptom)]),
    )
    return incident.noted("anomaly", text, now)


def taken(step: Step, incident: Incident, now: float) -> tuple[Incident, str]:
    """The incident after the step, and the transition that really took place.

    Someone may have moved the incident since the step was decided: a step that no longer fits changes nothing, and
    what it was about is looked at again in the next tick.
    """
    if step.kind is StepKind.REOPEN:
        if incident.active:
            return joined(incident, step.anomalies, now), ""
        incident = joined(incident.moved(Status.REOPENED, now, why=step.text), step.anomalies, now)
        return replace(incident, severity=_worse(incident.severity, step.severity)), "reopened"
    if not incident.active:
        return incident, ""
    if step.kind is StepKind.JOIN:
        return joined(incident, step.anomalies, now), ""
    if step.kind is StepKind.NOTE:
        return incident.noted(step.line, step.text, now), ""
    if step.kind is StepKind.ESCALATE:
        if step.severity.rank <= incident.severity.rank:
            return incident, ""
        text = f"{incident.severity} → {step.severity}" + (f": {step.text}" if step.text else "")
        return replace(incident.noted("severity", text, now), severity=step.severity), "escalated"
    return incident.moved(Status.RESOLVED, now, why=step.text), "resolved"


def _worse(a: Severity, b: Severity) -> Severity:
    return a if a.rank >= b.rank else b
