"""`triops import mlflow` of stores that the unmodified client filled: a server, its database, a file store."""

import hashlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from triops.cli.root import app
from triops.sdk.importing.moving import Import
from triops.sdk.importing.opening import open_source
from triops.sdk.importing.receiver import Receiver
from triops.testing.server import RunningTriops

TESTS = Path(__file__).parent.parent
ATTACHMENT = "0b7e0b5c-3a35-4a3c-9c62-5d6b7a1c2d3e"
_SERVER = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "TRIOPS_"))}
    return {**kept, **_QUIET, **more}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, Path]]:
    """A real server that was filled, its folder, and a folder with a file store that was filled: by one client, since
    the client takes long to start, and so does the server."""
    folder, files = tmp_path_factory.mktemp("theirs"), tmp_path_factory.mktemp("files")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--default-artifact-root", "mlflow-artifacts:/"]
    command += ["--artifacts-destination", str(folder / "mlartifacts")]
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=environment(**_SERVER), stdout=log, stderr=log, start_new_session=True
        )
    try:
        fill = [sys.executable, str(TESTS / "mlflow_source.py"), str(files / "mlruns"), url]
        environ = environment(MLFLOW_ALLOW_FILE_STORE="true")
        done = subprocess.run(fill, cwd=files, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        with closing(sqlite3.connect(folder / "mlflow.db")) as db:  # no client can do this by itself
            db.execute(
                "UPDATE model_versions SET status = 'FAILED_REGISTRATION', status_message = 'no file' WHERE version = 2"
            )
            db.commit()
            [(root,)] = db.execute(
                "SELECT value FROM trace_tags JOIN trace_info USING (request_id)"
                " WHERE key = 'mlflow.artifactLocation' AND status = 'OK'"
            )
        attached = folder / "mlartifacts" / root.removeprefix("mlflow-artifacts:/") / "attachments" / ATTACHMENT
        attached.parent.mkdir(parents=True)
        attached.write_bytes(b"a picture")
        yield url, folder, files
    finally:
        os.killpg(server.pid, 9)
        server.wait()


@pytest.fixture(scope="module")
def theirs(filled: tuple[str, Path, Path]) -> tuple[str, Path]:
    return filled[:2]


@pytest.fixture(scope="module")
def file_store(filled: tuple[str, Path, Path]) -> Path:
    return filled[2]


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[RunningTriops]:
    with RunningTriops(tmp_path / "data") as server:
        yield server


def imported(server: RunningTriops, *arguments: str) -> tuple[int, dict[str, Any]]:
    """In this process: an interpreter takes longer to start than most of these imports."""
    done = CliRunner().invoke(app, ["import", "mlflow", *arguments, "--url", server.url, "--json"])
    assert done.stdout, (done.stderr, done.exception)
    return done.exit_code, json.loads(done.stdout)


def counts(report: dict[str, Any]) -> dict[str, int]:
    return {kind["kind"]: kind["here"] for kind in report["kinds"]}


def hashes(report: dict[str, Any], kinds: Sequence[str]) -> dict[str, str]:
    return {kind["kind"]: kind["there_hash"] for kind in report["kinds"] if kind["kind"] in kinds}


EXPECTED = {
    "experiments": 3,
    "runs": 5,
    "params": 7,
    "metric points": 3 * 53 + 1,
    "inputs": 2,
    "logged models": 1,
    "registered models": 2,
    "model versions": 2,
    "traces": 2,
    "spans": 3,
    "assessments": 5,
}
EVALUATIONS = {"evaluation data sets": 1, "examples": 8, "scorers": 1, "webhooks": 1}


def same_evaluations(theirs: str, ours: str) -> None:
    """Traces, data sets, scorers and webhooks of two servers, as clients see them."""
    searched = {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "1"}}]}

    def told(url: str) -> dict[str, Any]:
        found = httpx.post(f"{url}/api/3.0/mlflow/traces/search", json=searched).json()["traces"]
        return {trace["trace_id"]: trace for trace in found}

    before, now = told(theirs), told(ours)
    assert sorted(now) == sorted(before)
    [answered] = [id for id, trace in now.items() if trace["state"] == "OK"]
    for name in ("request_time", "execution_duration", "request_preview", "response_preview"):
        assert now[answered][name] == before[answered][name]
    assert now[answered]["tags"]["team"] == "growth"
    judged = {one["assessment_name"]: one for one in now[answered]["assessments"]}
    assert judged["right"]["feedback"]["value"] is True
    assert judged["right"]["source"] == {"source_type": "LLM_JUDGE", "source_id": "judge-1"}
    assert json.loads(judged["facts"]["expectation"]["serialized_value"]["value"]) == ["a", {"b": 1}]
    assert judged["broken"]["feedback"]["error"]["error_message"] == "no answer"
    assert {one["assessment_id"] for one in before[answered]["assessments"]} == {
        one["assessment_id"] for one in judged.values()
    }

    def spans(url: str) -> dict[str, Any]:
        query = {"trace_ids": answered}
        [whole] = httpx.get(f"{url}/api/3.0/mlflow/traces/batchGet", params=query).json()["traces"]
        return {
            span["name"]: {pair["key"]: pair.get("value") for pair in span["attributes"]} for span in whole["spans"]
        }

    shown = httpx.get(
        f"{ours}/ajax-api/2.0/mlflow/get-trace-artifact", params={"request_id": answered, "path": ATTACHMENT}
    )
    assert shown.content == b"a picture"
    ours_say, theirs_say = spans(ours), spans(theirs)
    assert ours_say.keys() == theirs_say.keys() == {"answer", "recall"}
    assert ours_say["recall"]["text"] == theirs_say["recall"]["text"] == {"string_value": "123"}
    assert int(ours_say["recall"]["chunks"]["int_value"]) == 3

    def examples(url: str) -> list[Any]:
        [data] = httpx.post(f"{url}/api/3.0/mlflow/datasets/search", json={}).json()["datasets"]
        found = httpx.get(f"{url}/api/3.0/mlflow/datasets/{data['dataset_id']}/records").json()["records"]
        return sorted(json.loads(found), key=lambda one: str(one["dataset_record_id"]))

    assert [(one["inputs"], one.get("outputs"), one["created_time"]) for one in examples(ours)] == [
        (one["inputs"], one.get("outputs"), one["created_time"]) for one in examples(theirs)
    ]
    [webhook] = httpx.get(f"{ours}/api/2.0/mlflow/webhooks").json()["webhooks"]
    assert (webhook["name"], webhook["status"]) == ("news", "DISABLED")
    versions = httpx.get(
        f"{ours}/api/3.0/mlflow/scorers/versions", params={"experiment_id": "1", "name": "manners"}
    ).json()["scorers"]
    assert [one["scorer_version"] for one in versions] == [1, 2]


