"""`triops.track`, and the code that it finds in a git repository."""

import json
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import triops
from triops.sdk.code import DIFF_BYTES, code_at
from triops.sdk.track import FILE, gathered, tags_of


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "train.py").write_text("rate = 0.1\n")
    for command in (
        ("init", "-q", "-b", "work"),
        ("add", "."),
        ("-c", "user.name=ann", "-c", "user.email=a@b.c", "commit", "-q", "-m", "begin"),
        ("remote", "add", "origin", "https://ann:s3cret@git.example/x.git"),
    ):
        subprocess.run(["git", "-C", str(folder), *command], check=True, capture_output=True)
    return folder


def test_a_clean_tree(repository: Path) -> None:
    code = code_at(repository)
    head = subprocess.run(
        ["git", "-C", str(repository), "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    )
    assert code is not None
    assert (code.version, code.branch) == (head.stdout.strip(), "work")
    assert (code.dirty, code.diff, code.untracked, code.cut) == (False, "", (), False)
    assert "s3cret" not in code.repository
    assert "git.example" in code.repository


def test_what_is_not_committed_is_told_without_its_secrets(repository: Path) -> None:
    (repository / "train.py").write_text('rate = 0.2\napi_key = "sk-abcdefghijklmnopqrst"\npassword: hunter2\n')
    (repository / "notes.txt").write_text("x")
    code = code_at(repository)
    assert code is not None
    assert code.dirty
    assert "+rate = 0.2" in code.diff
    assert "-rate = 0.1" in code.diff
    assert "hunter2" not in code.diff
    assert "sk-abc" not in code.diff
    assert code.untracked == ("notes.txt",)


def test_a_long_diff_is_cut(repository: Path) -> None:
    (repository / "train.py").write_text("x = 1\n" * 100_000)
    code = code_at(repository)
    assert code is not None
    assert code.cut
    assert len(code.diff.encode()) <= DIFF_BYTES


def test_no_program_that_the_repository_names_is_run(repository: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    for name in ("core.fsmonitor", "diff.external", "diff.evil.textconv"):
        subprocess.run(["git", "-C", str(repository), "config", name, str(script)], check=True)
    (repository / ".gitattributes").write_text("*.py diff=evil\n")
    (repository / "train.py").write_text("rate = 0.3\n")
    code = code_at(repository)
    assert code is not None
    assert "+rate = 0.3" in code.diff
    assert not mark.exists()


def test_no_repository(tmp_path: Path) -> None:
    assert code_at(tmp_path) is None
    record = gathered(tmp_path, 7)
    assert (record["code"], record["seed"]) == (None, "7")
    assert "numpy" in record["packages"]
    assert "mlflow.source.git.commit" not in tags_of(record)


def test_environment_by_name_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SETTING", "a value that nobody must see")
    record = gathered(tmp_path)
    assert "MY_SETTING" in record["environment"]
    assert "nobody must see" not in json.dumps(record)


class Server(BaseHTTPRequestHandler):
    """Answers as a tracking server does, and remembers what came."""

    seen: list[tuple[str, str, dict[str, str], bytes]]
    status = 200

    def do_GET(self) -> None:
        self._answer({"run": {"info": {"artifact_uri": "mlflow-artifacts:/1/abc/artifacts"}}})

    def do_PUT(self) -> None:
        self._answer({})

    do_POST = do_PUT

    def _answer(self, body: Any) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.seen.append((self.command, self.path, dict(self.headers), sent))
        raw = json.dumps(body).encode()
        self.send_response(self.status)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, type[Server]]]:
    kind = type("Seeing", (Server,), {"seen": []})
    listening = HTTPServer(("127.0.0.1", 0), kind)
    Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}", kind
    listening.shutdown()
    listening.server_close()


def test_it_is_sent_to_the_run(
    server: tuple[str, type[Server]], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, kind = server
    monkeypatch.setenv("MLFLOW_RUN_ID", "abc")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    monkeypatch.delitem(__import__("sys").modules, "mlflow", raising=False)
    tracked = triops.track(seed=42, folder=repository)
    assert (tracked.sent, tracked.run_id, tracked.problem) == (True, "abc", "")
    (_, asked, headers, _), (verb, path, _, body), (_, logged, _, tags) = kind.seen
    assert asked == "/api/2.0/mlflow/runs/get?run_id=abc"
    assert headers["Authorization"] == "Bearer t0ken"
    assert (verb, path) == ("PUT", f"/api/2.0/mlflow-artifacts/artifacts/1/abc/artifacts/{FILE}")
    assert json.loads(body)["code"]["branch"] == "work"
    assert logged == "/api/2.0/mlflow/runs/log-batch"
    told = {tag["key"]: tag["value"] for tag in json.loads(tags)["tags"]}
    assert (told["triops.seed"], told["triops.provenance"]) == ("42", FILE)
    assert told["mlflow.source.git.commit"] == tracked.record["code"]["version"]


def test_it_never_raises(server: tuple[str, type[Server]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, kind = server
    kind.status = 500
    assert not triops.track("abc", url=url, folder=tmp_path).sent
    assert "connect" in triops.track("abc", url="http://127.0.0.1:1", folder=tmp_path).problem.lower()
    assert "no server" in triops.track("abc", url="file:///x", folder=tmp_path).problem
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    monkeypatch.setattr("triops.sdk.track._active_run", lambda: "")
    nothing = triops.track(folder=tmp_path)
    assert (nothing.sent, nothing.run_id) == (False, "")
    assert "no active run" in nothing.problem
    assert not triops.track("abc", folder=tmp_path / "not there").sent


def test_there_is_nothing_else_in_the_package() -> None:
    with pytest.raises(AttributeError):
        _ = triops.nothing
