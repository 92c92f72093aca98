"""The pure core of correlation: which anomalies belong together, and what that means for the incidents there are."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from triops.kernel.anomaly import Anomaly
from triops.kernel.entity import RelationKind, Topology
from triops.kernel.ids import AnomalyId, EntityId
from triops.kernel.incident import Incident, Status, flaps, transition
from triops.loop.maintenance import Window
from triops.loop.reach import Reach, measured_edges
from triops.loop.steps import Step, StepKind, opened
from triops.loop.wording import headline, listed, measure, name_of, span


@dataclass(frozen=True, slots=True)
class Rules:
    """Times in seconds.

    window_s: how far a symptom's onset may lie from an incident it joins.    evidence_s: and a mere hint's.
    hold_s: how long a lone symptom waits for others before it opens one.    resolve_s: quiet before it resolves;
    mitigated_s: the same where a remedy was seen to help, or a person said so: less doubt, less waiting.
    reopen_s: how soon after its end the same trouble reopens it.    flaps_per_hour: more, and it is held open.
    new_per_tick, active: bounds of incidents opened at once, and altogether; what is over waits in the book.
    """

    window_s: float = 600.0
    evidence_s: float = 180.0
    hold_s: float = 10.0
    resolve_s: float = 30.0
    mitigated_s: float = 10.0
    reopen_s: float = 600.0
    flaps_per_hour: int = 3
    new_per_tick: int = 50
    active: int = 500


DEFAULT_RULES = Rules()


@dataclass(frozen=True, slots=True)
class Case:
    """An incident with its anomalies as the book has them now."""

    incident: Incident
    anomalies: Sequence[Anomaly]


@dataclass(slots=True)
class _Group:
    """Anomalies that belong together: those of `cases` (the oldest first), and fresh ones."""

    cases: list[Case] = field(default_factory=list)
    fresh: list[Anomaly] = field(default_factory=list)
    start: float = float("inf")
    end: float = float("-inf")
    onsets: list[float] = field(default_factory=list)

    def add(self, anomaly: Anomaly, now: float) -> None:
        if anomaly.symptom:
            self.start = min(self.start, anomaly.started_at)
            self.end = max(self.end, now if anomaly.ended_at is None else anomaly.ended_at)
            self.onsets.append(anomaly.started_at)

    def near(self, anomaly: Anomaly, rules: Rules) -> bool:
        if anomaly.symptom:
            return self.start - rules.window_s <= anomaly.started_at <= self.end + rules.window_s
        at = bisect_left(self.onsets, anomaly.started_at)
        return any(abs(o - anomaly.started_at) <= rules.evidence_s for o in self.onsets[max(0, at - 1) : at + 1])


def correlate(
    now: float,
    claims: Sequence[Anomaly],
    active: Sequence[Case],
    resolved: Sequence[Case],
    topology: Topology,
    maintenance: Sequence[Window] = (),
    rules: Rules = DEFAULT_RULES,
) -> tuple[list[Step], list[Incident]]:
    """What is to be done to the incidents there are, and the incidents to open.

    claims: anomalies that began, went on or ended since, attached or not, and any open ones that belong to no
        incident yet; the order does not matter.
    active, resolved: those not resolved, and those resolved in the last day; oldest first.
    """
    attached = {a for case in (*active, *resolved) for a in case.incident.anomalies}
    free = [a for a in _distinct(claims) if a.id not in attached and a.ended_at is None]
    free = [a for a in free if not any(window.covers(a.entity, now) for window in maintenance)]
    sick = {a.entity for a in free} | {a.entity for case in active for a in case.anomalies if _live(a, now, rules)}
    groups = _group(now, free, active, topology, sick, rules)

    steps: list[Step] = []
    fresh: list[_Group] = []
    busy: set[str] = set()
    for group in groups:
        if group.cases:
            steps += _grown(group)
            busy |= {case.incident.id for case in group.cases if group.fresh}
        else:
            fresh.append(group)
    new, started = _begun(now, fresh, resolved, len(active), topology, rules)
    steps += started
    updates = {a.id: a for a in claims}
    merged = {step.incident for step in steps if step.kind is StepKind.MERGE}
    for case in active:
        if case.incident.id not in merged:
            steps += _aged(now, case, updates, case.incident.id in busy, rules)
    steps += _worsened(updates, resolved)
    return steps, new


def _group(
    now: float, free: Sequence[Anomaly], active: Sequence[Case], topology: Topology, sick: set[EntityId], rules: Rules
) -> list[_Group]:
    known = [*free, *(a for case in active for a in case.anomalies)]
    reach = Reach(topology, sick, set(measured_edges(known)))
    groups: list[_Group] = []
    parent: list[int] = []

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    def begin(group: _Group) -> int:
        groups.append(group)
        parent.append(len(parent))
        return len(parent) - 1

    owner: dict[AnomalyId, int] = {}
    for case in active:
        number = begin(_Group([case]))
        shared = {root(owner[a.id]) for a in case.anomalies if a.id in owner} - {number}
        for other in sorted(shared):  # someone reopened one that was merged: it is still the same trouble
            parent[number] = other
            _absorb(groups[other], groups[number])
            number = other
        for anomaly in case.anomalies:
            owner[anomaly.id] = number
            groups[number].add(anomaly, now)
            if anomaly.symptom:
                reach.mark(anomaly.entity, number)
    for anomaly in sorted((a for a in free if a.symptom), key=lambda a: (a.started_at, a.id)):
        found = sorted({root(n) for n in reach.groups(anomaly.entity)})
        found = [n for n in found if groups[n].near(anomaly, rules)]
        number = found[0] if found else begin(_Group())
        for other in found[1:]:
            parent[other] = number
            _absorb(groups[number], groups[other])
        groups[number].add(anomaly, now)
        groups[number].fresh.append(anomaly)
        reach.mark(anomaly.entity, number)
    for group in groups:
        group.onsets.sort()
    for anomaly in (a for a in free if not a.symptom):
        near = [(d, root(n)) for n, d in reach.groups(anomaly.entity).items() if groups[root(n)].near(anomaly, rules)]
        if near:
            groups[min(near)[1]].fresh.append(anomaly)
    return [group for number, group in enumerate(groups) if parent[number] == number]


def _absorb(into: _Group, other: _Group) -> None:
    into.cases += other.cases
    into.fresh += other.fresh
    into.onsets += other.onsets
    into.start, into.end = min(into.start, other.start), max(into.end, other.end)


def _grown(group: _Group) -> list[Step]:
    """Anomalies that join incidents, and incidents that turn out to be one: the oldest stays."""
    first, *others = sorted(group.cases, key=lambda c: (c.incident.opened_at, c.incident.id))
    moved = [a for case in others for a in case.anomalies]
    steps = []
    if group.fresh or moved:
        steps.append(Step(StepKind.JOIN, first.incident.id, anomalies=(*moved, *group.fresh)))
    for case in others:
        text = f"merged into {first.incident.id}"
        steps.append(Step(StepKind.MERGE, case.incident.id, "resolved", text=text))
        line = f"{case.incident.id} merged into this one: {case.incident.title}"
        steps.append(Step(StepKind.NOTE, first.incident.id, line="anomaly", text=line))
    worst = _worst((*moved, *group.fresh))
    if worst and worst.severity.rank > first.incident.severity.rank:
        steps.append(_escalate(first.incident, worst))
    return steps


def _begun(
    now: float, groups: Sequence[_Group], resolved: Sequence[Case], active: int, topology: Topology, rules: Rules
) -> tuple[list[Incident], list[Step]]:
    """Groups without an incident: the same trouble as just before reopens it, others open one after the hold."""
    recent: dict[tuple[EntityId, str], Case] = {}
    for case in resolved:
        if now - (case.incident.resolved_at or 0.0) < rules.reopen_s and not _was_merged(case.incident):
            recent |= {(a.entity, a.kind): case for a in case.anomalies if a.symptom}
    new: list[Incident] = []
    steps: list[Step] = []
    reopened: set[str] = set()
    for group in sorted(groups, key=lambda g: -max(a.severity.rank for a in g.fresh)):
        symptoms = [a for a in group.fresh if a.symptom]
        waited = now - min(a.detected_at for a in symptoms) >= rules.hold_s
        if len(symptoms) < 2 and not waited:
            continue
        again = next((recent[a.entity, a.kind] for a in symptoms if (a.entity, a.kind) in recent), None)
        if again is not None:
            kind = StepKind.JOIN if again.incident.id in reopened else StepKind.REOPEN
            reopened.add(again.incident.id)
            steps += _again(now, again.incident, kind, group.fresh, rules)
        elif len(new) < rules.new_per_tick and active + len(new) < rules.active:
            new.append(opened(group.fresh, _root(symptoms, topology), now))
    return new, steps


def _again(now: float, incident: Incident, kind: StepKind, fresh: Sequence[Anomaly], rules: Rules) -> list[Step]:
    worst = _worst(fresh)
    severity = worst.severity if worst else incident.severity
    why = f"{headline(worst)} again" if worst else "again"
    steps = [Step(kind, incident.id, "reopened", tuple(fresh), severity, text=why)]
    count = flaps(incident.timeline, now) + 1
    if kind is StepKind.REOPEN and count == rules.flaps_per_hour + 1:
        text = f"reopened {count} times within an hour: held open, and further notices held, until it calms down"
        steps.append(Step(StepKind.NOTE, incident.id, line="flapping", text=text))
    return steps


def _aged(now: float, case: Case, updates: dict[AnomalyId, Anomaly], busy: bool, rules: Rules) -> list[Step]:
    """What became of an active incident's own anomalies: worse, over, or quiet for long enough."""
    incident = case.incident
    changed = [updates[a.id] for a in case.anomalies if a.id in updates]
    steps = []
    worst = _worst(case.anomalies)
    if worst and worst.severity.rank > incident.severity.rank:
        steps.append(_escalate(incident, worst))
    over = [a for a in changed if a.symptom and a.ended_at is not None]
    if over:
        text = listed([f"{name_of(a.entity)}: {_sign(a)}" for a in over]) + " back to normal"
        steps.append(Step(StepKind.NOTE, incident.id, text=text))
    symptoms = [a for a in case.anomalies if a.symptom]
    ends = [a.ended_at for a in symptoms if a.ended_at is not None]
    quiet_s = rules.mitigated_s if incident.status is Status.MITIGATED else rules.resolve_s
    if busy or not symptoms or len(ends) < len(symptoms) or now - max(ends) < quiet_s:
        return steps
    if flaps(incident.timeline, now) > rules.flaps_per_hour:
        return steps  # held open: it would come back
    text = f"all signals normal for {span(now - max(ends))}"
    return [*steps, Step(StepKind.RESOLVE, incident.id, "resolved", text=text)]


