"""Training, watched: what is claimed about runs, and what is let pass."""

import math
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from triops.kernel.anomaly import Anomaly
from triops.kernel.ids import ExperimentId, ProjectId, RunId
from triops.kernel.run import MetricPoints, RunStatus
from triops.ledger.entities import Entities
from triops.lenses.mlops.training.curves import Curve, divergence
from triops.lenses.mlops.training.model import TrainingProfile, better
from triops.lenses.mlops.training.outcomes import Outcomes, failing, regressions, take
from triops.lenses.mlops.training.plugin import TrainingDetector
from triops.loop.bus import Bus
from triops.loop.events import RunEnded, RunLogged, RunStarted
from triops.testing.books import open_records

PROFILE = TrainingProfile()
ONE, EXPERIMENT = ProjectId("one"), ExperimentId("1")


def curve(values: Sequence[float]) -> Curve:
    made = Curve()
    made.take(np.arange(len(values)), np.asarray(values, dtype=np.float64))
    return made


@pytest.mark.parametrize(
    ("key", "sign"),
    [("loss", -1), ("val_loss", -1), ("train/loss", -1), ("accuracy", 1), ("val_accuracy_score", 1), ("rmse", -1),
     ("test-f1", 1), ("learning_rate", 0), ("epoch", 0), ("system/cpu_utilization_percentage", 0)],
)  # fmt: skip
def test_which_way_is_better(key: str, sign: int) -> None:
    assert better(key) == sign


def decay(n: int, noise: float, seed: int) -> np.ndarray:
    return np.exp(-np.arange(n) / 20) + 0.1 + np.random.default_rng(seed).normal(0, noise, n)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("noise", [0.0, 0.01, 0.1])
def test_an_ordinary_loss_does_not_diverge(seed: int, noise: float) -> None:
    for n in (12, 30, 200):
        assert divergence(curve(decay(n, noise, seed).tolist()), -1, PROFILE) is None


def test_a_slow_overfit_is_no_divergence() -> None:
    values = [*decay(60, 0.01, 1), *(0.15 + np.arange(60) * 0.001)]
    assert divergence(curve(values), -1, PROFILE) is None


def test_a_loss_that_climbs_back_diverges_and_says_from_where_to_where() -> None:
    values = [*decay(60, 0.01, 1), *(0.15 + np.arange(20) * 0.05)]
    found = divergence(curve(values), -1, PROFILE)
    assert found is not None
    assert found.best < 0.2
    assert found.now > 0.8
    assert found.score > 6
    accuracy = divergence(curve([1 - v for v in values]), 1, PROFILE)
    assert accuracy is not None
    assert accuracy.now < accuracy.best


def test_one_odd_batch_is_no_divergence() -> None:
    values = decay(60, 0.01, 1)
    values[-2] = 50.0
    assert divergence(curve(values.tolist()), -1, PROFILE) is None


def test_a_long_curve_is_kept_within_a_bound_and_a_retry_counts_once() -> None:
    made = curve([1.0 / (n + 1) for n in range(10_000)])
    made.take(np.arange(9_000, 10_000), np.ones(1000))
    assert made.seen == 10_000
    assert len(made.values) <= 200
    assert 1.0 not in made.values[1:]


def ends(text: str) -> Outcomes:
    outcomes = Outcomes()
    for letter in text:
        take(outcomes, letter == "x", {}, PROFILE)
    return outcomes


@pytest.mark.parametrize("past", ["." * 20 + "xxx", "..x...x..." * 3 + "xxxxxx", "." * 40 + "x.xx.xx"])
def test_more_failures_than_before(past: str) -> None:
    assert failing(ends(past), PROFILE) is not None


@pytest.mark.parametrize("past", ["xxx", "." * 20 + "x", "." * 20 + "xx", "x.x.x.x." * 5 + "xx", "." * 30 + "xxx."])
def test_failures_that_say_nothing(past: str) -> None:
    assert failing(ends(past), PROFILE) is None


def test_false_alarms_about_failures_are_rare() -> None:
    draw, alarms, runs = np.random.default_rng(7), 0, 0
    for rate in (0.02, 0.1, 0.3):
        outcomes = Outcomes()
        for failed in draw.random(2000) < rate:
            take(outcomes, bool(failed), {}, PROFILE)
            alarms, runs = alarms + (failing(outcomes, PROFILE) is not None), runs + 1
    assert alarms / runs < 0.005


