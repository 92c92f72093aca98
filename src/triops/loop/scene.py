"""What is known about one incident when its cause is sought: who is sick since when, and who depends on whom."""

from collections.abc import Collection, Sequence

from triops.kernel.anomaly import Anomaly, Direction
from triops.kernel.entity import RelationKind, Topology
from triops.kernel.ids import EntityId
from triops.loop.reach import measured_edges

PASSIVE = frozenset({"database", "cache", "queue", "external", "messaging"})  # their load is made by who calls them
DRIVEN = PASSIVE - {"external"}
_THROUGH = frozenset({"route"})  # have no measure of their own, so that looking healthy says nothing of them
_DEPTH = 6  # relations followed up or down; a longer chain is not walked


class Scene:
    """Built once for a diagnosis. `fine` edges (healthy things in between) are crossed one at a time at a discount."""

    def __init__(
        self, anomalies: Sequence[Anomaly], topology: Topology, changed: Collection[EntityId] = frozenset()
    ) -> None:
        self.changed = changed  # shortly before the onset
        self.of: dict[EntityId, list[Anomaly]] = {}
        anomalies = sorted(anomalies, key=lambda a: (a.started_at, a.id))
        for anomaly in anomalies:
            self.of.setdefault(anomaly.entity, []).append(anomaly)
        self.callees: dict[EntityId, set[EntityId]] = {}
        self.callers: dict[EntityId, set[EntityId]] = {}
        self.hosts: dict[EntityId, set[EntityId]] = {}
        self.guests: dict[EntityId, set[EntityId]] = {}
        for relation in topology.relations:
            if relation.kind is RelationKind.RUNS_ON:
                self.hosts.setdefault(relation.source, set()).add(relation.target)
                self.guests.setdefault(relation.target, set()).add(relation.source)
            elif relation.source != relation.target:
                self.callees.setdefault(relation.source, set()).add(relation.target)
                self.callers.setdefault(relation.target, set()).add(relation.source)
        for source, target in measured_edges(anomalies):
            self.callees.setdefault(source, set()).add(target)
            self.callers.setdefault(target, set()).add(source)
        symptoms = [a for a in anomalies if a.symptom]
        self.symptoms: dict[EntityId, list[Anomaly]] = {}
        for anomaly in symptoms:
            self.symptoms.setdefault(anomaly.entity, []).append(anomaly)
        self.mass = {e: 1.0 + max(a.severity.rank for a in claims) for e, claims in self.symptoms.items()}
        self.onset = min((a.started_at for a in symptoms), default=0.0)

    def started(self, entity: EntityId) -> float | None:
        """Its earliest symptom, else its earliest evidence from about the time of the incident's onset on."""
        claims = self.symptoms.get(entity) or self.of.get(entity)
        if not claims:
            return None
        starts = [a.started_at for a in claims]
        return min((s for s in starts if s >= self.onset - 30.0), default=max(starts))

    def serious(self, entity: EntityId) -> list[Anomaly]:
        """Anomalies that can be a cause of others: not mere swings of traffic, which follow from others."""
        return [a for a in self.of.get(entity, ()) if not swing(a)]

    def explained(self, entity: EntityId) -> dict[EntityId, float]:
        """Symptomatic entities that depend on `entity`, each with how surely: 1, less across what looks healthy, and
        little where it is their own time that rose (which a busy host explains, a slow callee does not)."""
        found = self._walk(entity, up=True)
        if not entity.startswith("host:"):
            for other in found.keys() - {entity}:
                told = self.own_share(other)
                if told is not None and told[0] > 0.5:
                    found[other] *= 0.3
                found[other] *= self._enough(entity, other)
        return found

    def sick_below(self, entity: EntityId) -> dict[EntityId, float]:
        """Sick things that `entity` depends on by calls, likewise."""
        return {e: sure for e, sure in self._walk(entity, up=False).items() if e != entity}

    def _enough(self, callee: EntityId, caller: EntityId) -> float:
        """1 when the callee's rise is about as large as the caller's; less, down to 0.4 (it may be called many times),
        when it is small beside it. 1 too where units differ."""
        mine = {a.unit: by for a in self.symptoms.get(callee, ()) if (by := rise(a))}
        theirs = {a.unit: by for a in self.symptoms.get(caller, ()) if (by := rise(a))}
        shares = [2.0 * mine[unit] / theirs[unit] for unit in mine.keys() & theirs.keys()]
        return max(0.4, min(1.0, max(shares))) if shares else 1.0

    def own_share(self, entity: EntityId) -> tuple[float, float, float, str] | None:
        """Of the rise of its latency, the share that its own time makes up; own ms before and now; the anomaly.
        None where traces do not tell."""
        for claim in self.symptoms.get(entity, ()):
            now, before = claim.evidence.get("self_ms"), claim.evidence.get("self_ms_expected")
            grown = rise(claim)
            if isinstance(now, int | float) and isinstance(before, int | float) and grown and claim.unit == "ms":
                return (now - before) / grown, before, now, claim.id
        return None

    def waits(self, entity: EntityId) -> bool:
        """Whether it is slow although its own time is not, and nothing measured that it calls is slow."""
        told = self.own_share(entity)
        return told is not None and told[0] < 0.2 and not self.sick_below(entity)

    def sick_by_themselves(self, host: EntityId) -> list[EntityId]:
        """Symptomatic services on a host whose trouble no sick callee accounts for."""
        found = []
        for guest in sorted(self.guests.get(host, ())):
            if guest in self.symptoms:
                told = self.own_share(guest)
                alone = told[0] > 0.5 if told else not self.sick_below(guest)
                if alone:
                    found.append(guest)
        return found

    def used_by(self, entity: EntityId) -> set[EntityId]:
        """Whoever calls it, what it runs for, or what leads to it, and what else these use of their own: prompts."""
        callers = set(self.callers.get(entity, ()))
        for guest in self.guests.get(entity, ()):
            callers |= self.callers.get(guest, set())
        for through in [c for c in callers if c.partition(":")[0] in _THROUGH]:
            callers |= self.callers.get(through, set())
        prompts = {p for c in callers for p in self.callees.get(c, ()) if p.startswith("prompt:")}
        return callers | prompts

    def in_common(self, entity: EntityId) -> list[EntityId]:
        """Symptomatic things that call `entity` and have no sick callee: several of them point at what they share."""
        callers = sorted(c for c in self.callers.get(entity, ()) if c in self.symptoms)
        return [c for c in callers if not self.sick_below(c)]

    def _walk(self, entity: EntityId, *, up: bool) -> dict[EntityId, float]:
        found: dict[EntityId, float] = {entity: 1.0} if entity in self.symptoms else {}
        frontier: dict[EntityId, tuple[float, bool]] = {entity: (1.0, False)}  # sureness, came over a healthy one
        seen = {entity}
        for _ in range(_DEPTH):
            following: dict[EntityId, tuple[float, bool]] = {}
            for at, (sure, gap) in frontier.items():
                edges = self.callers if up else self.callees
                steps = set(edges.get(at, ())) | (self.guests.get(at, set()) if up else set())
                for other in steps - seen:
                    sick = other in self.symptoms or (not up and bool(self.serious(other)))
                    if sick:
                        found[other] = max(found.get(other, 0.0), sure)
                        following[other] = (sure, False)
                    elif other in following:
                        continue
                    elif other.partition(":")[0] in _THROUGH:
                        following[other] = (sure, gap)
                    elif not gap:
                        following[other] = (sure * 0.6, True)
            seen |= following.keys()
            frontier = following
        return found


def swing(anomaly: Anomaly) -> bool:
    """A change in traffic alone: who is called less or more mostly suffers from others."""
    return anomaly.kind == "rate" or (anomaly.kind in ("spike", "level_shift") and "request" in anomaly.signal)


def rise(anomaly: Anomaly) -> float | None:
    """How far it went from what was expected, in its unit; None when the detector gave no figures."""
    if anomaly.value is None or anomaly.expected is None or anomaly.direction is Direction.DOWN:
        return None
    return max(0.0, anomaly.value - anomaly.expected)
