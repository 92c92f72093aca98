"""Evaluation data sets and scorers, by MLflow's own client."""

import json
import os
from collections.abc import Iterator

import httpx
import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.genai import datasets
from mlflow.tracking import MlflowClient

from triops.testing.server import RunningTriops


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with RunningTriops(tmp_path_factory.mktemp("evaluation") / "data") as server:
        mlflow.set_tracking_uri(server.url)
        yield server.url


@pytest.fixture
def experiment(url: str) -> str:
    return MlflowClient(url).create_experiment(f"of {os.urandom(6).hex()}")


def test_a_data_set_of_examples(experiment: str) -> None:
    made = datasets.create_dataset(name="questions", experiment_id=experiment, tags={"team": "a", "mlflow.user": "ann"})
    assert made.dataset_id.startswith("d-")
    assert (made.tags["team"], made.created_by, made.experiment_ids) == ("a", "ann", [experiment])
    assert made.schema is None
    first = made.digest

    made.merge_records(
        [
            {"inputs": {"question": "a?", "n": 1}, "expectations": {"answer": "b"}, "tags": {"kind": "easy"}},
            {"inputs": {"question": "c?"}, "outputs": {"text": "d", "score": 0.5}},
            {"inputs": {"n": 1, "question": "a?"}, "expectations": {"sure": True}},
        ]
    )
    seen = datasets.get_dataset(dataset_id=made.dataset_id)
    assert seen.digest != first
    assert json.loads(seen.profile) == {"num_records": 2}
    assert json.loads(seen.schema) == {
        "inputs": {"question": "string", "n": "integer"},
        "outputs": {"text": "string", "score": "float"},
        "expectations": {"answer": "string", "sure": "boolean"},
        "version": "1.0",
    }
    table = seen.to_df().set_index(seen.to_df()["inputs"].map(lambda inputs: inputs["question"]))
    assert table.loc["a?"]["expectations"] == {"answer": "b", "sure": True}
    assert table.loc["c?"]["outputs"] == {"text": "d", "score": 0.5}

    ids = list(table["dataset_record_id"])
    assert seen.delete_records(ids[:1]) == 1
    assert len(datasets.get_dataset(dataset_id=made.dataset_id).to_df()) == 1
    datasets.delete_dataset(dataset_id=made.dataset_id)
    with pytest.raises(MlflowException, match=f"Evaluation dataset with id '{made.dataset_id}' not found") as error:
        datasets.get_dataset(dataset_id=made.dataset_id)
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_pages_of_records(url: str, experiment: str) -> None:
    made = datasets.create_dataset(name="many", experiment_id=experiment)
    made.merge_records([{"inputs": {"n": number}} for number in range(25)])
    base = f"{url}/api/3.0/mlflow/datasets/{made.dataset_id}/records"
    seen, token = [], ""
    while True:
        page = httpx.get(base, params={"max_results": 10, "page_token": token}).json()
        seen += [record["inputs"]["n"] for record in json.loads(page["records"])]
        token = page.get("next_page_token", "")
        if not token:
            break
    assert sorted(seen) == list(range(25))
    assert httpx.get(base, params={"page_token": "?"}).json()["error_code"] == "INVALID_PARAMETER_VALUE"
    for records in ("x", "{}", "[1]", '[{"inputs": 1}]', '[{"source": {"source_type": "moon"}}]'):
        assert httpx.post(base, json={"records": records}).status_code == 400, records