def _sign(anomaly: Anomaly) -> str:
    return measure(anomaly) if anomaly.value is not None else anomaly.kind.replace("_", " ")


def _worsened(updates: dict[AnomalyId, Anomaly], resolved: Sequence[Case]) -> list[Step]:
    """A resolved incident whose anomaly goes on and gets worse comes back: a rise in severity is never buried."""
    steps = []
    for case in resolved:
        if _was_merged(case.incident):
            continue
        worst = _worst([updates[a] for a in case.incident.anomalies if a in updates and updates[a].ended_at is None])
        if worst and worst.symptom and worst.severity.rank > case.incident.severity.rank:
            text = f"still there, and now {worst.severity}: {headline(worst)}"
            steps.append(Step(StepKind.REOPEN, case.incident.id, "reopened", (), worst.severity, text=text))
    return steps


def _root(symptoms: Sequence[Anomaly], topology: Topology) -> Anomaly:
    """The symptom for the title: the worst of those whose entity calls (over at most one other) no symptomatic one."""
    sick = {a.entity for a in symptoms}
    callees: dict[EntityId, set[EntityId]] = {}
    for relation in topology.relations:
        if relation.kind is not RelationKind.RUNS_ON:
            callees.setdefault(relation.source, set()).add(relation.target)
    below = {e: callees.get(e, set()).union(*(callees.get(c, set()) for c in callees.get(e, ()))) - {e} for e in sick}
    excused = {e for e in sick if below[e] & sick}
    candidates = [a for a in symptoms if a.entity not in excused] or symptoms
    return max(candidates, key=lambda a: (a.severity.rank, a.score, -a.started_at))


def _worst(anomalies: Iterable[Anomaly]) -> Anomaly | None:
    """Of the symptoms; evidence never sets an incident's severity."""
    return max((a for a in anomalies if a.symptom), key=lambda a: (a.severity.rank, a.score), default=None)


def _escalate(incident: Incident, worst: Anomaly) -> Step:
    return Step(StepKind.ESCALATE, incident.id, "escalated", severity=worst.severity, text=headline(worst))


def _live(anomaly: Anomaly, now: float, rules: Rules) -> bool:
    return anomaly.ended_at is None or now - anomaly.ended_at < rules.window_s


def _was_merged(incident: Incident) -> bool:
    last = next((e for e in reversed(incident.timeline) if transition(e) == "resolved"), None)
    return last is not None and ": merged into " in last.text


def _distinct(claims: Sequence[Anomaly]) -> Iterable[Anomaly]:
    """Each anomaly once, as it was given last."""
    return {a.id: a for a in claims}.values()
