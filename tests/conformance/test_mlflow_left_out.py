"""What is left out says so; and nothing of MLflow's API is forgotten."""

import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from triops.edges.mlflow.left_out import LEFT_OUT, TEST
from triops.testing.server import RunningTriops

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
assert spec is not None
assert spec.loader is not None
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with RunningTriops(tmp_path_factory.mktemp("left out") / "data") as server:
        yield server.url


def test_what_is_left_out_says_why(url: str) -> None:
    with httpx.Client() as client:
        for one in LEFT_OUT:
            for path in one.paths:
                shown = generate.shown_path(path).replace("{rest}", "some/thing")
                answer = client.post(url + shown, json={})
                assert answer.status_code == 501, shown
                assert answer.json() == {
                    "error_code": "NOT_IMPLEMENTED",
                    "message": f"{one.what} is left out of Triops: {one.reason}.",
                }


def test_what_nobody_knows_is_not_found(url: str) -> None:
    answer = httpx.get(f"{url}/api/2.0/mlflow/nothing")
    assert answer.status_code == 404
    assert "error_code" in answer.json()


def test_every_endpoint_of_mlflow_is_offered_or_left_out() -> None:
    os.environ.setdefault("_MLFLOW_SERVER_FILE_STORE", "sqlite://")
    from mlflow.server.handlers import get_endpoints

    known = [
        (endpoint.method, re.compile(re.sub(r"\\\{[a-z_]+(:path)?\\\}", ".+", re.escape(endpoint.path))))
        for endpoint in generate.endpoints()
    ]
    forgotten = set()
    for path, _, methods in get_endpoints():
        tail = re.sub(r"^/(ajax-)?(api/)?", "", path).replace("2.0mlflow", "2.0/mlflow")  # a slip of MLflow's own table
        for method in methods:
            if not any(method == one and pattern.fullmatch(tail) for one, pattern in known):
                forgotten.add((method, path))
    assert forgotten == set()


def test_every_endpoint_names_a_test_that_is_there() -> None:
    tests = {endpoint.test for endpoint in generate.endpoints()}
    assert {test for test in tests if not test or not (ROOT / test).exists()} == set()
    assert TEST in tests
