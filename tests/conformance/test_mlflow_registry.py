"""The unmodified `mlflow` client registers models and prompts in Triops: versions, stages, aliases, tags, searches, and
the errors that it reads."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from triops.testing.server import RunningTriops

mlflow = pytest.importorskip("mlflow", reason="needs the mlflow client")

from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with RunningTriops(tmp_path_factory.mktemp("registry") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningTriops) -> Iterator[MlflowClient]:
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    mlflow.set_tracking_uri(server.url)
    mlflow.set_registry_uri(server.url)
    yield MlflowClient(server.url, server.url)
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


@pytest.fixture
def name(client: MlflowClient, request: pytest.FixtureRequest) -> str:
    """A model of the test's own."""
    made: str = client.create_registered_model(request.node.name[:80]).name
    return made


def add(client: MlflowClient, name: str, count: int = 1, **more: Any) -> None:
    for _ in range(count):
        client.create_model_version(name, "s3://bucket/model", await_creation_for=0, **more)


def refused(code: str, call: Any, *given: Any, **named: Any) -> str:
    with pytest.raises(MlflowException) as error:
        call(*given, **named)
    assert error.value.error_code == code
    return str(error.value.message).removeprefix(f"{code}: ")


def test_a_model_from_its_run_to_its_alias(client: MlflowClient, server: RunningTriops) -> None:
    client.create_registered_model("churn", tags={"team": "a"}, description="who leaves")
    data = mlflow.data.from_numpy(__import__("numpy").zeros((2, 2)), name="customers", source="here")
    with mlflow.start_run() as run:
        mlflow.log_metric("accuracy", 0.9)
        mlflow.log_param("depth", 3)
        mlflow.log_input(data, "training")
    source = f"{run.info.artifact_uri}/model"
    first = client.create_model_version("churn", source, run.info.run_id, tags={"a": "b"}, description="first")
    assert (first.version, first.current_stage, first.status, first.source) == ("1", "None", "READY", source)
    assert (first.run_id, first.tags, first.description) == (run.info.run_id, {"a": "b"}, "first")
    client.set_registered_model_alias("churn", "champion", "1")
    assert client.get_model_version_by_alias("churn", "champion").version == "1"
    assert client.get_model_version_by_alias("churn", "latest").version == "1"
    model = client.get_registered_model("churn")
    assert (model.aliases, model.tags, model.description) == ({"champion": "1"}, {"team": "a"}, "who leaves")
    assert [version.version for version in model.latest_versions] == ["1"]
    assert client.get_model_version_download_uri("churn", "1") == source

    changes = {(c["kind"], c["title"]): c for c in server.client.call("GET", "/changes", entity="model:churn")["items"]}
    assert ("registration", "churn: version 1 registered") in changes
    moved = changes["promotion", "churn: champion → version 1"]
    assert moved["details"]["alias"] == "champion"
    assert (moved["details"]["from"], moved["details"]["to"]) == ("", "1")
    relations = server.client.call("GET", "/relations", entity=f"run:{run.info.run_id}")["items"]
    assert {(r["source"], r["kind"], r["target"]) for r in relations} == {
        ("model:churn", "made_by", f"run:{run.info.run_id}"),
        (f"run:{run.info.run_id}", "reads", "dataset:customers"),
    }

    lineage = server.client.call("GET", "/models/churn/versions/1/lineage")
    assert [node["type"] for node in lineage["nodes"]] == ["dataset", "run", "version", "alias"]
    assert [edge["kind"] for edge in lineage["edges"]] == ["training", "registered", "alias"]
    card = server.client.call("GET", "/models/churn/versions/1/card")
    assert card["generated"]
    for said in ("# churn, version 1", "first", "| accuracy | 0.9 |", "| depth | 3 |", "| customers |"):
        assert said in card["text"]


