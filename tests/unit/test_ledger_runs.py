"""The book of runs: what is written is there, whole or not at all, and only in its project."""

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from triops.kernel.errors import AlreadyExists, Conflict, Invalid, NotFound
from triops.kernel.ids import ProjectId, RunId
from triops.kernel.run import Dataset, Input, MetricPoints, ModelOutput, RunStatus, Stage
from triops.ledger.runs import compaction as compacting
from triops.ledger.runs import tables
from triops.ledger.runs.compaction import Compaction
from triops.ledger.runs.experiments import Experiments
from triops.ledger.runs.freeing import Freeing
from triops.ledger.runs.history import History
from triops.ledger.runs.links import RunLinks
from triops.ledger.runs.log import ParamChanged, RunLog
from triops.ledger.runs.runs import Runs
from triops.ports.records import Records
from triops.testing.books import open_records

P, OTHER = ProjectId("p"), ProjectId("other")
ROOT = "mlflow-artifacts:/"
Point = tuple[str, int, int, float]  # metric, time, step, value


def points(rows: Sequence[Point]) -> MetricPoints:
    keys = list(dict.fromkeys(row[0] for row in rows))
    return MetricPoints(
        keys,
        np.array([keys.index(row[0]) for row in rows], np.uint32),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.int64),
        np.array([row[3] for row in rows], np.float64),
    )


async def begin(records: Records, run: str = "r", project: ProjectId = P) -> Runs:
    experiments, runs = Experiments(records, ROOT), Runs(records)
    await experiments.begin(project, 1)
    await runs.create(project, RunId(run), "0", name="n", user="u", start_ms=1, tags={})
    return runs


async def told(records: Records, run: str, key: str) -> list[tuple[int, int, float]]:
    found = await History(records).points(P, [run], key)
    return [point for _, columns in found for point in zip(*(column.tolist() for column in columns), strict=True)]


async def rows(records: Records, table: str) -> int:
    return await records.read(lambda c: c.scalar(select(func.count()).select_from(tables.metadata.tables[table])) or 0)


