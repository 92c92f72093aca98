"""Searches by the unmodified `mlflow` client: runs as entities and into pandas, experiments, data sets; refusals."""

import math
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from triops.testing.server import RunningTriops

mlflow = pytest.importorskip("mlflow", reason="needs the mlflow client")

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

MANY = 1100


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with RunningTriops(tmp_path_factory.mktemp("search") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningTriops) -> Iterator[MlflowClient]:
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server.url)
    yield MlflowClient(server.url)
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def searched(client: MlflowClient) -> str:
    """An experiment with runs r0 … r9; r9 is deleted."""
    experiment: str = client.create_experiment("searched")
    values = [0.5, math.nan, 2.0, math.inf, -1.0, None, 2.0, -math.inf, 0.0, 7.0]
    for at, value in enumerate(values):
        run = client.create_run(experiment, run_name=f"r{at}", start_time=1000 + at // 2 * 10).info.run_id
        metrics = [] if value is None else [Metric("m", value, 5, 1)]
        params = [Param("lr", str(at)), *([Param("a b", "It's 5%")] if at == 3 else [])]
        tags = [RunTag("kind", ["a", "B", "ab"][at % 3])] if at < 6 else []
        client.log_batch(run, metrics, params, tags)
        if at % 2:
            client.set_terminated(run, end_time=2000 + at)
        if at < 2:
            data = Dataset(f"data{at}", f"d{at}", "local", "{}")
            client.log_inputs(run, [DatasetInput(data, [InputTag("mlflow.data.context", ["train", "eval"][at])])])
        if at == 9:
            client.delete_run(run)
    return experiment


@pytest.fixture(scope="module")
def many(server: RunningTriops, client: MlflowClient) -> str:
    experiment: str = client.create_experiment("many")
    with httpx.Client(base_url=f"{server.url}/api/2.0/mlflow/runs/") as http:
        for at in range(MANY):
            given = {"experiment_id": experiment, "run_name": f"n{at:04d}", "start_time": at}
            run = http.post("create", json=given).json()["run"]["info"]["run_id"]
            metric = {"key": "m", "value": at % 100, "timestamp": 1, "step": 0}
            http.post("log-batch", json={"run_id": run, "metrics": [metric], "params": [{"key": "p", "value": "x"}]})
    return experiment


def names(
    client: MlflowClient, experiment: str, filter: str = "", order: list[str] | None = None, **options: Any
) -> str:
    runs = client.search_runs([experiment], filter, order_by=["run_name"] if order is None else order, **options)
    return " ".join(run.info.run_name for run in runs)


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("", "r0 r1 r2 r3 r4 r5 r6 r7 r8"),
        ("metrics.m > 0", "r0 r2 r3 r6"),
        ("metrics.m != 2", "r0 r1 r3 r4 r7 r8"),
        ("metrics.m = 0", "r8"),
        ("metrics.m >= 1.7976931348623157e308", "r3"),
        ("params.lr > '6'", None),  # params are texts
        ("params.lr = '3'", "r3"),
        ("params.lr != '3'", "r0 r1 r2 r4 r5 r6 r7 r8"),
        ('params.`a b` LIKE "It\'s %"', "r3"),
        ("params.\"a b\" IS NOT NULL and tags.kind = 'a'", "r3"),
        ("tags.kind LIKE 'a%'", "r0 r2 r3 r5"),
        ("tags.kind LIKE 'b%'", ""),
        ("tags.kind ILIKE 'b'", "r1 r4"),
        ("tags.kind IS NULL", "r6 r7 r8"),
        ("attributes.status = 'FINISHED'", "r1 r3 r5 r7"),
        ("status != 'FINISHED' AND start_time > 1010", "r4 r6 r8"),
        ("end_time < 2004", "r1 r3"),
        ("attr.`Run name` ILIKE 'R1'", "r1"),
        ("dataset.name = 'data1'", "r1"),
        ("datasets.digest IN ('d0', 'd1')", "r0 r1"),
        ("dataset.context = 'train'", "r0"),
        ("artifact_uri LIKE 'mlflow-artifacts:%' AND run_name NOT IN ('x')", None),
    ],
)
def test_filters(client: MlflowClient, searched: str, filter: str, found: str | None) -> None:
    if found is None:
        with pytest.raises(MlflowException) as error:
            names(client, searched, filter)
        assert error.value.error_code == "INVALID_PARAMETER_VALUE"
    else:
        assert names(client, searched, filter) == found


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ([], "r8 r6 r7 r4 r5 r2 r3 r0 r1"),
        (["metrics.m", "run_name"], "r7 r4 r8 r0 r2 r6 r3 r1 r5"),
        (["metrics.m DESC", "run_name"], "r3 r2 r6 r0 r8 r4 r7 r1 r5"),
        (["params.lr DESC"], "r8 r7 r6 r5 r4 r3 r2 r1 r0"),
        (["tags.kind DESC", "run_name"], "r2 r5 r0 r3 r1 r4 r6 r7 r8"),
        (["end_time DESC", "run_name DESC"], "r7 r5 r3 r1 r8 r6 r4 r2 r0"),
    ],
)
def test_orders(client: MlflowClient, searched: str, order: list[str], found: str) -> None:
    if order:
        assert names(client, searched, "", order) == found
    else:  # equal starts: by id
        assert sorted(names(client, searched, "", order).split()) == sorted(found.split())
        starts = [run.info.start_time for run in client.search_runs([searched])]
        assert starts == sorted(starts, reverse=True)


