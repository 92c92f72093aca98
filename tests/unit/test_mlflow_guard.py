"""What an artifact's path belongs to is held to the law of access, however the path is written."""

from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from triops.edges.mlflow.guard import Guard
from triops.edges.mlflow.router import Call, Endpoint
from triops.kernel.document import Document
from triops.kernel.errors import Forbidden, Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Principal, Right, Role
from triops.ledger.documents import Documents
from triops.ledger.runs.experiments import experiment_no
from triops.lenses.mlops.permissions import Names, Permissions
from triops.testing.books import open_records

P = ProjectId("one")
BOB = Principal(P, Role.EDITOR, "bob")
CLOSED, OPEN = "a" * 32, "b" * 32
PROXY = "2.0/mlflow-artifacts/artifacts/{artifact_path:path}"


@pytest.fixture
async def guard(tmp_path: Path) -> AsyncIterator[Guard]:
    async def names(project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        known = {"0": "Default", "1": "closed", "2": "open"}
        return {id: known[id] for id in ids if id in known}

    async def runs(project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        return {id: {CLOSED: "1", OPEN: "2"}[id] for id in ids if id in (CLOSED, OPEN)}

    async def models(project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        return {id: "1" for id in ids if id == f"m-{CLOSED}"}

    async def datasets(project: ProjectId, ids: Collection[str]) -> Mapping[str, Collection[str]]:
        return {id: {"d-closed": {"1", "2"}, "d-open": {"2"}}[id] for id in ids if id.startswith("d-")}

    async with open_records(tmp_path) as records:
        documents = Documents(records)
        law = {"experiments": ["closed", "Default"], "models": ["closed"], "edit": ["ann"], "read": ["ann"]}
        await documents.put(P, [Document("Access", "law", law)])
        yield Guard(Permissions(documents, Names(names, runs, models, runs, datasets)))


def endpoint(method: str, path: str, *, streams: bool = False) -> Endpoint:
    async def never(call: Call) -> bytes:
        raise AssertionError

    return Endpoint(method, path, never, Right.READ if method == "GET" else Right.SEND, None if streams else {})


def call(path: Mapping[str, str], body: Mapping[str, Any] | None = None, query: str = "") -> Call:
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": query.encode()})
    return Call(BOB, dict(body or {}), path, request)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path",
    [
        "1/x/artifacts/a",
        "./1/x",
        ".//1/x",
        "%31/x",
        "%2531/x",
        f"elsewhere/{CLOSED}/artifacts/a",
        f"elsewhere/%61{CLOSED[1:]}/artifacts",
        f"elsewhere/models/m-{CLOSED}/artifacts",
    ],
)
async def test_what_is_closed_stays_closed(guard: Guard, method: str, path: str) -> None:
    with pytest.raises(Forbidden):
        await guard.before(call({"artifact_path": path}), endpoint(method, PROXY, streams=method != "DELETE"))
    with pytest.raises(Forbidden):
        await guard.before(call({}, {"path": path}), endpoint("GET", "2.0/mlflow-artifacts/artifacts"))


@pytest.mark.parametrize("path", [f"2/{OPEN}/artifacts/1", "unknown/x", "../1"])
async def test_what_is_open_is_let_through(guard: Guard, path: str) -> None:
    await guard.before(call({"artifact_path": path}), endpoint("PUT", PROXY, streams=True))


async def test_what_lies_beside_the_api_is_held_to_it_too(guard: Guard) -> None:
    upload = endpoint("POST", "2.0/mlflow/upload-artifact", streams=True)
    await guard.before(call({}, query=f"run_uuid={OPEN}&path=a"), upload)
    with pytest.raises(Forbidden):
        await guard.before(call({}, query=f"run_uuid={CLOSED}&path=a"), upload)
    with pytest.raises(Forbidden):
        await guard.before(call({}, {"run_id": CLOSED, "path": "a"}), endpoint("GET", "get-artifact"))
    of_version = endpoint("GET", "model-versions/get-artifact")
    await guard.before(call({}, {"name": "open", "version": "1", "path": "a"}), of_version)
    with pytest.raises(Forbidden):
        await guard.before(call({}, {"name": "closed", "version": "1", "path": "a"}), of_version)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("2.0/mlflow/model-versions/create", {"name": "open", "source": "models:/closed/1"}),
        ("2.0/mlflow/model-versions/create", {"name": "open", "source": "MODELS:///closed@champion"}),
        ("2.0/mlflow/model-versions/create", {"name": "open", "source": " models:/closed/latest"}),
        ("2.0/mlflow/runs/log-batch", {"run_id": OPEN, "metrics": [{"key": "a", "model_id": f"m-{CLOSED}"}]}),
        ("2.0/mlflow/runs/log-inputs", {"run_id": OPEN, "models": [{"model_id": f"m-{CLOSED}"}]}),
        ("2.0/mlflow/runs/outputs", {"run_id": OPEN, "models": [{"model_id": f"m-{CLOSED}"}]}),
        ("2.0/mlflow/runs/create", {"experiment_id": ""}),
        ("2.0/mlflow/traces", {"experiment_id": ""}),
    ],
)
async def test_what_lies_within_a_body_is_held_to_it_too(guard: Guard, path: str, body: Mapping[str, Any]) -> None:
    with pytest.raises(Forbidden):
        await guard.before(call({}, body), endpoint("POST", path))


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_data_set_is_closed_with_any_of_its_experiments(guard: Guard, method: str) -> None:
    records = endpoint(method, "3.0/mlflow/datasets/{dataset_id}/records")
    await guard.before(call({"dataset_id": "d-open"}), records)
    with pytest.raises(Forbidden):
        await guard.before(call({"dataset_id": "d-closed"}), records)


async def test_lists_leave_out_what_belongs_to_a_closed_experiment(guard: Guard) -> None:
    listed = {
        "scorers": [{"experiment_id": 1, "scorer_name": "a"}, {"experiment_id": 2, "scorer_name": "b"}],
        "datasets": [{"dataset_id": "d-closed"}, {"dataset_id": "d-open"}],
    }
    shown = await guard.after(call({}), listed)
    assert shown == {"scorers": [listed["scorers"][1]], "datasets": [listed["datasets"][1]]}


async def test_a_search_is_narrowed_to_open_experiments_and_none_is_the_default_one(guard: Guard) -> None:
    asked = call({}, {"experiment_ids": ["1", "", "2", "9"]})
    await guard.before(asked, endpoint("POST", "2.0/mlflow/runs/search"))
    assert asked.body["experiment_ids"] == ["2", "9"]


async def test_only_what_is_known_to_be_somebodys_is_deleted_through_the_proxy(guard: Guard) -> None:
    await guard.before(call({"artifact_path": f"custom/{OPEN}/artifacts"}), endpoint("DELETE", PROXY))
    with pytest.raises(Forbidden):
        await guard.before(call({"artifact_path": "custom"}), endpoint("DELETE", PROXY))


@pytest.mark.parametrize("id", [" 1", "+1", "01", "1_0", "\u0661", "1\n", "0000000001", "9" * 5000, "-0"])
def test_an_experiment_has_one_id_and_no_other_writing_of_it(id: str) -> None:
    with pytest.raises(Invalid):
        experiment_no(id)