def test_numbers_are_never_given_twice(client: MlflowClient, name: str) -> None:
    add(client, name, 3)
    client.delete_model_version(name, "3")
    add(client, name)
    assert sorted(v.version for v in client.search_model_versions(f"name = '{name}'")) == ["1", "2", "4"]
    message = refused("RESOURCE_DOES_NOT_EXIST", client.get_model_version, name, "3")
    assert message == f"Model Version (name={name}, version=3) not found"
    client.delete_registered_model(name)
    client.create_registered_model(name)
    add(client, name)
    assert client.get_model_version(name, "1").version == "1"


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_stages_archive_and_latest_versions(client: MlflowClient, name: str) -> None:
    add(client, name, 4)
    client.transition_model_version_stage(name, "1", "production")
    client.transition_model_version_stage(name, "2", "Staging")
    moved = client.transition_model_version_stage(name, "3", "Production", archive_existing_versions=True)
    assert moved.current_stage == "Production"
    stages = {v.version: v.current_stage for v in client.search_model_versions(f"name = '{name}'")}
    assert stages == {"1": "Archived", "2": "Staging", "3": "Production", "4": "None"}
    latest = {v.current_stage: v.version for v in client.get_latest_versions(name)}
    assert latest == {"Archived": "1", "Staging": "2", "Production": "3", "None": "4"}
    assert [v.version for v in client.get_latest_versions(name, ["production"])] == ["3"]
    message = refused("INVALID_PARAMETER_VALUE", client.transition_model_version_stage, name, "1", "nope")
    assert message == ("Invalid Model Version stage: nope. Value must be one of None, Staging, Production, Archived.")
    message = refused("INVALID_PARAMETER_VALUE", client.transition_model_version_stage, name, "1", "None", True)
    assert message.startswith("Model version transition cannot archive existing model versions because 'None'")


def test_aliases(client: MlflowClient, name: str) -> None:
    add(client, name, 2)
    for alias in ("champion", "shadow"):
        client.set_registered_model_alias(name, alias, "1")
    assert sorted(client.get_model_version(name, "1").aliases) == ["champion", "shadow"]
    client.set_registered_model_alias(name, "champion", "2")
    assert client.get_registered_model(name).aliases == {"champion": "2", "shadow": "1"}
    client.delete_registered_model_alias(name, "shadow")
    client.delete_registered_model_alias(name, "shadow")
    client.delete_model_version(name, "2")
    assert client.get_registered_model(name).aliases == {}
    message = refused("INVALID_PARAMETER_VALUE", client.get_model_version_by_alias, name, "champion")
    assert message == "Registered model alias champion not found."
    for alias, said in (
        ("latest", "'latest' alias name (case insensitive) is reserved."),
        ("v12", "Version alias name 'v12' is reserved."),
        ("a b", "Invalid alias name: 'a b'. Names may only contain"),
        ("a" * 256, "'Registered model alias name' exceeds the maximum length of 255 characters"),
    ):
        answer = refused("INVALID_PARAMETER_VALUE", client.set_registered_model_alias, name, alias, "1")
        assert answer.startswith(said)
    refused("RESOURCE_DOES_NOT_EXIST", client.set_registered_model_alias, name, "champion", "99")


def test_tags_descriptions_and_names(client: MlflowClient, name: str) -> None:
    add(client, name)
    before = client.get_registered_model(name)
    client.set_registered_model_tag(name, "k", "v")
    client.set_model_version_tag(name, "1", "q", "1")
    client.update_registered_model(name, "said")
    client.update_model_version(name, "1", "said too")
    model, version = client.get_registered_model(name), client.get_model_version(name, "1")
    assert (model.tags, model.description) == ({"k": "v"}, "said")
    assert (version.tags, version.description) == ({"q": "1"}, "said too")
    assert model.last_updated_timestamp >= before.last_updated_timestamp
    client.delete_registered_model_tag(name, "k")
    client.delete_model_version_tag(name, "1", "q")
    assert client.get_registered_model(name).tags == client.get_model_version(name, "1").tags == {}
    client.set_registered_model_alias(name, "live", "1")
    client.rename_registered_model(name, f"{name} anew")
    renamed = client.get_registered_model(f"{name} anew")
    assert (renamed.name, renamed.aliases) == (f"{name} anew", {"live": "1"})
    assert client.get_model_version_by_alias(f"{name} anew", "live").name == f"{name} anew"
    message = refused("RESOURCE_DOES_NOT_EXIST", client.get_registered_model, name)
    assert message == f"Registered Model with name={name} not found"
    client.create_registered_model(name)
    message = refused("RESOURCE_ALREADY_EXISTS", client.rename_registered_model, name, f"{name} anew")
    assert message.startswith(f"Registered Model (name={name} anew) already exists.")
    message = refused("RESOURCE_ALREADY_EXISTS", client.create_registered_model, name)
    assert message == f"Registered Model (name={name}) already exists."
    for wrong, said in (
        ("a/b", "Invalid model name 'a/b'. Names cannot contain '/' or ':'."),
        (" ", "Missing value for required parameter 'name'."),
        ("..", "Invalid value \"..\" for parameter 'name' supplied: Names may be treated as files"),
    ):
        assert refused("INVALID_PARAMETER_VALUE", client.create_registered_model, wrong).startswith(said)
    assert "exceeds the maximum length of 100000" in refused(
        "INVALID_PARAMETER_VALUE", client.set_registered_model_tag, name, "k", "v" * 100_001
    )


