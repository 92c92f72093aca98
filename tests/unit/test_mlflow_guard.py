"""What an artifact's path belongs to is held to the law of access, however the path is written."""

from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path

import pytest
from starlette.requests import Request

from triops.edges.mlflow.guard import Guard
from triops.edges.mlflow.router import Call, Endpoint
from triops.kernel.document import Document
from triops.kernel.errors import Forbidden
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Principal, Right, Role
from triops.ledger.documents import Documents
from triops.lenses.mlops.permissions import Names, Permissions
from triops.testing.books import open_records

P = ProjectId("one")
BOB = Principal(P, Role.EDITOR, "bob")
CLOSED, OPEN = "a" * 32, "b" * 32
PROXY = "2.0/mlflow-artifacts/artifacts/{artifact_path:path}"


@pytest.fixture
async def guard(tmp_path: Path) -> AsyncIterator[Guard]:
    async def names(project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        return {id: {"1": "closed", "2": "open"}[id] for id in ids if id in ("1", "2")}

    async def runs(project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        return {id: {CLOSED: "1", OPEN: "2"}[id] for id in ids if id in (CLOSED, OPEN)}

    async def models(project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        return {id: "1" for id in ids if id == f"m-{CLOSED}"}

    async with open_records(tmp_path) as records:
        documents = Documents(records)
        law = {"experiments": ["closed"], "models": ["closed"], "edit": ["ann"], "read": ["ann"]}
        await documents.put(P, [Document("Access", "law", law)])
        yield Guard(Permissions(documents, Names(names, runs, models, runs)))


def endpoint(method: str, path: str, *, streams: bool = False) -> Endpoint:
    async def never(call: Call) -> bytes:
        raise AssertionError

    return Endpoint(method, path, never, Right.READ if method == "GET" else Right.SEND, None if streams else {})


def call(path: Mapping[str, str], body: Mapping[str, str] | None = None, query: str = "") -> Call:
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
