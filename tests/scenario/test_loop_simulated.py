"""The loop under random weather, by a seed: whatever happens in whatever order, these hold."""

import random
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from triops.kernel.action import ActionStatus
from triops.kernel.anomaly import Anomaly, Severity
from triops.kernel.errors import Conflict
from triops.kernel.incident import Incident, Status
from triops.ports.actuators import Outcome
from triops.testing.story import PROJECT, Story, open_story

SERVICES = [f"service:s{n}" for n in range(7)]
EFFECT = {"actuator": "http", "spec": {"url": "http://127.0.0.1/{{incident.id}}/{{entity.name}}"}}


@pytest.mark.parametrize("seed", range(6))
async def test_random_weather(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    async with open_story(tmp_path) as story:
        await story.calls(*((SERVICES[draw.randrange(n)], SERVICES[n]) for n in range(1, 7) if n != 4))
        await story.apply(
            "Runbook", "restart", title="Restart {{entity.name}}", effect=EFFECT, undo=EFFECT, verify_s=20
        )
        await story.apply("Policy", "bold", level=draw.choice(["ask", "act"]), cool_down_s=30, max_per_hour=100)
        await story.apply("Notifier", "team", type="webhook", url="http://127.0.0.1/hook")
        open_: list[Anomaly] = []
        for _ in range(70):
            await _something(draw, story, open_)
            await story.run(draw.choice([1, 1, 2, 5]))
            await _holds(story)
        await story.ended(*open_)
        story.clock.advance(3700)  # what flapped has calmed down
        await story.run(70)
        await _holds(story)
        assert not await story.incidents.active(PROJECT)
        under_way = [ActionStatus.RUNNING, ActionStatus.VERIFYING, ActionStatus.WAITING, ActionStatus.SUGGESTED]
        assert not (await story.actions.list(PROJECT, status=[str(s) for s in under_way])).items


async def _something(draw: random.Random, story: Story, open_: list[Anomaly]) -> None:
    what = draw.random()
    if what < 0.35:
        kind = draw.choice(["latency", "errors"])
        claim = story.symptom(
            draw.choice(SERVICES), kind=kind, signal=kind, symptom=draw.random() < 0.7, ago=draw.uniform(0, 60),
            severity=draw.choice(list(Severity)[1:]), score=draw.uniform(4, 14),
        )  # fmt: skip
        if claim.key not in {a.key for a in open_}:
            open_ += await story.claim(claim)
    elif what < 0.6 and open_:
        over = open_.pop(draw.randrange(len(open_)))
        await story.ended(over)
    elif what < 0.7 and open_:
        at = draw.randrange(len(open_))
        (open_[at],) = await story.claim(replace(open_[at], severity=Severity.CRITICAL, last_seen=story.clock.now()))
    elif what < 0.8:
        await story.change(draw.choice(SERVICES), "deploy", "v2", ago=draw.uniform(0, 40))
    elif what < 0.86:
        story.actuator.outcome = Outcome(draw.random() < 0.7, "said so")
        story.notifier.fault = draw.choice([None, None, "503"])
    elif what < 0.92:
        for action in (await story.actions.list(PROJECT)).items[:2]:
            try:
                await draw.choice([story.act.approve, story.act.dismiss])(PROJECT, action.id, "ann", "because")
            except Conflict:
                pass
    else:
        for incident in (await story.incidents.list(PROJECT)).items[:1]:
            status, now = draw.choice([Status.ACKNOWLEDGED, Status.RESOLVED, Status.REOPENED]), story.clock.now()
            try:
                await story.incidents.update(PROJECT, incident.id, partial(Incident.moved, status=status, at=now))
            except Conflict:
                pass


async def _holds(story: Story) -> None:
    active = await story.incidents.active(PROJECT)
    attached = Counter(a for incident in active for a in incident.anomalies)
    assert not [a for a, count in attached.items() if count > 1], "an anomaly in two active incidents"
    for incident in (await story.incidents.list(PROJECT)).items:
        assert len(set(incident.anomalies)) == len(incident.anomalies)
        assert (incident.resolved_at is not None) == (incident.status is Status.RESOLVED)
        by_itself = incident.timeline[-1].text if incident.status is Status.RESOLVED else ""
        if "all signals normal" in by_itself:
            rows = await story.anomalies.get_many(PROJECT, incident.anomalies)
            assert all(a.ended_at is not None for a in rows if a.symptom)
    actions = (await story.actions.list(PROJECT, limit=1000)).items
    assert len({(a.incident, a.runbook, a.entity) for a in actions}) == len(actions), "proposed twice"
    started = sum(a.started_at is not None for a in actions)
    undone = sum("undo_started_at" in a.details for a in actions)
    assert len(story.actuator.ran) == started + undone, "run twice, or not written down"
    assert len({n.id for n in story.notifier.sent}) == len(story.notifier.sent), "told twice"
