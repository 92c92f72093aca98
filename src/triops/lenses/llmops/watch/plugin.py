"""The detector of model calls: listens to calls on the bus, claims at its ticks.

Latency, errors, refusals, length, another language and repeated questions of an application are symptoms: its users
feel them, and who pays feels its cost. Tokens, and everything about a prompt, a model or a provider, are evidence.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.ids import AnomalyId, ProjectId, sortable_id
from triops.lenses.llmops.watch.model import MEANS, MEASURES, SERIES, SHARES, CallColumns, WatchProfile
from triops.lenses.llmops.watch.service import CallWatch

_ERRORS = MEASURES.index("errors")
_TOGETHER = 2000  # calls that are taken at once: a take costs as much as hundreds of them, and these 5 ms


@dataclass
class _Project:
    watch: CallWatch
    open: dict[tuple[int, int], Anomaly] = field(default_factory=dict)  # by (measure, slot)
    waiting: list[tuple[CallColumns, float]] = field(default_factory=list)  # with when they were told of
    calls: int = 0  # that wait

    def settle(self) -> None:
        """Take what waits."""
        if self.waiting:
            told_s = [np.full(len(calls), at) for calls, at in self.waiting]
            self.watch.take(CallColumns.joined([calls for calls, _ in self.waiting]), np.concatenate(told_s))
            self.waiting, self.calls = [], 0


class CallDetector:
    """At most 1,000 projects; the one unused longest is learned anew when it comes back."""

    name = "llm.calls"
    every_s = 1.0

    def __init__(self, profile: WatchProfile | None = None) -> None:
        self._profile = profile or WatchProfile()
        self._projects: OrderedDict[ProjectId, _Project] = OrderedDict()
        self._texts = float(self._profile.texts)
        self._texts_at = 0.0

    def texts(self, calls: int, now: float) -> int:
        """Of how many of so many calls the words may be read: reading them is the dearest of all, and a share of a
        flood tells as much."""
        most = self._profile.texts
        self._texts = min(most, self._texts + most * max(now - self._texts_at, 0.0))
        self._texts_at = now
        given = min(calls, int(self._texts))
        self._texts -= given
        return given

    def take(self, project: ProjectId, calls: CallColumns, now: float) -> None:
        """Calls that have ended, about when they were told of."""
        calls = calls.since(now - self._profile.late_s)
        if len(calls):
            state = self._state(project)
            state.waiting.append((calls, now))
            state.calls += len(calls)
            if state.calls >= _TOGETHER:
                state.settle()

    async def tick(self, project: ProjectId, now: float) -> Sequence[Anomaly]:
        state = self._projects.get(project)
        if state is None:
            return []
        state.settle()
        state.watch.judge(now)
        return self._claims(state, now)

    def status(self, project: ProjectId, now: float) -> dict[str, Any]:
        """`series`: measures of everything that is watched; `learning`: those that are not judged yet, of what has had
        calls lately."""
        state = self._projects.get(project)
        if state is None:
            return {"name": self.name, "series": 0, "learning": 0, "ready_at": None}
        state.settle()
        watch, known = state.watch, len(state.watch.keys)
        lively = now - watch.heard[:known] <= self._profile.silent_s
        counts, learn = watch.models[0].count[:known][lively].tolist(), watch.models[0].profile.learn
        learning = [count for count in counts if count < learn]
        ready_at = now + (learn - min(learning)) * self._profile.window_s if learning else None
        many = len(MEASURES)
        return {"name": self.name, "series": known * many, "learning": len(learning) * many, "ready_at": ready_at}

    def forget(self, project: ProjectId) -> None:
        """The project was erased."""
        self._projects.pop(project, None)

    def _state(self, project: ProjectId) -> _Project:
        state = self._projects.get(project)
        if state is None:
            state = self._projects[project] = _Project(CallWatch(self._profile))
        self._projects.move_to_end(project)
        if len(self._projects) > 1000:
            self._projects.popitem(last=False)
        return state

    def _claims(self, state: _Project, now: float) -> list[Anomaly]:
        watch, claims = state.watch, []
        for measure, slot in zip(*watch.due().nonzero(), strict=True):
            key = (int(measure), int(slot))
            watch.open[key] = True
            state.open[key] = self._begin(watch, *key, now)
            claims.append(state.open[key])
        gone = set(watch.forget(now).tolist())
        for key, claim in list(state.open.items()):
            _, slot = key
            if watch.calmed(*key) or slot in gone or watch.silent(slot, now):
                watch.close(*key)
                del state.open[key]
                claims.append(replace(claim, last_seen=now, ended_at=now))
            elif key[0] > _ERRORS and now - claim.started_at > SERIES.relearn_s:
                watch.relearn(*key)
            elif claim.last_seen < now and watch.run[key]:
                state.open[key] = self._again(watch, claim, *key, now)
                claims.append(state.open[key])
        return claims

    def _begin(self, watch: CallWatch, measure: int, slot: int, now: float) -> Anomaly:
        entity = watch.keys[slot]
        type_, _, name = entity.partition(":")
        kind = MEASURES[measure]
        value, expected = float(watch.value[measure, slot]), float(watch.expected[measure, slot])
        spec = (*MEANS, *SHARES)[measure]
        evidence: dict[str, Any] = {"measure": kind, "llm": {type_: name}}
        claim = Anomaly(
            id=AnomalyId(sortable_id("ano", now)),
            entity=entity,
            detector=self.name,
            kind=kind,
            signal=f"{kind} {entity}",
            direction=Direction.UP if value >= expected else Direction.DOWN,
            score=0.0,
            severity=Severity.WARNING,
            symptom=spec.felt and type_ == "application",
            started_at=float(watch.onset[measure, slot]),
            detected_at=now,
            last_seen=now,
            unit=MEANS[measure].unit if measure < len(MEANS) else "1",
            evidence=evidence,
        )
        return self._again(watch, claim, measure, slot, now)

    def _again(self, watch: CallWatch, claim: Anomaly, measure: int, slot: int, now: float) -> Anomaly:
        value, expected = float(watch.value[measure, slot]), float(watch.expected[measure, slot])
        grave = value >= 3 * expected if measure < len(MEANS) else value >= 0.2
        severity = (
            Severity.CRITICAL if claim.symptom and (grave or claim.severity == Severity.CRITICAL) else claim.severity
        )
        evidence = dict(claim.evidence)
        if measure < len(MEANS) and (versions := watch.versions.get(slot)):
            evidence["versions"] = {
                version: round(float(sums[measure] / sums[-1]), 6) for version, sums in versions.items() if sums[-1]
            }
        return replace(
            claim,
            score=round(max(claim.score, float(watch.score[measure, slot])), 2),
            severity=severity,
            last_seen=now,
            value=value,
            expected=expected,
            title=_title(claim.entity, measure, value, expected),
            evidence=evidence,
        )


def _title(entity: str, measure: int, value: float, expected: float) -> str:
    name = entity.partition(":")[2]
    if measure >= len(MEANS):
        share = SHARES[measure - len(MEANS)]
        of = "of calls" if measure == _ERRORS else "of answers"
        if share.name == "repeats":
            return f"{name} is asked the same again in {value:.0%} of calls, usually {max(expected, 0.0):.1%}"
        if share.name == "language":
            return f"{name} answers in another language than usual in {value:.0%} of calls"
        return f"{name} {share.words} {value:.0%} {of}, usually {max(expected, 0.0):.1%}"
    mean = MEANS[measure]
    return f"{name} {mean.words} {_said(mean.unit, value)}, usually {_said(mean.unit, expected)}"


def _said(unit: str, value: float) -> str:
    if unit == "USD":
        return f"${value:.3g}"
    if unit == "ms":
        return f"{value / 1000:.3g} s" if value >= 1000 else f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"
    return f"{value:,.0f} {'tokens' if unit == '{token}' else 'characters'}"
