"""The unmodified `mlflow` client logs to Triops: experiments, runs, params, tags, metrics, inputs, outputs, errors."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from triops.testing.server import RunningTriops, wait_for

mlflow = pytest.importorskip("mlflow", reason="needs the mlflow client")

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402
from mlflow.utils.name_utils import _GENERATOR_PREDICATES  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with RunningTriops(tmp_path_factory.mktemp("mlflow") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningTriops) -> Iterator[MlflowClient]:
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server.url)
    yield MlflowClient(server.url)
    mlflow.set_tracking_uri(before)


@pytest.fixture
def run(client: MlflowClient) -> str:
    id: str = client.create_run("0").info.run_id
    return id


def raw(server: RunningTriops, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    if not isinstance(body, str | bytes):
        body = json.dumps(body)
    answer = httpx.post(
        f"{server.url}/api/2.0/mlflow/{path}", content=body, headers={"Content-Type": "application/json"}
    )
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "Bad Request. Content-Type header is missing."),
        ({"Content-Type": "text/plain"}, "Bad Request. Content-Type must be one of ['application/json']."),
        (
            {"Content-Type": "application/x-www-form-urlencoded"},
            "Bad Request. Content-Type must be one of ['application/json'].",
        ),
        ({"Content-Type": "application/json; charset=utf-8"}, ""),
    ],
)
def test_a_body_is_said_to_be_json(server: RunningTriops, headers: dict[str, str], message: str) -> None:
    url = f"{server.url}/ajax-api/2.0/mlflow/experiments/create"
    answer = httpx.post(url, content=b'{"name": "said to be JSON"}', headers=headers)
    told = answer.json()
    assert answer.status_code == (400 if message else 200)
    assert told.get("message", "") == message


def asked(server: RunningTriops, path: str, **parameters: Any) -> dict[str, Any]:
    answer = httpx.get(f"{server.url}/{path}", params=parameters)
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize(
    ("type_", "message"),
    [
        (None, "Bad Request. Content-Type header is missing."),
        ("text/plain", "Bad Request. Content-Type must be one of ['application/json']."),
        ("application/x-www-form-urlencoded", "Bad Request. Content-Type must be one of ['application/json']."),
        ("Application/JSON; charset=utf-8", ""),
    ],
)
def test_a_body_says_that_it_is_json(server: RunningTriops, type_: str | None, message: str) -> None:
    """What a page of another site can send without asking is not obeyed."""
    answer = httpx.post(
        f"{server.url}/api/2.0/mlflow/experiments/search",
        content=b'{"max_results": 1}',
        headers={"Content-Type": type_} if type_ else {},
    )
    assert answer.json().get("message", "") == message
    assert answer.status_code == (400 if message else 200)


def refused(error: pytest.ExceptionInfo[MlflowException], code: str) -> str:
    assert error.value.error_code == code
    return str(error.value.message).removeprefix(f"{code}: ")


def test_fluent_logging_of_a_nested_run(client: MlflowClient, tmp_path: Path) -> None:
    mlflow.set_experiment("fluent")
    with mlflow.start_run(run_name="outer", tags={"kind": "test"}) as outer:
        mlflow.log_params({"depth": 3, "rate": 0.1})
        for step in range(5):
            mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
        mlflow.log_metrics({"a": 1, "b": 2.5}, step=7)
        with mlflow.start_run(nested=True) as inner:
            mlflow.set_tag("x", "y")
    found = client.get_run(outer.info.run_id)
    assert (found.info.run_name, found.info.status, found.info.lifecycle_stage) == ("outer", "FINISHED", "active")
    assert found.info.end_time >= found.info.start_time > 1_600_000_000_000
    assert found.info.artifact_uri == f"mlflow-artifacts:/{found.info.experiment_id}/{outer.info.run_id}/artifacts"
    assert found.data.params == {"depth": "3", "rate": "0.1"}
    assert found.data.metrics == {"loss": 0.2, "a": 1.0, "b": 2.5}
    assert found.data.tags["kind"] == "test"
    assert found.data.tags["mlflow.source.type"] == "LOCAL"
    child = client.get_run(inner.info.run_id)
    assert child.data.tags["mlflow.parentRunId"] == outer.info.run_id
    assert 3 <= len(child.info.run_name) <= 20
    assert child.info.run_name.split("-")[0] in _GENERATOR_PREDICATES  # which clients know made names by
    assert child.data.tags["mlflow.runName"] == child.info.run_name
    assert [point.step for point in client.get_metric_history(outer.info.run_id, "loss")] == [0, 1, 2, 3, 4]


def test_a_run_that_fails_is_failed(client: MlflowClient) -> None:
    mlflow.set_experiment("failing")
    with pytest.raises(ZeroDivisionError), mlflow.start_run() as failing:
        raise ZeroDivisionError
    assert client.get_run(failing.info.run_id).info.status == "FAILED"


def test_experiments(client: MlflowClient) -> None:
    assert client.get_experiment("0").name == "Default"
    assert client.get_experiment_by_name("Default").experiment_id == "0"
    id = client.create_experiment("life", tags={"team": "red"})
    assert id.isdecimal()
    found = client.get_experiment(id)
    assert (found.name, found.tags, found.lifecycle_stage) == ("life", {"team": "red"}, "active")
    assert found.artifact_location == f"mlflow-artifacts:/{id}"
    assert found.creation_time == found.last_update_time > 0
    client.set_experiment_tag(id, "team", "blue")
    client.delete_experiment_tag(id, "team")
    assert client.get_experiment(id).tags == {}
    with pytest.raises(MlflowException) as error:
        client.delete_experiment_tag(id, "team")
    assert refused(error, "RESOURCE_DOES_NOT_EXIST") == f"No tag with name: team in experiment with id {id}"
    client.rename_experiment(id, "life 2")
    with pytest.raises(MlflowException) as error:
        client.create_experiment("life 2")
    assert refused(error, "RESOURCE_ALREADY_EXISTS").startswith("Experiment(name=life 2) already exists")
    of_it = client.create_run(id).info.run_id
    client.delete_experiment(id)
    assert client.get_experiment(id).lifecycle_stage == "deleted"
    assert client.get_run(of_it).info.lifecycle_stage == "deleted"
    with pytest.raises(MlflowException) as error:
        client.create_run(id)
    assert refused(error, "INVALID_PARAMETER_VALUE") == (
        f"The experiment {id} must be in the 'active' state. Current state is deleted."
    )
    with pytest.raises(MlflowException, match="deleted experiment"):
        mlflow.set_experiment("life 2")
    client.restore_experiment(id)
    assert client.get_run(of_it).info.lifecycle_stage == "active"
    assert client.get_experiment_by_name("none") is None
    with pytest.raises(MlflowException) as error:
        client.get_experiment("77777")
    assert refused(error, "RESOURCE_DOES_NOT_EXIST") == "No Experiment with id=77777 exists"


def test_a_batch_of_everything(client: MlflowClient, run: str) -> None:
    metrics = [Metric(f"m{n}", n / 7, 1_700_000_000_000 + n, n % 3) for n in range(800)]
    params = [Param(f"p{n}", str(n)) for n in range(100)]
    tags = [RunTag(f"t{n}", "é" * n) for n in range(99)]
    client.log_batch(run, metrics, params, [*tags, RunTag("mlflow.runName", "by batch")])
    found = client.get_run(run)
    assert found.data.metrics == {metric.key: metric.value for metric in metrics}
    assert found.data.params == {param.key: param.value for param in params}
    assert {key: value for key, value in found.data.tags.items() if key[0] == "t"} == {t.key: t.value for t in tags}
    assert found.info.run_name == "by batch"
    client.log_batch(run, [], params[:2])  # what is there with the same value is no change
    with pytest.raises(MlflowException) as error:
        client.log_batch(run, [Metric("new", 1, 1, 1)], [Param("p1", "other")])
    assert refused(error, "INVALID_PARAMETER_VALUE") == (
        "Changing param values is not allowed. Params were already logged='[{'key': 'p1', 'old_value': '1', "
        f"'new_value': 'other'}}]' for run ID='{run}'."
    )
    assert "new" not in client.get_run(run).data.metrics


def test_the_same_param_twice_and_another_value(client: MlflowClient, run: str) -> None:
    client.log_param(run, "depth", 3)
    client.log_param(run, "depth", 3)
    with pytest.raises(MlflowException) as error:
        client.log_param(run, "depth", 5)
    assert refused(error, "INVALID_PARAMETER_VALUE").startswith(
        "Changing param values is not allowed. Param with key='depth' was already logged with value='3' for run "
        f"ID='{run}'. Attempted logging new value '5'."
    )
    client.log_param(run, "long", "x" * 9000)
    assert client.get_run(run).data.params["long"] == "x" * 6000


def test_numbers_that_are_none(client: MlflowClient, server: RunningTriops, run: str) -> None:
    for step, value in enumerate((math.nan, math.inf, -math.inf)):
        client.log_metric(run, "odd", value, timestamp=step, step=step)
    told = [point.value for point in client.get_metric_history(run, "odd")]
    assert math.isnan(told[0])
    assert told[1:] == [1.7976931348623157e308, -1.7976931348623157e308]
    path = "api/2.0/mlflow/metrics/get-history"
    assert asked(server, path, run_id=run, metric_key="odd")["metrics"][0]["value"] == "NaN"
    client.log_metric(run, "lost", math.nan, timestamp=1, step=1)
    assert math.isnan(client.get_run(run).data.metrics["lost"])


def test_the_latest_value_is_of_the_highest_step(client: MlflowClient, run: str) -> None:
    for step, time_ms, value in ((5, 10, 1.0), (3, 20, 2.0), (5, 9, 3.0), (5, 10, 0.5), (-1, 99, 9.0)):
        client.log_metric(run, "m", value, timestamp=time_ms, step=step)
    assert client.get_run(run).data.metrics["m"] == 1.0
    assert [point.value for point in client.get_metric_history(run, "m")] == [3.0, 0.5, 1.0, 2.0, 9.0]


def test_a_long_history_in_pages_in_bulk_and_sampled(client: MlflowClient, server: RunningTriops, run: str) -> None:
    other = client.create_run("0").info.run_id
    for start in range(0, 5000, 1000):
        client.log_batch(run, [Metric("loss", n * 0.5, n, n) for n in range(start, start + 1000)])
    for n in range(300):  # small requests, which are compacted while they come
        client.log_metric(other, "loss", n, timestamp=n, step=n)
    client.set_terminated(other)
    assert [point.value for point in client.get_metric_history(other, "loss")] == list(range(300))
    assert [point.value for point in client.get_metric_history(run, "loss")] == [n * 0.5 for n in range(5000)]
    path = "api/2.0/mlflow/metrics/get-history"
    seen: list[int] = []
    token = ""
    while True:
        page = asked(server, path, run_id=run, metric_key="loss", max_results=1999, page_token=token)
        seen += [point["step"] for point in page["metrics"]]
        token = page.get("next_page_token", "")
        if not token:
            break
    assert seen == list(range(5000))
    bulk = asked(server, "ajax-" + path + "-bulk", run_id=[run, other], metric_key="loss", max_results=5100)["metrics"]
    assert len(bulk) == 5100
    assert [point["run_id"] for point in bulk] == sorted(point["run_id"] for point in bulk)
    sampled = asked(server, path + "-bulk-interval", run_ids=[run, other], metric_key="loss", max_results=10)["metrics"]
    steps = [point["step"] for point in sampled if point["run_id"] == run]
    assert steps == [*range(0, 4500, 500), 4999]
    within = asked(
        server, path + "-bulk-interval", run_ids=run, metric_key="loss", start_step=10, end_step=12, max_results=5
    )
    assert [point["step"] for point in within["metrics"]] == [10, 11, 12]
    assert asked(server, path + "-bulk-interval", run_ids=run, metric_key="loss", start_step=1)["message"] == (
        "If either start step or end step are specified, both must be specified."
    )
    assert (
        asked(server, path, run_id=run, metric_key="loss", page_token="%%%")["error_code"] == "INVALID_PARAMETER_VALUE"
    )


def test_tags_come_and_go(client: MlflowClient, run: str) -> None:
    client.set_tag(run, "t", 1)
    client.set_tag(run, "t", "x" * 9000)
    assert client.get_run(run).data.tags["t"] == "x" * 8000
    client.set_tag(run, "mlflow.runName", "tagged")
    assert client.get_run(run).info.run_name == "tagged"
    client.update_run(run, name="updated", status="KILLED")
    found = client.get_run(run)
    assert (found.info.run_name, found.data.tags["mlflow.runName"], found.info.status) == ("updated",) * 2 + ("KILLED",)
    client.delete_tag(run, "t")
    with pytest.raises(MlflowException) as error:
        client.delete_tag(run, "t")
    assert refused(error, "RESOURCE_DOES_NOT_EXIST") == f"No tag with name: t in run with id {run}"


def test_what_a_run_read(client: MlflowClient, run: str) -> None:
    data = Dataset("iris", "abc", "local", json.dumps({"uri": "/x"}), schema="{}", profile='{"rows": 1}')
    client.log_inputs(run, [DatasetInput(data, [InputTag("mlflow.data.context", "train")])])
    client.log_inputs(run, [DatasetInput(data, [])])
    (found,) = client.get_run(run).inputs.dataset_inputs
    assert dict(found.dataset) == dict(data)
    assert [(tag.key, tag.value) for tag in found.tags] == [("mlflow.data.context", "train")]
    with pytest.raises(MlflowException) as error:
        client.log_inputs(run, [DatasetInput(Dataset("x" * 501, "d", "local", "{}"), [])])
    assert refused(error, "INVALID_PARAMETER_VALUE") == "'name' exceeds the maximum length of 500 characters"


def test_a_deleted_run(client: MlflowClient, run: str) -> None:
    client.delete_run(run)
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    with pytest.raises(MlflowException) as error:
        client.log_metric(run, "m", 1)
    assert refused(error, "INVALID_PARAMETER_VALUE") == (
        f"The run {run} must be in the 'active' state. Current state is deleted."
    )
    client.restore_run(run)
    client.log_metric(run, "m", 1)
    with pytest.raises(MlflowException) as error:
        client.get_run("0" * 32)
    assert refused(error, "RESOURCE_DOES_NOT_EXIST") == f"Run with id={'0' * 32} not found"


def point(**given: Any) -> dict[str, Any]:
    return {"key": "m", "value": 1.0, "timestamp": 1, "step": 0, **given}


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("runs/log-batch", {"metrics": [point()] * 1001}, "A batch logging request can contain at most 1000 metrics. "),
        ("runs/log-batch", {"params": [{"key": f"{n}", "value": ""} for n in range(101)]}, "at most 100 params. Got"),
        ("runs/log-batch", {"tags": [{"key": f"{n}", "value": ""} for n in range(101)]}, "at most 100 tags. Got 101"),
        (
            "runs/log-batch",
            {"metrics": [point()] * 950, "tags": [{"key": f"{n}", "value": ""} for n in range(51)]},
            "at most 1000 metrics, params, and tags. Got 1001",
        ),
        ("runs/log-batch", {"metrics": [{"key": "m", "value": 1}]}, "required parameter 'metrics[0].timestamp'."),
        ("runs/log-batch", {"metrics": [point(), point(key="")]}, "required parameter 'metrics[1].key'."),
        ("runs/log-batch", {"metrics": "m"}, "Invalid value \"m\" for parameter 'metrics' supplied:"),
        ("runs/log-batch", {"metrics": [point(), point(key="a/../b")]}, "for parameter 'metrics[1].name' supplied"),
        ("runs/log-batch", {"metrics": [point(key="x" * 251)]}, "'Metric name' exceeds the maximum length of 250 char"),
        ("runs/log-batch", {"metrics": [point(timestamp=-1)]}, "Timestamp must be a nonnegative long (64-bit integer)"),
        ("runs/log-batch", {"metrics": [point(value="abc")]}, "Invalid value \"abc\" for parameter 'metrics[0].val"),
        ("runs/log-batch", {"params": [{"value": "x"}]}, "required parameter 'params[0].key'."),
        ("runs/log-batch", {"params": [{"key": "a!", "value": "x"}]}, "for parameter 'params[0].key' supplied: Names"),
        ("runs/log-batch", {"params": [{"key": "a", "value": "x"}] * 2}, "keys have been submitted: ['a']"),
        ("runs/log-batch", {"tags": [{"key": "/a", "value": "x"}]}, "for parameter 'tags[0].key' supplied: Names"),
        ("runs/log-metric", point(value=None), "Missing value for required parameter 'value'."),
        ("runs/log-metric", point(step="x"), "Invalid value \"x\" for parameter 'step' supplied:  Hint: Value was of"),
        ("runs/log-metric", point(dataset_name="d"), "Both dataset_name and dataset_digest must be provided if one is"),
        ("runs/log-parameter", {"key": "..", "value": ""}, "This name would resolve to '..'"),
        ("runs/log-parameter", {"value": ""}, "Missing value for required parameter 'key'."),
        ("runs/set-tag", {"key": "k" * 251, "value": ""}, "'key' exceeds the maximum length of 250 characters"),
        ("runs/log-model", {"model_json": "nope"}, "Malformed model info."),
        ("runs/log-model", {"model_json": "{}"}, "Model json is missing mandatory fields: "),
        ("runs/outputs", {}, "Missing value for required parameter 'models'."),
        ("runs/update", {"end_time": "x"}, "Invalid value \"x\" for parameter 'end_time' supplied"),
    ],
)  # fmt: skip
def test_what_is_refused_changes_nothing(
    client: MlflowClient, server: RunningTriops, path: str, body: dict[str, Any], message: str
) -> None:
    run = client.create_run("0").info.run_id
    before = client.get_run(run).to_dictionary()
    status, told = raw(server, path, {"run_id": run, **body})
    assert (status, told["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert message in told["message"]
    assert client.get_run(run).to_dictionary() == before
    status, told = raw(server, path, body)
    assert (status, told["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_what_a_run_made_and_models_logged_the_old_way(client: MlflowClient, server: RunningTriops, run: str) -> None:
    assert raw(server, "runs/outputs", {"run_id": run, "models": [{"model_id": "m-1", "step": 4}]}) == (200, {})
    (output,) = client.get_run(run).outputs.model_outputs
    assert (output.model_id, output.step) == ("m-1", 4)
    model = {
        "artifact_path": "model",
        "flavors": {"python_function": {"env": "x", "config": {"secret": 1}}},
        "utc_time_created": "2024-01-01 00:00:00",
        "run_id": run,
        "other": 1,
    }
    for _ in range(2):
        assert raw(server, "runs/log-model", {"run_id": run, "model_json": json.dumps(model)}) == (200, {})
    told = json.loads(client.get_run(run).data.tags["mlflow.log-model.history"])
    expected = {key: value for key, value in model.items() if key != "other"}
    assert told == [expected | {"flavors": {"python_function": {"env": "x"}}}] * 2


def test_old_and_odd_clients(server: RunningTriops, client: MlflowClient, run: str) -> None:
    assert raw(server, "runs/log-metric", {"run_uuid": run, **point(timestamp="7", value="2.5")}) == (200, {})
    assert raw(server, "runs/log-metric", f'{{"run_id": "{run}", "key": "n", "value": NaN, "timestamp": 1}}') == (
        200,
        {},
    )
    twice = json.dumps(json.dumps({"run_id": run, **point(key="twice")}))
    assert raw(server, "runs/log-metric", twice) == (200, {})
    metrics = asked(server, "ajax-api/2.0/mlflow/runs/get", run_uuid=run)["run"]["data"]["metrics"]
    assert {one["key"]: one["value"] for one in metrics} == {"m": 2.5, "n": "NaN", "twice": 1.0}
    for body in ("nonsense", "[1]", '"x"', '{"run_id": "\\ud800"}', '{"run_id": 99999999999999999999, "x": NaN}'):
        status, told = raw(server, "runs/log-metric", body)
        assert (status, told["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_what_is_deleted_gives_its_room_back(tmp_path: Path) -> None:
    def stored() -> int:
        return sum(file.stat().st_size for file in (tmp_path / "data" / "blobs").rglob("*") if file.is_file())

    with RunningTriops(tmp_path / "data", environ={"TRIOPS_MLOPS_DELETED_DAYS": "0"}) as server:
        client = MlflowClient(server.url)
        experiment, empty = client.create_experiment("to stay"), client.create_experiment("to go")
        run, kept = (client.create_run(experiment).info.run_id for _ in range(2))
        client.log_metric(run, "m", 1.0)
        client.log_text(run, "x" * 100_000, "large.txt")
        assert stored() >= 100_000
        client.delete_run(run)
        client.delete_experiment(empty)

        def gone() -> bool:
            try:
                client.get_run(run)
            except MlflowException as error:
                return error.error_code == "RESOURCE_DOES_NOT_EXIST" and not client.list_artifacts(kept)
            return False

        wait_for(gone, what="the run to be freed", every_s=0.2)
        path = f"api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/large.txt"
        wait_for(lambda: httpx.get(f"{server.url}/{path}").status_code == 404, what="its artifact to be gone")
        assert client.get_run(kept).info.lifecycle_stage == "active"
        wait_for(lambda: client.get_experiment_by_name("to go") is None, what="the experiment to be freed")
        assert client.create_experiment("to go") not in (experiment, empty)
