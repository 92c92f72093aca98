"""The unmodified `mlflow` client keeps artifacts in Triops: logs, lists, loads, downloads and deletes them."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from triops.testing.server import RunningTriops, wait_for

mlflow = pytest.importorskip("mlflow", reason="needs the mlflow client")

from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with RunningTriops(tmp_path_factory.mktemp("artifacts") / "data") as running:
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


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with names that try a client."""
    top = tmp_path / "tree"
    (top / "sub folder" / "ünï").mkdir(parents=True)
    (top / "a.txt").write_text("plain")
    (top / "sub folder" / "50% off.csv").write_text("a,b\n1,2\n")
    (top / "sub folder" / "ünï" / "模型 🦐.bin").write_bytes(bytes(range(256)) * 5000)
    (top / "empty").write_bytes(b"")
    return top


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def listed(client: MlflowClient, run: str, path: str | None = None) -> list[tuple[str, bool, int | None]]:
    return [(info.path, info.is_dir, info.file_size) for info in client.list_artifacts(run, path)]


def blob_bytes(server: RunningTriops) -> int:
    return sum(path.stat().st_size for path in (server.data / "blobs").rglob("*") if path.is_file())


def test_a_folder_goes_up_and_comes_down_the_same(client: MlflowClient, run: str, tree: Path, tmp_path: Path) -> None:
    assert listed(client, run) == []
    client.log_artifacts(run, str(tree))
    client.log_artifacts(run, str(tree), "copy/of it")
    assert listed(client, run) == [
        ("a.txt", False, 5),
        ("copy", True, None),
        ("empty", False, 0),
        ("sub folder", True, None),
    ]
    assert listed(client, run, "sub folder") == [("sub folder/50% off.csv", False, 8), ("sub folder/ünï", True, None)]
    assert listed(client, run, "a.txt") == []
    assert listed(client, run, "nothing") == []
    for path in ("", "copy/of it"):
        target = tmp_path / f"down{len(path)}"
        target.mkdir()
        got = Path(mlflow.artifacts.download_artifacts(run_id=run, artifact_path=path, dst_path=str(target)))
        expected = files(tree)
        found = files(got)
        assert {name: found[name] for name in expected} == expected
    one = client.download_artifacts(run, "sub folder/ünï/模型 🦐.bin", str(tmp_path))
    assert Path(one).read_bytes() == (tree / "sub folder" / "ünï" / "模型 🦐.bin").read_bytes()


def test_texts_dicts_images_and_figures(client: MlflowClient, run: str, server: RunningTriops) -> None:
    import numpy as np
    from matplotlib.figure import Figure

    figure = Figure()
    figure.add_subplot().plot([1, 2, 3])
    client.log_text(run, "hello ü", "notes/hello.txt")
    client.log_dict(run, {"a": [1, 2]}, "config.json")
    client.log_image(run, np.zeros((8, 8, 3), dtype=np.uint8), "black.png")
    client.log_image(run, np.zeros((8, 8, 3), dtype=np.uint8), key="dog", step=20, timestamp=100, synchronous=True)
    client.log_figure(run, figure, "figure.png")
    uri = client.get_run(run).info.artifact_uri
    assert uri == f"mlflow-artifacts:/0/{run}/artifacts"
    assert mlflow.artifacts.load_text(f"{uri}/notes/hello.txt") == "hello ü"
    assert mlflow.artifacts.load_text(f"runs:/{run}/notes/hello.txt") == "hello ü"
    assert mlflow.artifacts.load_dict(f"{uri}/config.json") == {"a": [1, 2]}
    assert mlflow.artifacts.load_image(f"{uri}/black.png").size == (8, 8)
    for path, _, _ in listed(client, run, "images"):
        answer = httpx.get(f"{server.url}/get-artifact", params={"run_id": run, "path": path})
        assert answer.status_code == 200
        assert "attachment; filename=dog" in answer.headers["content-disposition"]


def test_writing_again_replaces_and_deleting_frees(
    client: MlflowClient, run: str, server: RunningTriops, tmp_path: Path
) -> None:
    before = blob_bytes(server)
    file = tmp_path / "model.bin"
    for content in (b"1" * 300_000, b"2" * 200_000):
        file.write_bytes(content)
        client.log_artifact(run, str(file), "deep/folder")
        client.log_artifact(run, str(file), "twin")
        assert blob_bytes(server) == before + len(content)
    repository = get_artifact_repository(client.get_run(run).info.artifact_uri)
    repository.delete_artifacts("deep/folder/model.bin")
    assert listed(client, run) == [("twin", True, None)]
    assert blob_bytes(server) == before + 200_000
    repository.delete_artifacts("twin")
    repository.delete_artifacts("twin")
    assert listed(client, run) == []
    assert blob_bytes(server) == before