def test_a_server(theirs: tuple[str, Path], ours: RunningTriops) -> None:
    status, report = imported(ours, theirs[0])
    assert (status, report["problems"]) == (0, [])
    assert counts(report).items() >= {**EXPECTED, **EVALUATIONS}.items()
    assert "1 webhooks came without their secrets" in report["notes"][0]
    assert all(kind["equal"] and kind["there"] == kind["here"] for kind in report["kinds"])
    assert {one["from"]: one["to"] for one in report["experiments"]} == {"0": "0", "1": "1", "2": "2"}

    rows = dict(sqlite3.connect(theirs[1] / "mlflow.db").execute("SELECT name, run_uuid FROM runs").fetchall())
    told = httpx.get(f"{ours.url}/api/2.0/mlflow/runs/get", params={"run_id": rows["run 1"]}).json()["run"]
    assert (told["info"]["start_time"], told["info"]["end_time"]) == (1_700_000_000_001, 1_700_000_100_000)
    assert {param["key"]: param["value"] for param in told["data"]["params"]} == {"lr": "0.1", "deep/key": "a b"}
    content = httpx.get(f"{ours.url}/get-artifact", params={"run_uuid": rows["run 1"], "path": "model/é.bin"}).content
    assert hashlib.sha256(content).digest() == hashlib.sha256(bytes(range(256)) * 50).digest()

    deleted = httpx.get(f"{ours.url}/api/2.0/mlflow/runs/get", params={"run_id": rows["run 2"]}).json()["run"]
    assert deleted["info"]["lifecycle_stage"] == "deleted"
    alias = {"name": "churn", "alias": "champion"}
    version = httpx.get(f"{ours.url}/api/2.0/mlflow/registered-models/alias", params=alias).json()["model_version"]
    assert (version["version"], version["current_stage"]) == ("1", "Production")

    asked = {"name": "churn", "version": "2"}
    failed = httpx.get(f"{ours.url}/api/2.0/mlflow/model-versions/get", params=asked).json()["model_version"]
    assert (failed["status"], failed["status_message"]) == ("FAILED_REGISTRATION", "no file")
    same_evaluations(theirs[0], ours.url)

    assert [change["kind"] for change in ours.client.changes(entity="model:churn")] == ["import"]

    made = httpx.post(f"{ours.url}/api/2.0/mlflow/experiments/create", json={"name": "next"}).json()
    assert made["experiment_id"] == "3"

    status, again = imported(ours, theirs[0])
    assert (status, again["runs_present_before"]) == (0, 5)
    assert counts(again) == counts(report)


