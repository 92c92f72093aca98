"""Where runs came from: `triops.track` beside the unmodified client, and what the client's own files tell."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from triops.testing.server import RunningTriops

SCRIPT = """
import sys
import mlflow
import triops

mlflow.set_experiment("tracked")
with mlflow.start_run(run_name=sys.argv[1]) as run:
    tracked = triops.track(seed=int(sys.argv[2]))
    assert tracked.sent, tracked.problem
    mlflow.log_param("rate", sys.argv[2])
    mlflow.log_metric("loss", float("nan") if sys.argv[2] == "1" else 0.5)
print(run.info.run_id)
"""
LOGGED = """
import mlflow
import numpy as np

class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[str]) -> list[str]:
        return model_input

mlflow.set_experiment("tracked")
with mlflow.start_run(run_name="untracked") as run:
    mlflow.log_input(mlflow.data.from_numpy(np.ones(3), source="s3://b/x", name="ones"), context="training")
    mlflow.log_param("random_state", 7)
    mlflow.pyfunc.log_model(name="model", python_model=Echo(), pip_requirements=["numpy==1.2.3"])
print(run.info.run_id)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with RunningTriops(tmp_path_factory.mktemp("provenance") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def runs(server: RunningTriops, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two that were tracked, with a line changed in between and not committed, and one that was not."""
    folder = tmp_path_factory.mktemp("code")
    script = folder / "train.py"
    script.write_text(SCRIPT)
    for command in (
        ("init", "-q", "-b", "work"),
        ("add", "train.py"),
        ("-c", "user.name=ann", "-c", "user.email=a@b.c", "commit", "-q", "-m", "begin"),
    ):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    first = trained(server, folder, str(script), "first", "1", "--token", "hunter2")
    script.write_text(SCRIPT + "\nrate = 3\npassword = 'hunter2'\n")
    second = trained(server, folder, str(script), "second", "2")
    third = trained(server, folder, "-c", LOGGED)
    return {"first": first, "second": second, "untracked": third}


def trained(server: RunningTriops, folder: Path, *arguments: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "TRIOPS_"))}
    environ = {**kept, "MLFLOW_TRACKING_URI": server.url, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return next(line for line in done.stdout.splitlines() if len(line) == 32 and line.isalnum())


def told(server: RunningTriops, *arguments: str) -> str:
    command = [sys.executable, "-m", "triops", *arguments, "--url", server.url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"})
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_tracked_run(server: RunningTriops, runs: dict[str, str]) -> None:
    first, second = (server.client.provenance(runs[name]) for name in ("first", "second"))
    assert first["recorded"]
    assert (first["code"]["branch"], first["code"]["dirty"], first["code"]["diff"]) == ("work", False, "")
    assert len(first["code"]["version"]) == 40
    assert first["code"]["version"] == second["code"]["version"]
    assert "hunter2" not in json.dumps(first)
    assert "train.py" in first["command"]
    assert (first["seed"], second["seed"]) == ("1", "2")
    assert first["python"] == ".".join(map(str, sys.version_info[:3]))
    assert first["packages"]["mlflow"] == "3.17.2"
    assert first["host"]
    assert "MLFLOW_TRACKING_URI" in first["environment"]
    assert second["code"]["dirty"]
    assert "+rate = 3" in second["code"]["diff"]
    assert "hunter2" not in second["code"]["diff"]


def test_what_the_client_alone_tells(server: RunningTriops, runs: dict[str, str]) -> None:
    known = server.client.provenance(runs["untracked"])
    assert not known["recorded"]
    assert known["packages"]["numpy"] == "1.2.3"
    assert known["python"] == ".".join(map(str, sys.version_info[:3]))
    assert known["seed"] == "7"
    assert [one["dataset"]["name"] for one in known["inputs"]] == ["ones"]
    assert known["inputs"][0]["tags"] == {"mlflow.data.context": "training"}


def test_a_difference(server: RunningTriops, runs: dict[str, str]) -> None:
    found = server.client.diff_runs([runs["first"], runs["second"]])
    assert [run["name"] for run in found["runs"]] == ["first", "second"]
    assert found["runs"][0]["experiment_name"] == "tracked"
    rows = {part: {row["key"]: row for row in found[part]} for part in ("params", "metrics", "provenance", "packages")}
    assert rows["params"]["rate"] == {"key": "rate", "values": ["1", "2"], "same": False}
    assert rows["metrics"]["loss"]["values"] == ["NaN", 0.5]
    assert rows["provenance"]["code.version"]["same"]
    assert not rows["provenance"]["code.dirty"]["same"]
    assert not rows["provenance"]["seed"]["same"]
    assert rows["packages"]
    assert all(row["same"] for row in rows["packages"].values())


def test_commands(server: RunningTriops, runs: dict[str, str]) -> None:
    listed = json.loads(
        told(server, "runs", "list", "--experiment", "tracked", "--filter", "params.rate = '2'", "--json")
    )
    assert [run["id"] for run in listed["items"]] == [runs["second"]]
    assert "second" in told(server, "runs", "list", "--order-by", "metrics.loss DESC")
    shown: dict[str, Any] = json.loads(told(server, "runs", "show", runs["second"], "--json"))
    assert (shown["run"]["id"], shown["provenance"]["seed"]) == (runs["second"], "2")
    text = told(server, "runs", "show", runs["second"])
    assert "with changes that are not committed" in text
    assert "+rate = 3" in text
    compared = told(server, "runs", "diff", runs["first"], runs["second"])
    assert "seed" in compared
    assert "packages" not in compared
    assert json.loads(told(server, "runs", "diff", runs["first"], runs["second"], "--json"))["params"]


def test_models_by_command(server: RunningTriops) -> None:
    import httpx

    api = f"{server.url}/api/2.0/mlflow"
    assert httpx.post(f"{api}/registered-models/create", json={"name": "fraud"}).status_code == 200
    for number in (1, 2):
        body = {"name": "fraud", "source": f"s3://bucket/models/{number}"}
        assert httpx.post(f"{api}/model-versions/create", json=body).status_code == 200
    assert "fraud@champion is 1 (was none)" in told(server, "models", "promote", "fraud", "1", "-a", "champion")
    moved = json.loads(told(server, "models", "promote", "fraud", "2", "-a", "champion", "-m", "better", "--json"))
    assert (moved["state"], moved["from"], moved["to"]) == ("moved", "1", "2")
    assert [model["name"] for model in json.loads(told(server, "models", "list", "--json"))["items"]] == ["fraud"]
    shown = json.loads(told(server, "models", "show", "fraud", "--json"))
    assert shown["model"]["aliases"] == {"champion": "2"}
    assert any(step["why"] == "better" for step in shown["history"])
    assert "better" in told(server, "models", "show", "fraud")
    assert "2 → 1" in told(server, "models", "undo", "fraud", "-a", "champion")
