"""Logged models, by MLflow's own client."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import mlflow
import pytest
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from triops.testing.server import RunningTriops


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with RunningTriops(tmp_path_factory.mktemp("models") / "data") as server:
        mlflow.set_tracking_uri(server.url)
        yield server.url


@pytest.fixture(scope="module")
def client(url: str) -> MlflowClient:
    return MlflowClient(url)


@pytest.fixture
def experiment(client: MlflowClient) -> str:
    return client.create_experiment(f"of {os.urandom(6).hex()}")


def ids(models: Any) -> list[str]:
    return [model.model_id for model in models]


def test_life_of_a_model(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment)
    made = client.create_logged_model(
        experiment, "fraud", run.info.run_id, tags={"team": "a"}, params={"c": "0.1"}, model_type="sklearn"
    )
    assert made.model_id.startswith("m-")
    assert len(made.model_id) == 34
    assert made.artifact_location == f"mlflow-artifacts:/{experiment}/models/{made.model_id}/artifacts"
    assert (made.status, made.tags, made.params) == ("PENDING", {"team": "a"}, {"c": "0.1"})
    assert (made.name, made.model_type, made.source_run_id) == ("fraud", "sklearn", run.info.run_id)

    assert client.finalize_logged_model(made.model_id, "READY").status == "READY"
    client.set_logged_model_tags(made.model_id, {"team": "b", "stage": "dev"})
    client.delete_logged_model_tag(made.model_id, "stage")
    client.log_model_params(made.model_id, {f"p{number}": str(number) for number in range(250)})
    seen = client.get_logged_model(made.model_id)
    assert seen.tags == {"team": "b"}
    assert len(seen.params) == 251
    assert seen.last_updated_timestamp >= seen.creation_timestamp

    client.delete_logged_model(made.model_id)
    with pytest.raises(MlflowException, match=f"Logged model with ID '{made.model_id}' not found.") as error:
        client.get_logged_model(made.model_id)
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert client.search_logged_models([experiment]) == []


def test_many_params_and_a_name_of_its_own(client: MlflowClient, experiment: str) -> None:
    model = client.create_logged_model(experiment, params={f"k{number}": "v" for number in range(120)})
    assert len(model.params) == 120
    assert model.name


@pytest.mark.parametrize("name", ["a/b", "a:b", "a.b", "a%b", 'a"b', "a'b"])
def test_names_that_are_refused(client: MlflowClient, experiment: str, name: str) -> None:
    with pytest.raises(MlflowException, match="cannot contain the following characters") as error:
        client.create_logged_model(experiment, name)
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"


def test_refusals(client: MlflowClient, url: str, experiment: str) -> None:
    model = client.create_logged_model(experiment, "m", params={"a": "1"}).model_id
    for call in (
        lambda: client.finalize_logged_model("m-none", "READY"),
        lambda: client.delete_logged_model("m-none"),
        lambda: client.create_logged_model("987654"),
        lambda: client.delete_logged_model_tag(model, "none"),
        lambda: client.log_metric(client.create_run(experiment).info.run_id, "loss", 1.0, model_id="m-none"),
    ):
        with pytest.raises(MlflowException) as error:
            call()
        assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    base = f"{url}/api/2.0/mlflow/logged-models"
    assert httpx.patch(f"{base}/m-none/tags", json={"tags": []}).status_code == 404
    again = httpx.post(f"{base}/{model}/params", json={"params": [{"key": "a", "value": "2"}]})
    assert again.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert httpx.patch(f"{base}/{model}", json={"model_id": model}).status_code == 400
    assert (
        httpx.post(base, json={"name": "m"})
        .json()["message"]
        .startswith("Missing value for required parameter 'experiment_id'")
    )
    client.delete_experiment(experiment)
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        client.create_logged_model(experiment, "m")


def test_metrics_that_runs_measure(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment).info.run_id
    model = client.create_logged_model(experiment, "m", run).model_id
    client.log_metric(run, "loss", 0.5, timestamp=1, step=0, model_id=model)
    client.log_metric(run, "loss", 0.5, timestamp=1, step=0, model_id=model)
    client.log_batch(
        run,
        metrics=[
            Metric("loss", 0.25, 2, 1, model_id=model, dataset_name="train", dataset_digest="d1"),
            Metric("loss", float("nan"), 3, 2, model_id=model),
            Metric("other", 1.0, 2, 1),
        ],
    )
    metrics = client.get_logged_model(model).metrics
    assert [(m.key, m.timestamp, m.step, m.run_id, m.model_id) for m in metrics] == [
        ("loss", 1, 0, run, model),
        ("loss", 2, 1, run, model),
        ("loss", 3, 2, run, model),
    ]
    assert [m.value for m in metrics][:2] == [0.5, 0.25]
    assert (metrics[1].dataset_name, metrics[1].dataset_digest) == ("train", "d1")
    with pytest.raises(MlflowException, match="Logged model with ID 'm-none' not found"):
        client.log_batch(run, metrics=[Metric("new", 1.0, 1, 0, model_id="m-none")])
    assert "new" not in client.get_run(run).data.metrics


def test_search(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment).info.run_id
    made = []
    for number in range(5):
        model = client.create_logged_model(
            experiment,
            f"model {number}",
            run,
            params={"lr": f"0.{number}"},
            tags={"parity": "odd" if number % 2 else "even"},
        ).model_id
        made.append(model)
        client.log_metric(
            run, "acc", number / 10, timestamp=number, model_id=model, dataset_name="val", dataset_digest=f"d{number}"
        )
    client.finalize_logged_model(made[3], "READY")

    def found(filter: str | None = None, **more: Any) -> list[int]:
        return sorted(made.index(id) for id in ids(client.search_logged_models([experiment], filter, **more)))

    assert found() == [0, 1, 2, 3, 4]
    assert found("metrics.acc >= 0.2 AND tags.parity = 'even'") == [2, 4]
    assert found("params.lr = '0.3'") == [3]
    assert found("name LIKE 'model %' AND name != 'model 1'") == [0, 2, 3, 4]
    assert found("name ILIKE 'MODEL 2'") == [2]
    assert found(f"model_id IN ('{made[0]}', '{made[4]}')") == [0, 4]
    assert found("status = 'READY'") == [3]
    assert found("creation_timestamp > 0") == [0, 1, 2, 3, 4]
    assert found("metrics.acc > 0", datasets=[{"dataset_name": "val", "dataset_digest": "d2"}]) == [2]
    assert found(datasets=[{"dataset_name": "val", "dataset_digest": "d4"}]) == [4]
    assert found(datasets=[{"dataset_name": "other"}]) == []

    ordered = client.search_logged_models([experiment], order_by=[{"field_name": "metrics.acc", "ascending": True}])
    assert ids(ordered) == made
    ordered = client.search_logged_models(
        [experiment],
        order_by=[{"field_name": "metrics.acc", "ascending": False, "dataset_name": "val", "dataset_digest": "d1"}],
    )
    assert ids(ordered)[0] == made[1]
    by_digest = [{"field_name": "metrics.acc", "dataset_digest": "d2"}]
    assert ids(client.search_logged_models([experiment], order_by=by_digest))[0] == made[2]
    order = [{"field_name": "name", "ascending": False}]
    pages, token = [], None
    while True:
        page = client.search_logged_models([experiment], max_results=2, order_by=order, page_token=token)
        pages += ids(page)
        token = page.token
        if not token:
            break
    assert pages == made[::-1]
    token = client.search_logged_models([experiment], max_results=2).token
    with pytest.raises(MlflowException, match="Filter string in the page token does not match"):
        client.search_logged_models([experiment], "name = 'x'", page_token=token)


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        ("lr = ", "Invalid filter string"),
        ("things.a = 'b'", "Invalid entity type: 'things'"),
        ("metrics.a LIKE 'b'", "Invalid comparison operator"),
        ("name > 'b'", "Invalid comparison operator"),
    ],
)
def test_filters_that_are_refused(client: MlflowClient, experiment: str, filter: str, message: str) -> None:
    with pytest.raises(MlflowException, match=message) as error:
        client.search_logged_models([experiment], filter)
    assert error.value.error_code == "INVALID_PARAMETER_VALUE"


def test_log_model_and_load_it(client: MlflowClient, url: str, tmp_path: Path) -> None:
    sklearn = pytest.importorskip("sklearn.linear_model")
    model = sklearn.LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    mlflow.set_experiment("logs a model")
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(model, name="classifier", params={"c": 1})
        mlflow.log_metric("acc", 1.0)
    logged = mlflow.get_logged_model(info.model_id)
    assert (str(logged.status), logged.name, logged.source_run_id) == ("READY", "classifier", run.info.run_id)
    assert logged.params == {"c": "1"}
    assert [metric.key for metric in logged.metrics] == ["acc"]
    assert mlflow.sklearn.load_model(f"models:/{info.model_id}").predict([[1.0]]) == [1]
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    assert [output.model_id for output in outputs] == [info.model_id]
    listing = httpx.get(f"{url}/api/2.0/mlflow/logged-models/{info.model_id}/artifacts/directories").json()
    assert "MLmodel" in [file["path"] for file in listing["files"]]
    found = mlflow.search_logged_models(experiment_ids=[run.info.experiment_id], output_format="list")
    assert ids(found) == [info.model_id]


def test_native_lists_of_logged_models(client: MlflowClient, url: str, experiment: str) -> None:
    run = client.create_run(experiment).info.run_id
    made = [client.create_logged_model(experiment, f"m{n}", run, params={"n": str(n)}).model_id for n in range(3)]
    other = client.create_logged_model(experiment, "other").model_id
    client.log_metric(run, "acc", 0.5, timestamp=2000, step=2, model_id=made[0])
    client.log_metric(run, "acc", float("nan"), timestamp=1000, step=1, model_id=made[0])
    base = f"{url}/triops/v1/logged-models"
    of_run, cursor = [], None
    while True:
        asked = {"run": run, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = httpx.get(base, params=asked).json()
        of_run += [item["id"] for item in page["items"]]
        if not (cursor := page["next"]):
            break
    assert sorted(of_run) == sorted(made)
    listed = httpx.get(base, params={"experiment": experiment}).json()["items"]
    assert {item["id"] for item in listed} == {*made, other}
    one = httpx.get(f"{base}/{made[0]}").json()
    assert one["metrics"] == {"acc": {"value": 0.5, "step": 2, "at": 2.0}}
    assert (one["run"], one["params"], one["status"]) == (run, {"n": "0"}, "PENDING")
    assert httpx.get(f"{base}/m-none").status_code == 404
