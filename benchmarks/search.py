"""Claim: a search of 10,000 runs, ordered by a metric or filtered on a metric and a param, takes ≤ 50 ms; of 100,000
≤ 200 ms; pages of 100 and of 1,000.

    python -m benchmarks.search [--rounds 9] [--sizes 10000 100000] [--no-peers] [--mlflow BIN]

A run has 20 params, 20 metrics and 5 tags. Both servers' databases (SQLite) are filled by SQL before they start, with
the same runs, since it is searching that is measured; each has one core. Requests are the same, by one client, one
after another, each round by another metric; medians of the rounds, from the request's first byte to the answer's last.
The peer is `mlflow server` with one worker, at the smallest size only. `--mlflow`: a program that is there already,
instead of an environment made for it.
"""

import argparse
import asyncio
import http.client
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import QUIET, environment, free_port, server, tree_cpu_s, tree_memory_mb, triops_command

SEARCH = "/api/2.0/mlflow/runs/search"
PAGES = (100, 1000)
EXPERIMENT = 1
START_MS = 1_700_000_000_000


@dataclass(frozen=True)
class LoadedRun:
    id: str
    name: str
    start_ms: int
    params: list[tuple[str, str]]
    metrics: list[tuple[str, float]]
    tags: list[tuple[str, str]]


def runs(count: int) -> Iterator[LoadedRun]:
    chance = random.Random(7)
    for number in range(count):
        name = f"run-{number}"
        yield LoadedRun(
            f"{chance.getrandbits(128):032x}",
            name,
            START_MS + number * 1000,
            [(f"param_{n}", str(chance.randrange(10))) for n in range(20)],
            [(f"metric_{n}", chance.random()) for n in range(20)],
            [("mlflow.runName", name), ("mlflow.user", "bench"), *((f"tag_{n}", str(number % 7)) for n in range(3))],
        )


def fill_triops(data: Path, count: int) -> None:
    from triops.adapters.embedded.records import SqliteRecords
    from triops.ledger.migrations import MIGRATIONS

    path = data / "records.sqlite"

    async def schema() -> None:
        records = SqliteRecords(path, MIGRATIONS)
        await records.start()
        await records.close()

    asyncio.run(schema())
    insert: dict[str, list[tuple[object, ...]]] = {"runs": [], "run_params": [], "run_metrics": [], "run_tags": []}
    for no, run in enumerate(runs(count), 1):
        uri = f"mlflow-artifacts:/{EXPERIMENT}/{run.id}/artifacts"
        ends = run.start_ms + 500
        insert["runs"].append(
            (no, "default", run.id, EXPERIMENT, run.name, "FINISHED", "active", "bench", run.start_ms, ends, None, uri)
        )
        insert["run_params"] += [(no, *pair) for pair in run.params]
        insert["run_metrics"] += [(no, key, value, 0, run.start_ms, 1, "") for key, value in run.metrics]
        insert["run_tags"] += [(no, *pair) for pair in run.tags]
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO experiments (project, id, name, artifact_location, stage, created_ms, updated_ms)"
            " VALUES ('default', ?, 'bench', 'mlflow-artifacts:/1', 'active', 0, 0)",
            (EXPERIMENT,),
        )
        for table, rows in insert.items():
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    connection.close()