def test_a_large_file_in_parts(
    client: MlflowClient, run: str, server: RunningTriops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(6 << 20))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 << 20))
    before = blob_bytes(server)
    file = tmp_path / "large file.bin"
    file.write_bytes(os.urandom((17 << 20) + 5))
    client.log_artifact(run, str(file), "in parts")
    assert listed(client, run, "in parts") == [("in parts/large file.bin", False, (17 << 20) + 5)]
    assert Path(client.download_artifacts(run, "in parts/large file.bin")).read_bytes() == file.read_bytes()
    assert blob_bytes(server) == before + (17 << 20) + 5  # no part is left


def test_a_client_told_to_download_in_parts_falls_back(
    client: MlflowClient, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    client.log_text(run, "whole", "a.txt")
    assert Path(client.download_artifacts(run, "a.txt")).read_text() == "whole"


def test_what_is_not_there(server: RunningTriops, run: str) -> None:
    with pytest.raises(MlflowException, match="please ensure that the path is correct"):
        mlflow.artifacts.load_text(f"runs:/{run}/none.txt")
    answer = httpx.get(f"{server.url}{PROXY}/0/{run}/artifacts/none.txt")
    assert answer.status_code == 404
    assert answer.json() == {
        "error_code": "RESOURCE_DOES_NOT_EXIST",
        "message": f"No such artifact: '0/{run}/artifacts/none.txt'",
        "error_class": "RESOURCE_NOT_FOUND",
        "sqlstate": "KAM00",
    }
    folder = httpx.put(f"{server.url}{PROXY}/0/{run}/artifacts/folder/", content=b"x")
    assert folder.json()["message"] == "Artifact path must include a filename (cannot end with '/')."


def test_an_upload_in_parts_over_http(server: RunningTriops) -> None:
    mpu = f"{server.url}/api/2.0/mlflow-artifacts/mpu"
    create = httpx.post(f"{mpu}/create/0/run/x", json={"path": "/home/me/file.bin", "num_parts": 2}).json()
    assert [credential["part_number"] for credential in create["credentials"]] == [1, 2]
    tags = [httpx.put(c["url"], content=b"x" * 10).headers["etag"] for c in create["credentials"]]
    body: dict[str, Any] = {"path": "/home/me/file.bin", "upload_id": create["upload_id"]}
    parts = [{"part_number": number, "etag": tag, "url": ""} for number, tag in zip((1, 2), tags, strict=True)]
    wrong = httpx.post(f"{mpu}/complete/0/run/x", json={**body, "parts": parts[::-1]})
    assert (wrong.status_code, wrong.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert httpx.post(f"{mpu}/complete/0/run/x", json={**body, "parts": parts}).json() == {}
    assert httpx.get(f"{server.url}{PROXY}/0/run/x/file.bin").content == b"x" * 20
    again = httpx.post(f"{mpu}/complete/0/run/x", json={**body, "parts": parts})
    assert (again.status_code, again.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    aborted = httpx.post(f"{mpu}/create/0/run/x", json={"path": "other.bin", "num_parts": 1}).json()
    body = {"path": "other.bin", "upload_id": aborted["upload_id"]}
    assert httpx.post(f"{mpu}/abort/0/run/x", json=body).json() == {}
    late = httpx.put(aborted["credentials"][0]["url"], content=b"x")
    assert late.status_code == 404
    assert httpx.get(f"{server.url}{PROXY}/0/run/x/other.bin").status_code == 404
    assert httpx.put(f"{mpu}/part/guessed/1", content=b"x").status_code == 404
    spans = {"path": "traces.json", "num_parts": 1}  # nothing of them would be redacted
    refused = httpx.post(f"{mpu}/create/1/traces/tr-{1:032x}/artifacts", json=spans)
    assert refused.status_code == 400, refused.text


@pytest.mark.parametrize(
    ("name", "kind", "disposition"),
    [
        ("a.txt", "text/plain", "attachment; filename=a.txt"),
        ("b.pkl", "application/octet-stream", "attachment; filename=b.pkl"),
        ("c.png", "image/png", "attachment; filename=c.png"),
        ("d.pdf", "application/pdf", "attachment; filename=d.pdf"),
        ("e.html", "text/html", "attachment; filename=e.html"),
        ("MLmodel", "text/plain", "attachment; filename=MLmodel"),
        ('f "q".txt', "text/plain", 'attachment; filename="f \\"q\\".txt"'),
        ("日本.txt", "text/plain", "attachment; filename=.txt; filename*=UTF-8''%E6%97%A5%E6%9C%AC.txt"),
    ],
)
def test_downloads_say_what_they_are(
    server: RunningTriops, client: MlflowClient, run: str, name: str, kind: str, disposition: str
) -> None:
    assert httpx.put(f"{server.url}{PROXY}/0/{run}/artifacts/{name}", content=b"0123456789").status_code == 200
    for url, query in (
        (f"{server.url}{PROXY}/0/{run}/artifacts/{name}", {}),
        (f"{server.url}/ajax-api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{name}", {}),
        (f"{server.url}/get-artifact", {"run_uuid": run, "path": name}),
    ):
        answer = httpx.get(url, params=query)
        assert (answer.status_code, answer.content) == (200, b"0123456789")
        assert answer.headers["content-type"] == kind
        assert answer.headers["content-disposition"] == disposition
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_ranges_heads_and_conditions(server: RunningTriops) -> None:
    url = f"{server.url}{PROXY}/0/ranges/a.bin"
    content = os.urandom(3_000_000)
    assert httpx.put(url, content=content).status_code == 200
    for asked, start, end in (("0-0", 0, 1), ("2999990-", 2_999_990, None), ("-5", -5, None), ("10-9999999", 10, None)):
        part = httpx.get(url, headers={"Range": f"bytes={asked}"})
        assert (part.status_code, part.content) == (206, content[start:end])
        first = start % len(content)
        assert part.headers["content-range"] == f"bytes {first}-{first + len(part.content) - 1}/{len(content)}"
    beyond = httpx.get(url, headers={"Range": "bytes=3000000-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */3000000")
    for odd in ("bytes=5-1", "lines=1-2", "bytes=0-1,5-6", "bytes=-", "bytes=a-b"):
        assert httpx.get(url, headers={"Range": odd}).content == content
    by_run = httpx.head(f"{server.url}/get-artifact", params={"run_id": "none", "path": "a"})
    assert by_run.status_code == 404
    head = httpx.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "3000000", b"")
    tag = head.headers["etag"]
    assert httpx.get(url, headers={"If-None-Match": tag}).status_code == 304
    assert httpx.get(url, headers={"If-Range": tag, "Range": "bytes=0-1"}).status_code == 206
    assert httpx.get(url, headers={"If-Range": '"other"', "Range": "bytes=0-1"}).content == content


def test_lists_as_mlflow_answers_them(server: RunningTriops, client: MlflowClient, run: str) -> None:
    client.log_text(run, "0", "a.txt")
    client.log_text(run, "1", "dir/b.txt")
    top = [{"path": "a.txt", "is_dir": False, "file_size": 1}, {"path": "dir", "is_dir": True}]
    uri = f"mlflow-artifacts:/0/{run}/artifacts"
    of_run = f"{server.url}/api/2.0/mlflow/artifacts/list"
    assert httpx.get(of_run, params={"run_id": run}).json() == {"files": top, "root_uri": uri}
    assert httpx.get(of_run, params={"run_id": run, "path": "dir"}).json() == {
        "files": [{"path": "dir/b.txt", "is_dir": False, "file_size": 1}],
        "root_uri": uri,
    }
    assert httpx.get(of_run, params={"run_id": run, "path": "none"}).json() == {"root_uri": uri}
    by_path = f"{server.url}{PROXY}"
    assert httpx.get(by_path, params={"path": f"0/{run}/artifacts"}).json() == {"files": top}
    assert httpx.get(by_path, params={"path": f"0/{run}/artifacts/dir"}).json() == {
        "files": [{"path": "b.txt", "is_dir": False, "file_size": 1}]
    }
    missing = httpx.get(of_run, params={"run_id": "0" * 32})
    assert missing.status_code == 404
    assert missing.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert missing.json()["message"] == f"Run with id={'0' * 32} not found"


def test_what_mlflows_own_pages_upload(server: RunningTriops, run: str) -> None:
    url = f"{server.url}/ajax-api/2.0/mlflow/upload-artifact"

    def refused(query: dict[str, str], content: bytes = b"") -> str:
        answer = httpx.post(url, params=query, content=content)
        told = answer.json()
        assert (answer.status_code, told["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        message: str = told["message"]
        return message

    assert refused({}) == "Request must specify run_uuid."
    assert refused({"run_uuid": run}) == "Request must specify path."
    assert refused({"run_uuid": run, "path": "../test.txt"}) == "Invalid path"
    assert refused({"run_uuid": run, "path": "test.txt"}) == "Request must specify data."
    large = b"x" * ((10 << 20) + 1)
    assert refused({"run_uuid": run, "path": "test.txt"}, large) == "Artifact size is too large. Max size is 10MB."
    assert httpx.post(url, params={"run_uuid": run, "path": "d/test.txt"}, content=b"hello").status_code == 200
    assert httpx.get(f"{server.url}/get-artifact", params={"run_uuid": run, "path": "d/test.txt"}).text == "hello"


def test_there_are_no_signed_urls(server: RunningTriops, run: str) -> None:
    def answer(method: str, call: str, **body: Any) -> tuple[int, str, str]:
        told = httpx.request(method, f"{server.url}/api/2.0/{call}", json=body or None)
        return told.status_code, told.json()["error_code"], told.json()["message"]

    status, code, message = answer("GET", f"mlflow-artifacts/presigned/0/{run}/artifacts/a")
    assert (status, code) == (501, "NOT_IMPLEMENTED")
    assert message == "Multipart download is not supported for the current artifact repository"
    for way in ("upload", "download"):
        status, code, message = answer("POST", f"mlflow/artifacts/presigned-{way}-url", run_id=run, path="a")
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert message.startswith(f"Presigned {way} is not supported for ")
        assert "(artifact URI scheme: mlflow-artifacts)" in message


def test_in_the_native_api(server: RunningTriops, client: MlflowClient, run: str) -> None:
    for name in ("a.html", "b.svg", "c.txt", "sub/d.bin"):
        client.log_text(run, "<script>alert(1)</script>", name)
    url = f"{server.url}/triops/v1/runs/{run}/artifacts"
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = httpx.get(url, params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert items == [
        *({"path": name, "is_dir": False, "size": 25} for name in ("a.html", "b.svg", "c.txt")),
        {"path": "sub", "is_dir": True, "size": None},
    ]
    assert httpx.get(url, params={"path": "sub"}).json()["items"] == [
        {"path": "sub/d.bin", "is_dir": False, "size": 25}
    ]
    for name, kind, way in (
        ("a.html", "application/octet-stream", "attachment"),
        ("b.svg", "image/svg+xml", "inline"),
        ("c.txt", "text/plain; charset=utf-8", "inline"),
        ("sub/d.bin", "application/octet-stream", "attachment"),
    ):
        answer = httpx.get(f"{url}/content", params={"path": name})
        assert answer.text == "<script>alert(1)</script>"
        assert answer.headers["content-type"] == kind
        assert answer.headers["content-disposition"].startswith(way)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        saved = httpx.get(f"{url}/content", params={"path": name, "download": True})
        assert saved.headers["content-disposition"].startswith("attachment")
    assert httpx.get(f"{url}/content", params={"path": "none"}).status_code == 404
    assert httpx.get(f"{url}/content", params={"path": "../x"}).status_code == 400


def test_an_upload_that_is_cut_short_leaves_nothing(server: RunningTriops) -> None:
    before = blob_bytes(server)
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"PUT {PROXY}/0/cut/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000\r\n\r\n"
        connection.sendall(head.encode())
        connection.sendall(b"x" * 4_000_000)
        wait_for(lambda: blob_bytes(server) > before, what="some of it to be written")
    wait_for(lambda: blob_bytes(server) == before, what="it to be cleared away")
    assert httpx.get(f"{server.url}{PROXY}/0/cut/a").status_code == 404


def test_a_kill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as running:
        with httpx.Client(base_url=running.url + PROXY) as http:
            for number in range(20):
                assert http.put(f"/r/{number}", content=b"%d" % number).status_code == 200
        running.kill()
        running.start()
        with httpx.Client(base_url=running.url + PROXY) as http:
            assert [http.get(f"/r/{number}").content for number in range(20)] == [b"%d" % n for n in range(20)]


def test_a_folder_as_root(client: MlflowClient, tmp_path: Path) -> None:
    root = tmp_path / "root"
    with RunningTriops(tmp_path / "data", "--default-artifact-root", root.as_uri()) as running:
        own = MlflowClient(running.url)
        run = own.create_run("0")
        assert run.info.artifact_uri == f"{root.as_uri()}/0/{run.info.run_id}/artifacts"
        own.log_text(run.info.run_id, "by the client", "a/b.txt")
        assert (root / "0" / run.info.run_id / "artifacts" / "a" / "b.txt").read_text() == "by the client"
        query = {"run_id": run.info.run_id, "path": "a/b.txt"}
        assert httpx.get(f"{running.url}/get-artifact", params=query).text == "by the client"
        small = {"run_uuid": run.info.run_id, "path": "c.txt"}
        upload = httpx.post(
            f"{running.url}/ajax-api/2.0/mlflow/upload-artifact", params=small, content=b"by the server"
        )
        assert upload.status_code == 200
        assert [info.path for info in own.list_artifacts(run.info.run_id)] == ["a", "c.txt"]
        answer = httpx.get(f"{running.url}/api/2.0/mlflow/artifacts/list", params={"run_id": run.info.run_id}).json()
        assert [file["path"] for file in answer["files"]] == ["a", "c.txt"]
