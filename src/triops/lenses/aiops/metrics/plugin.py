"""The metric detector: takes what the bus says was received, and words what `service` finds as claims.

Claims about metrics are evidence, except: a disk or memory that is (nearly) full, a scrape target that is down, an
entity whose regular metrics stopped, and a strong, large, lasting shift of a metric that users send themselves.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import orjson

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.ids import AnomalyId, EntityId, ProjectId, sortable_id
from triops.kernel.signal import MetricBatch
from triops.lenses.aiops.metrics.families import Reading, Rule, entity_of, meaning_of, selector_of
from triops.lenses.aiops.metrics.inbox import Inbox
from triops.lenses.aiops.metrics.model import SERIES_PROFILE, Known, MetricProfile
from triops.lenses.aiops.metrics.service import FLAT, KINDS, SATURATION, SHIFT, MetricWatch
from triops.loop.bus import Bus
from triops.loop.events import MetricsReceived

_REPEAT_S = 15.0  # how often a claim that goes on is told again
_PER_ENTITY = 20  # open claims of evidence about one entity; more are counted, not told
_OFF_LOOP = 2_000  # points from which a tick computes on a thread


Rows = list[int]


@dataclass
class _Project:
    watch: MetricWatch
    inbox: Inbox
    open: dict[tuple[int, int], Anomaly] = field(default_factory=dict)  # by (kind, slot)
    gone: dict[EntityId, Anomaly] = field(default_factory=dict)
    unread: list[tuple[MetricBatch, Rows]] = field(default_factory=list)  # new series since the last tick
    told: set[int] = field(default_factory=set)  # their ids
    suppressed: int = 0


class MetricDetector:
    """At most 1,000 projects; the one that was quiet longest is learned anew when it comes back."""

    name = "metrics.series"
    every_s = 5.0

    def __init__(self, bus: Bus, profile: MetricProfile | None = None) -> None:
        self._profile = profile or MetricProfile()
        self._projects: OrderedDict[ProjectId, _Project] = OrderedDict()
        bus.subscribe(MetricsReceived, self.received, name="detect:metrics")

    async def received(self, event: MetricsReceived) -> None:
        state = self._projects.setdefault(event.project, self._new())
        self._projects.move_to_end(event.project)
        if len(self._projects) > 1000:
            self._projects.popitem(last=False)
        state.inbox.put(event.batch)
        # A flood of new series must not hold the event loop: names are read on a thread, once, by the next tick.
        ids = event.batch.series.id
        new = [
            row for row in np.flatnonzero(state.watch.slots.find(ids) < 0).tolist() if int(ids[row]) not in state.told
        ]
        new = new[: self._profile.series - len(state.told)]
        if new:
            state.told.update(ids[new].tolist())
            state.unread.append((event.batch, new))

    async def tick(self, project: ProjectId, now: float) -> Sequence[Anomaly]:
        state = self._projects.get(project)
        if state is None:
            return []
        watch, claims = state.watch, []
        if state.unread:
            unread, state.unread, state.told = state.unread, [], set()
            told = await asyncio.to_thread(_read_all, unread)
            changed = set(watch.learn_names(np.fromiter(told, np.uint64, len(told)), list(told.values()), now))
            for key in [key for key in state.open if key[1] in changed]:
                claims.append(replace(state.open.pop(key), last_seen=now, ended_at=now))
        ids, times, values = state.inbox.take()
        if len(ids) > _OFF_LOOP:
            moved = await asyncio.to_thread(watch.take, ids, times, values, now)
        else:
            moved = watch.take(ids, times, values, now)
        for key in moved.begun:
            if (claim := self._begin(state, *key, now)) is not None:
                state.open[key] = claim
                claims.append(claim)
        for key in moved.ended:
            if claim := state.open.pop(key, None):
                claims.append(replace(claim, last_seen=now, ended_at=now))
        for key, claim in list(state.open.items()):
            if now - claim.last_seen >= _REPEAT_S:
                state.open[key] = self._again(watch, claim, *key, now)
                claims.append(state.open[key])
        return [*claims, *self._presence(state, now)]

    def status(self, project: ProjectId, now: float) -> Mapping[str, float | int | str | None]:
        """`ready_at`: when those that learn now will be judged (by the median of their intervals), or None."""
        state = self._projects.get(project)
        if state is None:
            return {"name": self.name, "series": 0, "learning": 0, "ready_at": None}
        watch, top = state.watch, state.watch.slots.top
        judged = watch.readings.reading[:top] != Reading.SKIP
        count, period = watch.series.count[:top][judged], watch.readings.period[:top][judged]
        learning = count < SERIES_PROFILE.learn
        left = np.median((SERIES_PROFILE.learn - count[learning]) * period[learning]) if learning.any() else 0.0
        return {
            "name": self.name,
            "series": int(judged.sum()),
            "learning": int(learning.sum()),
            "ready_at": now + float(left) if learning.any() else None,
            "dropped": state.inbox.dropped + watch.skipped,
            "suppressed": state.suppressed,
        }

    def _new(self) -> _Project:
        return _Project(MetricWatch(self._profile), Inbox(self._profile.points))

    def _begin(self, state: _Project, kind: int, slot: int, now: float) -> Anomaly | None:
        watch, profile = state.watch, self._profile
        known, traits = watch.known[slot], watch.traits
        value, expected = float(traits.value[slot]), float(traits.expected[slot])
        symptom, severity = kind == SATURATION, Severity.WARNING
        if kind == SATURATION and known.meaning.rule == Rule.UP:
            severity = Severity.CRITICAL
        if kind == SHIFT and known.meaning.users and watch.lives[SHIFT].strong[slot] >= profile.hold:
            ratio = max(abs(value), 1e-12) / max(abs(expected), 1e-12)
            real = abs(expected) >= float(watch.series.scale_of(np.array([slot]))[0])  # not a level of next to nothing
            symptom = real and not 1 / (1 + profile.symptom_relative) < ratio < 1 + profile.symptom_relative
        if not symptom and sum(1 for claim in state.open.values() if claim.entity == known.entity) >= _PER_ENTITY:
            state.suppressed += 1
            return None
        direction = Direction.UP if value >= expected else Direction.DOWN
        claim = Anomaly(
            id=AnomalyId(sortable_id("ano", now)),
            entity=known.entity,
            detector=self.name,
            kind=KINDS[kind],
            signal=known.selector,
            direction=Direction.NONE if kind == FLAT else direction,
            score=0.0,
            severity=severity,
            symptom=symptom,
            started_at=float(watch.lives[kind].onset[slot]),
            detected_at=now,
            last_seen=now,
            unit=known.unit,
            evidence={"selector": known.selector},
        )
        return self._again(watch, claim, kind, slot, now)

    def _again(self, watch: MetricWatch, claim: Anomaly, kind: int, slot: int, now: float) -> Anomaly:
        known, traits = watch.known[slot], watch.traits
        value, expected = float(traits.value[slot]), float(traits.expected[slot])
        score = max(claim.score, float(traits.score[slot, kind]))
        title = _title(kind, known, value, expected)
        return replace(
            claim, score=round(min(score, 99.0), 2), last_seen=now, value=value, expected=expected, title=title
        )

    def _presence(self, state: _Project, now: float) -> Iterator[Anomaly]:
        gone, back = state.watch.presence(now)
        for entity in back:
            if claim := state.gone.pop(entity, None):
                yield replace(claim, last_seen=now, ended_at=now)
        for entity, claim in list(state.gone.items()):
            if now - claim.last_seen >= _REPEAT_S:
                state.gone[entity] = replace(claim, last_seen=now)
                yield state.gone[entity]
        for entity in gone:
            state.gone[entity] = Anomaly(
                id=AnomalyId(sortable_id("ano", now)),
                entity=entity,
                detector=self.name,
                kind="missing",
                signal=f"metrics of {entity}",
                direction=Direction.DOWN,
                score=9.0,
                severity=Severity.WARNING,
                symptom=True,
                started_at=state.watch.last_of(entity),
                detected_at=now,
                last_seen=now,
                title=f"{entity.partition(':')[2]} stopped sending metrics",
                evidence={"missing": "metrics"},
            )
            yield state.gone[entity]


def _read_all(unread: Sequence[tuple[MetricBatch, Rows]]) -> dict[int, Known]:
    return {id_: known for batch, rows in unread for id_, known in _read_names(batch, rows)}


def _read_names(batch: MetricBatch, rows: Rows) -> Iterator[tuple[int, Known]]:
    texts = zip(batch.resources.fingerprint.tolist(), batch.resources.attributes, strict=True)
    resources = {int(print_): orjson.loads(text or "{}") for print_, text in texts}
    series = batch.series
    for row in rows:
        resource = resources.get(int(series.resource[row]), {})
        labels = {key: str(value) for key, value in orjson.loads(series.labels[row] or "{}").items()}
        name, unit = str(series.name[row]), str(series.unit[row])
        meaning = meaning_of(name, str(series.type[row]), unit, labels)
        mate_key = f"{int(series.resource[row])}\0{meaning.stem}\0{series.labels[row]}" if meaning.stem != name else ""
        yield (
            int(series.id[row]),
            Known(entity_of(resource), name, unit, selector_of(name, labels, resource), meaning, mate_key),
        )


def _title(kind: int, known: Known, value: float, expected: float) -> str:
    if kind == FLAT:
        return f"{known.name} of {known.entity} does not vary any more: {value:.4g}"
    if kind == SATURATION and known.meaning.rule == Rule.UP:
        return f"{known.entity} does not answer its scrapes"
    if kind == SATURATION:
        return f"{known.name} of {known.entity} is at {value:.0%}"
    per = " a second" if known.meaning.reading == Reading.COUNTER else " on average"
    return f"{known.name} of {known.entity} is {value:.4g}{per if known.meaning.reading != Reading.GAUGE else ''}, " + (
        f"usually {expected:.4g}"
    )
