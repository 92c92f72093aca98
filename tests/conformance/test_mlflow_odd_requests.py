"""Requests that no client of MLflow's makes: each is the sender's error, never ours."""

import json
from collections.abc import Iterator

import httpx
import pytest

from triops.testing.server import RunningTriops

JSON = {"content-type": "application/json"}
NUMBERS = ["--5", "²", "٣", "-", "5.5", "1_0", " 1", "9" * 5000]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with (
        RunningTriops(tmp_path_factory.mktemp("odd") / "data") as server,
        httpx.Client(base_url=server.url, timeout=20) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def run(api: httpx.Client) -> str:
    answer = api.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"})
    return str(answer.json()["run"]["info"]["run_id"])


@pytest.mark.parametrize("number", NUMBERS)
def test_what_looks_like_a_number_and_is_none(api: httpx.Client, run: str, number: str) -> None:
    moved = {"id": number, "name": "n", "stage": "active", "created_ms": 1, "updated_ms": 1}
    for path, body in (
        ("/api/2.0/mlflow/runs/search", {"experiment_ids": [number]}),
        ("/api/2.0/mlflow/runs/create", {"experiment_id": number}),
        ("/api/2.0/mlflow/registered-models/alias", {"name": "m", "alias": "a", "version": number}),
        ("/api/2.0/mlflow/model-versions/create", {"name": "m", "source": f"models:/m/{number}"}),
        (
            "/api/2.0/mlflow/traces/link-prompts",
            {"trace_id": "t", "prompt_versions": [{"name": "p", "version": number}]},
        ),
        ("/triops/v1/import/mlflow/runs", {"items": [{"run": {}, "to": number}]}),
        ("/triops/v1/import/mlflow/experiments", {"source": "s", "items": [moved]}),
    ):
        answer = api.post(path, json=body)
        assert 400 <= answer.status_code < 500, f"{path} {answer.status_code} {answer.text[:200]}"
    assert api.post("/api/2.0/mlflow/runs/update", json={"run_id": run, "status": number}).status_code < 500


@pytest.mark.parametrize("depth", [60, 900, 960, 1000, 1020])
def test_what_is_nested_too_deeply(api: httpx.Client, run: str, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    trace = f'{{"trace_id":"tr-1","trace_location":{{"mlflow_experiment":{{"experiment_id":{deep}}}}}}}'
    dataset = api.post("/api/3.0/mlflow/datasets/create", json={"name": "d"}).json()["dataset"]["dataset_id"]
    records = json.dumps({"records": f'[{{"inputs":{{"q":{deep}}},"expectations":{{"a":{deep}}}}}]'})
    model = json.dumps({"run_id": run, "model_json": f'{{"flavors":{deep},"run_id":1,"artifact_path":1}}'})
    for path, content in (
        ("/api/3.0/mlflow/traces", f'{{"trace":{{"trace_info":{trace}}}}}'),
        ("/api/2.0/mlflow/runs/log-batch", f'{{"run_id":"{run}","metrics":{deep}}}'),
        ("/api/2.0/mlflow/runs/log-model", model),
        (f"/api/3.0/mlflow/datasets/{dataset}/records", records),
    ):
        answer = api.post(path, content=content, headers=JSON)
        assert answer.status_code < 500, f"{path} {answer.text[:200]}"
    assert api.get(f"/api/3.0/mlflow/datasets/{dataset}/records").status_code == 200


def test_a_history_of_models_that_is_no_json(api: httpx.Client, run: str) -> None:
    tag = {"run_id": run, "key": "mlflow.log-model.history", "value": "[" * 7000}
    assert api.post("/api/2.0/mlflow/runs/set-tag", json=tag).status_code == 200
    model = json.dumps(dict.fromkeys(("artifact_path", "flavors", "utc_time_created", "run_id"), "x"))
    assert api.post("/api/2.0/mlflow/runs/log-model", json={"run_id": run, "model_json": model}).status_code == 400
    assert api.get(f"/triops/v1/runs/{run}/provenance").status_code == 200