def test_searching_and_paging(client: MlflowClient) -> None:
    for number in range(7):
        client.create_registered_model(f"find_{number}", tags={"half": "even" if number % 2 == 0 else "odd"})
    for number in range(3):
        add(client, f"find_{number}", number + 1, tags={"n": str(number)})
    names = [model.name for model in client.search_registered_models("name LIKE 'find_%'")]
    assert names == [f"find_{number}" for number in range(7)]
    assert client.search_registered_models("name LIKE 'FIND_%'") == []
    odd = client.search_registered_models("name ILIKE 'FIND_%' AND tags.half = 'odd'", order_by=["name DESC"])
    assert [model.name for model in odd] == ["find_5", "find_3", "find_1"]
    paged: list[str] = []
    token = None
    while True:
        page = client.search_registered_models("name LIKE 'find_%'", max_results=3, page_token=token)
        paged += [model.name for model in page]
        token = page.token
        if not token:
            break
    assert paged == names
    versions = client.search_model_versions("name = 'find_2'")
    assert [version.version for version in versions] == ["3", "2", "1"]
    ordered = client.search_model_versions("name LIKE 'find_%'", order_by=["version_number ASC", "name DESC"])
    assert [(v.name, v.version) for v in ordered[:4]] == [
        ("find_2", "1"),
        ("find_1", "1"),
        ("find_0", "1"),
        ("find_2", "2"),
    ]
    assert len(client.search_model_versions("tags.n = '1' AND version_number > 1")) == 1
    page = client.search_model_versions("name LIKE 'find_%'", max_results=4)
    assert len(page) + len(client.search_model_versions("name LIKE 'find_%'", page_token=page.token)) == 6
    message = refused("INVALID_PARAMETER_VALUE", client.search_registered_models, "name > 'a'")
    assert message == "Invalid comparator for attribute: >"
    refused("INVALID_PARAMETER_VALUE", client.search_registered_models, max_results=1001)
    refused("INVALID_PARAMETER_VALUE", client.search_model_versions, "run_id IN ()")


@pytest.mark.parametrize(
    "source",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "file://localhost/etc",
        "mlflow-artifacts:/../../etc/passwd",
        "mlflow-artifacts:/0/%2e%2e/x",
        "mlflow-artifacts:/0/somebody/artifacts",
        "mlflow-artifacts://elsewhere/x",
        "http://elsewhere/api/2.0/mlflow-artifacts/artifacts/x",
        "s3://bucket/a/../b",
        "s3://bucket/%252e%252e/b",
        "runs:/somebody/model",
        "models:/m-0123/x/y",
        "hdfs://elsewhere/x",
    ],
)
def test_sources_that_are_not_ones_own_are_refused(client: MlflowClient, server: RunningTriops, source: str) -> None:
    with mlflow.start_run() as run:
        pass
    for id in ("", run.info.run_id):
        given = {"name": "nobody's", "source": source, **({"run_id": id} if id else {})}
        answer = httpx.post(f"{server.url}/api/2.0/mlflow/model-versions/create", json=given)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.text


def test_a_version_made_of_another(client: MlflowClient, server: RunningTriops, name: str) -> None:
    with mlflow.start_run() as run:
        pass
    source = f"{run.info.artifact_uri}/m"
    client.create_model_version(name, source, run.info.run_id, await_creation_for=0)
    client.create_registered_model(f"{name} prod")
    copy = client.copy_model_version(f"models:/{name}/1", f"{name} prod")
    assert (copy.source, copy.run_id) == (f"models:/{name}/1", run.info.run_id)
    assert client.get_model_version_download_uri(f"{name} prod", copy.version) == source
    answer = httpx.post(
        f"{server.url}/api/2.0/mlflow/model-versions/create", json={"name": name, "source": f"models:/{name}/9"}
    )
    assert answer.json()["message"] == f"Model Version (name={name}, version=9) not found"


def test_log_model_registers_and_loads_by_alias(client: MlflowClient) -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(model, name="line", registered_model_name="line", input_example=[[1.0]])
    client.set_registered_model_alias("line", "live", "1")
    version = client.get_model_version("line", "1")
    assert version.source == f"models:/{logged.model_id}"
    assert mlflow.pyfunc.load_model("models:/line@live").predict([[3.0]])[0] == pytest.approx(6.0)
    assert mlflow.pyfunc.load_model("models:/line/1").predict([[1.0]])[0] == pytest.approx(2.0)
    assert '"name": "line"' in mlflow.get_logged_model(logged.model_id).tags["mlflow.modelVersions"]