async def test_experiments_are_counted_named_once_and_never_reused(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        experiments = Experiments(records, ROOT)
        await experiments.begin(P, 5)
        await experiments.begin(P, 6)
        default = await experiments.get(P, "0")
        assert (default.name, default.artifact_location, default.created_ms) == ("Default", "mlflow-artifacts:/0", 5)
        with pytest.raises(NotFound):
            await experiments.get(OTHER, "0")
        assert await experiments.create(OTHER, "first", "", {}, 1) == "1"
        assert (await experiments.get(OTHER, "0")).name == "Default"
        assert await experiments.create(P, "a", "", {"k": "v"}, 1) == "1"
        assert await experiments.create(P, "b", "mlflow-artifacts:/else", {}, 1) == "2"
        with pytest.raises(AlreadyExists):
            await experiments.create(P, "b", "", {}, 1)
        found = await experiments.named(P, "a")
        assert (found.id, found.tags, found.artifact_location) == ("1", {"k": "v"}, "mlflow-artifacts:/1")
        await experiments.delete(P, "2", 10)
        with pytest.raises(AlreadyExists):
            await experiments.create(P, "b", "", {}, 1)
        await Freeing(records).free_experiments(10)
        with pytest.raises(NotFound):
            await experiments.get(P, "2")
        assert await experiments.create(P, "b", "", {}, 1) == "3"


async def test_an_experiments_stage_is_its_runs(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        experiments, runs = Experiments(records, ROOT), Runs(records)
        id = await experiments.create(P, "e", "", {}, 1)
        await runs.create(P, RunId("r"), id, name="n", user="", start_ms=1, tags={})
        await experiments.delete(P, id, 9)
        assert (await runs.get(P, "r")).stage is Stage.DELETED
        with pytest.raises(Invalid, match="must be in the 'active' state"):
            await runs.create(P, RunId("s"), id, name="n", user="", start_ms=1, tags={})
        with pytest.raises(Conflict, match="non-active"):
            await experiments.rename(P, id, "f", 10)
        with pytest.raises(NotFound):
            await experiments.delete(P, id, 10)
        await experiments.restore(P, id, 11)
        assert (await runs.get(P, "r")).stage is Stage.ACTIVE
        assert (await experiments.get(P, id)).updated_ms == 11
        with pytest.raises(NotFound):
            await experiments.restore(P, id, 12)


async def test_a_run_is_read_whole(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        runs, log = await begin(records), RunLog(records)
        await log.batch(
            P,
            "r",
            points=points([("a", 1, 0, 1.5), ("b", 1, 0, math.nan), ("b", 2, 0, -math.inf), ("a", 1, 2, 0.5)]),
            params={"p": "1"},
            tags={"t": "v", "mlflow.runName": "renamed"},
        )
        run = await runs.get(P, "r")
        assert (run.name, run.params, run.tags) == ("renamed", {"p": "1"}, {"t": "v", "mlflow.runName": "renamed"})
        assert run.artifact_uri == "mlflow-artifacts:/0/r/artifacts"
        assert {key: (m.value, m.step) for key, m in run.metrics.items()} == {"a": (0.5, 2), "b": (-math.inf, 0)}
        for project, id in ((OTHER, "r"), (P, "none")):
            with pytest.raises(NotFound):
                await runs.get(project, id)
            with pytest.raises(NotFound):
                await log.batch(project, id, params={"p": "1"})


@pytest.mark.parametrize(
    ("first", "second", "latest"),
    [
        (("m", 5, 1, 1.0), ("m", 4, 2, 0.0), 0.0),  # the step decides,
        (("m", 5, 1, 1.0), ("m", 6, 1, 0.0), 0.0),  # then the time,
        (("m", 5, 1, 1.0), ("m", 5, 1, 2.0), 2.0),  # then the value
        (("m", 5, 1, 1.0), ("m", 5, 0, 9.0), 1.0),
        (("m", 5, 1, 1.0), ("m", 4, 1, 9.0), 1.0),
        (("m", 5, 1, 1.0), ("m", 5, 1, 0.5), 1.0),
        (("m", 5, 1, math.nan), ("m", 5, 1, -1.0), math.nan),  # NaN counts as 0
        (("m", 5, 1, math.nan), ("m", 5, 1, 1.0), 1.0),
        (("m", 5, 1, math.inf), ("m", 5, 1, 1.0), math.inf),
    ],
)
async def test_the_latest_value_is_of_the_highest_step(
    tmp_path: Path, first: Point, second: Point, latest: float
) -> None:
    async with open_records(tmp_path) as records:
        runs, log = await begin(records), RunLog(records)
        await log.batch(P, "r", points=points([first]))
        await log.batch(P, "r", points=points([second]))
        np.testing.assert_equal((await runs.get(P, "r")).metrics["m"].value, latest)


async def test_a_param_is_written_once_and_a_refused_batch_leaves_nothing(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        runs, log = await begin(records), RunLog(records)
        await log.batch(P, "r", params={"a": "1", "b": "2"})
        await log.batch(P, "r", params={"a": "1", "c": "3"})
        with pytest.raises(ParamChanged) as refused:
            await log.batch(
                P, "r", points=points([("m", 1, 0, 1.0)]), params={"d": "4", "b": "x", "c": "y"}, tags={"t": "v"}
            )
        assert refused.value.changed == [("b", "2", "x"), ("c", "3", "y")]
        run = await runs.get(P, "r")
        assert (run.params, run.tags, run.metrics) == ({"a": "1", "b": "2", "c": "3"}, {}, {})
        assert await told(records, "r", "m") == []


async def test_nothing_is_logged_to_a_deleted_run_until_it_is_restored(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        runs, log, links = await begin(records), RunLog(records), RunLinks(records)
        await runs.delete(P, "r", 5)
        for refused in (
            log.batch(P, "r", params={"a": "1"}),
            log.batch(P, "r"),
            log.delete_tag(P, "r", "t"),
            runs.update(P, "r", name="x"),
            links.add_outputs(P, "r", [ModelOutput("m")]),
        ):
            with pytest.raises(Invalid, match=r"The run r must be in the 'active' state\. Current state is deleted\."):
                await refused
        await runs.restore(P, "r")
        await log.batch(P, "r", params={"a": "1"})
        _, run, moved = await runs.update(P, "r", status=RunStatus.FINISHED, end_ms=7, name="x")
        assert moved
        assert (run.status, run.end_ms, run.name) == (RunStatus.FINISHED, 7, "x")
        _, run, moved = await runs.update(P, "r", status=RunStatus.FINISHED)
        assert not moved
        assert (run.end_ms, run.name) == (7, "x")


async def test_what_a_run_read_and_made(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        await begin(records)
        links = RunLinks(records)
        data = Dataset("d", "g", "local", "{}", "s", None)
        await links.add_inputs(P, "r", [Input(data, {"k": "v"}), Input(data, {"k": "w"})], ["m-1"])
        await links.add_inputs(P, "r", [Input(data), Input(Dataset("e", "g", "local", "{}"))], ["m-1"])
        await links.add_outputs(P, "r", [ModelOutput("m-2", 3)])
        found = await links.of(P, "r")
        assert [(one.dataset.name, one.tags) for one in found.inputs] == [("d", {"k": "v"}), ("e", {})]
        assert found.inputs[0].dataset == data
        assert (list(found.model_inputs), list(found.outputs)) == (["m-1"], [ModelOutput("m-2", 3)])


async def test_points_on_models_are_told_in_the_same_transaction(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []

    def refuse(connection: object, project: ProjectId, run: RunId, experiment: int, told: MetricPoints) -> None:
        seen.append((run, len(told)))
        raise Invalid("no such model")

    async with open_records(tmp_path) as records:
        runs = await begin(records)
        one = points([("m", 1, 0, 1.0)])
        on_model = MetricPoints(
            one.keys, one.key, one.time_ms, one.step, one.value, np.zeros(1, np.int32), [("m-1", "d", "g")]
        )
        await RunLog(records, refuse).batch(P, "r", points=one)
        with pytest.raises(Invalid):
            await RunLog(records, refuse).batch(P, "r", points=on_model, params={"p": "1"})
        assert seen == [("r", 1)]
        assert not (await runs.get(P, "r")).params
        await RunLog(records).batch(P, "r", points=points([("m", 2, 1, 1.0)]))
        await RunLog(records).batch(P, "r", points=MetricPoints(*[getattr(on_model, f) for f in on_model.__slots__]))
        assert (await runs.get(P, "r")).metrics["m"].step == 1


async def test_compaction_changes_no_history(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    async with open_records(tmp_path) as records:
        await begin(records)
        await begin(records, "other")
        log, compaction = RunLog(records), Compaction(records, many=20, few=3)
        logged: dict[str, set[tuple[int, int, float]]] = {}
        for round_ in range(4):
            for _ in range(25):
                batch = [
                    (f"m{int(rng.integers(3))}", int(rng.integers(50)), int(rng.integers(50)), float(rng.integers(9)))
                    for _ in range(int(rng.integers(1, 400)))
                ]
                row = await log.batch(P, "r", points=points(batch))
                compaction.logged(row.no)
                for key, *point in batch:
                    logged.setdefault(key, set()).add(tuple(point))  # type: ignore[arg-type]
            await log.batch(P, "other", points=points([("m0", 1, 1, float(round_))]))
            await compaction.tick(1.0)
            assert await rows(records, "metric_batches") < 3 + 4
            for key, expected in logged.items():
                assert await told(records, "r", key) == sorted(expected)
        assert await rows(records, "metric_chunks") > 3
        assert len(await told(records, "other", "m0")) == 4


async def test_an_ended_run_is_compacted_and_a_short_one_is_left_as_it_is(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        await begin(records, "long")
        await begin(records, "short")
        log, compaction = RunLog(records), Compaction(records, many=100, few=8)
        await compaction.tick(0.0)  # looks for what an earlier process left
        for run, batches in (("long", 9), ("short", 5)):
            for step in range(batches):
                row = await log.batch(P, run, points=points([("m", step, step, 1.0)]))
                compaction.logged(row.no)
            await compaction.tick(1.0)
            assert await rows(records, "metric_chunks") == (0 if run == "long" else 1)
            compaction.ended(row.no)
            await compaction.tick(2.0)
        assert (await rows(records, "metric_chunks"), await rows(records, "metric_batches")) == (1, 5)
        assert [len(await told(records, run, "m")) for run in ("long", "short")] == [9, 5]


async def test_what_an_earlier_process_left_is_found_at_the_start(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        await begin(records)
        for step in range(20):
            await RunLog(records).batch(P, "r", points=points([("m", step, step, 1.0)]))
        await Compaction(records, few=8).tick(1.0)
        assert (await rows(records, "metric_batches"), await rows(records, "metric_chunks")) == (0, 1)


async def test_a_compaction_that_fails_leaves_every_point_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_records(tmp_path) as records:
        await begin(records)
        for step in range(20):
            await RunLog(records).batch(P, "r", points=points([("m", step, step, 1.0)]))
        with monkeypatch.context() as broken:
            broken.setattr(compacting, "insert", None)  # after the batches were deleted, in the same transaction
            with pytest.raises(TypeError):
                await Compaction(records, few=8).tick(1.0)
        assert await rows(records, "metric_batches") == 20
        assert len(await told(records, "r", "m")) == 20


async def test_points_that_come_while_a_step_runs_are_kept(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        await begin(records)
        log = RunLog(records)
        for step in range(300):
            await log.batch(P, "r", points=points([("m", step, step, 1.0)]))
        compaction = Compaction(records, few=8)
        more = [log.batch(P, "r", points=points([("m", step, step, 1.0)])) for step in range(300, 400)]
        await asyncio.gather(compaction.tick(1.0), *more)
        assert [point[1] for point in await told(records, "r", "m")] == list(range(400))


async def test_what_was_deleted_long_enough_is_freed_and_the_rest_stays(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        runs = await begin(records, "old")
        log, freeing = RunLog(records), Freeing(records)
        for run in ("young", "kept"):
            await begin(records, run)
        for run in ("old", "young", "kept"):
            await log.batch(P, run, points=points([("m", 1, 1, 1.0)]), params={"p": "1"}, tags={"t": "v"})
        await runs.delete(P, "old", 10)
        await runs.delete(P, "young", 20)
        due = await freeing.due(10)
        assert len(due) == 1
        await runs.restore(P, "old")
        assert not await freeing.free(due[0], 10)  # it came back meanwhile
        await runs.delete(P, "old", 10)
        assert await freeing.free(due[0], 10)
        assert not await freeing.due(10)
        with pytest.raises(NotFound):
            await runs.get(P, "old")
        for run in ("young", "kept"):
            assert (await runs.get(P, run)).params == {"p": "1"}
        assert [await rows(records, table.name) for table in (tables.run_params, tables.metric_batches)] == [2, 2]
        freed = await freeing.freed()
        assert [(one.project, one.artifact_uri) for one in freed] == [(P, "mlflow-artifacts:/0/old/artifacts")]
        await freeing.forget(freed)
        assert not await freeing.freed()


async def test_a_long_history_is_freed_in_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triops.ledger.runs.freeing._STEP_CHUNKS", 20)
    async with open_records(tmp_path) as records:
        runs, log, freeing = await begin(records), RunLog(records), Freeing(records)
        await log.batch(P, "r", points=points([(f"m{n}", 1, 1, 1.0) for n in range(30)]))
        await Compaction(records, few=1).tick(1.0)
        for step in range(50):
            await log.batch(P, "r", points=points([("m", step, step, 1.0)]))
        await runs.delete(P, "r", 1)
        for run in await freeing.due(1):
            assert await freeing.free(run, 1)
        for table in tables.OF_RUNS:
            assert await rows(records, table.name) == 0