def test_a_database_and_its_folder_say_the_same_as_their_server(theirs: tuple[str, Path], ours: RunningTriops) -> None:
    status, report = imported(ours, str(theirs[1]))
    assert (status, report["problems"]) == (0, [])
    assert counts(report).items() >= {**EXPECTED, **EVALUATIONS, "deleted logged models": 1}.items()
    status, by_server = imported(ours, theirs[0])
    alike = [kind for kind in counts(report) if kind not in ("experiments", "deleted logged models")]
    assert hashes(by_server, alike) == hashes(report, alike)
    assert (status, by_server["runs_present_before"]) == (0, 5)


def test_artifacts_go_where_the_server_keeps_them(file_store: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared disk"
    with RunningTriops(tmp_path / "data", environ={"TRIOPS_MLOPS_ARTIFACT_ROOT": shared.as_uri()}) as server:
        status, report = imported(server, str(file_store))
        artifacts = next(kind for kind in report["kinds"] if kind["kind"] == "artifacts")
        assert (status, artifacts["equal"], artifacts["here"]) == (0, True, 11)
        assert len([path for path in shared.rglob("*") if path.is_file()]) == 11
        shown = next(path for path in shared.rglob("é.bin"))
        shown.write_bytes(b"another")
        shown.parent.joinpath("read me.txt").unlink()
        assert imported(server, str(file_store))[0] == 0  # what is missing or different is sent anew
        assert shown.read_bytes() == bytes(range(256)) * 50


def test_artifacts_that_the_server_cannot_take_are_told(file_store: Path, tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data", environ={"TRIOPS_MLOPS_ARTIFACT_ROOT": "s3://bucket/x"}) as server:
        status, report = imported(server, str(file_store))
    assert status == 1
    assert report["left_out"] == len(report["problems"]) > 0
    assert all("s3://bucket/x" in problem and "are left out" in problem for problem in report["problems"])


def test_a_file_store_keeps_its_long_ids(file_store: Path, ours: RunningTriops) -> None:
    status, report = imported(ours, str(file_store))
    assert (status, report["problems"]) == (0, [])
    assert counts(report).items() >= {**EXPECTED, "deleted logged models": 1, "webhooks": 0}.items()
    ids = {one["name"]: (one["from"], one["to"]) for one in report["experiments"]}
    assert ids["churn"][0] == ids["churn"][1]
    assert int(ids["churn"][1]) > 1 << 31


def test_a_moved_file_store_and_an_experiment_of_that_name(
    file_store: Path, ours: RunningTriops, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(file_store / "mlruns", moved)
    made = httpx.post(f"{ours.url}/api/2.0/mlflow/experiments/create", json={"name": "churn"}).json()
    status, report = imported(ours, str(moved))
    states = {one["name"]: (one["to"], one["state"]) for one in report["experiments"]}
    assert states["churn"] == (made["experiment_id"], "merged")
    artifacts = next(kind for kind in report["kinds"] if kind["kind"] == "artifacts")
    assert (status, artifacts["equal"], artifacts["here"] > 6) == (0, True, True)


def test_dry_run_sends_nothing(file_store: Path, ours: RunningTriops) -> None:
    status, report = imported(ours, str(file_store), "--dry-run")
    assert status == 0
    assert {kind["kind"]: kind["there"] for kind in report["kinds"]}.items() >= EXPECTED.items()
    found = httpx.post(f"{ours.url}/api/2.0/mlflow/experiments/search", json={"max_results": 10}).json()
    assert [one["name"] for one in found["experiments"]] == ["Default"]


class Stopped(Exception):
    pass


class Stopping(Receiver):
    """Ends after some calls, in the middle of a run whose points come in pieces."""

    left = 1

    def points(self, run: str, points: Any, *, more: bool) -> None:
        if not self.left:
            raise Stopped
        self.left -= 1
        super().points(run, points, more=more)


def test_interrupted_and_resumed(file_store: Path, ours: RunningTriops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triops.sdk.importing.columns.POINTS", 20)
    monkeypatch.setattr("triops.sdk.importing.columns.pieces.__defaults__", (20,))
    source, receiver = open_source(str(file_store)), Stopping(ours.url, None)
    with pytest.raises(Stopped):
        Import(source, receiver, lambda kind, more: None).move()
    receiver.close()
    source.close()
    status, report = imported(ours, str(file_store))
    assert (status, report["equal"], report["problems"]) == (0, True, [])
    assert 0 <= report["runs_present_before"] < 5


def test_a_source_cannot_point_at_this_machine(file_store: Path, ours: RunningTriops, tmp_path: Path) -> None:
    hostile, secret = tmp_path / "hostile", tmp_path / "secret"
    shutil.copytree(file_store / "mlruns", hostile)
    secret.mkdir()
    (secret / "password").write_text("hunter2")
    run = next(path for path in hostile.glob("*/*/artifacts/model") if (path / "read me.txt").exists()).parent.parent
    meta = run / "meta.yaml"
    kept = [line for line in meta.read_text().splitlines() if not line.startswith("artifact_uri")]
    meta.write_text("\n".join([*kept, f"artifact_uri: {secret.as_uri()}"]))
    shutil.rmtree(run / "artifacts")
    other = next(path for path in hostile.glob("*/*/artifacts/model") if (path / "read me.txt").exists())
    (other / "link").symlink_to(secret / "password")
    for name, meta_text in (
        ("odd", "name: odd\nexperiment_id: '../../x'\n"),
        ("77", "name: ''\nexperiment_id: '77'\n"),
    ):
        (hostile / name).mkdir()
        (hostile / name / "meta.yaml").write_text(meta_text)
    status, report = imported(ours, str(hostile))
    assert status == 1
    assert {one["name"] for one in report["experiments"]} == {"Default", "churn", "old"}
    assert any("out of reach" in problem for problem in report["problems"])
    assert any("link" in problem for problem in report["problems"])
    blobs = [path.read_bytes() for path in ours.data.rglob("*") if path.is_file() and "blobs" in path.parts]
    assert blobs
    assert not any(b"hunter2" in blob for blob in blobs)


def test_only_an_administrator_imports(tmp_path: Path, file_store: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        admin = server.client.create_key("root", "admin")["secret"]
        editor = server.client._http.post(
            "/triops/v1/keys", json={"name": "e", "role": "editor"}, headers={"Authorization": f"Bearer {admin}"}
        ).json()["secret"]
        command = [sys.executable, "-m", "triops", "import", "mlflow", str(file_store), "--url", server.url, "--key"]
        refused = subprocess.run([*command, editor], env=environment(), capture_output=True, text=True, check=False)
        assert refused.returncode == 1
        assert "may not" in refused.stderr or "forbidden" in refused.stderr.lower()
        taken = subprocess.run([*command, admin], env=environment(), capture_output=True, text=True, check=False)
        assert taken.returncode == 0, taken.stderr
