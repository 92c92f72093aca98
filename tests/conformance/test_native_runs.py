"""The native API of experiments and runs, as the pages use it."""

import math
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from triops.testing.server import RunningTriops


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with (
        RunningTriops(tmp_path_factory.mktemp("native") / "data") as running,
        httpx.Client(base_url=running.url) as client,
    ):
        yield client


def logged(api: httpx.Client, call: str, **body: Any) -> Any:
    answer = api.post(f"/api/2.0/mlflow/runs/{call}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def got(api: httpx.Client, path: str, **parameters: Any) -> Any:
    answer = api.get(f"/triops/v1/{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def experiment(api: httpx.Client) -> str:
    answer = api.post("/triops/v1/experiments", json={"name": "swept", "tags": {"team": "a"}})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["name"], made["stage"], made["tags"], made["runs"]) == ("swept", "active", {"team": "a"}, 0)
    return str(made["id"])


@pytest.fixture(scope="module")
def runs(api: httpx.Client, experiment: str) -> list[str]:
    """40 runs: the loss follows `rate`, and not `seed`; the first is the parent of the second."""
    ids: list[str] = []
    for at in range(40):
        tags = [{"key": "mlflow.parentRunId", "value": ids[0]}] if at == 1 else []
        run = logged(api, "create", experiment_id=experiment, run_name=f"r{at}", start_time=1000 * at, tags=tags)
        ids.append(run["run"]["info"]["run_id"])
        loss = at % 8 + 0.01 * (at * 7 % 5)
        logged(
            api,
            "log-batch",
            run_id=ids[-1],
            metrics=[{"key": "loss", "value": loss if at else "NaN", "timestamp": 1500, "step": 3}],
            params=[
                {"key": "rate", "value": str(at % 8)},
                {"key": "seed", "value": str(at // 8)},
                {"key": "same", "value": "x"},
                {"key": "net", "value": "deep" if at % 8 > 3 else "flat"},
            ],
        )
    return ids


def test_experiments(api: httpx.Client, experiment: str, runs: list[str]) -> None:
    found = got(api, "experiments", q="SWEP")
    assert [(one["id"], one["runs"]) for one in found["items"]] == [(experiment, 40)]
    assert got(api, f"experiments/{experiment}")["artifact_location"].startswith("mlflow-artifacts:")
    other = api.post("/triops/v1/experiments", json={"name": "other"}).json()["id"]
    pages = got(api, "experiments", limit=1)
    assert [one["name"] for one in pages["items"]] == ["other"]
    assert [one["name"] for one in got(api, "experiments", limit=1, cursor=pages["next"])["items"]] == ["swept"]
    assert api.post(f"/triops/v1/experiments/{other}/rename", json={"name": "renamed"}).json()["name"] == "renamed"
    assert api.post(f"/triops/v1/experiments/{other}/delete").json()["stage"] == "deleted"
    assert [one["name"] for one in got(api, "experiments", view="deleted")["items"]] == ["renamed"]
    assert api.post(f"/triops/v1/experiments/{other}/restore").json()["stage"] == "active"
    assert api.post("/triops/v1/experiments", json={"name": "swept"}).status_code == 409
    assert api.get("/triops/v1/experiments/999").status_code == 404


def test_a_page_of_runs(api: httpx.Client, experiment: str, runs: list[str]) -> None:
    page = got(api, "runs", experiment=experiment, order_by="metrics.loss DESC", limit=2, offset=1)
    assert (page["total"], page["next"], len(page["items"])) == (40, None, 2)
    first = page["items"][0]
    assert first["metrics"]["loss"] == {"value": 7.03, "step": 3, "at": 1.5}
    assert first["params"]["rate"] == "7"
    assert first["tags"]["mlflow.runName"] == first["name"]
    assert (first["experiment"], first["experiment_name"], first["end_at"]) == (experiment, "swept", None)
    filtered = got(api, "runs", filter="params.rate = '7' and metrics.loss > 7.01", order_by=["start_time ASC"])
    assert (filtered["total"], len(filtered["items"])) == (3, 3)
    assert got(api, "runs", experiment=experiment, order_by="metrics.loss", limit=1, offset=39)["items"][0]["metrics"][
        "loss"
    ] == {"value": "NaN", "step": 3, "at": 1.5}


def test_what_is_wrong_is_told(api: httpx.Client, experiment: str) -> None:
    bad = api.get("/triops/v1/runs", params={"filter": "metrics.a >"})
    assert (bad.status_code, bad.json()["error"]["field"]) == (400, "filter")
    bad = api.get("/triops/v1/runs", params={"order_by": "metrics.a sideways"})
    assert (bad.status_code, bad.json()["error"]["field"]) == (400, "order_by")
    assert api.get("/triops/v1/runs", params={"experiment": "999"}).status_code == 404
    assert api.get("/triops/v1/runs", params={"limit": 1001}).status_code == 400
    assert api.get("/triops/v1/runs/nope").status_code == 404


def test_keys(api: httpx.Client, experiment: str, runs: list[str]) -> None:
    found = got(api, "runs/keys", experiment=experiment)
    assert found["metrics"] == ["loss"]
    assert found["params"] == ["net", "rate", "same", "seed"]
    assert "mlflow.runName" in found["tags"]


def test_one_run(api: httpx.Client, runs: list[str]) -> None:
    data = {"name": "d", "digest": "1", "source_type": "local", "source": "{}"}
    inputs = [{"dataset": data, "tags": [{"key": "a", "value": "b"}]}]
    logged(api, "log-inputs", run_id=runs[0], datasets=inputs, models=[{"model_id": "m-1"}])
    parent = got(api, f"runs/{runs[0]}")
    assert parent["children"] == [runs[1]]
    assert (parent["parent"], got(api, f"runs/{runs[1]}")["parent"]) == (None, runs[0])
    assert parent["inputs"] == [{"dataset": {**data, "schema": None, "profile": None}, "tags": {"a": "b"}}]
    assert parent["model_inputs"] == ["m-1"]
    tagged = api.post(f"/triops/v1/runs/{runs[0]}/tags", json={"key": "note", "value": "fine"}).json()
    assert tagged["tags"]["note"] == "fine"
    assert api.post(f"/triops/v1/runs/{runs[1]}/delete").json()["stage"] == "deleted"
    assert got(api, f"runs/{runs[0]}")["children"] == []
    assert api.post(f"/triops/v1/runs/{runs[1]}/restore").json()["stage"] == "active"


def test_curves(api: httpx.Client, experiment: str) -> None:
    run = logged(api, "create", experiment_id=experiment, run_name="long")["run"]["info"]["run_id"]
    values: list[Any] = [math.sin(at / 50) for at in range(5000)]
    values[1234], values[4000] = 99.0, "NaN"
    for start in range(0, 5000, 1000):
        metrics = [
            {"key": "wave", "value": values[at], "timestamp": 1000 + at, "step": at}
            for at in range(start, start + 1000)
        ]
        logged(api, "log-batch", run_id=run, metrics=metrics)
    (curve,) = got(api, "runs/curves", run=run, key=["wave", "none"], points=100)["items"]
    assert (curve["run"], curve["key"], curve["total"]) == (run, "wave", 5000)
    assert len(curve["points"]) <= 100
    assert curve["points"][0] == [0, 1.0, 0.0]
    assert curve["points"][-1][0] == 4999
    assert [1234, 2.234, 99.0] in curve["points"]
    (part,) = got(api, "runs/curves", run=run, key="wave", points=100, start_step=3990, end_step=4010)["items"]
    assert part["total"] == 21
    assert [4000, 5.0, "NaN"] in part["points"]
    assert got(api, "runs/curves", run="nope", key="wave")["items"] == []


def test_importance(api: httpx.Client, experiment: str, runs: list[str]) -> None:
    told = got(api, "runs/importance", experiment=experiment, metric="loss")
    assert told["runs"] == 39  # the first has NaN
    ranked = {one["param"]: one for one in told["items"]}
    assert list(ranked) == ["rate", "net", "seed"]
    assert ranked["rate"]["importance"] > 0.9
    assert ranked["rate"]["correlation"] > 0.9
    assert ranked["net"]["correlation"] is None
    assert ranked["seed"]["importance"] < 0.2