def test_a_result_that_is_worse_than_its_forerunners() -> None:
    outcomes = Outcomes()
    for value in (0.91, 0.92, 0.915, 0.918, 0.921, 0.917, 0.916, 0.919, 0.92):
        take(outcomes, False, {"accuracy": value, "epoch": 3.0}, PROFILE)
    assert regressions(outcomes, {"accuracy": 0.913}, PROFILE) == []
    assert regressions(outcomes, {"accuracy": 0.99}, PROFILE) == []
    [found] = regressions(outcomes, {"accuracy": 0.80, "epoch": 900.0, "new_loss": 3.0}, PROFILE)
    assert (found.key, found.value) == ("accuracy", 0.80)
    assert math.isclose(found.usual, 0.918, abs_tol=0.002)


def points(key: str, steps: Sequence[int], values: Sequence[float]) -> MetricPoints:
    zeros = np.zeros(len(steps))
    return MetricPoints(
        [key], zeros.astype(np.uint32), zeros.astype(np.int64), np.asarray(steps, np.int64), np.asarray(values, float)
    )


class Watched:
    def __init__(self, detector: TrainingDetector) -> None:
        self.detector = detector

    async def run(
        self, id: str, at: float, values: Sequence[float], status: RunStatus | None, key: str = "loss"
    ) -> None:
        run = RunId(id)
        await self.detector.started(RunStarted(ONE, run, EXPERIMENT, f"run {id}", at))
        for step, value in enumerate(values):
            at += 1.0
            await self.detector.logged(RunLogged(ONE, run, EXPERIMENT, points(key, [step], [value]), at))
        if status:
            await self.detector.ended(RunEnded(ONE, run, EXPERIMENT, status, at))

    async def tick(self, now: float) -> dict[str, Anomaly]:
        return {claim.kind: claim for claim in await self.detector.tick(ONE, now)}


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async def models(project: ProjectId, experiment: ExperimentId) -> list[str]:
        return ["churn"]

    async with open_records(tmp_path) as records:
        yield Watched(TrainingDetector(Bus(), Entities(records), models))


async def test_a_loss_that_becomes_nan_is_told_once_and_ends_with_its_run(watched: Watched) -> None:
    await watched.run("a", 1000.0, [1.0, 0.5, math.nan], None)
    first = (await watched.tick(1010.0))["diverging"]
    assert "became NaN" in first.title
    assert not first.symptom
    assert (await watched.tick(1015.0))["diverging"].id == first.id
    await watched.detector.ended(RunEnded(ONE, RunId("a"), EXPERIMENT, RunStatus.FAILED, 1016.0))
    assert (await watched.tick(1020.0))["diverging"].ended_at == 1016.0
    assert await watched.tick(1025.0) == {}


async def test_a_run_that_falls_silent_is_stalled_until_it_speaks(watched: Watched) -> None:
    await watched.run("a", 1000.0, [1.0, 0.9, 0.8], None)
    assert await watched.tick(1003.0 + PROFILE.stalled_s - 1) == {}
    late = 1003.0 + PROFILE.stalled_s + 1
    assert (await watched.tick(late))["stalled"].started_at == 1003.0
    await watched.detector.logged(RunLogged(ONE, RunId("a"), EXPERIMENT, points("loss", [3], [0.7]), late + 1))
    assert (await watched.tick(late + 2))["stalled"].ended_at is not None


async def test_a_run_that_never_logged_is_not_stalled(watched: Watched) -> None:
    await watched.run("a", 1000.0, [], None)
    assert await watched.tick(1000.0 + 10 * PROFILE.stalled_s) == {}


async def test_failing_runs_are_a_symptom_that_a_good_one_ends(watched: Watched) -> None:
    for n in range(12):
        await watched.run(f"good{n}", 1000.0 + n, [], RunStatus.FINISHED)
    for n in range(4):
        await watched.run(f"bad{n}", 1100.0 + n, [], RunStatus.FAILED)
    claim = (await watched.tick(1200.0))["failures"]
    assert claim.symptom
    assert claim.entity == "experiment:1"
    await watched.run("killed", 1200.0, [], RunStatus.KILLED)
    assert "failures" in await watched.tick(1201.0)
    await watched.run("good", 1202.0, [], RunStatus.FINISHED)
    assert (await watched.tick(1203.0))["failures"].ended_at == 1202.0


async def test_a_registered_models_worse_run_is_a_symptom_on_the_model(watched: Watched) -> None:
    for n in range(10):
        await watched.run(f"r{n}", 1000.0 + n, [0.9 + n % 3 * 0.002], RunStatus.FINISHED, key="auc")
    assert await watched.tick(1100.0) == {}
    await watched.run("worse", 1101.0, [0.7], RunStatus.FINISHED, key="auc")
    claim = (await watched.tick(1102.0))["regression"]
    assert (claim.entity, claim.symptom, claim.value) == ("model:churn", True, 0.7)
    await watched.run("again", 1103.0, [0.902], RunStatus.FINISHED, key="auc")
    assert (await watched.tick(1104.0))["regression"].ended_at is not None
