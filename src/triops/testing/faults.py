"""Made-up systems with made-up faults, by a seed: what a detector would claim, what was changed, and the true cause.

They hold diagnosis to account in tests and benchmarks. Faults spread as in real systems: a callee's latency is
added to its caller's, errors pass up with losses, a busy host slows what runs on it; onsets are known to a step of
5 s; some things are not measured at all; harmless changes happen at the wrong moment.
"""

import itertools
import random
from dataclasses import dataclass, field
from typing import Any

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.change import Change
from triops.kernel.entity import Relation, RelationKind, Topology
from triops.kernel.ids import AnomalyId, ChangeId, EntityId, IncidentId
from triops.kernel.incident import Incident, Status

FAULTS = ("latency", "errors", "cpu", "database", "external", "host")
SHAPES = ("chain", "diamond", "tree", "mesh")
NOW = 1_800_000_000.0
_STEP_S = 5.0


@dataclass(frozen=True, slots=True)
class Case:
    """`cause` is the true entity and `change` the true change, where there was one."""

    name: str
    topology: Topology
    anomalies: tuple[Anomaly, ...]
    changes: tuple[Change, ...]
    cause: EntityId
    change: ChangeId | None
    now: float


@dataclass
class _World:
    random: random.Random
    calls: list[tuple[str, str]] = field(default_factory=list)  # entity ids
    services: list[str] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)
    databases: dict[str, list[str]] = field(default_factory=dict)  # database -> its services
    anomalies: list[Anomaly] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    prefix: str = ""

    def topology(self) -> Topology:
        kinds = {"service": RelationKind.CALLS}
        edges = [
            Relation(EntityId(a), kinds.get(b.split(":")[0], RelationKind.USES), EntityId(b), 0.0, NOW)
            for a, b in self.calls
        ]
        edges += [Relation(EntityId(s), RelationKind.RUNS_ON, EntityId(h), 0.0, NOW) for s, h in self.hosts.items()]
        return Topology(tuple(edges))

    def callers(self, entity: str) -> list[str]:
        return [a for a, b in self.calls if b == entity]

    def claim(
        self,
        entity: str,
        kind: str,
        onset: float,
        before: float,
        after: float,
        *,
        symptom: bool = True,
        **evidence: object,
    ) -> None:
        unit = {"latency": "ms", "errors": "1"}.get(kind, "1")
        signal = {"latency": "latency p95", "errors": "error ratio"}.get(kind, "cpu utilization")
        if kind == "surge":
            signal, unit = "error logs", "/s"
        score = self.random.uniform(6.5, 14.0)
        critical = kind in ("latency", "errors") and (kind == "errors" or after > before * 5)
        # the detector knows an onset to the step that it fell into, and now and then misses the first one
        seen = onset - onset % _STEP_S + _STEP_S * (self.random.random() < 0.25)
        self.anomalies.append(
            Anomaly(
                id=AnomalyId(f"ano_{self.prefix}{len(self.anomalies):04d}"),
                entity=EntityId(entity),
                detector="red" if symptom or "source" in evidence else "series",
                kind=kind,
                signal=signal,
                direction=Direction.UP,
                score=score,
                severity=(Severity.CRITICAL if critical else Severity.WARNING) if symptom else Severity.INFO,
                symptom=symptom,
                started_at=seen,
                detected_at=onset + 15.0,
                last_seen=onset + 30.0,
                value=after,
                expected=before,
                unit=unit,
                evidence=dict(evidence),
            )
        )

    def changed(self, entity: str, kind: str, at: float, title: str) -> ChangeId:
        id = ChangeId(f"chg_{self.prefix}{len(self.changes):04d}")
        self.changes.append(Change(id, EntityId(entity), kind, title, at))
        return id


