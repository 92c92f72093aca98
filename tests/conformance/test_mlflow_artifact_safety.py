"""Raw requests that try to leave the store by way of a path, a location or a source; each CVE is a test by its name.

Whatever is tried, nothing of the machine's own files comes back, and nothing is written outside the data folder.
"""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from triops.testing.server import RunningTriops

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
CLIMBS = (
    "../secret",
    "../../../../../../../../etc/passwd",
    "a/../../secret",
    "/etc/passwd",
    "//etc/passwd",
    "\\..\\secret",
    "..\\secret",
    "C:/secret",
    "C:\\secret",
    "file:///etc/passwd",
    "a#/../../secret",
    "a?/../../secret",
    "a\x00b",
    "./../secret",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    top = tmp_path_factory.mktemp("safety")
    (top / "secret").write_text("secret of the machine")
    with RunningTriops(top / "data") as running:
        yield running
        assert sorted(path.name for path in top.iterdir()) == ["data", "data.log", "secret"]


class Raw:
    """Paths go out as they are given: no client tidies them."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(self._host, timeout=20)
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.putrequest(method, path, skip_accept_encoding=True)
        connection.putheader("Content-Length", str(len(content or b"")))
        connection.putheader("Content-Type", "application/json")
        connection.endheaders(content)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert "secret of the machine" not in text
        assert "root:" not in text
        told = json.loads(text) if text.startswith("{") else {}
        return answer.status, told


@pytest.fixture(scope="module")
def raw(server: RunningTriops) -> Raw:
    return Raw(server.url)


@pytest.fixture(scope="module")
def run(raw: Raw) -> str:
    _, told = raw("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"})
    id: str = told["run"]["info"]["run_id"]
    return id


def encodings(path: str) -> list[str]:
    """As it is where a request line allows, and encoded once, twice and three times."""
    found, plain = [], path
    if plain.isascii() and plain.isprintable() and not set(plain) & set(" ?#"):
        found.append(plain)
    for _ in range(3):
        plain = quote(plain, safe="").replace(".", "%2e" if "%25" not in plain else "%252e")
        found.append(plain)
    return found


def refused(answer: tuple[int, dict[str, Any]], message: str = "Invalid path") -> None:
    status, told = answer
    assert (status, told.get("error_code"), told.get("message")) == (400, "INVALID_PARAMETER_VALUE", message)


@pytest.mark.parametrize("path", CLIMBS)
def test_no_path_climbs_out_of_the_proxy(raw: Raw, path: str) -> None:
    for written in encodings(path):
        refused(raw("GET", f"{PROXY}/{written}"))
        refused(raw("PUT", f"{PROXY}/{written}", b"x"))
        refused(raw("DELETE", f"{PROXY}/{written}"))
        refused(raw("GET", f"{PROXY}?path={quote(path, safe='')}"))
        refused(raw("POST", f"/api/2.0/mlflow-artifacts/mpu/create/{written}", {"path": "a", "num_parts": 1}))


@pytest.mark.parametrize("path", CLIMBS)
def test_no_path_climbs_out_of_a_run(raw: Raw, run: str, path: str) -> None:
    for written in encodings(quote(path, safe="")):
        for call in (
            f"/api/2.0/mlflow/artifacts/list?run_id={run}&path={written}",
            f"/get-artifact?run_id={run}&path={written}",
            f"/model-versions/get-artifact?name=m&version=1&path={written}",
            f"/ajax-api/2.0/mlflow/logged-models/m-1/artifacts/files?artifact_file_path={written}",
            f"/api/2.0/mlflow/logged-models/m-1/artifacts/directories?artifact_directory_path={written}",
        ):
            refused(raw("GET", call))
        refused(raw("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path={written}", b"x"))
        status, told = raw("GET", f"/triops/v1/runs/{run}/artifacts/content?path={written}")
        assert (status, told["error"]["kind"]) == (400, "invalid")


def test_nothing_at_all_is_not_deleted(raw: Raw, run: str) -> None:
    assert raw("PUT", f"{PROXY}/0/{run}/artifacts/a", b"x")[0] == 200
    for path in ("", ".", "%2e", "./", "%2f", "//"):
        status, _ = raw("DELETE", f"{PROXY}/{path}")
        assert status == 400
    assert raw("GET", f"{PROXY}/0/{run}/artifacts/a")[0] == 200


def created(raw: Raw, location: str) -> tuple[int, dict[str, Any]]:
    name = f"experiment {location}"[:100]
    return raw("POST", "/api/2.0/mlflow/experiments/create", {"name": name, "artifact_location": location})


def run_at(raw: Raw, location: str) -> str:
    status, told = created(raw, location)
    assert status == 200, told
    _, told = raw("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": told["experiment_id"]})
    id: str = told["run"]["info"]["run_id"]
    return id


def unreachable(raw: Raw, run: str, *paths: str) -> None:
    """Nothing is read, listed or written where the run's location is not the server's own."""
    for path in paths:
        for call in (f"/get-artifact?run_id={run}&path={path}", f"/api/2.0/mlflow/artifacts/list?run_id={run}"):
            status, told = raw("GET", call)
            assert (status, told["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
            assert "does not read or write artifact location" in told["message"]
        assert raw("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path={path}", b"x")[0] == 400


def test_cve_2023_1177_a_source_of_a_model_version_reads_no_file(raw: Raw, run: str) -> None:
    assert raw("POST", "/api/2.0/mlflow/registered-models/create", {"name": "m1177"})[0] == 200
    for source in ("/", "/etc", "file:///etc", "//etc", "file:/../etc", "/etc/../etc"):
        for extra in ({}, {"run_id": run}):
            body = {"name": "m1177", "source": source, **extra}
            status, told = raw("POST", "/api/2.0/mlflow/model-versions/create", body)
            assert (status, told["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
            assert told["message"].startswith("Invalid model version source: ")
    status, _ = raw("GET", "/model-versions/get-artifact?name=m1177&version=1&path=passwd")
    assert status == 404


def test_cve_2023_6018_nothing_is_written_outside_the_store(raw: Raw, server: RunningTriops) -> None:
    target = server.data.parent
    run = run_at(raw, target.as_uri())
    unreachable(raw, run, "written")
    for path in (f"{target}/written", f"..{target}/written", "../../../written"):
        refused(raw("PUT", f"{PROXY}/{quote(path)}", b"x"))
        refused(raw("PUT", f"{PROXY}/{quote(path, safe='')}", b"x"))
    assert not (target / "written").exists()


@pytest.mark.parametrize(
    "location",
    [
        "http:///#/../../../../../../../../../../../../../../etc/",
        "http://host#/abc/etc/",
        "s3://bucket/a#/../../etc",
        "mlflow-artifacts:/#/../../etc",
    ],
)
def test_cve_2024_1483_a_fragment_in_a_location(raw: Raw, location: str) -> None:
    refused(created(raw, location), "'artifact_location' URL can't include fragments or params.")


@pytest.mark.parametrize(
    "source",
    [
        "http://host/api/2.0/mlflow-artifacts/artifacts#/../../../../etc",
        "mlflow-artifacts:/..#/../../etc",
        "mlflow-artifacts:/a/%2e%2e/%2e%2e/etc",
        "mlflow-artifacts:/a/%252e%252e/etc",
        "mlflow-artifacts://host:1/../../../",
        "s3:/bucket/models/../../other",
        "file://path/to/../../../../etc",
        "http://host/api/2.0/mlflow-artifacts/artifacts%00",
    ],
)
def test_cve_2024_1558_a_source_that_climbs(raw: Raw, run: str, source: str) -> None:
    raw("POST", "/api/2.0/mlflow/registered-models/create", {"name": "m1558"})
    for extra in ({}, {"run_id": run}):
        status, told = raw(
            "POST", "/api/2.0/mlflow/model-versions/create", {"name": "m1558", "source": source, **extra}
        )
        assert (status, told["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("http://host/;..%2F..%2Fetc", "'artifact_location' URL can't include fragments or params."),
        ("http://host/?x=../../etc", "Invalid query string"),
        ("s3://bucket/a?x=%2e%2e/%2e%2e/etc", "Invalid query string"),
        ("s3://bucket/a?x=%252e%252e/etc", "Invalid query string"),
        ("mlflow-artifacts:/a?/../../../etc", "Invalid query string"),
        ("mlflow-artifacts:/%2e%2e/%2e%2e/etc", "Invalid path"),
        ("mlflow-artifacts:/../../etc", "Invalid path"),
    ],
)
def test_cve_2024_3848_params_and_queries_in_a_location(raw: Raw, location: str, message: str) -> None:
    refused(created(raw, location), message)


@pytest.mark.parametrize(
    "location", ["file:///etc", "/etc", "file:/etc/../etc", "file://localhost/etc", "s3://bucket/x"]
)
def test_a_location_that_a_client_names_is_for_clients(raw: Raw, location: str) -> None:
    run = run_at(raw, location)
    unreachable(raw, run, "passwd")


def test_no_link_in_an_artifact_root_is_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_text("secret of the machine")
    with RunningTriops(tmp_path / "data", "--default-artifact-root", str(root)) as running:
        raw = Raw(running.url)
        _, told = raw("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"})
        run, uri = told["run"]["info"]["run_id"], told["run"]["info"]["artifact_uri"]
        artifacts = Path(uri)
        assert artifacts.is_relative_to(root)
        artifacts.mkdir(parents=True)
        (artifacts / "link").symlink_to(tmp_path / "secret")
        (artifacts / "folder").symlink_to(tmp_path)
        for path in ("link", "folder/secret", "folder/root"):
            assert raw("GET", f"/get-artifact?run_id={run}&path={path}")[0] == 404
            assert raw("GET", f"/triops/v1/runs/{run}/artifacts/content?path={path}")[0] == 404
        assert raw("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run}") == (200, {"root_uri": uri})
        assert raw("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=folder/new", b"x")[0] == 400
        assert not (tmp_path / "new").exists()
        outside = run_at(raw, str(tmp_path))
        unreachable(raw, outside, "secret")
        climbing = run_at(raw, f"{root}/../")
        unreachable(raw, climbing, "secret")
