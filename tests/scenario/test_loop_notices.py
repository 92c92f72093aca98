"""Notices: one for each transition and notifier, retried, given up, never twice, and held while an incident flaps."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from triops.kernel.incident import Status, flaps
from triops.loop.events import IncidentMoved
from triops.testing.story import PROJECT, Story, open_story


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    async with open_story(tmp_path) as story:
        yield story


async def team(story: Story, **spec: object) -> None:
    await story.apply("Notifier", "team", **({"type": "webhook", "url": "http://127.0.0.1/hook"} | spec))


async def test_a_transition_is_told_once_however_often_it_is_heard_of(story: Story) -> None:
    await team(story)
    await story.claim(story.symptom("service:a"))
    await story.run(11)
    incident = await story.incident()
    for _ in range(3):
        story.bus.publish(IncidentMoved(PROJECT, incident.id, "opened", incident.opened_at))
    await story.run(70)  # and the job that looks for what was missed has passed, too
    assert [n.transition for n in story.notifier.sent] == ["opened"]
    assert story.notifier.sent[0].incident["title"] == incident.title


async def test_what_no_event_told_of_is_found(story: Story) -> None:
    await team(story)
    await story.run(1)
    incident = (await story.claim(story.symptom("service:a")), await story.run(11), await story.incident())[2]
    story.bus._subscriptions.clear()
    now = story.clock.now()
    await story.incidents.update(PROJECT, incident.id, lambda i: i.moved(Status.RESOLVED, now, author="ann"))
    await story.run(61)
    assert [n.transition for n in story.notifier.sent] == ["opened", "resolved"]


async def test_failures_are_retried_ever_later_and_given_up_after_a_day(story: Story) -> None:
    await team(story)
    story.notifier.fault = "connection refused"
    await story.claim(story.symptom("service:a"))
    await story.run(11)
    await story.run(60)
    assert 3 <= story.notifier.attempts <= 5
    for _ in range(30):
        story.clock.advance(3600)
        await story.notify.tick(story.clock.now())
    (row,) = await story.outbox.list(PROJECT)
    assert row.gave_up_at is not None
    assert row.last_error == "connection refused"
    tried = story.notifier.attempts
    await story.notify.tick(story.clock.advance(7200))
    assert story.notifier.attempts == tried


async def test_a_late_success_is_delivered_with_the_same_id(story: Story) -> None:
    await team(story)
    story.notifier.fault = "503"
    await story.claim(story.symptom("service:a"))
    await story.run(13)
    story.notifier.fault = None
    await story.run(60)
    (sent,) = story.notifier.sent
    (row,) = await story.outbox.list(PROJECT)
    assert row.id == sent.id
    assert row.sent_at is not None


async def test_only_the_severities_and_transitions_that_were_asked_for(story: Story) -> None:
    await team(story, min_severity="critical")
    await story.apply("Notifier", "ops", type="webhook", url="http://127.0.0.1/ops", on=["resolved"])
    claims = await story.claim(story.symptom("service:a"))
    await story.run(11)
    await story.ended(*claims)
    await story.run(45)
    assert [n.transition for n in story.notifier.sent] == ["resolved"]


async def test_flapping_is_held_and_worsening_is_not(story: Story) -> None:
    await team(story, on=["opened", "resolved", "reopened", "escalated"])
    for _ in range(6):
        claims = await story.claim(story.symptom("service:a"))
        await story.run(12)
        await story.ended(*claims)
        await story.run(40)
    incident = await story.incident()
    assert flaps(incident.timeline, story.clock.now()) == 4
    assert incident.active
    assert [n.transition for n in story.notifier.sent] == ["opened", *["resolved", "reopened"] * 3, "resolved"]
    assert sum(e.kind == "flapping" for e in incident.timeline) == 1
