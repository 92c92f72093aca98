"""The pure core of diagnosis: ranked causes with honest probabilities, and "unknown" among them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from triops.kernel.anomaly import Anomaly
from triops.kernel.change import Change
from triops.kernel.entity import Topology
from triops.kernel.hypothesis import Evidence, Hypothesis
from triops.kernel.ids import EntityId
from triops.kernel.incident import Incident, Status
from triops.loop.scene import Scene
from triops.loop.weighing import Weighed, weigh
from triops.loop.wording import headline, name_of

UNKNOWN = 5.2  # log-odds that a suspect must reach to be as probable as "something that we do not see"
NEVER_SURE = 0.02  # the least share of "unknown": no model of faults is complete
SHOWN = 5  # named causes; what the rest would get goes to unknown
SUSPECTS = 200  # entities weighed: the sick by onset, and a quarter for what looks healthy below them
PER_ENTITY = 5  # changes weighed on one entity, the latest before the onset first


@dataclass(frozen=True, slots=True)
class Past:
    """A past incident whose cause the outcome confirmed (`learn`)."""

    id: str
    entities: tuple[EntityId, ...]
    cause: EntityId


def diagnose(
    incident: Incident,
    anomalies: Sequence[Anomaly],
    changes: Sequence[Change],
    topology: Topology,
    now: float,
    past: Sequence[Past] = (),
) -> tuple[Hypothesis, ...]:
    """At most `SHOWN` causes and "unknown", most probable first; together they sum to one. Empty without a symptom.

    changes: those of the time before the onset, on any entity.
    """
    onset = min((a.started_at for a in anomalies if a.symptom), default=0.0)
    scene = Scene(anomalies, topology, {c.entity for c in changes if -10.0 < onset - c.at < 120.0 and not c.remedy})
    if not scene.symptoms:
        return ()
    # What came after the incident was seen did not cause it: a rollback by hand, a remedy that a deployer reports.
    seen = now if incident.status is Status.REOPENED else min(now, incident.opened_at)
    by_entity: dict[EntityId, list[Change]] = {}
    for change in sorted((c for c in changes if c.at <= seen), key=lambda c: (-c.at, c.id)):
        by_entity.setdefault(change.entity, []).append(change)
    weighed: list[Weighed] = []
    for entity in _suspects(scene, by_entity):
        known = [c for c in by_entity.get(entity, ()) if c.at <= scene.onset + 600.0][:PER_ENTITY]
        weighed += (_remembered(w, incident, past) for w in weigh(entity, known, scene))
    return _ranked(weighed, _doubt(scene), scene)


def _suspects(scene: Scene, changed: dict[EntityId, list[Change]]) -> list[EntityId]:
    """Sick entities, then what they depend on up to two relations away: changed ones, then what most have in common."""
    sick = sorted(scene.of, key=lambda e: (e not in scene.symptoms, scene.started(e) or 0.0, e))
    below: dict[EntityId, int] = {}  # by how many of the sick it is depended on
    frontier = set(sick)
    for _ in range(2):
        following = [c for e in frontier for c in (*scene.callees.get(e, ()), *scene.hosts.get(e, ()))]
        for callee in following:
            below[callee] = below.get(callee, 0) + 1
        frontier = set(following) - set(sick)
    healthy = sorted(below.keys() - scene.of.keys(), key=lambda e: (e not in changed, -below[e], e))
    return [*sick[: SUSPECTS - min(len(healthy), SUSPECTS // 4)], *healthy[: SUSPECTS // 4]]


def _doubt(scene: Scene) -> float:
    """The log-odds of "unknown": more where the evidence is thin."""
    symptoms = [a for claims in scene.symptoms.values() for a in claims]
    strongest = max(a.score for a in symptoms)
    return UNKNOWN + (1.0 if len(symptoms) == 1 else 0.0) + (0.6 if strongest < 6 else 0.0)


def _remembered(weighed: Weighed, incident: Incident, past: Sequence[Past]) -> Weighed:
    """A confirmed cause of a like incident counts a little."""
    alike = [p for p in past if p.cause == weighed.entity and p.id != incident.id and _overlap(p, incident) >= 0.5]
    if not alike:
        return weighed
    weight = min(0.8, 0.4 * len(alike))
    text = f"it was the confirmed cause of {len(alike)} incident{'s' if len(alike) > 1 else ''} like this one"
    return replace(weighed, evidence=(*weighed.evidence, Evidence("past", text, weight, alike[0].id)))


def _overlap(past: Past, incident: Incident) -> float:
    a, b = set(past.entities), set(incident.entities)
    return len(a & b) / len(a | b) if a and b else 0.0


def _ranked(weighed: Sequence[Weighed], doubt: float, scene: Scene) -> tuple[Hypothesis, ...]:
    top = max([doubt, *(w.score for w in weighed)])
    masses = [math.exp(w.score - top) for w in weighed]
    unknown = math.exp(doubt - top)
    total = (sum(masses) + unknown) / (1.0 - NEVER_SURE)
    best = sorted(zip(weighed, masses, strict=True), key=lambda x: (-x[1], x[0].entity, x[0].change is None))[:SHOWN]
    found = [
        Hypothesis(0, w.entity, w.change.id if w.change else None, mass / total, _title(w, scene), _shown(w))
        for w, mass in best
        if mass / total >= 0.005
    ]
    rest = max(0.0, 1.0 - sum(h.probability for h in found))
    text = "no suspect explains what is seen well enough to rule out a cause that is not measured"
    found.append(Hypothesis(0, None, None, rest, "unknown: the evidence does not tell", (Evidence("topology", text),)))
    found.sort(key=lambda h: -h.probability)
    return tuple(replace(h, rank=rank) for rank, h in enumerate(found, 1))


def _title(weighed: Weighed, scene: Scene) -> str:
    if weighed.change is not None:
        return f"{weighed.change.kind.replace('_', ' ')} on {name_of(weighed.entity)}: {weighed.change.title}"
    claims = scene.symptoms.get(weighed.entity) or scene.serious(weighed.entity)
    if claims:
        return headline(max(claims, key=lambda a: a.score))
    return f"{name_of(weighed.entity)}, which they depend on"


def _shown(weighed: Weighed) -> tuple[Evidence, ...]:
    """The weightiest first, for and against alike."""
    rounded = (replace(e, weight=round(e.weight, 2)) for e in weighed.evidence)
    return tuple(sorted(rounded, key=lambda e: -abs(e.weight)))