def test_what_log_model_wrote_is_in_the_card(client: MlflowClient, server: RunningTriops) -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    text = server.client.call("GET", "/models/line/versions/1/card")["text"]
    assert "python\\_function, sklearn" in text
    lineage = server.client.call("GET", "/models/line/versions/1/lineage")
    assert [node["type"] for node in lineage["nodes"]] == ["run", "logged_model", "version", "alias"]


def test_prompts(client: MlflowClient, server: RunningTriops) -> None:
    genai = mlflow.genai
    first = genai.register_prompt("greeting", template="Hello {{name}}", commit_message="one", tags={"t": "1"})
    second = genai.register_prompt("greeting", template=[{"role": "user", "content": "Hi {{name}}"}])
    assert (first.version, second.version) == (1, 2)
    genai.set_prompt_alias("greeting", "live", 1)
    assert genai.load_prompt("prompts:/greeting@live").format(name="Ada") == "Hello Ada"
    assert genai.load_prompt("prompts:/greeting/2").format(name="Ada") == [{"role": "user", "content": "Hi Ada"}]
    genai.set_prompt_version_tag("greeting", 2, "reviewed", "yes")
    assert genai.load_prompt("prompts:/greeting/2", cache_ttl_seconds=0).tags["reviewed"] == "yes"
    assert [prompt.name for prompt in genai.search_prompts()] == ["greeting"]
    assert "greeting" not in [model.name for model in client.search_registered_models()]
    assert all(version.name != "greeting" for version in client.search_model_versions())
    assert genai.load_prompt("greeting", allow_missing=True, version=99) is None
    message = refused("RESOURCE_ALREADY_EXISTS", client.create_registered_model, "greeting")
    assert message.startswith("Tried to create a registered model with name 'greeting', but the name is already taken")
    genai.delete_prompt_alias("greeting", "live")
    changes = server.client.call("GET", "/changes", entity="prompt:greeting")["items"]
    assert [change["kind"] for change in changes] == ["prompt_label", "prompt_label", *["registration"] * 3]


def test_history_and_undo(client: MlflowClient, server: RunningTriops, name: str) -> None:
    add(client, name, 2)
    path = f"/models/{name}/aliases/champion"
    moved = server.client.call("PUT", path, body={"version": 1, "why": "first"})
    assert (moved["state"], moved["from"], moved["to"]) == ("moved", None, "1")
    server.client.call("PUT", path, body={"version": 2, "why": "better"})
    undone = server.client.call("POST", f"{path}/undo", body={"why": "worse"})
    assert (undone["state"], undone["from"], undone["to"]) == ("moved", "2", "1")
    assert client.get_model_version_by_alias(name, "champion").version == "1"
    steps = server.client.call("GET", f"/models/{name}/history")["items"]
    assert [(s["kind"], s["from"], s["to"], s["why"]) for s in steps[:3]] == [
        ("promotion", "2", "1", "worse"),
        ("promotion", "1", "2", "better"),
        ("promotion", None, "1", "first"),
    ]
    change = server.client.call("GET", f"/changes/{steps[0]['change']}")
    assert (change["entity"], change["kind"], change["details"]["undo"]) == (f"model:{name}", "promotion", True)
    page = server.client.call("GET", f"/models/{name}/history", limit=2)
    rest = server.client.call("GET", f"/models/{name}/history", cursor=page["next"])
    assert page["items"] + rest["items"] == steps


def test_native_lists(client: MlflowClient, server: RunningTriops, name: str) -> None:
    add(client, name, 3)
    client.set_registered_model_alias(name, "live", "2")
    found = server.client.call("GET", "/models", q=name.upper())["items"]
    assert [(m["name"], m["versions"], m["latest"], m["aliases"]) for m in found] == [(name, 3, "3", {"live": "2"})]
    assert server.client.call("GET", f"/models/{name}") == found[0]
    page = server.client.call("GET", f"/models/{name}/versions", limit=2)
    rest = server.client.call("GET", f"/models/{name}/versions", limit=2, cursor=page["next"])
    assert [v["version"] for v in page["items"] + rest["items"]] == ["3", "2", "1"]
    assert rest["next"] is None
    written = server.client.call("PUT", f"/models/{name}/versions/1/card", body={"text": "mine"})
    assert (written["text"], written["generated"]) == ("mine", False)
    again = server.client.call("PUT", f"/models/{name}/versions/1/card", body={"text": ""})
    assert again["generated"]
