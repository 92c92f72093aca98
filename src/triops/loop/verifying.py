"""Did it help? Pure: an incident's symptoms now, beside what they were when the action started."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from triops.kernel.anomaly import Anomaly


class Verdict(StrEnum):
    RECOVERED = "recovered"
    WAIT = "wait"
    NO_HELP = "no_help"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class Before:
    """The open symptoms at the start: how many, how severe (rank), how strong (score)."""

    open: int
    severity: int
    score: float
    entities: tuple[str, ...]

    def to_details(self) -> dict[str, Any]:
        return {"open": self.open, "severity": self.severity, "score": self.score, "entities": list(self.entities)}

    @classmethod
    def from_details(cls, details: Mapping[str, Any]) -> "Before":
        return cls(int(details["open"]), int(details["severity"]), float(details["score"]), tuple(details["entities"]))


def before(symptoms: Sequence[Anomaly]) -> Before:
    still = [a for a in symptoms if a.symptom and a.ended_at is None]
    return Before(
        len(still),
        max((a.severity.rank for a in still), default=0),
        max((a.score for a in still), default=0.0),
        tuple(sorted({a.entity for a in still})),
    )


def judge(was: Before, symptoms: Sequence[Anomaly], now: float, started: float, until: float) -> tuple[Verdict, str]:
    """The verdict and why. Recovered as soon as every symptom has ended; worse or no help only at the deadline, since
    a remedy takes time. Worse: more severe, a score a quarter higher (and at least 1), or others that fell ill after
    the start."""
    is_ = before(symptoms)
    if not is_.open:
        return Verdict.RECOVERED, "every symptom has ended"
    if now < until:
        return Verdict.WAIT, f"{is_.open} symptoms go on"
    if is_.severity > was.severity:
        return Verdict.WORSE, "symptoms are more severe than before"
    if is_.score > max(was.score * 1.25, was.score + 1.0):
        return Verdict.WORSE, f"symptoms are stronger than before (score {was.score:.1f} → {is_.score:.1f})"
    began = {a.entity for a in symptoms if a.symptom and a.ended_at is None and a.started_at > started}
    if fresh := sorted(began - set(was.entities)):
        return Verdict.WORSE, f"symptoms spread to {', '.join(fresh[:5])}"
    return Verdict.NO_HELP, f"{is_.open} of {max(was.open, is_.open)} symptoms go on"
