"""Diagnosis, purely: who is ranked first, and how sure it says it is."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.change import Change
from triops.kernel.entity import Relation, RelationKind, Topology
from triops.kernel.hypothesis import Hypothesis
from triops.kernel.ids import AnomalyId, ChangeId, EntityId
from triops.kernel.incident import Status
from triops.loop.causes import Past, diagnose
from triops.testing.faults import FAULTS, NOW, SHAPES, Case, incident_of, make

CHAIN = Topology(
    (
        Relation(EntityId("service:front"), RelationKind.CALLS, EntityId("service:catalogue"), 0, NOW),
        Relation(EntityId("service:catalogue"), RelationKind.CALLS, EntityId("service:pricing"), 0, NOW),
        Relation(EntityId("service:pricing"), RelationKind.USES, EntityId("database:prices"), 0, NOW),
    )
)


def slow(service: str, onset: float, before: float = 40.0, after: float = 620.0, **evidence: float) -> Anomaly:
    return Anomaly(
        id=AnomalyId(f"ano_{service}_{onset}"),
        entity=EntityId(service if ":" in service else f"service:{service}"),
        detector="red",
        kind="latency",
        signal="latency p95",
        direction=Direction.UP,
        score=10.0,
        severity=Severity.CRITICAL,
        symptom=True,
        started_at=NOW + onset,
        detected_at=NOW + onset + 15,
        last_seen=NOW,
        value=after,
        expected=before,
        unit="ms",
        evidence=evidence,
    )


def change(id: str, entity: str, at: float, kind: str = "config") -> Change:
    return Change(ChangeId(id), EntityId(f"service:{entity}" if ":" not in entity else entity), kind, id, NOW + at)


def found(
    anomalies: list[Anomaly], changes: list[Change], topology: Topology = CHAIN, **more: object
) -> tuple[Hypothesis, ...]:
    case = Case("case", topology, tuple(anomalies), tuple(changes), EntityId(""), None, NOW)
    return diagnose(incident_of(case), anomalies, changes, topology, NOW, **more)  # type: ignore[arg-type]


STORY = [slow("pricing", -60), slow("catalogue", -58, 60, 640), slow("front", -55, 80, 660)]


def test_the_change_on_the_deepest_slow_service_wins_over_a_decoy_just_before() -> None:
    decoy, cause = change("decoy", "front", -90), change("cause", "pricing", -63)
    first = found(STORY, [decoy, cause])[0]
    assert (first.entity, first.change) == ("service:pricing", "cause")
    assert first.probability > 0.8
    assert {"change", "topology", "onset", "anomaly"} <= {e.kind for e in first.evidence}
    assert any(e.ref == "cause" for e in first.evidence)


def test_a_change_after_the_onset_is_no_cause() -> None:
    late = change("late", "pricing", -30)
    assert all(h.change != "late" for h in found(STORY, [late]))


@pytest.mark.parametrize("after_s", [4.0, 9.5])
def test_a_change_within_the_blur_of_the_onset_yields_to_one_before_it(after_s: float) -> None:
    cause, late = change("cause", "pricing", -69), change("late", "pricing", -60 + after_s)
    assert found(STORY, [cause, late])[0].change == "cause"


def test_a_remedy_that_a_deployer_reports_is_no_cause_of_what_was_seen_before_it() -> None:
    cause, remedy = change("cause", "pricing", -69, "deploy"), change("remedy", "pricing", -58, "deploy")
    case = Case("case", CHAIN, tuple(STORY), (cause, remedy), EntityId(""), None, NOW)
    incident = replace(incident_of(case), opened_at=NOW - 59)
    hypotheses = diagnose(incident, STORY, [cause, remedy], CHAIN, NOW)
    assert hypotheses[0].change == "cause"
    assert all(h.change != "remedy" for h in hypotheses)
    again = diagnose(replace(incident, status=Status.REOPENED), STORY, [cause, remedy], CHAIN, NOW)
    assert any(h.change == "remedy" for h in again), "what reopened it may have come later"


@pytest.mark.parametrize(("kind", "details"), [("action", {}), ("apply", {}), ("deploy", {"by": "action"})])
def test_no_change_talks_itself_out_of_suspicion(kind: str, details: dict[str, str]) -> None:
    told = replace(change("told", "pricing", -63, kind), details=details)
    assert found(STORY, [told])[0].change == "told"


def test_what_the_platform_did_itself_is_a_weak_suspect() -> None:
    by_hand = change("deploy", "pricing", -64, "deploy")
    by_itself = replace(change("act", "pricing", -63, "action"), remedy=True)
    hypotheses = found(STORY, [by_hand, by_itself])
    assert hypotheses[0].change == "deploy"
    assert all(h.change != "act" for h in hypotheses)


def test_a_single_weak_symptom_without_a_change_is_unknown() -> None:
    weak = replace(slow("front", -60, 40, 60), score=4.5, severity=Severity.WARNING)
    hypotheses = found([weak], [])
    unknown = next(h for h in hypotheses if h.entity is None)
    assert unknown.rank == 1
    assert unknown.probability > 0.4


def test_a_change_that_overloads_its_own_database_is_blamed_not_the_database() -> None:
    anomalies = [slow("database:prices", -60, 2, 400), *STORY]
    first = found(anomalies, [change("n+1", "pricing", -65)])[0]
    assert (first.entity, first.change) == ("service:pricing", "n+1")


def test_a_job_on_the_database_is_blamed_not_its_caller() -> None:
    anomalies = [slow("database:prices", -60, 2, 400), *STORY]
    first = found(anomalies, [change("vacuum", "database:prices", -65, "job"), change("decoy", "front", -90)])[0]
    assert (first.entity, first.change) == ("database:prices", "vacuum")


def test_own_time_tells_a_caller_apart_from_its_callee() -> None:
    waits = [
        slow("pricing", -60, self_ms=500.0, self_ms_expected=20.0),
        slow("catalogue", -60, self_ms=21.0, self_ms_expected=20.0),
    ]
    assert found(waits, [])[0].entity == "service:pricing"
    works = [slow("pricing", -60, 40, 60), slow("catalogue", -60, self_ms=560.0, self_ms_expected=20.0)]
    assert found(works, [])[0].entity == "service:catalogue"


def test_a_saturated_host_explains_services_that_do_not_call_each_other() -> None:
    names = ["a", "b", "c"]
    topology = Topology(
        tuple(Relation(EntityId(f"service:{n}"), RelationKind.RUNS_ON, EntityId("host:one"), 0, NOW) for n in names)
    )
    cpu = replace(slow("host:one", -60, 0.3, 0.99), kind="level_shift", signal="cpu", unit="1", symptom=False)
    first = found([cpu, *(slow(n, -57) for n in names)], [], topology)[0]
    assert first.entity == "host:one"


def test_a_busy_host_does_not_take_the_blame_for_a_change_that_burns_cpu() -> None:
    hosts = tuple(
        Relation(EntityId(f"service:{n}"), RelationKind.RUNS_ON, EntityId("host:one"), 0, NOW)
        for n in ("front", "catalogue", "pricing")
    )
    cpu = replace(slow("host:one", -58, 0.2, 0.95), kind="level_shift", signal="cpu", unit="1", symptom=False)
    first = found([cpu, *STORY], [change("rounds", "pricing", -66)], Topology(CHAIN.relations + hosts))[0]
    assert (first.entity, first.change) == ("service:pricing", "rounds")


def test_missing_spans_in_the_middle_do_not_hide_the_cause() -> None:
    first = found([STORY[0], STORY[2]], [change("cause", "pricing", -63)])[0]
    assert (first.entity, first.change) == ("service:pricing", "cause")


def test_a_confirmed_cause_of_a_like_incident_counts_a_little() -> None:
    entities = tuple(a.entity for a in STORY)
    without = found(STORY, [])[0]
    remembered = found(STORY, [], past=[Past("inc_0", entities, EntityId("service:pricing"))])[0]
    assert remembered.entity == without.entity
    assert remembered.probability > without.probability
    assert any(e.kind == "past" and e.ref == "inc_0" for e in remembered.evidence)


def test_no_symptom_no_hypothesis() -> None:
    assert found([replace(STORY[0], symptom=False)], []) == ()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(FAULTS), st.sampled_from(SHAPES))
def test_probabilities_are_a_distribution_with_unknown_in_it(seed: int, fault: str, shape: str) -> None:
    case = make(seed, fault, shape)
    hypotheses = diagnose(incident_of(case), case.anomalies, case.changes, case.topology, case.now)
    if not any(a.symptom for a in case.anomalies):
        assert hypotheses == ()
        return
    assert math.isclose(sum(h.probability for h in hypotheses), 1.0, abs_tol=1e-9)
    assert [h.rank for h in hypotheses] == list(range(1, len(hypotheses) + 1))
    assert [h.probability for h in hypotheses] == sorted((h.probability for h in hypotheses), reverse=True)
    assert sum(h.entity is None for h in hypotheses) == 1
    again = diagnose(incident_of(case), case.anomalies[::-1], case.changes[::-1], case.topology, case.now)
    assert [(h.entity, h.change) for h in again] == [(h.entity, h.change) for h in hypotheses]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_true_cause_is_first_in_most_made_up_systems(fault: str) -> None:
    cases = [make(seed, fault) for seed in range(7000, 7150)]
    right = sum(diagnose(incident_of(c), c.anomalies, c.changes, c.topology, c.now)[0].entity == c.cause for c in cases)
    assert right / len(cases) >= 0.82


CALLS = Topology(
    tuple(
        Relation(EntityId(source), kind, EntityId(target), 0, NOW)
        for source, kind, target in (
            ("application:bot", RelationKind.CALLS, "route:fast"),
            ("application:bot", RelationKind.USES, "prompt:support"),
            ("application:bot", RelationKind.RUNS_ON, "service:bot"),
            ("service:bot", RelationKind.USES, "application:bot"),
            ("route:fast", RelationKind.CALLS, "provider:acme"),
            ("route:fast", RelationKind.USES, "llm:acme/small"),
            ("route:fast", RelationKind.USES, "llm:acme/large"),
            ("llm:acme/small", RelationKind.RUNS_ON, "provider:acme"),
            ("llm:acme/large", RelationKind.RUNS_ON, "provider:acme"),
        )
    )
)


def of_calls(*entities: str, kind: str = "latency", unit: str = "ms", onset: float = -60) -> list[Anomaly]:
    made = [replace(slow(e, onset), kind=kind, unit=unit, symptom=e.startswith("application:")) for e in entities]
    return [replace(one, id=AnomalyId(f"{one.id}_{kind}")) for one in made]


def test_a_slow_provider_comes_before_the_prompt_that_nobody_changed() -> None:
    bot, prompt, provider = "application:bot", "prompt:support", "provider:acme"
    both = of_calls(bot, prompt, provider, "llm:acme/small", "llm:acme/large")
    for long_ago in (-1500, -420):
        made = [change("v1", prompt, long_ago, "prompt_label"), change("acme", provider, long_ago)]
        assert found(both, made, CALLS)[0].entity == provider
    first = found(both, [change("v1", prompt, -1500, "prompt_label")], CALLS)[0]
    assert (first.entity, first.change) == (provider, None)
    assert first.probability > 0.4
    assert found(of_calls(bot, prompt, provider, "llm:acme/small"), [], CALLS)[0].entity == "llm:acme/small"
    service = replace(slow("service:bot", -58), id=AnomalyId("service"))
    assert found([*both, service], [], CALLS)[0].entity == provider


def test_longer_answers_are_not_the_providers() -> None:
    bot, prompt, provider = "application:bot", "prompt:support", "provider:acme"
    sick = of_calls(bot, prompt, provider, "llm:acme/small")
    longer = of_calls(bot, prompt, kind="output_length", unit="{character}")
    moved = [change("v2", prompt, -65, "prompt_label"), change("new", prompt, -65, "registration")]
    first, second = found([*sick, *longer], moved, CALLS)[:2]
    assert (first.entity, first.change) == (prompt, "v2")
    assert first.probability > 3 * second.probability
    deployed = found(of_calls(bot, prompt), [change("v7", "bot", -65, "deploy")], CALLS)[0]
    assert deployed.change == "v7"
