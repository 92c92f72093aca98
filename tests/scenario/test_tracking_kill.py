"""kill -9 while eight clients log: all that was answered is there, whole, and what was not is there or not."""

import contextlib
import threading
from pathlib import Path

import httpx

from triops.testing.server import RunningTriops, wait_for

CLIENTS = 8
API = "/api/2.0/mlflow/"


def test_what_was_answered_is_there_after_a_kill(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        for round_ in range(2):
            answered = _killed_while_logging(server, first=round_ * 1_000_000)
            server.start()
            with httpx.Client(base_url=server.url + API, timeout=30) as client:
                for run, batches in answered.items():
                    _check(client, run, batches)


def _killed_while_logging(server: RunningTriops, first: int) -> dict[str, set[int]]:
    """Run id → the batches that were answered."""
    answered: dict[str, set[int]] = {}

    def work() -> None:
        with contextlib.suppress(httpx.HTTPError), httpx.Client(base_url=server.url + API, timeout=30) as client:
            run = client.post("runs/create", json={"experiment_id": "0"}).json()["run"]["info"]["run_id"]
            mine = answered.setdefault(run, set())
            number = first
            while client.post("runs/log-batch", json=_batch(run, number)).status_code == 200:
                mine.add(number)
                number += 1

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(answered) == CLIENTS and all(len(mine) > 20 for mine in answered.values()))
    server.kill()
    for thread in threads:
        thread.join()
    return answered


def _batch(run: str, number: int) -> dict[str, object]:
    return {
        "run_id": run,
        "metrics": [{"key": f"m{k}", "value": number + k / 10, "timestamp": number, "step": number} for k in range(10)],
        "params": [{"key": f"p{number}", "value": str(number)}],
        "tags": [{"key": "last", "value": str(number)}],
    }


def _check(client: httpx.Client, run: str, answered: set[int]) -> None:
    data = client.get("runs/get", params={"run_id": run}).json()["run"]["data"]
    params = {int(param["value"]) for param in data["params"]}
    assert answered <= params
    assert len(params - answered) <= 1  # the one that was on its way
    last = max(params)
    assert {tag["key"]: tag["value"] for tag in data["tags"]}["last"] == str(last)
    assert {metric["step"] for metric in data["metrics"]} == {last}
    for key in range(10):
        history = client.get("metrics/get-history", params={"run_id": run, "metric_key": f"m{key}"}).json()["metrics"]
        assert [(point["step"], point["value"]) for point in history] == [(n, n + key / 10) for n in sorted(params)]
