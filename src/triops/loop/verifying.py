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


_SETTLE_S = 15.0  # what is seen so soon after the start was still on its way from before
_MORE = 1.5  # times as far off as at the start
_PEAK = 0.8  # of the worst ever: it is still climbing, not draining


@dataclass(frozen=True, slots=True)
class Before:
    """The open symptoms at the start: how many, which entities, and by anomaly how far off (the signal's unit; where
    it has no number, its severity's rank)."""

    open: int
    off: Mapping[str, float]
    entities: tuple[str, ...]

    def to_details(self) -> dict[str, Any]:
        return {"open": self.open, "off": dict(self.off), "entities": list(self.entities)}

    @classmethod
    def from_details(cls, details: Mapping[str, Any]) -> "Before":
        off = {str(id_): float(value) for id_, value in details["off"].items()}
        return cls(int(details["open"]), off, tuple(details["entities"]))


def before(symptoms: Sequence[Anomaly]) -> Before:
    still = _open(symptoms)
    return Before(len(still), {a.id: _badness(a) for a in still}, tuple(sorted({a.entity for a in still})))


def judge(was: Before, symptoms: Sequence[Anomaly], now: float, started: float, until: float) -> tuple[Verdict, str]:
    """The verdict and why. Recovered as soon as every symptom has ended; worse or no help only at the deadline, since
    a remedy takes time. Worse: the newest value of a symptom is far above where it was at the start and near its worst
    (a queue that drains has been worse), or others fell ill well after the start."""
    still = _open(symptoms)
    if not still:
        return Verdict.RECOVERED, "every symptom has ended"
    if now < until:
        return Verdict.WAIT, f"{len(still)} symptoms go on"
    for a in still:
        then, is_ = was.off.get(a.id), _badness(a)
        climbing = a.value is None or a.expected is None or is_ >= _PEAK * abs(a.value - a.expected)
        if then is not None and a.last_seen > started + _SETTLE_S and is_ > then * _MORE and climbing:
            return Verdict.WORSE, f"{a.signal or a.title} is worse than before ({then:.4g} → {is_:.4g}{a.unit} off)"
    began = {a.entity for a in still if a.started_at > started + _SETTLE_S}
    if fresh := sorted(began - set(was.entities)):
        return Verdict.WORSE, f"symptoms spread to {', '.join(fresh[:5])}"
    return Verdict.NO_HELP, f"{len(still)} of {max(was.open, len(still))} symptoms go on"


def _open(symptoms: Sequence[Anomaly]) -> list[Anomaly]:
    return [a for a in symptoms if a.symptom and a.ended_at is None]


def _badness(anomaly: Anomaly) -> float:
    return float(anomaly.severity.rank + 1) if anomaly.off is None else anomaly.off