def test_views_and_stages(client: MlflowClient, searched: str) -> None:
    assert names(client, searched, run_view_type=ViewType.DELETED_ONLY) == "r9"
    assert names(client, searched, run_view_type=ViewType.ALL).endswith("r8 r9")


def test_a_found_run_is_whole(client: MlflowClient, searched: str) -> None:
    (found,) = client.search_runs([searched], "run_name = 'r0'")
    assert found.to_dictionary() == client.get_run(found.info.run_id).to_dictionary()
    assert found.inputs.dataset_inputs[0].dataset.name == "data0"
    exact = client.create_experiment("exact")
    run = client.create_run(exact).info.run_id
    values = [0.1 + 0.2, 1 / 3, 5e-324, -1.7976931348623157e308, 1e22, math.pi * 1e-200]
    client.log_batch(run, [Metric(f"m{at}", value, 1, 0) for at, value in enumerate(values)])
    (found,) = client.search_runs([exact])
    assert sorted(found.data.metrics.values()) == sorted(values)


def test_pages(client: MlflowClient, many: str) -> None:
    found, token, pages = [], None, 0
    while True:
        page = client.search_runs([many], max_results=400, order_by=["metrics.m DESC"], page_token=token)
        found += page
        pages += 1
        token = page.token
        if not token:
            break
    assert (len(found), pages) == (MANY, 3)
    assert len({run.info.run_id for run in found}) == MANY
    ranks = [(-run.data.metrics["m"], -run.info.start_time) for run in found]
    assert ranks == sorted(ranks)


def test_into_pandas(client: MlflowClient, many: str, searched: str) -> None:
    table = mlflow.search_runs([many], max_results=MANY, order_by=["attributes.start_time ASC"])
    assert len(table) == MANY
    assert list(table["metrics.m"][:3]) == [0.0, 1.0, 2.0]
    assert set(table["params.p"]) == {"x"}
    assert list(table["tags.mlflow.runName"][:2]) == ["n0000", "n0001"]
    table = mlflow.search_runs(experiment_names=["searched"], filter_string="metrics.m < 1")
    assert set(table["tags.mlflow.runName"]) == {"r0", "r4", "r7", "r8"}
    assert mlflow.search_runs(search_all_experiments=True, filter_string="params.lr = '3'").shape[0] == 1


def test_nested_runs(client: MlflowClient) -> None:
    mlflow.set_experiment("nested")
    with mlflow.start_run() as outer:
        for at in range(3):
            with mlflow.start_run(run_name=f"inner{at}", nested=True):
                mlflow.log_metric("m", at)
    experiment = outer.info.experiment_id
    children = f"tags.mlflow.parentRunId = '{outer.info.run_id}'"
    assert names(client, experiment, children, ["metrics.m DESC"]) == "inner2 inner1 inner0"
    assert names(client, experiment, f"run_id IN ('{outer.info.run_id}', 'x')") == outer.info.run_name


