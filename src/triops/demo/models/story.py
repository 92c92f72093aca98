"""The model story: train, register, be let through the gate, be stopped at it, undo.

Everything that trains, registers or serves is `train.py`, an unmodified MLflow client in a process of its own.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triops.demo.serving import Server, open_server
from triops.demo.telling import Teller, told
from triops.demo.waiting import StoryError
from triops.sdk import Client

JSON = Mapping[str, Any]
MODEL, ALIAS = "tumour", "champion"
ENOUGH = 0.93
GATE: dict[str, Any] = {
    "kind": "Gate",
    "name": "tumour-champion",
    "spec": {
        "model": MODEL,
        "alias": ALIAS,
        "checks": [{"metric": "accuracy", "at_least": ENOUGH}],
        "approval": {"role": "admin"},
    },
}
_STEP_S = 100.0


def tell_models(
    *, once: bool = False, port: int | None = None, data: Path | None = None, no_color: bool = False
) -> int:
    """Tell it; answers the exit status: 0 only when every step went as it must."""

    def story(teller: Teller) -> None:
        with open_server(port, data) as server:
            models = ModelStory(server, teller)
            models.tell()
            if not once:
                models.stay()

    return told(story, last="undone", once=once, no_color=no_color)


@dataclass
class ModelStory:
    server: Server
    teller: Teller
    person: Client = field(init=False)  # an admin, ann: who approves
    key: str = field(init=False, default="")  # the deployment script's, an editor's
    secret: str = field(init=False, default="")  # ann's, to look at the pages with

    def tell(self) -> None:
        """Raises: StoryError with what went wrong."""
        self.teller.line("triops", f"{self.server.url}/ui/models", "bold")
        self.secret = self.server.client.create_key("ann", "admin")["secret"]
        self.person = Client(self.server.url, key=self.secret)
        self.key = self.person.create_key("deployer", "editor")["secret"]
        self.person.apply([GATE])
        self.teller.say("a gate stands before tumour@champion: accuracy of at least 93 %, and an admin's approval")
        explored = self._trained()
        good = sorted((run for run in explored["tried"] if run["accuracy"] >= ENOUGH), key=lambda run: run["accuracy"])
        if len(good) < 2:
            raise StoryError(f"two of the models should be good enough: {explored['tried']}")
        first, best = good[0], good[-1]
        self._approved(first, self._registered(first))
        version = self._registered(best)
        self._approved(best, version)
        self._served(version)
        self._refused()
        self._undone(version)

    def stay(self) -> None:
        """Keep the server up until Ctrl-C."""
        self.teller.blank()
        url = self.server.url
        for page in ("experiments", f"models/{MODEL}"):
            self.teller.line("open", f"{url}/ui/{page}", "bold")
        self.teller.say(f"log in with the key {self.secret}")
        self.teller.say("try it yourself; Ctrl-C ends it:")
        self.teller.say(f"MLFLOW_TRACKING_URI={url} MLFLOW_TRACKING_TOKEN={self.key} python your_training.py")
        while True:
            self.server.watch()
            time.sleep(1.0)

    def _trained(self) -> JSON:
        self.teller.step(
            "training", "scikit-learn and MLflow, unmodified: MLFLOW_TRACKING_URI and a key are all that is set"
        )
        explored = self._run("explore")
        experiment = next(e for e in self.person.pages("/experiments") if e["name"] == MODEL)
        self.teller.step("trained", f"{experiment['runs']} runs: {self.server.url}/ui/experiments/{experiment['id']}")
        for run in sorted(explored["tried"], key=lambda run: -run["accuracy"])[:3]:
            self.teller.say(f"{run['name']:<16} accuracy {run['accuracy']:.3f}, auc {run['auc']:.3f}")
        return explored

    def _registered(self, run: JSON) -> str:
        version = str(self._run("register", run["uri"])["version"])
        self.teller.step("registered", f"{run['name']} as {MODEL} version {version}")
        return version

    def _approved(self, run: JSON, version: str) -> None:
        """The deployment script asks, a person approves, and the alias moves."""
        asked = self._run("promote", version)
        if asked.get("code") != "PERMISSION_DENIED":
            raise StoryError(f"the gate let version {version} through unasked: {asked}")
        waiting = self._approvals("waiting")
        if [approval["to"] for approval in waiting] != [version]:
            raise StoryError(f"version {version} should wait for its approval: {waiting}")
        self.teller.step("asked", f"version {version} waits at the gate: {_checks(waiting[0])}")
        self._call("POST", f"/approvals/{waiting[0]['id']}/approve", why=f"{run['name']} is good enough")
        if self._alias() != version:
            raise StoryError(f"{MODEL}@{ALIAS} is {self._alias()}, not {version}")
        self.teller.step("promoted", f"{MODEL}@{ALIAS} is version {version} now, approved by ann")

    def _served(self, version: str) -> None:
        told = self._run("predict")
        if str(told["version"]) != version:
            raise StoryError(f"a service that loads models:/{MODEL}@{ALIAS} got version {told['version']}")
        self.teller.step("served", f"models:/{MODEL}@{ALIAS} loads version {version}: accuracy {told['accuracy']:.3f}")

    def _refused(self) -> None:
        """A careless change in the data preparation: it trains without an error, and the gate stops it."""
        run = self._run("careless")
        version = self._registered(run)
        told = self._run("promote", version)
        if told.get("code") != "PERMISSION_DENIED" or self._approvals("waiting"):
            raise StoryError(f"the gate must refuse version {version}, and not even ask for an approval: {told}")
        self.teller.step("refused", f"accuracy {run['accuracy']:.3f}: {told['refused']}", "bold yellow")

    def _undone(self, version: str) -> None:
        self._call("POST", f"/models/{MODEL}/aliases/{ALIAS}/undo", why="trying the way back")
        now = self._alias()
        if now == version:
            raise StoryError(f"{MODEL}@{ALIAS} is still version {version} after the undo")
        self.teller.step("undone", f"one call takes {MODEL}@{ALIAS} back to version {now}", "bold green")
        promotions = [c for c in self.person.changes() if c["kind"] == "promotion"]
        if len(promotions) < 3:
            raise StoryError(f"every move is a change on the time line; there are {len(promotions)}")
        self.teller.say(f"{len(promotions)} promotions are on the time line, each with who, why and what it replaced:")
        self.teller.say("they are suspects when something goes wrong after them")

    def _approvals(self, state: str) -> list[JSON]:
        return list(self.person.pages("/approvals", model=MODEL, state=state))

    def _alias(self) -> str:
        return str(self.person.call("GET", f"/models/{MODEL}")["aliases"].get(ALIAS, ""))

    def _call(self, method: str, path: str, **body: Any) -> JSON:
        answer: JSON = self.person.call(method, path, body=body)
        return answer

    def _run(self, *arguments: str) -> JSON:
        """A step of `train.py`, in a process that knows nothing but the address and a key. Raises: StoryError."""
        script = Path(__file__).with_name("train.py")
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")},
            "MLFLOW_TRACKING_URI": self.server.url,
            "MLFLOW_TRACKING_TOKEN": self.key,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
            "GIT_PYTHON_REFRESH": "quiet",
        }
        process = subprocess.Popen(
            [sys.executable, str(script), *arguments], env=env, cwd=self.server.folder, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            out, err = process.communicate(timeout=_STEP_S)
        except subprocess.TimeoutExpired:
            raise StoryError(f"train.py {arguments[0]} took longer than {_STEP_S:.0f} s") from None
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            raise StoryError(f"train.py {' '.join(arguments)} failed:\n{err[-2000:]}")
        told: JSON = json.loads(out.strip().splitlines()[-1])
        return told


def _checks(approval: JSON) -> str:
    passed = [check["text"] for check in approval["checks"] if check["passed"]]
    return "; ".join(passed) or "no checks"
