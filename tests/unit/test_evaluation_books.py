import json
from pathlib import Path

import pytest
from sqlalchemy import func, select

from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId
from triops.ledger.erase import erase_project
from triops.ledger.evaluations import tables
from triops.ledger.evaluations.datasets import EvaluationDatasets
from triops.ledger.evaluations.examples import Examples
from triops.ledger.evaluations.scorers import Scorers
from triops.ledger.runs.experiments import Experiments
from triops.lenses.mlops.evaluation import Datasets
from triops.lenses.mlops.evaluation.examples import batch_of
from triops.ports.records import Records
from triops.testing.books import open_records
from triops.testing.clock import FakeClock

A, B = ProjectId("a"), ProjectId("b")
ONE = batch_of(json.dumps([{"inputs": {"q": "?"}, "outputs": "!", "tags": {"mlflow.user": "ann"}}]))


def service(records: Records) -> Datasets:
    return Datasets(EvaluationDatasets(records), Examples(records), FakeClock(1000.0))


async def test_a_project_sees_only_its_own(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        datasets, scorers = service(records), Scorers(records)
        made = await datasets.create(A, "set", {"t": 1}, ["0"])
        assert await datasets.merge(A, made.id, ONE) == (1, 0)
        await Experiments(records, "mlflow-artifacts:/").begin(A, 1)
        await Experiments(records, "mlflow-artifacts:/").begin(B, 1)
        await scorers.register(A, "0", "polite", "{}", id="s", now_ms=1)

        for call in (
            datasets.book.get(B, made.id),
            datasets.merge(B, made.id, ONE),
            datasets.set_tags(B, made.id, {"t": "2"}),
            datasets.link(B, made.id, ["0"]),
            scorers.versions(B, "0", "polite"),
        ):
            with pytest.raises(NotFound):
                await call
        await datasets.book.delete(B, made.id)
        assert await datasets.page(B, made.id, 10, "") == ([], "")
        assert await datasets.find(B, [], "", [], 10, "") == ([], "")
        assert await scorers.latest(B, None) == []
        await erase_project(records, B)

        kept = await datasets.book.get(A, made.id)
        assert (kept.tags, kept.updated_by) == ({"t": "1"}, "ann")
        assert json.loads(kept.schema or "")["outputs"] == "string"
        assert [one.name for one in await scorers.latest(A, None)] == ["polite"]
        await erase_project(records, A)
        for table in tables.metadata.sorted_tables:
            statement = select(func.count()).select_from(table)
            assert await records.read(lambda c, s=statement: c.scalar(s)) == 0, table.name


async def test_what_comes_again_is_merged(tmp_path: Path) -> None:
    async with open_records(tmp_path) as records:
        datasets = service(records)
        made = await datasets.create(A, "set", {}, [])
        first = [{"inputs": {"q": 1}, "expectations": {"a": 1}}, {"inputs": {"q": 1}, "expectations": {"b": 2}}]
        assert await datasets.merge(A, made.id, batch_of(json.dumps(first))) == (1, 1)
        more = [{"inputs": {"q": 1}, "outputs": None, "expectations": {"a": 3}}, {"inputs": {"q": 2}}]
        assert await datasets.merge(A, made.id, batch_of(json.dumps(more))) == (1, 1)
        page, _ = await datasets.page(A, made.id, 10, "")
        by_inputs = {one.inputs: one for one in page}
        assert json.loads(by_inputs['{"q": 1}'].expectations or "") == {"a": 3, "b": 2}
        assert by_inputs['{"q": 1}'].outputs is None
        assert await datasets.examples.delete(A, made.id, [one.id for one in page]) == 2
        assert (await datasets.book.get(A, made.id)).profile == "null"
