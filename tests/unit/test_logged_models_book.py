from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId, RunId
from triops.kernel.logged_model import LoggedModel
from triops.kernel.run import MetricPoints
from triops.ledger.erase import erase_project
from triops.ledger.logged_models import tables
from triops.ledger.logged_models.freeing import LoggedModelsFreeing
from triops.ledger.logged_models.metrics import record_metrics
from triops.ledger.logged_models.models import LoggedModels
from triops.ledger.logged_models.search import LoggedModelSearch
from triops.ledger.runs.experiments import Experiments
from triops.ledger.runs.freeing import Freeing
from triops.ports.records import Records
from triops.testing.books import open_records

A, B = ProjectId("a"), ProjectId("b")


async def made(records: Records, project: ProjectId, id: str, run: str = "r") -> LoggedModel:
    await Experiments(records, "mlflow-artifacts:/").begin(project, 1)
    return await LoggedModels(records).create(
        project, id, "0", "name", model_type="t", run=run, params={"p": "1"}, tags={"t": "1"}, now_ms=1000
    )


def points(model: str) -> MetricPoints:
    """Two points: the second was measured on `model`."""
    return MetricPoints(
        ["loss"],
        np.zeros(2, np.uint32),
        np.array([1, 2]),
        np.array([0, 1]),
        np.array([0.5, np.inf]),
        np.array([-1, 0], np.int32),
        [(model, "", "")],
    )


async def measure(records: Records, project: ProjectId, model: str) -> None:
    await records.write(lambda c: record_metrics(c, project, RunId("r"), 0, points(model)))


async def test_a_project_sees_only_its_own(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        model = await made(records, A, "m-1")
        assert model.artifact_location == "mlflow-artifacts:/0/models/m-1/artifacts"
        book = LoggedModels(records)
        with pytest.raises(NotFound):
            await book.get(B, "m-1")
        with pytest.raises(NotFound):
            await book.set_tags(B, "m-1", {"t": "2"})
        with pytest.raises(NotFound):
            await measure(records, B, "m-1")
        assert await LoggedModelSearch(records).find(B, [], limit=10) == []
        await made(records, B, "m-1")
        await measure(records, B, "m-1")
        assert (await book.get(A, "m-1")).metrics == []
        assert [metric.value for metric in (await book.get(B, "m-1")).metrics] == [np.inf]
        assert await erase_project(records, B)
        assert (await book.get(A, "m-1")).params == {"p": "1"}
        with pytest.raises(NotFound):
            await book.get(B, "m-1")


async def test_the_same_point_is_kept_once(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        await made(records, A, "m-1")
        for _ in range(3):
            await measure(records, A, "m-1")
        assert [(m.key, m.time_ms, m.step) for m in (await LoggedModels(records).get(A, "m-1")).metrics] == [
            ("loss", 2, 1)
        ]


async def test_deleted_models_are_freed_with_their_artifacts(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        book, freeing = LoggedModels(records), LoggedModelsFreeing(records)
        for id in ("m-1", "m-2"):
            await made(records, A, id)
            await measure(records, A, id)
        await book.delete(A, "m-1", 5000)
        assert await freeing.free(4999) == 0
        assert (await book.get(A, "m-1", deleted=True)).tags == {"t": "1"}
        assert await freeing.free(5000) == 1
        with pytest.raises(NotFound):
            await book.get(A, "m-1", deleted=True)
        assert [(one.project, one.artifact_uri) for one in await Freeing(records).freed()] == [
            (A, "mlflow-artifacts:/0/models/m-1/artifacts")
        ]
        for table in tables.metadata.sorted_tables:
            statement = select(func.count()).select_from(table)
            assert await records.read(lambda c, s=statement: c.scalar(s)) == 1, table.name
        assert (await book.get(A, "m-2")).params == {"p": "1"}
