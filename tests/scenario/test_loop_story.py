"""The loop's second half on a real ledger: from a symptom to an outcome that was verified."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from triops.kernel.action import ActionStatus
from triops.kernel.anomaly import Anomaly, Severity
from triops.kernel.errors import Conflict, Invalid
from triops.kernel.incident import Status, transition
from triops.ports.actuators import Outcome
from triops.testing.story import PROJECT, Story, open_story

ROLLBACK = {
    "title": "Roll back {{change.title}}",
    "when": {"change_kinds": ["config", "deploy"], "entity_types": ["service"]},
    "effect": {
        "actuator": "http",
        "spec": {
            "method": "POST",
            "url": "http://127.0.0.1:7410/deploy",
            "json": {"service": "{{entity.name}}", "version": "{{change.details.from}}"},
        },
    },
    "undo": {
        "actuator": "http",
        "spec": {
            "method": "POST",
            "url": "http://127.0.0.1:7410/deploy",
            "json": {"service": "{{entity.name}}", "version": "{{change.details.to}}"},
        },
    },
    "reach": "one service",
    "verify_s": 60,
}


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    async with open_story(tmp_path) as story:
        await story.calls(
            ("service:front", "service:catalogue"),
            ("service:catalogue", "service:pricing"),
            *((f"service:{s}", "host:one") for s in ("front", "catalogue", "pricing")),
        )
        await story.apply("Runbook", "rollback", **ROLLBACK)
        await story.apply(
            "Notifier", "team", type="webhook", url="http://127.0.0.1/hook", on=["opened", "mitigated", "resolved"]
        )
        yield story


async def fault(story: Story) -> list[Anomaly]:
    await story.change("service:front", "deploy", "front v7", ago=70, **{"from": "v6", "to": "v7"})
    await story.change("service:pricing", "config", "pricing v2", ago=20, **{"from": "v1", "to": "v2"})
    claims = [story.symptom("service:pricing", ago=16), story.symptom("service:catalogue", ago=12)]
    stored = list(await story.claim(*claims))
    await story.run(3)
    stored += await story.claim(story.symptom("service:front", ago=14))
    return stored


async def test_from_symptom_to_verified_recovery(story: Story) -> None:
    await story.apply("Policy", "careful", runbook="rollback", level="ask")
    claims = await fault(story)
    await story.run(6)
    incident, action = await story.incident(), await story.action()
    first = incident.hypotheses[0]
    assert first.entity == "service:pricing"
    assert (await story.changes.get(PROJECT, first.change)).title == "pricing v2"
    assert first.probability > 0.8
    assert incident.title == "pricing: latency 40 → 620 ms"
    assert (action.status, action.title) == (ActionStatus.WAITING, "Roll back pricing v2")
    assert action.dry_run == "POST http://127.0.0.1:7410/deploy"
    assert story.actuator.ran == []

    await story.act.approve(PROJECT, action.id, "ann", "go")
    await story.run(1)
    assert [r["json"] for r in story.actuator.ran] == [{"service": "pricing", "version": "v1"}]
    assert (await story.action()).status is ActionStatus.VERIFYING
    await story.run(20)
    await story.ended(*claims)
    await story.run(1)
    assert (await story.action()).status is ActionStatus.SUCCEEDED
    assert (await story.incident()).status is Status.MITIGATED
    await story.run(40)
    incident = await story.incident()
    assert incident.status is Status.RESOLVED
    assert any("recovery verified" in e.text for e in incident.timeline)
    moves = [t for e in incident.timeline if (t := transition(e))]
    assert moves == ["opened", "mitigated", "resolved"]
    assert [n.transition for n in story.notifier.sent] == moves
    assert story.notifier.sent[0].link.endswith(incident.id)

    ran = [c for c in (await story.changes.list(PROJECT)).items if c.kind == "action"]
    assert [(c.entity, c.author) for c in ran] == [("service:pricing", "ann")]
    verbs = [(e.verb, e.actor) for e in (await story.audit.list(PROJECT)).items]
    assert verbs == [("action.run", "ann"), ("action.approve", "ann")]
    assert (await story.learn.past(PROJECT))[0].cause == "service:pricing"


async def test_by_default_it_is_only_suggested_and_a_person_may_run_it(story: Story) -> None:
    await fault(story)
    await story.run(30)
    action = await story.action()
    assert (action.status, action.level) == (ActionStatus.SUGGESTED, "suggest")
    assert story.actuator.ran == []
    await story.act.approve(PROJECT, action.id, "ann")
    await story.run(1)
    assert len(story.actuator.ran) == 1


async def test_a_policy_that_acts_runs_it_alone_once(story: Story) -> None:
    await story.apply("Policy", "bold", level="act", min_probability=0.5)
    await fault(story)
    await story.run(30)
    action = await story.action()
    assert (action.status, action.decided_by) == (ActionStatus.VERIFYING, "policy bold")
    assert len(story.actuator.ran) == 1


async def test_what_makes_it_worse_is_taken_back(story: Story) -> None:
    await story.apply("Policy", "bold", level="act")
    claims = await fault(story)
    await story.run(5)
    assert (await story.action()).status is ActionStatus.VERIFYING
    await story.claim(replace(claims[0], value=2000.0, severity=Severity.CRITICAL, last_seen=story.clock.now() + 20))
    await story.run(61)
    action = await story.action()
    assert action.status is ActionStatus.UNDONE
    assert [r["json"]["version"] for r in story.actuator.ran] == ["v1", "v2"]
    assert "escalated" in [transition(e) for e in (await story.incident()).timeline]
    await story.run(30)
    assert len(story.actuator.ran) == 2


async def test_what_does_not_help_is_said_to_have_failed(story: Story) -> None:
    await story.apply("Policy", "bold", level="act")
    await fault(story)
    await story.run(70)
    action = await story.action()
    assert action.status is ActionStatus.FAILED
    assert "did not help" in action.result
    assert len(story.actuator.ran) == 1


async def test_an_actuator_that_fails(story: Story) -> None:
    await story.apply("Policy", "bold", level="act")
    story.actuator.outcome = Outcome(False, "503 Service Unavailable")
    await fault(story)
    await story.run(5)
    action = await story.action()
    assert (action.status, action.result) == (ActionStatus.FAILED, "503 Service Unavailable")
    assert (await story.audit.list(PROJECT)).items[0].outcome == "failed"


async def test_limits_deny_and_say_why_and_a_denial_ends_with_its_reason(story: Story) -> None:
    await story.apply("Policy", "bold", level="act", cool_down_s=300, max_per_hour=5)
    claims = await fault(story)
    await story.run(5)
    await story.ended(*claims)
    await story.run(60)
    assert (await story.action()).status is ActionStatus.SUCCEEDED
    await story.run(30)
    again = await story.claim(
        story.symptom("service:pricing", kind="errors", signal="errors", unit="ratio", value=0.4, expected=0.0)
    )
    await story.change("service:pricing", "config", "pricing v3", ago=25, **{"from": "v1", "to": "v3"})
    await story.run(20)
    denied = next(a for a in (await story.actions.list(PROJECT)).items if a.status is ActionStatus.DENIED)
    assert "cools down" in denied.reasons[0]
    with pytest.raises(Conflict):
        await story.act.approve(PROJECT, denied.id, "ann")
    assert len(story.actuator.ran) == 1
    await story.run(300)
    await story.claim(*(replace(a, last_seen=story.clock.now()) for a in again))
    await story.run(15)
    assert (await story.actions.get(PROJECT, denied.id)).status is not ActionStatus.DENIED
    assert len(story.actuator.ran) == 2


async def test_observing_writes_a_line_and_proposes_nothing(story: Story) -> None:
    await story.apply("Policy", "shy", level="observe")
    await fault(story)
    await story.run(20)
    assert (await story.actions.list(PROJECT)).items == () or not (await story.actions.list(PROJECT)).items
    lines = [e.text for e in (await story.incident()).timeline if "would propose" in e.text]
    assert len(lines) == 1


async def test_dismissing_takes_a_reason_and_lasts(story: Story) -> None:
    claims = await fault(story)
    action = await story.action()
    with pytest.raises(Invalid):
        await story.act.dismiss(PROJECT, action.id, "ann", " ")
    await story.act.dismiss(PROJECT, action.id, "ann", "we are on it")
    await story.claim(replace(claims[0], score=14.0, last_seen=story.clock.now()))
    await story.run(10)
    assert (await story.action()).status is ActionStatus.DISMISSED
    with pytest.raises(Conflict):
        await story.act.approve(PROJECT, action.id, "ann")


async def test_what_waits_is_withdrawn_when_the_incident_is_over(story: Story) -> None:
    claims = await fault(story)
    await story.ended(*claims)
    await story.run(45)
    action = await story.action()
    assert (action.status, action.decided_by) == (ActionStatus.DISMISSED, "triops")
    assert (await story.incident()).status is Status.RESOLVED


async def test_a_change_told_late_is_found(story: Story) -> None:
    await story.claim(story.symptom("service:pricing"), story.symptom("service:front"))
    await story.run(3)
    assert (await story.incident()).hypotheses[0].change is None
    change = await story.change("service:pricing", "config", "pricing v2", ago=25, **{"from": "v1", "to": "v2"})
    await story.run(10)
    assert (await story.incident()).hypotheses[0].change == change.id
    assert (await story.action()).change == change.id


async def test_values_of_a_change_never_become_templates(story: Story) -> None:
    await story.change("service:pricing", "config", "bad", ago=20, **{"from": "{{env:SECRET}}", "to": "v2"})
    await story.claim(story.symptom("service:pricing"), story.symptom("service:front"))
    await story.run(12)
    assert not (await story.actions.list(PROJECT)).items
    lines = [e.text for e in (await story.incident()).timeline if "is not proposed" in e.text]
    assert len(lines) == 1


async def test_a_running_action_is_not_run_again_after_a_restart(tmp_path: Path) -> None:
    async with open_story(tmp_path) as story:
        await story.apply("Runbook", "rollback", **ROLLBACK)
        await story.apply("Policy", "bold", level="act")

        called = asyncio.Event()

        async def never(_: object) -> None:
            called.set()
            await asyncio.Event().wait()

        story.actuator.then = never
        await story.change("service:pricing", "config", "pricing v2", ago=20, **{"from": "v1", "to": "v2"})
        await story.claim(story.symptom("service:pricing"), story.symptom("service:pricing", kind="errors", signal="e"))
        step = asyncio.create_task(story.act.tick(story.clock.advance(1.0)))
        await called.wait()
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
        assert (await story.action()).status is ActionStatus.RUNNING
        at = story.clock.now()
    async with open_story(tmp_path) as story:
        story.clock.at = at + 5
        await story.run(30)
        action = await story.action()
        assert action.status is ActionStatus.FAILED
        assert "interrupted" in action.result
        assert story.actuator.ran == []


async def test_two_faults_at_once_are_two_incidents_each_with_its_cause(story: Story) -> None:
    await story.calls(("service:mail", "service:smtp"), ("service:smtp", "database:queue"))
    await fault(story)
    await story.change("service:smtp", "deploy", "smtp v5", ago=25, **{"from": "v4", "to": "v5"})
    await story.claim(story.symptom("service:smtp"), story.symptom("service:mail"))
    await story.run(12)
    causes = set()
    for incident in (await story.incidents.list(PROJECT)).items:
        first = incident.hypotheses[0]
        causes.add((first.entity, (await story.changes.get(PROJECT, first.change)).title))
    assert causes == {("service:pricing", "pricing v2"), ("service:smtp", "smtp v5")}
    assert len((await story.actions.list(PROJECT)).items) == 2


async def test_planned_work_opens_nothing_until_it_is_over(story: Story) -> None:
    now = story.clock.now()
    await story.apply("Maintenance", "friday", entities=["service:pri*"], start=now - 5, end=now + 60)
    (claim,) = await story.claim(story.symptom("service:pricing"))
    await story.run(50)
    assert not (await story.incidents.list(PROJECT)).items
    assert [a.id for a in (await story.anomalies.list(PROJECT)).items] == [claim.id]
    await story.run(20)
    assert (await story.incident()).anomalies == (claim.id,)


async def test_a_like_incident_later_knows_its_confirmed_cause(story: Story) -> None:
    await story.apply("Policy", "bold", level="act")
    claims = await fault(story)
    await story.run(10)
    await story.ended(*claims)
    await story.run(45)
    first = await story.incident()
    assert first.status is Status.RESOLVED
    story.clock.advance(7200)
    await story.calls(("service:front", "service:catalogue"), ("service:catalogue", "service:pricing"))
    await story.claim(*(story.symptom(f"service:{s}") for s in ("pricing", "catalogue", "front")))
    await story.run(3)
    again = (await story.incidents.list(PROJECT, status="active")).items[0]
    assert any(e.kind == "past" and e.ref == first.id for e in again.hypotheses[0].evidence)
    assert [(s.id, s.cause) for s in await story.learn.similar(PROJECT, again)] == [(first.id, "service:pricing")]
