"""The log detector: surges of error lines, and error templates that were never seen.

Both are evidence, except a surge that is strong, large and lasting: a service that only logs is felt in no other way.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import orjson

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.clock import NS
from triops.kernel.ids import AnomalyId, EntityId, ProjectId, entity_id, sortable_id
from triops.kernel.signal import service_of
from triops.lenses.aiops.logs.model import LogProfile
from triops.lenses.aiops.logs.novelty import News, Novelty
from triops.lenses.aiops.logs.service import LogWatch
from triops.loop.bus import Bus
from triops.loop.events import LogsReceived
from triops.ports.logs import Logs


@dataclass
class _Project:
    watch: LogWatch
    novelty: Novelty
    news: list[tuple[EntityId, News]] = field(default_factory=list)  # since the last tick
    surges: dict[int, Anomaly] = field(default_factory=dict)  # by slot
    fresh: dict[str, Anomaly] = field(default_factory=dict)  # new templates, by signal
    suppressed: int = 0


class LogDetector:
    """At most 1,000 projects; the one that was quiet longest is learned anew when it comes back."""

    name = "logs.errors"
    every_s = 5.0

    def __init__(self, logs: Logs, bus: Bus, profile: LogProfile | None = None) -> None:
        self._logs = logs
        self._profile = profile or LogProfile()
        self._projects: OrderedDict[ProjectId, _Project] = OrderedDict()
        bus.subscribe(LogsReceived, self.received, name="detect:logs")

    async def received(self, event: LogsReceived) -> None:
        state, batch = self._state(event.project), event.batch
        at = float(batch.time_ns.max()) / NS if len(batch) else 0.0
        found = state.novelty.take(batch, at)
        if not found:
            return
        texts = dict(zip(batch.resources.fingerprint.tolist(), batch.resources.attributes, strict=True))
        for one in found:
            resource = orjson.loads(texts.get(one.resource) or "{}")
            if len(state.news) < self._profile.new_open:
                state.news.append((entity_id("service", service_of(resource)), one))
            else:
                state.suppressed += 1

    async def tick(self, project: ProjectId, now: float) -> Sequence[Anomaly]:
        state = self._state(project)
        watch, step_ns = state.watch, self._profile.step_s * NS
        claims = self._new_templates(state, now)
        first, end = watch.window(now)
        if end <= first:
            return claims
        counts = await self._logs.counts(project, first * step_ns, end * step_ns, step_ns)
        begun, ended = watch.take(counts, first, end)
        for slot in begun:
            state.surges[slot] = self._surge(watch, slot, now)
        claims += [self._again(watch, claim, slot, now) for slot, claim in state.surges.items() if slot not in ended]
        for slot in ended:
            if claim := state.surges.pop(slot, None):
                claims.append(replace(claim, last_seen=now, ended_at=now))
        return claims

    def status(self, project: ProjectId, now: float) -> Mapping[str, float | int | str | None]:
        """`series`: services that log. `ready_at`: when the last of those that learn will be judged."""
        state = self._projects.get(project)
        known = len(state.watch.services) if state else 0
        steps = state.watch.counts.steps[:known].tolist() if state else []
        left = [self._profile.learn - n for n in steps if n < self._profile.learn]
        return {
            "name": self.name,
            "series": known,
            "learning": len(left),
            "ready_at": now + max(left) * self._profile.step_s if left else None,
            "suppressed": state.suppressed if state else 0,
        }

    def _state(self, project: ProjectId) -> _Project:
        state = self._projects.get(project)
        if state is None:
            state = self._projects[project] = _Project(LogWatch(self._profile), Novelty(self._profile))
        self._projects.move_to_end(project)
        if len(self._projects) > 1000:
            self._projects.popitem(last=False)
        return state

    def _surge(self, watch: LogWatch, slot: int, now: float) -> Anomaly:
        service = watch.services[slot]
        symptom = int(watch.life.strong[slot]) >= self._profile.hold
        return Anomaly(
            id=AnomalyId(sortable_id("ano", now)),
            entity=entity_id("service", service),
            detector=self.name,
            kind="surge",
            signal=f"error lines of {service}",
            direction=Direction.UP,
            score=0.0,
            severity=Severity.WARNING,
            symptom=symptom,
            started_at=float(watch.life.onset[slot]),
            detected_at=now,
            last_seen=now,
            unit="{line}",
            evidence={"service": service, "measure": "log_errors", "severity": 17},
        )

    def _again(self, watch: LogWatch, claim: Anomaly, slot: int, now: float) -> Anomaly:
        value, expected = float(watch.counts.count[slot]), float(watch.counts.expected[slot])
        return replace(
            claim,
            score=round(min(max(claim.score, float(watch.counts.score[slot])), 99.0), 2),
            last_seen=now,
            value=value,
            expected=expected,
            title=f"{watch.services[slot]} logs {value:.0f} errors in {self._profile.step_s} s, usually {expected:.1f}",
        )

    def _new_templates(self, state: _Project, now: float) -> list[Anomaly]:
        claims = []
        for signal, claim in list(state.fresh.items()):
            if now - claim.detected_at >= self._profile.new_end_s:
                claims.append(replace(state.fresh.pop(signal), last_seen=now, ended_at=now))
        news, state.news = state.news, []
        for entity, one in news:
            signal = f"template {one.template:016x}"
            if len(state.fresh) >= self._profile.new_open:
                state.suppressed += 1
                continue
            state.fresh[signal] = Anomaly(
                id=AnomalyId(sortable_id("ano", now)),
                entity=entity,
                detector=self.name,
                kind="new_template",
                signal=signal,
                direction=Direction.NONE,
                score=round(one.score, 2),
                severity=Severity.INFO,
                symptom=False,
                started_at=min(one.at, now),
                detected_at=now,
                last_seen=now,
                title=f"{entity.partition(':')[2]} logs an error that was never seen: {one.example[:120]}",
                evidence={"template": one.template, "example": one.example},
            )
            claims.append(state.fresh[signal])
        return claims