def test_experiments(client: MlflowClient, searched: str) -> None:
    ids = [client.create_experiment(f"Exp-{at}", tags={"team": "ab"[at % 2]}) for at in range(4)]
    client.delete_experiment(ids[3])

    def found(filter: str | None = None, **options: Any) -> list[str]:
        return [one.name for one in client.search_experiments(filter_string=filter, **options)]

    mine = "name LIKE 'Exp-%'"
    assert found(mine) == ["Exp-2", "Exp-1", "Exp-0"]
    assert found("name LIKE 'exp-%'") == []
    assert found("name ILIKE 'exp-%'", order_by=["name"]) == ["Exp-0", "Exp-1", "Exp-2"]
    assert found(f"{mine} AND tags.team = 'a'") == ["Exp-2", "Exp-0"]
    assert found("tags.team IS NULL", order_by=["name"])[0] == "Default"
    assert found(mine, view_type=ViewType.DELETED_ONLY) == ["Exp-3"]
    assert found(f"experiment_id IN ('{ids[0]}', '{ids[1]}')", order_by=["experiment_id ASC"]) == ["Exp-0", "Exp-1"]
    page = client.search_experiments(filter_string=mine, max_results=2)
    rest = client.search_experiments(filter_string=mine, max_results=2, page_token=page.token)
    assert ([one.name for one in [*page, *rest]], rest.token) == (["Exp-2", "Exp-1", "Exp-0"], None)
    assert page[0].tags == {"team": "a"}
    assert [one.name for one in mlflow.search_experiments(filter_string=mine)] == ["Exp-2", "Exp-1", "Exp-0"]


def test_refusals(client: MlflowClient, server: RunningTriops, searched: str) -> None:
    def refused(path: str, body: dict[str, Any]) -> str:
        answer = httpx.post(f"{server.url}/api/2.0/mlflow/{path}", json=body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        return str(answer.json()["message"])

    own = {"experiment_ids": [searched]}
    assert "Invalid clause(s) in filter string: 'OR'" in refused(
        "runs/search", own | {"filter": "metrics.m > 0 OR metrics.m < 0"}
    )
    assert "Invalid value 50001 for parameter 'max_results'" in refused("runs/search", own | {"max_results": 50001})
    in_a_query = httpx.get(f"{server.url}/api/2.0/mlflow/registered-models/search", params={"max_results": 1001})
    assert in_a_query.json()["message"].startswith(
        "Invalid value \"1001\" for parameter 'max_results' supplied:  Hint: Value was of type 'str'."
    )
    assert refused("runs/search", own | {"max_results": 0}).endswith("It must be a positive integer")
    assert "could not base64-decode" in refused("runs/search", own | {"page_token": "x"})
    assert "Invalid order_by clause 'metrics.m DESC x'" in refused(
        "runs/search", own | {"order_by": ["metrics.m DESC x"]}
    )
    assert refused("runs/search", {"experiment_ids": ["x"]}).startswith("Invalid experiment ID 'x'")
    assert refused("experiments/search", {}).startswith("Invalid value 0 for parameter 'max_results'")
    assert "must be at most 50000" in refused("experiments/search", {"max_results": 50001})
    assert "at least one experiment_id" in refused("experiments/search-datasets", {})
    answer = httpx.post(f"{server.url}/api/2.0/mlflow/runs/search", json={"experiment_ids": []})
    assert (answer.status_code, answer.json()) == (200, {})


def test_data_sets(server: RunningTriops, searched: str) -> None:
    answer = httpx.post(
        f"{server.url}/ajax-api/2.0/mlflow/experiments/search-datasets",
        json={"experiment_ids": [searched]},
    )
    told = {(one["name"], one["digest"], one["context"]) for one in answer.json()["dataset_summaries"]}
    assert told == {("data0", "d0", "train"), ("data1", "d1", "eval")}
