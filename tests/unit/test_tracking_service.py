"""Tracking as a service: its law, what the loop is told, what runs by itself."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triops.kernel.clock import DAY_S
from triops.kernel.errors import Invalid, NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.run import Dataset, Input, MetricPoints, RunStatus
from triops.ledger.erase import erase_project
from triops.ledger.runs.compaction import Compaction
from triops.ledger.runs.experiments import Experiments, under
from triops.ledger.runs.freeing import Freeing
from triops.ledger.runs.log import RunLog
from triops.lenses.mlops.tracking import Gc, Tracking, limits
from triops.lenses.mlops.tracking.naming import random_name
from triops.loop.bus import Bus
from triops.loop.events import RunEnded, RunLogged, RunStarted
from triops.testing.books import open_records
from triops.testing.clock import FakeClock

P = ProjectId("p")


@dataclass
class Stage:
    tracking: Tracking
    clock: FakeClock
    bus: Bus
    gc: Gc
    told: list[Any] = field(default_factory=list)
    freed: list[tuple[ProjectId, Sequence[str]]] = field(default_factory=list)


@asynccontextmanager
async def staged(directory: Path, *, deleted_days: float = 30.0) -> AsyncIterator[Stage]:
    async with open_records(directory) as records:
        clock, bus = FakeClock(1_700_000_000.0), Bus()
        stage: Stage

        async def hear(event: Any) -> None:
            stage.told.append(event)

        async def freed(project: ProjectId, uris: Sequence[str]) -> None:
            stage.freed.append((project, uris))

        for kind in (RunStarted, RunLogged, RunEnded):
            bus.subscribe(kind, hear, name=kind.__name__)
        compaction = Compaction(records)
        experiments = Experiments(records, "mlflow-artifacts:/")
        tracking = Tracking(records, experiments, RunLog(records), bus, clock, lambda uri, _: uri, compaction)
        stage = Stage(tracking, clock, bus, Gc(Freeing(records), deleted_days, freed))
        await bus.start()
        try:
            yield stage
        finally:
            await bus.close()


def points(count: int, key: str = "m") -> MetricPoints:
    numbers = np.arange(count)
    return MetricPoints([key], np.zeros(count, np.uint32), numbers, numbers, numbers.astype(np.float64))


async def test_the_loop_is_told_of_a_run_from_its_start_to_its_end(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        run = await stage.tracking.create_run(P, "0", name="r")
        await stage.tracking.log(P, run.id, points=points(1000))
        await stage.tracking.log(P, run.id, params={"p": "1"})
        await stage.tracking.update_run(P, run.id, name="renamed")
        await stage.tracking.update_run(P, run.id, status=RunStatus.FAILED)
        await stage.tracking.update_run(P, run.id, status=RunStatus.FAILED)
        await stage.tracking.update_run(P, run.id, status=RunStatus.RUNNING)
        await stage.bus.drain()
        now = stage.clock.now()
        started = [event for event in stage.told if isinstance(event, RunStarted)]
        assert started == [RunStarted(P, run.id, run.experiment, name, now) for name in ("r", "renamed")]
        (logged,) = [event for event in stage.told if isinstance(event, RunLogged)]
        assert len(logged.points) <= 256
        assert int(logged.points.step[-1]) == 999
        ended = [event for event in stage.told if isinstance(event, RunEnded)]
        assert ended == [RunEnded(P, run.id, run.experiment, RunStatus.FAILED, now)]


async def test_what_is_refused_is_told_to_nobody(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        with pytest.raises(NotFound):
            await stage.tracking.create_run(P, "9")
        with pytest.raises(NotFound):
            await stage.tracking.log(P, "none", points=points(1))
        await stage.bus.drain()
        assert stage.told == []


async def test_names_of_runs(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        by_tag = await stage.tracking.create_run(P, "0", tags={"mlflow.runName": "tagged"})
        assert by_tag.name == "tagged"
        made_up = await stage.tracking.create_run(P, "", tags={"mlflow.runName": ""})
        assert made_up.tags["mlflow.runName"] == made_up.name != ""
        assert made_up.experiment == "0"
        with pytest.raises(Invalid, match=r"with different values \(run_name='a', mlflow.runName='b'\)"):
            await stage.tracking.create_run(P, "0", name="a", tags={"mlflow.runName": "b"})
        await stage.tracking.log(P, by_tag.id, tags={"mlflow.runName": ""})
        assert (await stage.tracking.run(P, by_tag.id)).tags["mlflow.runName"] == "tagged"
    for _ in range(300):
        assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", name := random_name())
        assert len(name) <= 20


async def test_the_default_experiment_is_older_than_the_first_one_made(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        made = await stage.tracking.experiment(P, await stage.tracking.create_experiment(P, "first"))
        default = await stage.tracking.experiment(P, "0")
        assert default.created_ms < made.created_ms
        assert default.updated_ms < made.updated_ms


async def test_custom_views_of_an_experiment_are_bounded(tmp_path: Path) -> None:
    view = "mlflow.customView.view"
    async with staged(tmp_path) as stage:
        with pytest.raises(Invalid, match="Unable to create another custom view; the maximum number"):
            await stage.tracking.create_experiment(P, "many", tags={f"{view}{n}": "x" for n in range(51)})
        id = await stage.tracking.create_experiment(P, "e", tags={f"{view}{n}": "x" for n in range(50)})
        await stage.tracking.set_experiment_tag(P, id, f"{view}7", "changed")
        await stage.tracking.set_experiment_tag(P, id, "other", "x")
        with pytest.raises(Invalid, match=f"another custom view for experiment {id};"):
            await stage.tracking.set_experiment_tag(P, id, f"{view}50", "x")
        await stage.tracking.delete_experiment_tag(P, id, f"{view}1")
        await stage.tracking.set_experiment_tag(P, id, f"{view}50", "x")


async def test_what_was_deleted_is_freed_when_its_days_are_over(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        experiment = await stage.tracking.create_experiment(P, "e")
        run = await stage.tracking.create_run(P, experiment)
        other = await stage.tracking.create_run(P, "0")
        await stage.tracking.log(P, run.id, points=points(10))
        await stage.tracking.delete_experiment(P, experiment)
        stage.clock.advance(30 * DAY_S - 1)
        await stage.gc.tick(stage.clock.now())
        assert (await stage.tracking.run(P, run.id)).metrics
        stage.clock.advance(1)
        await stage.gc.tick(stage.clock.now())
        for gone in (stage.tracking.run(P, run.id), stage.tracking.experiment(P, experiment)):
            with pytest.raises(NotFound):
                await gone
        assert stage.freed == [(P, [run.artifact_uri])]
        await stage.gc.tick(stage.clock.now())
        assert len(stage.freed) == 1
        assert (await stage.tracking.run(P, other.id)).id == other.id


async def test_artifacts_that_could_not_go_are_tried_again(tmp_path: Path) -> None:
    async with staged(tmp_path, deleted_days=0) as stage:
        run = await stage.tracking.create_run(P, "0")
        await stage.tracking.delete_run(P, run.id)
        heard = stage.gc._on_freed

        async def full(project: ProjectId, uris: Sequence[str]) -> None:
            raise OSError

        stage.gc._on_freed = full
        with pytest.raises(OSError):
            await stage.gc.tick(stage.clock.now())
        stage.gc._on_freed = heard
        await stage.gc.tick(stage.clock.now())
        assert stage.freed == [(P, [run.artifact_uri])]


async def test_an_erased_project_begins_anew(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        experiments = Experiments(records, "mlflow-artifacts:/")
        await experiments.begin(P, 1)
        await erase_project(records, P)
        with pytest.raises(NotFound):
            await experiments.get(P, "0")
        experiments.forget(P)
        await experiments.begin(P, 2)
        assert (await experiments.get(P, "0")).created_ms == 2


async def test_a_tag_of_models_grows_and_is_bounded(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        run = await stage.tracking.create_run(P, "0")
        for number in range(2):
            await stage.tracking.record_model(P, run.id, {"n": number})
        tag = (await stage.tracking.run(P, run.id)).tags["mlflow.log-model.history"]
        assert json.loads(tag) == [{"n": 0}, {"n": 1}]
        for _ in range(3):
            await stage.tracking.record_model(P, run.id, {"long": "x" * limits.TAG_VALUE})
        tag = (await stage.tracking.run(P, run.id)).tags["mlflow.log-model.history"]
        assert len(json.loads(tag)) == 5
        with pytest.raises(Invalid, match="exceeds the maximum length"):
            await stage.tracking.record_model(P, run.id, {"long": "x" * limits.LOGGED_MODELS})
        await stage.tracking.log(P, run.id, tags={"mlflow.log-model.history": "{"})
        with pytest.raises(Invalid, match="no list of models"):
            await stage.tracking.record_model(P, run.id, {"n": 1})


@pytest.mark.parametrize(
    ("name", "fine"),
    [
        ("loss", True), ("val/loss", True), ("a b-c.d:e_f", True), ("ünï", True), ("a..", True), (".a", True),
        ("..a", False), ("..", False), (".", False), ("", False), ("/a", False), ("a/", False), ("a//b", False),
        ("a/../b", False), ("./a", False), ("a!", False), ("a\nb", False), ("a\n", False), ("a\x00", False),
    ],
)  # fmt: skip
def test_names(name: str, fine: bool) -> None:
    if fine:
        limits.check_name(name, "key")
        limits.check_points(points(1, name))
    else:
        with pytest.raises(Invalid, match="for parameter 'key' supplied"):
            limits.check_name(name, "key")
        with pytest.raises(Invalid, match=r"for parameter 'metrics\[0\].name' supplied"):
            limits.check_points(points(1, name))


@pytest.mark.parametrize(
    ("data", "tags", "message"),
    [
        ({"name": "x" * 501}, {}, "'name' exceeds the maximum length of 500 characters"),
        ({"digest": "x" * 37}, {}, "'digest' exceeds the maximum length of 36 characters"),
        ({"source": "x" * 65536}, {}, "'source' exceeds the maximum length of 65535 characters"),
        ({"schema": "x" * 1048576}, {}, "'schema' exceeds the maximum length of 1048575 characters"),
        ({}, {"k" * 256: "v"}, "'key' exceeds the maximum length of 255 characters"),
        ({}, {"k": "v" * 501}, "'value' exceeds the maximum length of 500 characters"),
    ],
)
def test_limits_of_inputs(data: dict[str, str], tags: dict[str, str], message: str) -> None:
    given = {"name": "d", "digest": "g", "source_type": "local", "source": "{}"} | data
    with pytest.raises(Invalid, match=message):
        limits.check_inputs([Input(Dataset(**given), tags)])


def test_locations_below_others() -> None:
    assert under("mlflow-artifacts:/", "1") == "mlflow-artifacts:/1"
    assert under("s3://bucket/path/?region=x", "1", "artifacts") == "s3://bucket/path/1/artifacts?region=x"
    assert under("file:///data", "0") == "file:///data/0"
