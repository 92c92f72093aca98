"""`triops models` and `triops runs` as a team uses them: a gate holds an alias, somebody decides, runs are compared."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from triops.sdk import Client
from triops.testing.server import RunningTriops

GATE = {
    "model": "churn",
    "alias": "champion",
    "approval": {"role": "admin", "not_self": True},
    "checks": [{"metric": "accuracy", "at_least": 0.8}],
}


class Team:
    """A server with a gate, keys of two who may decide, and what they type."""

    def __init__(self, server: RunningTriops) -> None:
        self.url = server.url
        self.keys = {"ann": server.client.create_key("ann", "admin")["secret"]}
        self.keys["bob"] = Client(self.url, self.keys["ann"]).create_key("bob", "admin")["secret"]
        gate = {"kind": "Gate", "name": "churn", "spec": GATE}
        Client(self.url, self.keys["ann"]).call("POST", "/documents", body={"documents": [gate]})
        self.runs = [self.run("first", "0.1", 0.7), self.run("second", "0.2", 0.9)]
        self.mlflow("registered-models/create", name="churn")
        for run in self.runs:
            self.mlflow("model-versions/create", name="churn", source=f"runs:/{run}/model", run_id=run)

    def mlflow(self, path: str, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.keys['ann']}"}
        answer = httpx.post(f"{self.url}/api/2.0/mlflow/{path}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def run(self, name: str, rate: str, accuracy: float) -> str:
        tags = [{"key": "mlflow.source.git.commit", "value": name * 8}]
        made = self.mlflow("runs/create", experiment_id="0", run_name=name, start_time=1_700_000_000_000, tags=tags)
        id: str = made["run"]["info"]["run_id"]
        metric = {"key": "accuracy", "value": accuracy, "timestamp": 1, "step": 0}
        params = [{"key": "rate", "value": rate}, {"key": "depth", "value": "3"}]
        self.mlflow("runs/log-batch", run_id=id, metrics=[metric], params=params)
        return id

    def types(self, who: str, *arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "triops", *arguments, "--url", self.url, "--key", self.keys[who]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def champion(self) -> str | None:
        model = json.loads(self.types("ann", "models", "show", "churn", "--json")[1])
        aliases: dict[str, str] = (model.get("model") or model)["aliases"]
        return str(aliases["champion"]) if "champion" in aliases else None

    def asked(self) -> str:
        status, said = self.types("ann", "models", "promote", "churn", "2", "--alias", "champion", "--json")
        move = json.loads(said)
        assert (status, move["state"]) == (0, "waiting")
        id: str = move["approval"]["id"]
        return id


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with RunningTriops(tmp_path_factory.mktemp("team") / "data") as server:
        yield Team(server)


def test_a_gate_refuses_what_is_too_bad(team: Team) -> None:
    status, said = team.types("ann", "models", "promote", "churn", "1", "--alias", "champion")
    assert status == 1
    assert "a gate refuses" in said
    assert "0.7" in said
    assert team.champion() is None


def test_rejected_and_then_approved_by_somebody_else(team: Team) -> None:
    first = team.asked()
    status, said = team.types("bob", "models", "reject", first, "--why", "not on a Friday")
    assert (status, "rejected" in said) == (0, True)
    assert team.champion() is None

    second = team.asked()
    assert second != first
    shown = team.types("bob", "models", "show", "churn")[1]
    assert f"triops models approve {second}" in shown
    status, said = team.types("ann", "models", "approve", second)
    assert status == 1  # who asked may not decide
    assert team.champion() is None
    status, said = team.types("bob", "models", "approve", second, "--why", "looks good")
    assert (status, "approved" in said) == (0, True)
    assert team.champion() == "2"
    history = team.types("bob", "models", "show", "churn")[1]
    assert "champion none → 2" in history
    status, said = team.types("bob", "models", "reject", second)
    assert status == 1  # decided once


def test_two_runs_are_compared(team: Team) -> None:
    status, said = team.types("ann", "runs", "diff", *team.runs, "--json")
    assert status == 0
    found = json.loads(said)
    assert [run["id"] for run in found["runs"]] == team.runs
    params = {row["key"]: (row["values"], row["same"]) for row in found["params"]}
    assert params == {"rate": (["0.1", "0.2"], False), "depth": (["3", "3"], True)}
    [accuracy] = found["metrics"]
    assert (accuracy["values"], accuracy["same"]) == ([0.7, 0.9], False)

    told = team.types("ann", "runs", "diff", *team.runs)[1]
    assert "rate" in told
    assert "depth" not in told
    assert "depth" in team.types("ann", "runs", "diff", *team.runs, "--all")[1]
    same = team.types("ann", "runs", "diff", team.runs[0], "0" * 32)
    assert same[0] == 1
