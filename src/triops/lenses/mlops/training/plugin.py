"""The training detector: listens to runs on the bus, claims at its ticks.

A run that diverges or stalls is evidence: in a search for hyperparameters many do. Runs that fail more often than
before, and a registered model whose regular run came out worse, are symptoms: somebody waits for these results.
"""

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.entity import Entity
from triops.kernel.ids import AnomalyId, EntityId, ExperimentId, ProjectId, RunId, entity_id, sortable_id
from triops.kernel.run import RunStatus
from triops.ledger.entities import Entities
from triops.lenses.mlops.training.curves import Curve, divergence
from triops.lenses.mlops.training.model import TrainingProfile, better
from triops.lenses.mlops.training.outcomes import Outcomes, failing, regressions, take
from triops.loop.bus import Bus
from triops.loop.events import RunEnded, RunLogged, RunStarted

# The registered models that runs of an experiment have made versions of, by name.
ModelsOf = Callable[[ProjectId, ExperimentId], Awaitable[Sequence[str]]]
_QUIET_S = 24 * 3600.0  # a claim about how an experiment's runs end is let go after so long without another run


@dataclass(slots=True)
class _Run:
    experiment: ExperimentId
    name: str
    heard_at: float
    pause_s: float = 0.0  # the longest between two of its messages
    messages: int = 0
    curves: dict[str, Curve] = field(default_factory=dict)
    latest: dict[str, float] = field(default_factory=dict)


@dataclass
class _Project:
    runs: "OrderedDict[RunId, _Run]" = field(default_factory=OrderedDict)
    experiments: "OrderedDict[ExperimentId, Outcomes]" = field(default_factory=OrderedDict)
    open: dict[str, Anomaly] = field(default_factory=dict)  # by key
    told: list[Anomaly] = field(default_factory=list)  # since the last tick


