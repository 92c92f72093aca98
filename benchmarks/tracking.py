"""Claim: ≥ 500 full runs/s and ≥ 150,000 metrics/s, durable before the answer; a history of 10,000 points in ≤ 50 ms.

    python -m benchmarks.tracking [--seconds 5] [--rounds 3] [--clients 8] [--no-peers] [--mlflow BIN]

A full run is three requests: create, log-batch (20 params, 20 metrics, 5 tags), update. Metrics come in batches of
1,000: of one metric, and of 1,000 metrics one point each. Every answer of Triops is durable (SQLite, write-ahead log,
synchronous=FULL). The peer is `mlflow server` on SQLite (its default), with one worker and with its default number,
given the same requests by the same senders. Every server has one core; medians of several rounds. `--mlflow`: a
program that is there already, instead of an environment made for it.
"""

import argparse
import contextlib
import http.client
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import QUIET, environment, free_port, server, tree_cpu_s, tree_memory_mb, triops_command
from benchmarks.records import fdatasync_us

API = "/api/2.0/mlflow/"
JSON = {"Content-Type": "application/json"}
POINTS = 10_000  # of the history
BATCH = 1000
EXPERIMENT = "0"


class Sender:
    """One client: one connection, kept."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def post(self, path: str, body: bytes) -> bytes:
        self._connection.request("POST", API + path, body, JSON)
        return self._answer()

    def get(self, path: str) -> bytes:
        self._connection.request("GET", API + path)
        return self._answer()

    def _answer(self) -> bytes:
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (answer.status, body[:300])
        return body

    def run(self, name: str) -> str:
        body = {"experiment_id": EXPERIMENT, "run_name": name, "start_time": 1, "user_id": "bench"}
        id: str = json.loads(self.post("runs/create", json.dumps(body).encode()))["run"]["info"]["run_id"]
        return id


def full_run(sender: Sender, client: int, number: int) -> None:
    id = sender.run(f"run-{client}-{number}")
    now = int(time.time() * 1000)
    batch = {
        "run_id": id,
        "params": [{"key": f"param_{n}", "value": f"{n * number}"} for n in range(20)],
        "metrics": [{"key": f"metric_{n}", "value": number / (n + 1), "timestamp": now, "step": 0} for n in range(20)],
        "tags": [{"key": f"tag_{n}", "value": "value"} for n in range(5)],
    }
    sender.post("runs/log-batch", json.dumps(batch).encode())
    end = {"run_id": id, "status": "FINISHED", "end_time": now}
    sender.post("runs/update", json.dumps(end).encode())


def batch_of(run: str, keys: int, step: int) -> bytes:
    """1,000 points of so many metrics."""
    points = [
        {
            "key": f"metric_{n % keys}",
            "value": n * 0.37,
            "timestamp": 1_700_000_000_000 + step,
            "step": step + n // keys,
        }
        for n in range(BATCH)
    ]
    return json.dumps({"run_id": run, "metrics": points}).encode()


@dataclass
class Figures:
    runs: float
    one_key: float
    many_keys: float
    history_ms: float


def together(clients: int, port: int, seconds: float, step: Callable[[Sender, int, int], object]) -> tuple[int, float]:
    """`step(sender, client, number)` by so many clients at once, again and again: (steps, seconds)."""
    done = [0] * clients
    failed: list[BaseException] = []
    barrier = threading.Barrier(clients)
    until = [0.0]

    def work(client: int) -> None:
        try:
            sender = Sender(port)
            if barrier.wait() == 0:
                until[0] = time.perf_counter() + seconds
            barrier.wait()
            while time.perf_counter() < until[0]:
                step(sender, client, done[client])
                done[client] += 1
        except BaseException as error:
            failed.append(error)
            barrier.abort()

    threads = [threading.Thread(target=work, args=(client,)) for client in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sum(done), time.perf_counter() - began


def measure(name: str, pid: int, port: int, clients: int, seconds: float, rounds: int) -> Figures:
    rates: dict[str, list[float]] = {"runs": [], "metrics, one key": [], "metrics, 1,000 keys": []}
    cpu: dict[str, list[float]] = {kind: [] for kind in rates}

    def timed(kind: str, per_step: int, step: Callable[[Sender, int, int], object]) -> None:
        before = tree_cpu_s(pid)
        steps, took = together(clients, port, seconds, step)
        rates[kind].append(steps * per_step / took)
        cpu[kind].append((tree_cpu_s(pid) - before) / max(1, steps * per_step))

    for _ in range(rounds):
        timed("runs", 1, full_run)
        for kind, keys in (("metrics, one key", 1), ("metrics, 1,000 keys", BATCH)):
            sender = Sender(port)  # a new one: servers close what is idle
            runs = [sender.run(f"metrics-{client}") for client in range(clients)]
            bodies = [[batch_of(run, keys, 1000 * n) for n in range(8)] for run in runs]
            timed(kind, BATCH, logging(bodies))
    sender = Sender(port)
    run = sender.run("history")
    for n in range(POINTS // BATCH):
        sender.post("runs/log-batch", batch_of(run, 1, n * BATCH))
    took = []
    for _ in range(max(5, rounds)):
        began = time.perf_counter()
        answer = sender.get(f"metrics/get-history?run_id={run}&metric_key=metric_0&max_results={POINTS}")
        took.append((time.perf_counter() - began) * 1000)
    assert len(json.loads(answer)["metrics"]) == POINTS
    medians = {kind: statistics.median(values) for kind, values in rates.items()}
    history = statistics.median(took)
    for kind, rate in medians.items():
        unit = kind.partition(",")[0]
        used = statistics.median(cpu[kind]) * 1e6
        print(f"{name:28} {kind:20} {rate:>12,.0f} {unit}/s   {used:10,.1f} µs CPU each", flush=True)
    print(
        f"{name:28} history of {POINTS:,} points {history:10.1f} ms   {tree_memory_mb(pid):,.0f} MB resident",
        flush=True,
    )
    return Figures(medians["runs"], medians["metrics, one key"], medians["metrics, 1,000 keys"], history)


def logging(bodies: list[list[bytes]]) -> Callable[[Sender, int, int], object]:
    return lambda sender, client, number: sender.post("runs/log-batch", again(bodies[client], number))


def again(bodies: list[bytes], n: int) -> bytes:
    """The bodies in turn; each time round with other times, so that no point is one that is there."""
    return bodies[n % len(bodies)].replace(b'"timestamp": 17', b'"timestamp": 1%d' % (7 + n // len(bodies)))


@contextlib.contextmanager
def mlflow(binary: Path, workers: int | None) -> Iterator[tuple[int, int]]:
    """(process id, port)."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = [
            str(binary), "server", "--port", str(port), *(["--workers", str(workers)] if workers else []),
            "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/artifacts",
        ]  # fmt: skip
        with server(command, f"http://127.0.0.1:{port}/health", limit_s=180) as process:
            yield process.pid, port


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--mlflow", type=Path)
    options = parser.parse_args()
    given = (options.clients, options.seconds, options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        print(f"fdatasync of 4 kB, p50: {fdatasync_us(Path(folder)):.0f} µs; {options.clients} clients; one core each")
        port = free_port()
        with server(triops_command(Path(folder) / "data", port), f"http://127.0.0.1:{port}/health", env=QUIET) as up:
            ours = measure("Triops", up.pid, port, *given)
    if options.no_peers:
        return
    binary = options.mlflow
    if binary is None:
        folder_of = environment("mlflow", "mlflow==3.17.2")
        if folder_of is None:
            return
        binary = folder_of / "mlflow"
    for name, workers in (("mlflow server --workers 1", 1), ("mlflow server", None)):
        with mlflow(binary, workers) as (pid, port):
            peer = measure(name, pid, port, *given)
        print(
            f"ratio Triops / {name}: runs {ours.runs / peer.runs:.0f}x, metrics {ours.one_key / peer.one_key:.0f}x"
            f" (1,000 keys {ours.many_keys / peer.many_keys:.0f}x), history {peer.history_ms / ours.history_ms:.0f}x"
        )


if __name__ == "__main__":
    main()
