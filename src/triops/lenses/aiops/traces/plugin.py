"""The RED detector: reads steps from the span store, and words what `service` finds as claims.

Latency and errors of services, and of databases, queues and externals that they use, are symptoms; those of an edge
between services are evidence about the callee. A rate that rose is no claim.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.clock import NS
from triops.kernel.ids import AnomalyId, EntityId, ProjectId, sortable_id
from triops.lenses.aiops.traces.model import ERRORS, LATENCY, MEASURES, MISSING, RATE, TAIL, RedProfile
from triops.lenses.aiops.traces.service import RedWatch
from triops.ports.spans import Spans, TraceQuery

_UNITS = {LATENCY: "ms", ERRORS: "1", RATE: "{request}", MISSING: "{request}"}
_EXAMPLES = 3
_OFF_LOOP = 500  # rows from which a tick computes on a thread


@dataclass
class _Project:
    watch: RedWatch
    open: dict[tuple[int, int], Anomaly] = field(default_factory=dict)  # by (measure, slot)


class RedDetector:
    """At most 1,000 projects; the one unused longest is learned anew when it comes back."""

    name = "traces.red"
    every_s = 2.0

    def __init__(self, spans: Spans, profile: RedProfile | None = None) -> None:
        self._spans = spans
        self._profile = profile or RedProfile()
        self._projects: OrderedDict[ProjectId, _Project] = OrderedDict()

    async def tick(self, project: ProjectId, now: float) -> Sequence[Anomaly]:
        state = self._projects.get(project)
        if state is None:
            state = self._projects[project] = _Project(RedWatch(self._profile))
        self._projects.move_to_end(project)
        if len(self._projects) > 1000:
            self._projects.popitem(last=False)
        watch, step_s = state.watch, self._profile.step_s
        first, end = watch.window(now)
        if end <= first:
            return []
        table = await self._spans.red(project, first * step_s * NS, end * step_s * NS, step_s * NS)
        if len(table) > _OFF_LOOP:
            await asyncio.to_thread(watch.take, table, first, end, now)
        else:
            watch.take(table, first, end, now)
        return await self._claims(project, state, now)

    def status(self, project: ProjectId, now: float) -> dict[str, float | int | str | None]:
        """`ready_at`: when the last service that learns will be judged, unix seconds; None when all are."""
        state = self._projects.get(project)
        watch = state.watch if state else None
        known = len(watch.keys) if watch else 0
        counts = watch.avg.count[:known].tolist() if watch else []
        learn = watch.avg.profile.learn if watch else 0
        learning = [c for c in counts if c < learn]
        ready_at = (
            now + (learn - min(learning)) * self._profile.step_s + self._profile.final_age_s if learning else None
        )
        return {"name": self.name, "series": known * 3, "learning": len(learning) * 3, "ready_at": ready_at}

    async def _claims(self, project: ProjectId, state: _Project, now: float) -> list[Anomaly]:
        watch, profile, claims = state.watch, self._profile, []
        hot, calm, onset = watch.verdicts.runs()
        recent = watch.verdicts.recent(profile.recent)
        silent = watch.judged - watch.last_step > 60 // profile.step_s
        for measure, slot in zip(*((hot >= profile.hold) & ~watch.open).nonzero(), strict=True):
            key = (int(measure), int(slot))
            watch.open[key] = True
            state.open[key] = await self._begin(project, watch, *key, int(onset[key]), now)
            claims.append(state.open[key])
        for key, claim in list(state.open.items()):
            measure, slot = key
            calmed = calm[key] >= 2 and recent[key] <= TAIL
            over = calm[key] >= profile.quiet or calmed or (measure != MISSING and silent[slot])
            if over:
                watch.open[key] = False
                del state.open[key]
                claims.append(replace(claim, last_seen=now, ended_at=now))
            elif now - claim.started_at > profile.relearn_s and measure == ERRORS:
                watch.errors.clear(np.array([slot]))  # it lasts: what is wrong has become usual
            elif claim.last_seen < now and hot[key]:
                state.open[key] = self._again(watch, claim, *key, now)
                claims.append(state.open[key])
        for slot in watch.forget(watch.judged):
            for measure in range(len(MEASURES)):
                if (key := (measure, int(slot))) in state.open:
                    claims.append(replace(state.open.pop(key), last_seen=now, ended_at=now))
        return claims

    async def _begin(
        self, project: ProjectId, watch: RedWatch, measure: int, slot: int, first: int, now: float
    ) -> Anomaly:
        source, target = watch.keys[slot]
        edge = f"{source} -> {target}" if source else target
        onset = watch.onset(measure, slot, first)
        claim = Anomaly(
            id=AnomalyId(sortable_id("ano", now)),
            entity=EntityId(target),
            detector=self.name,
            kind=MEASURES[measure],
            signal=f"{MEASURES[measure]} {edge}",
            direction=Direction.DOWN if measure in (RATE, MISSING) else Direction.UP,
            score=0.0,
            severity=Severity.WARNING,
            symptom=not source or (measure in (LATENCY, ERRORS) and not target.startswith("service:")),
            started_at=onset,
            detected_at=now,
            last_seen=now,
            unit=_UNITS[measure],
            evidence={"source": source, "target": target, "measure": MEASURES[measure]}
            | ({"service": target.removeprefix("service:")} if target.startswith("service:") else {})
            | {"trace_ids": await self._examples(project, source or target, measure, watch, slot, onset, now)},
        )
        return self._again(watch, claim, measure, slot, now)

    def _again(self, watch: RedWatch, claim: Anomaly, measure: int, slot: int, now: float) -> Anomaly:
        value, expected = float(watch.value[measure, slot]), float(watch.expected[measure, slot])
        evidence = dict(claim.evidence)
        if measure == LATENCY and watch.own_now[slot] > 0:
            evidence["self_ms"] = round(float(watch.own_now[slot]), 3)
            evidence["self_ms_expected"] = round(float(2.718281828459045 ** watch.own.level[slot]), 3)
        slow = measure == LATENCY and value >= max(3 * expected, expected + 100.0)
        grave = slow or measure == MISSING or (measure == ERRORS and value >= 0.1)
        severity = Severity.CRITICAL if grave or claim.severity == Severity.CRITICAL else Severity.WARNING
        return replace(
            claim,
            score=round(max(claim.score, float(watch.score[measure, slot])), 2),
            severity=severity if claim.symptom else Severity.WARNING,
            last_seen=now,
            value=value,
            expected=expected,
            title=_title(measure, *watch.keys[slot], value, expected),
            evidence=evidence,
        )

    async def _examples(
        self, project: ProjectId, entity: str, measure: int, watch: RedWatch, slot: int, onset: float, now: float
    ) -> list[str]:
        """A few traces that show it; none when the store cannot tell."""
        if measure not in (LATENCY, ERRORS) or not entity.startswith("service:"):
            return []
        query = TraceQuery(
            start_ns=int(onset * NS),
            end_ns=int(now * NS),
            service=entity.removeprefix("service:"),
            status="error" if measure == ERRORS else "",
            min_duration_ms=0.8 * float(watch.value[measure, slot]) if measure == LATENCY else 0.0,
            limit=_EXAMPLES,
        )
        found = await self._spans.search(project, query)
        return [f"{trace.trace_id:032x}" for trace in found.items]


def _title(measure: int, source: str, target: str, value: float, expected: float) -> str:
    name = target.partition(":")[2] or target
    who = f"{name}, as {source.partition(':')[2] or source} calls it," if source else name
    if measure == LATENCY:
        return f"{who} answers in {_ms(value)}, usually {_ms(expected)}"
    if measure == ERRORS:
        return f"{who} fails {value:.0%} of requests, usually {max(expected, 0.0):.1%}"
    if measure == RATE:
        return f"{who} gets {value:.0f} requests in 5 s, usually {expected:.0f}"
    return f"{who} gets no requests while its callers still run"


def _ms(value: float) -> str:
    """`1,751 ms`, and below ten one digit more: `0.2 ms`."""
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"
