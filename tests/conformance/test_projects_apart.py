"""Two projects of one server: every call of the MLflow API and of the native one, made with the other project's ids and
names, tells nothing of what is there and changes nothing of it."""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from triops.edges.mlflow.fields import Fields, text
from triops.edges.native import native_app
from triops.edges.native.services import Services
from triops.testing.server import RunningTriops

spec = importlib.util.spec_from_file_location("generate", Path(__file__).parents[2] / "docs" / "generate.py")
assert spec is not None
assert spec.loader is not None
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)

SECRET = "s3cret-of-theirs"
STREAMED: Fields = {"run_uuid": text(), "path": text()}  # in the query of what reads its body itself
ENDLESS = ("/live", "/logs/tail")
OWN = ("/keys", "/session", "/erase", "/documents", "/import/mlflow/experiments")  # of one's own project, by no id


@dataclass
class House:
    theirs: httpx.Client
    ours: httpx.Client
    known: Mapping[str, Any]  # what calls name, by the names of their fields

    def snapshot(self) -> str:
        """All there is of theirs, as they see it."""
        k, api = self.known, "/api/2.0/mlflow"
        asked = [
            (f"{api}/experiments/get", {"experiment_id": k["experiment_id"]}),
            (f"{api}/runs/get", {"run_id": k["run_id"]}),
            (f"{api}/metrics/get-history", {"run_id": k["run_id"], "metric_key": "m"}),
            (f"{api}/artifacts/list", {"run_id": k["run_id"]}),
            ("/get-artifact", {"run_id": k["run_id"], "path": "secret.txt"}),
            (f"{api}/logged-models/{k['model_id']}", {}),
            (f"{api}/registered-models/get", {"name": k["name"]}),
            (f"{api}/model-versions/get", {"name": k["name"], "version": "1"}),
            (f"{api}/webhooks", {}),
            (f"/api/3.0/mlflow/traces/{k['trace_id']}", {}),
            (f"/api/3.0/mlflow/datasets/{k['dataset_id']}/records", {}),
            ("/api/3.0/mlflow/scorers/list", {"experiment_id": k["experiment_id"]}),
            ("/triops/v1/approvals", {}),
            (f"/triops/v1/models/{k['name']}/history", {}),
        ]
        answers = [self.theirs.get(path, params=params) for path, params in asked]
        assert [(answer.request.url.path, answer.status_code) for answer in answers if answer.status_code != 200] == []
        return "\n".join(answer.text for answer in answers)


def _made(data: Path, project: str) -> str:
    command = [sys.executable, "-m", "triops", "key", "create", "root", "--role", "admin"]
    made = subprocess.run(
        [*command, "--project", project, "--data", str(data)], capture_output=True, text=True, check=True
    )
    return made.stdout.strip()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("apart") / "data"
    theirs, ours = (_made(data, project) for project in ("theirs", "ours"))
    with RunningTriops(data, key=theirs) as server:
        clients = [
            httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {key}"}, timeout=20)
            for key in (theirs, ours)
        ]
        yield House(clients[0], clients[1], _filled(clients[0]))
        for client in clients:
            client.close()