def make(seed: int, fault: str = "", shape: str = "", *, prefix: str = "") -> Case:
    """One system with one fault; empty arguments are drawn."""
    draw = random.Random(seed)
    fault, shape = fault or draw.choice(FAULTS), shape or draw.choice(SHAPES)
    world = _built(draw, shape, prefix)
    onset = NOW - 60.0 + draw.uniform(0, 5)
    cause, change = _broken(world, fault, onset)
    _distract(world, cause, onset)
    return Case(
        f"{fault}/{shape}/{seed}",
        world.topology(),
        tuple(world.anomalies),
        tuple(world.changes),
        EntityId(cause),
        change,
        NOW,
    )


def _built(draw: random.Random, shape: str, prefix: str) -> _World:
    world = _World(draw, prefix=prefix)
    count = {"chain": draw.randint(2, 5), "diamond": 4, "tree": draw.randint(5, 9), "mesh": draw.randint(8, 16)}[shape]
    names = [f"service:{prefix}s{n}" for n in range(count)]
    world.services = names
    if shape == "chain":
        world.calls = list(itertools.pairwise(names))
    elif shape == "diamond":
        world.calls = [(names[0], names[1]), (names[0], names[2]), (names[1], names[3]), (names[2], names[3])]
    else:
        for n in range(1, count):
            world.calls.append((names[draw.randrange(max(0, n - 4), n)], names[n]))
            if shape == "mesh" and n > 2 and draw.random() < 0.5:
                extra = (names[draw.randrange(0, n)], names[n])
                if extra not in world.calls:
                    world.calls.append(extra)
    hosts = max(1, count // draw.choice([1, 3, 20]))
    world.hosts = {s: f"host:{prefix}h{n % hosts}" for n, s in enumerate(names)}
    for n, service in enumerate(names):
        if n and draw.random() < 0.5:
            database = f"database:{prefix}d{n}"
            world.calls.append((service, database))
            world.databases[database] = [service]
            others = [s for s in names[1:] if s != service]
            if others and draw.random() < 0.4:  # shared
                other = draw.choice(others)
                world.calls.append((other, database))
                world.databases[database].append(other)
    return world


def _broken(world: _World, fault: str, onset: float) -> tuple[str, ChangeId | None]:
    draw = world.random
    with_change = draw.random() < 0.7
    before = onset - draw.uniform(1.0, 25.0)
    reach = world.services if len(world.services) < 3 else world.services[1:]
    service = draw.choice(reach)
    change: ChangeId | None = None
    if fault == "database":
        if not world.databases:
            world.databases[f"database:{world.prefix}d"] = [service]
            world.calls.append((service, f"database:{world.prefix}d"))
        cause = draw.choice(sorted(world.databases))
        if with_change:
            change = world.changed(cause, draw.choice(["job", "migration", "config"]), before, "nightly job")
        if draw.random() < 0.8:  # else it is seen only by those who call it
            world.claim(cause, "latency", onset, 3.0, 3.0 + draw.uniform(200, 900))
        _spread(world, cause, onset, draw.uniform(200, 900), 0.0)
        return cause, change
    if fault == "external":
        cause = f"external:{world.prefix}pay.example:443"
        world.calls.append((service, cause))
        world.claim(cause, "latency", onset, 80.0, 80.0 + draw.uniform(300, 3000))
        _spread(world, cause, onset, draw.uniform(300, 2000), 0.0)
        return cause, None
    if fault == "host":
        cause = world.hosts[service]
        world.claim(cause, "level_shift", onset, 0.3, 0.99, symptom=False)
        guests = [s for s, h in world.hosts.items() if h == cause]
        if len(guests) == 1:  # one guest alone cannot be told from its host without a change there
            change = world.changed(cause, "upgrade", before, "kernel upgrade")
        elif with_change:
            change = world.changed(cause, "config", before, "backup window moved")
        for guest in guests:
            _slow(world, guest, onset + draw.uniform(0, 4), draw.uniform(100, 400), own=True)
        done = set(guests)
        for guest in guests:
            _spread(world, guest, onset, draw.uniform(80, 300), 0.0, done)
        return cause, change
    kind = draw.choice(["config", "deploy"])
    if with_change:
        change = world.changed(service, kind, before, "v1 → v2")
    added, errors = (0.0, draw.uniform(0.2, 0.9)) if fault == "errors" else (draw.uniform(150, 2000), 0.0)
    if added:
        owned = [d for d, users in world.databases.items() if service in users]
        if owned and change and draw.random() < 0.3:  # the new version makes its database slow
            world.claim(owned[0], "latency", onset + draw.uniform(0, 3), 3.0, 3.0 + added * 0.8)
            _slow(world, service, onset, added, own=False)
        else:
            _slow(world, service, onset, added, own=True)
    else:
        world.claim(service, "errors", onset, 0.002, errors)
        if draw.random() < 0.6:
            world.claim(service, "surge", onset + draw.uniform(0, 10), 0.1, 8.0, symptom=False)
    if fault == "cpu":
        world.claim(world.hosts[service], "level_shift", onset + draw.uniform(0, 10), 0.25, 0.9, symptom=False)
    _spread(world, service, onset, added, errors)
    return service, change


def _slow(world: _World, service: str, onset: float, added: float, *, own: bool) -> None:
    before = world.random.uniform(15, 120)
    told = world.random.random() < 0.7
    own_before = before * world.random.uniform(0.3, 0.8)
    evidence: dict[str, Any] = (
        {"self_ms": own_before + (added * 0.95 if own else 0.0), "self_ms_expected": own_before} if told else {}
    )
    world.claim(service, "latency", onset, before, before + added, **evidence)


def _spread(world: _World, cause: str, onset: float, added: float, errors: float, done: set[str] | None = None) -> None:
    """Callers suffer too, most of them, a little later, a little less."""
    draw = world.random
    seen = {cause} | (done or set())
    frontier = [(cause, added, errors, onset)]
    while frontier:
        at, more, failing, since = frontier.pop(0)
        for caller in world.callers(at):
            if caller in seen:
                continue
            seen.add(caller)
            share = draw.uniform(0.5, 1.0)  # not every request takes this path
            begun = since + draw.uniform(0.0, 4.0)
            if draw.random() > 0.08:  # else its spans are missing, or it retries with success
                if more > 40:
                    _slow(world, caller, begun, more * share, own=False)
                if failing > 0.03:
                    world.claim(caller, "errors", begun, 0.002, failing * share)
                if draw.random() < 0.5 and more > 40:
                    world.claim(at, "latency", begun, 5.0, 5.0 + more, symptom=False, source=caller, target=at)
            frontier.append((caller, more * share, failing * share, begun))


def _distract(world: _World, cause: str, onset: float) -> None:
    """Harmless changes and hints around the time of the fault."""
    draw = world.random
    others = [s for s in world.services if s != cause]
    for _ in range(draw.randint(0, 3)):
        if others:
            world.changed(
                draw.choice(others), draw.choice(["deploy", "config"]), onset - draw.uniform(20, 1500), "harmless"
            )
    if others and draw.random() < 0.4:
        world.changed(draw.choice(others), "deploy", onset - draw.uniform(15, 45), "harmless, just before")
    if draw.random() < 0.3:
        world.changed(cause, "action", onset + draw.uniform(20, 50), "someone restarts it, after")
    if others and draw.random() < 0.5:
        world.claim(draw.choice(others), "spike", onset - draw.uniform(-20, 120), 0.2, 0.5, symptom=False)
    if draw.random() < 0.3:
        world.claim(
            draw.choice(sorted(set(world.hosts.values()))),
            "spike",
            onset + draw.uniform(-60, 30),
            0.2,
            0.6,
            symptom=False,
        )


def incident_of(case: Case) -> Incident:
    """The incident that holds all anomalies of a case."""
    symptoms = [a for a in case.anomalies if a.symptom]
    return Incident(
        id=IncidentId("inc_case"),
        title=case.name,
        status=Status.OPEN,
        severity=Severity.CRITICAL,
        opened_at=case.now,
        updated_at=case.now,
        onset_at=min((a.started_at for a in symptoms), default=case.now),
        entities=tuple(dict.fromkeys(a.entity for a in case.anomalies)),
        anomalies=tuple(a.id for a in case.anomalies),
    )
