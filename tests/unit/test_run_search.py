"""Finding runs in the book: whole and exact, whatever was logged; only in the project; in pages with bounds."""

import json
import math
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert

from triops.kernel.clause import Clause, Order
from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId, RunId
from triops.kernel.run import MetricPoints, Stage
from triops.ledger.runs import search as searching
from triops.ledger.runs import tables
from triops.ledger.runs.contents import Contents, Shape, contents_of
from triops.ledger.runs.experiments import Experiments
from triops.ledger.runs.log import RunLog
from triops.ledger.runs.runs import RunRow, Runs
from triops.ledger.runs.search import RunQuery, RunSearch
from triops.ports.records import Records
from triops.testing.books import open_records

P, OTHER = ProjectId("p"), ProjectId("other")


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    async with open_records(tmp_path) as records:
        experiments = Experiments(records, "mlflow-artifacts:/")
        for project in (P, OTHER):
            await experiments.begin(project, 1)
        yield records


async def logged(
    records: Records, id: str, project: ProjectId = P, metrics: dict[str, float] | None = None, **params: str
) -> None:
    await Runs(records).create(project, RunId(id), "0", name=id, user="", start_ms=1, tags={"mlflow.runName": id})
    metrics = metrics or {}
    count = len(metrics)
    points = MetricPoints(
        list(metrics),
        np.arange(count, dtype=np.uint32),
        np.full(count, 1500, np.int64),
        np.full(count, 2, np.int64),
        np.array(list(metrics.values()), np.float64),
    )
    await RunLog(records).batch(project, id, points=points, params=params, tags={})


def ids(rows: Sequence[RunRow], contents: Contents) -> list[str]:
    return [row.id for row in rows]


async def found(records: Records, query: RunQuery, project: ProjectId = P) -> list[str]:
    page = await RunSearch(records).page(project, query, Shape.PAIRS, ids)
    return [id for part in page.parts for id in part]


async def test_only_in_the_project(records: Records) -> None:
    await logged(records, "a", metrics={"m": 1.0})
    await logged(records, "b", OTHER, metrics={"m": 1.0})
    positive = (Clause("metric", "m", ">", 0.0),)
    assert await found(records, RunQuery([0], positive)) == ["a"]
    assert await found(records, RunQuery([0], positive), OTHER) == ["b"]
    with pytest.raises(NotFound):
        await RunSearch(records).one(P, "b", Shape.OBJECT, ids)


async def test_of_what_is_missing_or_no_number(records: Records) -> None:
    for id, metrics in {"nan": {"m": math.nan}, "none": {}, "low": {"m": -math.inf}, "high": {"m": math.inf}}.items():
        await logged(records, id, metrics=metrics)
    ascending, descending = ([Order("metric", "m", way)] for way in (True, False))
    assert await found(records, RunQuery([0], orders=ascending)) == ["low", "high", "nan", "none"]
    assert await found(records, RunQuery([0], orders=descending)) == ["high", "low", "nan", "none"]
    assert await found(records, RunQuery([0], [Clause("metric", "m", "!=", 1.0)], descending)) == ["high", "low", "nan"]
    assert await found(records, RunQuery([0], [Clause("metric", "m", "<", 1.0)])) == ["low"]


async def test_pages_and_their_bounds(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    for at in range(7):
        await logged(records, f"r{at}", p=str(at % 2))
    search = RunSearch(records)
    query = RunQuery([0], [Clause("parameter", "p", "=", "0")], limit=3, offset=1, counted=True)
    page = await search.page(P, query, Shape.PAIRS, ids)
    assert (page.parts, page.shown, page.more, page.total) == ([["r2", "r4", "r6"]], 3, False, 4)
    monkeypatch.setattr(searching, "_CHUNK", 2)
    monkeypatch.setattr(searching, "_ANSWER_BYTES", 5)
    whole = await search.page(P, RunQuery([0], limit=6), Shape.PAIRS, lambda rows, contents: b"abc" * len(rows))
    assert (len(whole.parts), whole.shown, whole.more) == (1, 2, True)


async def test_deleted_ones(records: Records) -> None:
    await logged(records, "a")
    await logged(records, "b")
    await Runs(records).delete(P, "a", 5)
    assert await found(records, RunQuery([0])) == ["b"]
    assert await found(records, RunQuery([0], stages=(Stage.DELETED,))) == ["a"]
    assert await found(records, RunQuery([0], stages=())) == ["a", "b"]


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
KEYS = st.one_of(TEXTS, st.sampled_from(('"value":0}', '"value":0', "\n", '\\"value":0}', "],[", "null", "%s", "x,y")))
VALUES = st.one_of(st.floats(), st.sampled_from((math.nan, math.inf, -math.inf, 0.1 + 0.2, 5e-324)))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(KEYS, TEXTS, max_size=3)), max_size=4)
)
def test_contents_are_what_was_logged(given: list[tuple[dict[str, float], dict[str, str]]]) -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        tables.metadata.create_all(connection)
        for run, (metrics, texts) in enumerate(given):
            for key, value in metrics.items():
                row = {"run": run, "key": key, "time_ms": 1500, "step": -3, "origin": ""}
                nan = math.isnan(value)
                connection.execute(insert(tables.run_metrics), row | {"value": 0 if nan else value, "nan": int(nan)})
            for key, text in texts.items():
                for table in (tables.run_params, tables.run_tags):
                    connection.execute(insert(table), {"run": run, "key": key, "value": text})
        runs = list(range(len(given)))
        pairs = contents_of(connection, runs, Shape.PAIRS)
        objects = contents_of(connection, runs, Shape.OBJECT)
    engine.dispose()
    for run, (metrics, texts) in enumerate(given):
        assert _pairs(pairs.params.get(run)) == _pairs(pairs.tags.get(run)) == texts
        assert json.loads(objects.params.get(run, "{}")) == texts
        told = orjson.loads(objects.metrics.get(run, "{}"))
        assert {key: one["value"] for key, one in told.items()} == {key: _shown(v) for key, v in metrics.items()}
        assert all((one["step"], one["at"]) == (-3, 1.5) for one in told.values())
        exact = _pairs(pairs.metrics.get(run))
        for key, value in metrics.items():
            if math.isfinite(value):
                assert exact[key] == value
        assert len(exact) == len(metrics)


def _pairs(text: str | None) -> dict[str, Any]:
    return {pair["key"]: pair["value"] for pair in orjson.loads(text or "[]")}


def _shown(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