def _filled(theirs: httpx.Client) -> dict[str, Any]:
    def post(path: str, /, **given: Any) -> Any:
        answer = theirs.post(f"/api/{path}", json=given)
        assert answer.status_code == 200, f"{path} {answer.text}"
        return answer.json()

    two, three, tags = "2.0/mlflow", "3.0/mlflow", [{"key": "t", "value": SECRET}]
    for number in range(3):
        experiment = post(f"{two}/experiments/create", name=f"alpha-{number}", tags=tags)["experiment_id"]
    run = post(f"{two}/runs/create", experiment_id=experiment, run_name=SECRET, tags=tags)["run"]["info"]["run_id"]
    post(f"{two}/runs/log-batch", run_id=run, metrics=[{"key": "m", "value": 31337.5, "timestamp": 1}],
         params=[{"key": "p", "value": SECRET}])  # fmt: skip
    folder = f"{experiment}/{run}/artifacts"
    put = theirs.put(f"/api/2.0/mlflow-artifacts/artifacts/{folder}/secret.txt", content=SECRET.encode())
    assert put.status_code == 200
    model = post(f"{two}/logged-models", experiment_id=experiment, source_run_id=run, tags=tags)["model"]["info"]
    post(f"{two}/registered-models/create", name="alpha", description=SECRET)
    post(f"{two}/model-versions/create", name="alpha", source=f"runs:/{run}/m", run_id=run, description=SECRET)
    post(f"{two}/registered-models/alias", name="alpha", alias="champion", version="1")
    gate = {
        "kind": "Gate",
        "name": "g",
        "spec": {"model": "alpha", "alias": "live", "approval": {"role": "admin", "not_self": True}},
    }
    assert theirs.post("/triops/v1/documents", json={"documents": [gate]}).status_code == 200
    asked = theirs.put("/triops/v1/models/alpha/aliases/live", json={"version": 1, "why": SECRET}).json()
    webhook = post(f"{two}/webhooks", name="hook", url=f"https://example.com/{SECRET}",
                   events=[{"entity": "REGISTERED_MODEL", "action": "CREATED"}])["webhook"]  # fmt: skip
    info = {"trace_id": "tr-" + "a" * 32, "request_preview": SECRET, "state": "OK", "tags": {"t": SECRET},
            "request_time": "2026-01-01T00:00:00Z", "trace_location": {
                "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}}  # fmt: skip
    trace = post(f"{three}/traces", trace={"trace_info": info})["trace"]["trace_info"]["trace_id"]
    assessment = post(f"{three}/traces/{trace}/assessments", assessment={
        "assessment_name": "a", "source": {"source_type": "HUMAN", "source_id": "x"},
        "feedback": {"value": SECRET}})["assessment"]  # fmt: skip
    dataset = post(f"{three}/datasets/create", name="eval", experiment_ids=[experiment],
                   tags=json.dumps({"t": SECRET}))["dataset"]["dataset_id"]  # fmt: skip
    post(f"{three}/datasets/{dataset}/records", records=json.dumps([{"inputs": {"q": SECRET}}]))
    post(f"{three}/scorers/register", experiment_id=experiment, name="judge",
         serialized_scorer=json.dumps({"name": SECRET}))  # fmt: skip
    upload = post(f"2.0/mlflow-artifacts/mpu/create/{folder}", path="part.bin", num_parts=1)["upload_id"]
    record = theirs.get(f"/api/{three}/datasets/{dataset}/records").json()["records"]
    return {
        **dict.fromkeys(("experiment_id", "id"), experiment),
        "experiment_ids": [experiment],
        **dict.fromkeys(("run_id", "run_uuid", "source_run_id", "run"), run),
        "run_ids": [run],
        "model_id": model["model_id"],
        "trace_id": trace,
        "trace_ids": [trace],
        "request_id": trace,
        "request_ids": [trace],
        "assessment_id": assessment["assessment_id"],
        "dataset_id": dataset,
        "dataset_record_ids": [json.loads(record)[0]["dataset_record_id"]],
        "webhook_id": webhook["webhook_id"],
        "upload_id": upload,
        "approval": asked["approval"]["id"],
        "name": "alpha",
        "experiment_name": "alpha-2",
        "version": "1",
        "alias": "champion",
        "artifact_path": f"{folder}/secret.txt",
        "path": "secret.txt",
        "artifact_file_path": "secret.txt",
        "key": "t",
        "tag_key": "t",
        "metric_key": "m",
        "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}],
        "metrics": [{"key": "m", "value": 1, "timestamp": 1, "model_id": model["model_id"]}],
        "models": [{"model_id": model["model_id"]}],
        "source": "models:/alpha/1",
        "trace": {"trace_info": {**info, "request_preview": "ours", "tags": {}}},
        "max_timestamp_millis": 1 << 50,
    }


def _body(fields: Fields, known: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: known[name] for name in fields if name in known}
    return said | {name: "ours" for name, field in fields.items() if field.required and name not in said}


def _told(answer: httpx.Response) -> None:
    assert answer.status_code != 500, f"{answer.request.url} {answer.text}"
    assert SECRET not in answer.text, f"{answer.request.method} {answer.request.url}"
    assert "31337.5" not in answer.text, f"{answer.request.method} {answer.request.url}"


def test_the_mlflow_api_reaches_nothing_of_another_project(house: House) -> None:
    before = house.snapshot()
    assert SECRET in before
    walked = 0
    for endpoint in generate.endpoints():
        path = re.sub(r"\{(\w+)(?::path)?\}", lambda part: str(house.known.get(part[1], "ours")), endpoint.path)
        root = "/" if "/" not in path or path.startswith("model-versions") else "/api/"
        body = _body(STREAMED if endpoint.fields is None else endpoint.fields, house.known)
        if endpoint.method == "GET" or endpoint.fields is None:
            content = b"ours" if endpoint.method in ("PUT", "POST") else b""
            simple = {name: value for name, value in body.items() if isinstance(value, str | int | list)}
            answer = house.ours.request(endpoint.method, root + path, params=cast(Any, simple), content=content)
        else:
            answer = house.ours.request(endpoint.method, root + path, json=body)
        _told(answer)
        walked += 1
    assert walked > 100
    assert house.snapshot() == before


def test_the_native_api_reaches_nothing_of_another_project(house: House) -> None:
    before, known = house.snapshot(), house.known
    nouns = {"runs": known["run_id"], "logged-models": known["model_id"], "experiments": known["experiment_id"],
             "approvals": known["approval"], "traces": known["trace_id"].removeprefix("tr-")}  # fmt: skip
    bodies: Mapping[str, Any] = {
        "rename": {"name": "ours"},
        "tags": {"key": "t", "value": "ours"},
        "card": {"text": "ours"},
        "aliases": {"version": 1},
        "known": {"runs": [known["run_id"]], "logged_models": [known["model_id"]]},
        "points": {"run": known["run_id"], "points": {}},
        "artifacts": {"artifact_uri": f"mlflow-artifacts:/{known['experiment_id']}"},
    }
    for path, calls in native_app(cast(Services, None)).openapi()["paths"].items():
        if path in ENDLESS or path.startswith(OWN):
            continue
        noun = path.split("/")[1]
        filled = path.replace("{id}", nouns.get(noun, "ours")).replace("{name}", known["name"])
        filled = re.sub(r"\{(\w+)\}", lambda part: str(known.get(part[1], nouns.get(part[1], "ours"))), filled)
        for method in calls:
            if method == "delete" and noun not in ("models",):
                continue  # of what only projects have: documents, keys
            query = [("run", known["run_id"]), ("run", known["run_id"]), ("experiment", known["experiment_id"]),
                     ("key", "m"), ("metric", "m"), ("path", "secret.txt"), ("model", "alpha")]  # fmt: skip
            body = next((body for word, body in bodies.items() if f"/{word}" in filled), {})
            sent = {} if method == "get" else {"json": body}
            _told(house.ours.request(method, f"/triops/v1{filled}", params=cast(Any, query), **sent))
            _told(house.ours.request(method, f"/triops/v1{filled}", **sent))
    assert house.snapshot() == before