def fill_mlflow(path: Path, count: int) -> None:
    """The schema is there."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time,"
            " last_update_time, workspace) VALUES (?, 'bench', 'mlflow-artifacts:/1', 'active', 0, 0, 'default')",
            (EXPERIMENT,),
        )
        for run in runs(count):
            connection.execute(
                "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status,"
                " start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)"
                " VALUES (?, ?, 'UNKNOWN', '', '', 'bench', 'FINISHED', ?, ?, '', 'active', ?, ?)",
                (run.id, run.name, run.start_ms, run.start_ms + 500, f"mlflow-artifacts:/1/{run.id}", EXPERIMENT),
            )
            connection.executemany(
                "INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", [(*pair, run.id) for pair in run.params]
            )
            connection.executemany(
                "INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", [(*pair, run.id) for pair in run.tags]
            )
            for table in ("metrics", "latest_metrics"):
                connection.executemany(
                    f"INSERT INTO {table} (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, 1, 0)",
                    [(*pair, run.start_ms, run.id) for pair in run.metrics],
                )
    connection.close()


Question = Callable[[int], dict[str, object]]
QUESTIONS: dict[str, Question] = {
    "ordered by a metric": lambda n: {"order_by": [f"metrics.metric_{n % 20} DESC"]},
    "filter, metric and param": lambda n: {
        "filter": f"metrics.metric_{n % 20} > 0.5 and params.param_{n % 20} = '{n % 10}'"
    },
    "newest first": lambda n: {},
}


def measure(name: str, pid: int, port: int, count: int, rounds: int) -> dict[tuple[str, int], float]:
    """Milliseconds, by question and page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    medians = {}
    for question, ask in QUESTIONS.items():
        for page in PAGES:
            took = []
            cpu = tree_cpu_s(pid)
            for number in range(rounds + 1):
                body = json.dumps({"experiment_ids": [str(EXPERIMENT)], "max_results": page, **ask(number)})
                began = time.perf_counter()
                connection.request("POST", SEARCH, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                read = answer.read()
                took.append((time.perf_counter() - began) * 1000)
                assert answer.status == 200, read[:300]
            cpu = (tree_cpu_s(pid) - cpu) * 1000 / (rounds + 1)
            found = json.loads(read)["runs"]
            assert len(found) == page or "filter" in ask(0), len(found)
            assert len(found[0]["data"]["metrics"]) == 20
            medians[question, page] = statistics.median(took[1:])  # the first finds nothing in memory
            print(
                f"{name:26} {count:>8,} runs  {question:26} page of {page:>5,} {medians[question, page]:10.1f} ms"
                f"   {cpu:8.1f} ms CPU   (first {took[0]:.0f}, slowest {max(took[1:]):.0f})",
                flush=True,
            )
    print(f"{name:26} {tree_memory_mb(pid):,.0f} MB resident", flush=True)
    return medians


def ours(count: int, rounds: int) -> dict[tuple[str, int], float]:
    with tempfile.TemporaryDirectory() as folder:
        data, port = Path(folder) / "data", free_port()
        fill_triops(data, count)
        with server(triops_command(data, port), f"http://127.0.0.1:{port}/health", env=QUIET) as up:
            return measure("Triops", up.pid, port, count, rounds)


def theirs(binary: Path, count: int, rounds: int) -> dict[tuple[str, int], float]:
    with tempfile.TemporaryDirectory() as folder:
        path, port = Path(folder) / "mlflow.db", free_port()
        command = [
            str(binary), "server", "--port", str(port), "--workers", "1",
            "--backend-store-uri", f"sqlite:///{path}", "--artifacts-destination", f"{folder}/artifacts",
        ]  # fmt: skip
        ready = f"http://127.0.0.1:{port}/health"
        with server(command, ready, limit_s=180):
            pass  # it makes its schema
        fill_mlflow(path, count)
        with server(command, ready, limit_s=180) as process:
            return measure("mlflow server --workers 1", process.pid, port, count, rounds)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--mlflow", type=Path)
    options = parser.parse_args()
    figures = {count: ours(count, options.rounds) for count in sorted(options.sizes)}
    if options.no_peers:
        return
    binary = options.mlflow
    if binary is None:
        folder = environment("mlflow", "mlflow==3.17.2")
        if folder is None:
            return
        binary = folder / "mlflow"
    count = min(options.sizes)
    peer = theirs(binary, count, min(3, options.rounds))
    for key, took in figures[count].items():
        print(f"ratio Triops / mlflow at {count:,} runs, {key[0]}, page of {key[1]:,}: {peer[key] / took:.0f}x")


if __name__ == "__main__":
    main()
