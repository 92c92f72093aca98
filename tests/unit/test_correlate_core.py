"""Correlation, purely: what belongs together, and what becomes of the incidents there are."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.entity import Relation, RelationKind, Topology
from triops.kernel.ids import AnomalyId, EntityId
from triops.kernel.incident import Entry, Incident, Status
from triops.loop.grouping import Case, Rules, correlate
from triops.loop.maintenance import Window
from triops.loop.steps import ATTACHED, Step, StepKind, opened, taken

T = 1_800_000_000.0


def edge(source: str, target: str, kind: RelationKind = RelationKind.CALLS) -> Relation:
    return Relation(EntityId(source), kind, EntityId(target), 0, T)


SHOP = Topology((edge("service:front", "service:catalogue"), edge("service:catalogue", "service:pricing")))


def claim(
    entity: str,
    at: float = T,
    *,
    symptom: bool = True,
    kind: str = "latency",
    score: float = 8.0,
    ended: float | None = None,
    severity: Severity = Severity.WARNING,
    n: int = 0,
) -> Anomaly:
    return Anomaly(
        id=AnomalyId(f"ano_{entity}_{kind}_{n}"), entity=EntityId(entity), detector="red", kind=kind,
        signal="latency p95", direction=Direction.UP, score=score, severity=severity, symptom=symptom, started_at=at,
        detected_at=at,
        last_seen=at, ended_at=ended, value=620.0, expected=40.0, unit="ms",
    )  # fmt: skip


def case(*anomalies: Anomaly, at: float = T) -> Case:
    return Case(opened(anomalies, anomalies[0], at), anomalies)


def kinds(steps: Sequence[Step]) -> list[StepKind]:
    return [s.kind for s in steps]


def test_callers_and_callee_open_one_incident_with_the_callee_in_its_title() -> None:
    steps, new = correlate(T + 1, [claim("service:front", score=12), claim("service:pricing")], [], [], SHOP)
    assert steps == []
    assert [i.title for i in new] == ["pricing: latency p95 40 → 620 ms"]
    assert set(new[0].entities) == {"service:front", "service:pricing"}


def test_a_lone_symptom_waits_for_others_but_not_long() -> None:
    alone = claim("service:pricing")
    assert correlate(T + 9, [alone], [], [], SHOP) == ([], [])
    assert len(correlate(T + 10, [alone], [], [], SHOP)[1]) == 1


def test_evidence_never_opens_but_joins_when_near_in_time_and_topology() -> None:
    hints = [
        claim("service:catalogue", T - 100, symptom=False),
        claim("service:catalogue", T - 900, symptom=False, n=1),
    ]
    assert correlate(T + 60, hints, [], [], SHOP) == ([], [])
    _, new = correlate(T + 60, [*hints, claim("service:pricing")], [], [], SHOP)
    assert set(new[0].anomalies) == {hints[0].id, claim("service:pricing").id}


def test_unrelated_services_open_two_incidents() -> None:
    far = Topology((*SHOP.relations, edge("service:mail", "service:smtp")))
    _, new = correlate(T + 20, [claim("service:pricing"), claim("service:smtp")], [], [], far)
    assert sorted(i.entities for i in new) == [("service:pricing",), ("service:smtp",)]


def test_services_on_one_quiet_host_are_unrelated_until_the_host_is_sick() -> None:
    topology = Topology(tuple(edge(f"service:{n}", "host:one", RelationKind.RUNS_ON) for n in ("a", "b")))
    symptoms = [claim("service:a"), claim("service:b")]
    assert len(correlate(T + 20, symptoms, [], [], topology)[1]) == 2
    cpu = claim("host:one", symptom=False, kind="spike")
    assert len(correlate(T + 20, [*symptoms, cpu], [], [], topology)[1]) == 1


def test_a_measured_call_connects_before_the_topology_knows_it() -> None:
    symptoms = [claim("service:a"), claim("service:b")]
    assert len(correlate(T + 20, symptoms, [], [], Topology())[1]) == 2
    seen = claim("service:b", symptom=False, kind="errors")
    seen = replace(seen, evidence={"source": "service:a", "target": "service:b"})
    assert len(correlate(T + 20, [*symptoms, seen], [], [], Topology())[1]) == 1


def test_callees_of_a_caller_that_notices_nothing_are_unrelated() -> None:
    star = Topology((edge("service:front", "service:a"), edge("service:front", "service:b")))
    symptoms = [claim("service:a"), claim("service:b")]
    assert len(correlate(T + 20, symptoms, [], [], star)[1]) == 2
    assert len(correlate(T + 20, [*symptoms, claim("service:front")], [], [], star)[1]) == 1


def test_a_later_symptom_joins_and_one_out_of_time_does_not() -> None:
    old = case(claim("service:pricing", ended=T + 60))
    steps, new = correlate(T + 500, [claim("service:front", T + 490)], [old], [], SHOP)
    assert StepKind.JOIN in kinds(steps)
    assert new == []
    steps, new = correlate(T + 900, [claim("service:front", T + 880)], [old], [], SHOP)
    assert len(new) == 1


def test_incidents_that_turn_out_connected_become_the_older_one() -> None:
    star = Topology((edge("service:front", "service:a"), edge("service:front", "service:b")))
    first, second = case(claim("service:a")), case(claim("service:b"), at=T + 5)
    steps, new = correlate(T + 20, [claim("service:front", T + 15)], [first, second], [], star)
    assert new == []
    merge = next(s for s in steps if s.kind is StepKind.MERGE)
    join = next(s for s in steps if s.kind is StepKind.JOIN)
    assert (merge.incident, join.incident) == (second.incident.id, first.incident.id)
    assert {a.entity for a in join.anomalies} == {"service:b", "service:front"}
    after, transition = taken(merge, second.incident, T + 20)
    assert (after.status, transition) == (Status.RESOLVED, "resolved")
    assert "merged into" in after.timeline[-1].text


def test_a_rise_in_severity_escalates() -> None:
    active = case(claim("service:pricing"))
    worse = replace(active.anomalies[0], severity=Severity.CRITICAL)
    steps, _ = correlate(T + 20, [worse], [Case(active.incident, [worse])], [], SHOP)
    assert kinds(steps) == [StepKind.ESCALATE]
    after, transition = taken(steps[0], active.incident, T + 20)
    assert (after.severity, transition) == (Severity.CRITICAL, "escalated")
    assert taken(steps[0], after, T + 21)[1] == ""


def test_it_resolves_when_all_symptoms_have_been_over_for_a_while() -> None:
    over, open_ = claim("service:pricing", ended=T + 100), claim("service:front")
    active = case(over, open_)
    assert correlate(T + 200, [], [active], [], SHOP)[0] == []
    both = Case(active.incident, [over, replace(open_, ended_at=T + 110)])
    assert correlate(T + 139, [], [both], [], SHOP)[0] == []
    assert kinds(correlate(T + 140, [], [both], [], SHOP)[0]) == [StepKind.RESOLVE]


def test_the_same_trouble_soon_after_reopens_instead_of_opening() -> None:
    past = case(claim("service:pricing", ended=T + 60))
    past = Case(past.incident.moved(Status.RESOLVED, T + 100), past.anomalies)
    again = claim("service:pricing", T + 300, n=1)
    steps, new = correlate(T + 315, [again], [], [past], SHOP)
    assert (kinds(steps), new) == ([StepKind.REOPEN], [])
    steps, new = correlate(T + 715, [replace(again, detected_at=T + 700)], [], [past], SHOP)
    assert (steps, len(new)) == ([], 1)


def test_many_flaps_hold_it_open_with_one_note() -> None:
    incident = case(claim("service:pricing", ended=T)).incident
    for n in range(3):
        incident = incident.moved(Status.RESOLVED, T + 100 * n + 40).moved(Status.REOPENED, T + 100 * n + 60)
    incident = incident.moved(Status.RESOLVED, T + 340)
    anomalies = [claim("service:pricing", ended=T)]
    steps, _ = correlate(T + 400, [claim("service:pricing", T + 385, n=9)], [], [Case(incident, anomalies)], SHOP)
    assert kinds(steps) == [StepKind.REOPEN, StepKind.NOTE]
    for step in steps:
        incident, _ = taken(step, incident, T + 400)
    quiet = Case(incident, [claim("service:pricing", T + 385, ended=T + 410, n=9)])
    assert correlate(T + 600, [], [quiet], [], SHOP)[0] == []
    assert kinds(correlate(T + 4400, [], [quiet], [], SHOP)[0]) == [StepKind.RESOLVE]


def test_a_resolved_incident_is_not_opened_again_by_what_it_knew_unless_it_gets_worse() -> None:
    going_on = claim("service:pricing")
    past = case(going_on)
    past = Case(past.incident.moved(Status.RESOLVED, T + 50, author="ann"), [going_on])
    assert correlate(T + 60, [going_on], [], [past], SHOP) == ([], [])
    worse = replace(going_on, severity=Severity.CRITICAL)
    assert kinds(correlate(T + 60, [worse], [], [past], SHOP)[0]) == [StepKind.REOPEN]


def test_maintenance_opens_nothing_for_what_it_covers() -> None:
    window = Window("friday", ("service:pri*",), T, T + 100)
    symptom = claim("service:pricing")
    assert correlate(T + 50, [symptom], [], [], SHOP, [window]) == ([], [])
    assert len(correlate(T + 101, [symptom], [], [], SHOP, [window])[1]) == 1


def test_a_storm_is_one_bounded_incident_where_connected_and_a_bounded_number_where_not() -> None:
    hub = Topology(tuple(edge(f"service:s{n}", "service:hub") for n in range(10_000)))
    storm = [claim(f"service:s{n}", T + n % 60) for n in range(10_000)]
    steps, new = correlate(T + 70, [*storm, claim("service:hub")], [], [], hub)
    assert (steps, len(new)) == ([], 1)
    assert len(new[0].anomalies) == ATTACHED
    _, apart = correlate(T + 70, storm, [], [], Topology())
    assert len(apart) == Rules().new_per_tick
    after, _ = taken(Step(StepKind.JOIN, new[0].id, anomalies=tuple(storm)), new[0], T + 80)
    assert after == new[0]


def test_a_step_that_no_longer_fits_changes_nothing() -> None:
    incident = case(claim("service:pricing")).incident
    by_hand = incident.moved(Status.RESOLVED, T + 5, author="ann")
    for step in (
        Step(StepKind.RESOLVE, incident.id),
        Step(StepKind.JOIN, incident.id, anomalies=(claim("service:front"),)),
    ):
        assert taken(step, by_hand, T + 6) == (by_hand, "")


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_order_does_not_matter_and_no_symptom_is_in_two_incidents(data: st.DataObject) -> None:
    names = [f"service:s{n}" for n in range(8)]
    pairs = st.tuples(st.sampled_from(names), st.sampled_from(names)).filter(lambda p: p[0] != p[1])
    topology = Topology(tuple(edge(a, b) for a, b in data.draw(st.sets(pairs, max_size=10))))
    where = data.draw(st.lists(st.tuples(st.sampled_from(names), st.integers(0, 900)), max_size=12))
    claims = [claim(e, T + at, n=n) for n, (e, at) in enumerate(where)]
    _, new = correlate(T + 1000, claims, [], [], topology)
    shuffled = data.draw(st.permutations(claims))
    _, again = correlate(T + 1000, shuffled, [], [], topology)

    def parts(incidents: Sequence[Incident]) -> set[frozenset[str]]:
        return {frozenset(i.anomalies) for i in incidents}

    assert parts(new) == parts(again)
    assert sum(len(i.anomalies) for i in new) == len(claims)


def test_a_timeline_is_bounded_and_says_so() -> None:
    incident = case(claim("service:pricing")).incident
    for n in range(700):
        incident, _ = taken(Step(StepKind.NOTE, incident.id, text=f"line {n}"), incident, T + n)
    assert len(incident.timeline) <= 500
    assert incident.timeline[0].kind == "opened"
    assert incident.timeline[-1] == Entry(T + 699, "anomaly", "line 699")
    assert any("left out" in e.text for e in incident.timeline)