class TrainingDetector:
    """At most 1,000 projects; the one that was quiet longest is learned anew when it comes back."""

    name = "mlops.training"
    every_s = 5.0

    def __init__(
        self, bus: Bus, entities: Entities, models_of: ModelsOf, profile: TrainingProfile | None = None
    ) -> None:
        self._entities = entities
        self._models_of = models_of
        self._profile = profile or TrainingProfile()
        self._projects: OrderedDict[ProjectId, _Project] = OrderedDict()
        bus.subscribe(RunStarted, self.started, name="detect:training:started")
        bus.subscribe(RunLogged, self.logged, name="detect:training:logged")
        bus.subscribe(RunEnded, self.ended, name="detect:training:ended")

    async def started(self, event: RunStarted) -> None:
        self._run(event.project, event.run, event.experiment, event.at).name = event.name

    async def logged(self, event: RunLogged) -> None:
        run = self._run(event.project, event.run, event.experiment, event.at)
        if run.messages:
            run.pause_s = max(run.pause_s, event.at - run.heard_at)
        run.messages += 1
        run.heard_at = event.at
        points = event.points
        for index, key in enumerate(points.keys):
            rows = points.key == index
            if not rows.any():
                continue
            if key in run.latest or len(run.latest) < self._profile.keys:
                run.latest[key] = float(points.value[rows][-1])
            if better(key) and (key in run.curves or len(run.curves) < self._profile.keys):
                run.curves.setdefault(key, Curve()).take(points.step[rows], points.value[rows])

    async def ended(self, event: RunEnded) -> None:
        state = self._state(event.project)
        run = state.runs.pop(event.run, None)
        for key, claim in list(state.open.items()):
            if claim.evidence.get("run") == event.run and claim.kind in ("diverging", "stalled"):
                state.told.append(replace(state.open.pop(key), last_seen=event.at, ended_at=event.at))
        if event.status is RunStatus.KILLED:
            return  # somebody stopped it: that tells nothing about the others
        outcomes = state.experiments.setdefault(event.experiment, Outcomes())
        state.experiments.move_to_end(event.experiment)
        if len(state.experiments) > self._profile.experiments:
            state.experiments.popitem(last=False)
        failed, latest = event.status is RunStatus.FAILED, run.latest if run else {}
        if not failed:
            await self._judge_result(state, event, outcomes, latest)
        take(outcomes, failed, latest, self._profile)
        self._judge_failures(state, event, outcomes)

    async def tick(self, project: ProjectId, now: float) -> Sequence[Anomaly]:
        state = self._state(project)
        for id, run in state.runs.items():
            self._judge_curves(state, id, run, now)
            self._judge_silence(state, id, run, now)
        for key, claim in list(state.open.items()):
            if claim.kind in ("failures", "regression") and now - claim.detected_at > _QUIET_S:
                state.told.append(replace(state.open.pop(key), last_seen=now, ended_at=now))
        claims, state.told = state.told, []
        again = [replace(claim, last_seen=now) for claim in state.open.values()]
        if fresh := [*claims, *again]:
            await self._name(project, fresh, now)
        return fresh

    def status(self, project: ProjectId, now: float) -> dict[str, Any]:
        """`series`: curves of runs that are running; `learning`: those with too few points yet."""
        curves = [c for run in self._state(project).runs.values() for c in run.curves.values()]
        learning = sum(curve.seen < self._profile.points for curve in curves)
        return {"name": self.name, "series": len(curves), "learning": learning, "ready_at": None}

    def _state(self, project: ProjectId) -> _Project:
        state = self._projects.setdefault(project, _Project())
        self._projects.move_to_end(project)
        if len(self._projects) > 1000:
            self._projects.popitem(last=False)
        return state

    def _run(self, project: ProjectId, id: RunId, experiment: ExperimentId, at: float) -> _Run:
        runs = self._state(project).runs
        run = runs.get(id)
        if run is None:
            run = runs[id] = _Run(experiment, id[:8], at)
            if len(runs) > self._profile.runs:
                runs.popitem(last=False)
        runs.move_to_end(id)
        return run

    def _judge_curves(self, state: _Project, id: RunId, run: _Run, now: float) -> None:
        for key, curve in run.curves.items():
            signal, entity = f"{key} of run {run.name}", entity_id("run", id)
            if curve.broke:
                self._claim(
                    state, entity, "diverging", signal, now, severity=Severity.WARNING, score=20.0,
                    title=f"{key} of run {run.name} became {_word(curve.broken)}",
                    evidence={"run": id, "metric": key, "experiment": run.experiment},
                )  # fmt: skip
                continue
            found = divergence(curve, better(key), self._profile)
            if found is not None:
                self._claim(
                    state, entity, "diverging", signal, now, severity=Severity.WARNING, score=found.score,
                    value=found.now, expected=found.best,
                    direction=Direction.UP if found.now > found.best else Direction.DOWN,
                    title=f"{key} of run {run.name} diverges: {found.best:.4g} at its best, {found.now:.4g} now",
                    evidence={"run": id, "metric": key, "experiment": run.experiment},
                )  # fmt: skip
            else:
                self._end(state, entity, "diverging", signal, now)

    def _judge_silence(self, state: _Project, id: RunId, run: _Run, now: float) -> None:
        """Only of runs that did speak: one that logs nothing until its end is not stalled."""
        signal, entity = f"messages of run {run.name}", entity_id("run", id)
        limit = max(self._profile.stalled_s, self._profile.pace * run.pause_s)
        if run.messages >= 3 and now - run.heard_at > limit:
            self._claim(
                state, entity, "stalled", signal, now, severity=Severity.WARNING, score=6.0,
                direction=Direction.DOWN, value=now - run.heard_at, expected=run.pause_s, unit="s",
                started_at=run.heard_at,
                title=f"run {run.name} is running, but has logged nothing for {(now - run.heard_at) / 60:.0f} min",
                evidence={"run": id, "experiment": run.experiment},
            )  # fmt: skip
        else:
            self._end(state, entity, "stalled", signal, now)

    def _judge_failures(self, state: _Project, event: RunEnded, outcomes: Outcomes) -> None:
        entity, signal = entity_id("experiment", event.experiment), "share of failed runs"
        found = failing(outcomes, self._profile)
        if found is None:
            self._end(state, entity, "failures", signal, event.at)
            return
        self._claim(
            state, entity, "failures", signal, event.at, severity=Severity.CRITICAL, score=found.score, symptom=True,
            value=found.failures / found.recent, expected=found.before, unit="1", direction=Direction.UP,
            title=f"{found.failures} of the last {found.recent} runs failed, usually {found.before:.0%}",
            evidence={"run": event.run, "experiment": event.experiment},
        )  # fmt: skip

    async def _judge_result(
        self, state: _Project, event: RunEnded, outcomes: Outcomes, latest: dict[str, float]
    ) -> None:
        """Only where runs of the experiment make versions of a registered model: elsewhere people try things out."""
        found = regressions(outcomes, latest, self._profile)
        models = await self._models_of(event.project, event.experiment) if found or state.open else []
        for model in models:
            entity = entity_id("model", model)
            worse = {f"{regression.key} of its runs" for regression in found}
            for claim in [c for c in state.open.values() if c.entity == entity and c.signal not in worse]:
                self._end(state, entity, claim.kind, claim.signal, event.at)
            for regression in found[:3]:
                self._claim(
                    state, entity, "regression", f"{regression.key} of its runs", event.at,
                    severity=Severity.WARNING, score=regression.score, symptom=True,
                    value=regression.value, expected=regression.usual,
                    direction=Direction.UP if regression.value > regression.usual else Direction.DOWN,
                    title=f"{regression.key} of {model}'s new run is {regression.value:.4g}, "
                    f"usually {regression.usual:.4g}",
                    evidence={"run": event.run, "metric": regression.key, "experiment": event.experiment},
                )  # fmt: skip

    def _claim(
        self,
        state: _Project,
        entity: EntityId,
        kind: str,
        signal: str,
        now: float,
        *,
        severity: Severity,
        score: float,
        title: str,
        evidence: dict[str, Any],
        symptom: bool = False,
        direction: Direction = Direction.NONE,
        value: float | None = None,
        expected: float | None = None,
        unit: str = "",
        started_at: float | None = None,
    ) -> None:
        fresh = Anomaly(
            id=AnomalyId(sortable_id("ano", now)),
            entity=entity,
            detector=self.name,
            kind=kind,
            signal=signal,
            direction=direction,
            score=round(score, 2),
            severity=severity,
            symptom=symptom,
            started_at=now if started_at is None else started_at,
            detected_at=now,
            last_seen=now,
            value=value,
            expected=expected,
            unit=unit,
            title=title,
            evidence=evidence,
        )
        known = state.open.get(fresh.key)
        if known is not None:
            fresh = replace(fresh, id=known.id, started_at=known.started_at, detected_at=known.detected_at)
        state.open[fresh.key] = fresh

    def _end(self, state: _Project, entity: EntityId, kind: str, signal: str, now: float) -> None:
        if claim := state.open.pop(f"{self.name}|{entity}|{signal}|{kind}", None):
            state.told.append(replace(claim, last_seen=now, ended_at=now))

    async def _name(self, project: ProjectId, claims: Sequence[Anomaly], now: float) -> None:
        """What is claimed about is an entity from then on."""
        seen = {claim.entity for claim in claims if not claim.entity.startswith("model:")}
        parts = [id.partition(":") for id in sorted(seen)]
        things = [Entity(type_, name, first_seen=now, last_seen=now) for type_, _, name in parts]
        if things:
            await self._entities.observe(project, things)


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "infinite"