def test_finding_data_sets(experiment: str) -> None:
    other = mlflow.create_experiment(f"other {os.urandom(6).hex()}")
    made = [
        datasets.create_dataset(name=f"{experiment} set {number}", experiment_id=experiment, tags={"n": str(number)})
        for number in range(5)
    ]

    def found(**asked: object) -> list[str]:
        return sorted(one.name[-1] for one in datasets.search_datasets(experiment_ids=[experiment], **asked))

    assert found() == list("01234")
    assert found(filter_string=f"name LIKE '{experiment} set %' AND tags.n = '3'") == ["3"]
    assert found(filter_string=f"name IN ('{made[0].name}', '{made[1].name}')") == ["0", "1"]
    assert found(filter_string="created_time > 0 AND tags.n != '3'") == list("0124")
    page = datasets.search_datasets(experiment_ids=[experiment], order_by=["name ASC"], max_results=2)
    assert [one.name for one in page][:2] == [made[0].name, made[1].name]
    with pytest.raises(MlflowException, match="Invalid attribute key 'nothing'"):
        found(filter_string="nothing = 'x'")

    id = made[0].dataset_id
    datasets.add_dataset_to_experiments(dataset_id=id, experiment_ids=[other])
    assert [one.dataset_id for one in datasets.search_datasets(experiment_ids=[other])] == [id]
    with pytest.raises(MlflowException, match="No Experiment with id=99999"):
        datasets.add_dataset_to_experiments(dataset_id=id, experiment_ids=["99999"])
    datasets.remove_dataset_from_experiments(dataset_id=id, experiment_ids=[experiment])
    assert datasets.get_dataset(dataset_id=id).experiment_ids == [other]
    datasets.set_dataset_tags(dataset_id=id, tags={"n": "9", "more": "x"})
    datasets.delete_dataset_tag(dataset_id=id, key="more")
    assert datasets.get_dataset(dataset_id=id).tags == {"n": "9"} | {
        key: value for key, value in made[0].tags.items() if key.startswith("mlflow.")
    }


def test_scorers_and_their_versions(url: str, experiment: str) -> None:
    store = MlflowClient(url)._tracking_client.store
    body = json.dumps({"name": "polite", "builtin_scorer_class": "Safety", "builtin_scorer_pydantic_data": {}})
    first = store.register_scorer(experiment, "polite", body)
    second = store.register_scorer(experiment, "polite", body)
    assert (first.scorer_version, second.scorer_version, first.scorer_id) == (1, 2, second.scorer_id)
    store.register_scorer(experiment, "brief", body)
    listed = store.list_scorers(experiment)
    assert [(one.scorer_name, one.scorer_version) for one in listed] == [("brief", 1), ("polite", 2)]
    assert [one.scorer_version for one in store.list_scorer_versions(experiment, "polite")] == [1, 2]
    assert store.get_scorer(experiment, "polite").scorer_version == 2
    assert store.get_scorer(experiment, "polite", 1).serialized_scorer == first.serialized_scorer

    store.delete_scorer(experiment, "polite", 1)
    with pytest.raises(MlflowException, match="Scorer with name 'polite' and version 1 not found") as error:
        store.get_scorer(experiment, "polite", 1)
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    store.delete_scorer(experiment, "polite")
    with pytest.raises(MlflowException, match="Scorer with name 'polite' not found"):
        store.list_scorer_versions(experiment, "polite")


@pytest.mark.parametrize(
    ("name", "serialized", "message"),
    [
        ("a", "no json", "must be valid JSON"),
        ("a", '{"x": [{"call_source": "import os"}]}', "Custom scorer registration"),
        (" ", "{}", "cannot be empty or contain only whitespace"),
        ("a", '{"instructions_judge_pydantic_data": {"model": "gateway:/x"}}', "GatewayEndpoint not found"),
        ("a", '{"builtin_scorer_pydantic_data": {"model": 3}}', "must be a string"),
    ],
)
def test_scorers_that_are_refused(url: str, experiment: str, name: str, serialized: str, message: str) -> None:
    with pytest.raises(MlflowException, match=message):
        MlflowClient(url)._tracking_client.store.register_scorer(experiment, name, serialized)


def test_what_the_server_tells_of_itself(url: str) -> None:
    info = httpx.get(f"{url}/api/3.0/mlflow/server-info").json()
    assert info["store_type"] == "SqlStore"
    assert info["workspaces_enabled"] is False
    answer = httpx.get(f"{url}/ajax-api/3.0/mlflow/workspaces")
    assert answer.status_code == 503
    assert "without workspaces support" in answer.text
