"""Claims, with key, limits, budget, cost and durable record on: p50 overhead at one connection ≤ 0.2 ms; ≥ 5,000
requests/s and ≥ 1,000 streams of 21 chunks/s on one core; ≤ 20 MB of growth after a million requests.

    python -m benchmarks.gateway [--seconds 4] [--rounds 3] [--clients 32] [--grow 100000] [--no-peers] [--litellm BIN]

The provider and the senders (`benchmarks/_completions.py`) have the other cores. Every figure is the median of the
rounds. Overhead is the median of a call through the gateway less the median of a call of the provider at the same time,
on one connection. Of a machine that is otherwise idle most of it is what waking a process costs, so it is told of two
placements, for all that are compared:

- "anywhere": client, provider and gateway may be on any core, as the kernel places what nobody pins.
- "apart": the gateway alone on one core, client and provider on the others. Where these are a single core, the direct
  call wakes no other core and the call through the gateway wakes one four times, all of which counts as overhead.

"Alone": the gateway's process has one core to itself; the server, which books the journal (spend, spans, metrics), has
the others. "Together": both have that one core. CPU time a request is told of each: where a machine is shared, it says
more than the rate; 1 s / it is what one core carries. The peer is LiteLLM's proxy with its OpenTelemetry packages, one
worker, without a database (its keys, limits and budgets are then off); the floor is nginx as a plain reverse proxy,
where it is installed. Both have the same one core.
"""

import argparse
import contextlib
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks.peers import QUIET, environment, free_port, server, triops_command

PEER = ("litellm[proxy]", "opentelemetry-sdk", "opentelemetry-exporter-otlp")
CORE = 0


def documents(upstream: int) -> list[dict[str, Any]]:
    provider = {"dialect": "openai", "base_url": f"http://127.0.0.1:{upstream}/v1", "allow_private": True}
    budget = {"amount": "1000000", "per": "day", "hard": True}
    limits = {"requests_per_minute": 100_000_000, "tokens_per_minute": 100_000_000_000}
    price = {"provider": "upstream", "input_per_million_usd": "0.15", "output_per_million_usd": "0.60"}
    return [
        {"kind": "Provider", "name": "upstream", "spec": provider},
        {"kind": "Route", "name": "fast", "spec": {"targets": [{"provider": "upstream", "model": "small-1"}]}},
        {"kind": "Route", "name": "apart", "spec": {"targets": [{"provider": "upstream", "model": "apart-1"}]}},
        {"kind": "Price", "name": "small-1", "spec": price},
        {"kind": "Price", "name": "apart-1", "spec": price},
        {"kind": "Key", "name": "bench", "spec": {"application": "bench", "budget_usd": budget, **limits}},
    ]


def elsewhere() -> set[int]:
    cores = os.sched_getaffinity(0)
    return cores - {CORE} or cores


def far(cores: set[int] | None, first: bool) -> Callable[[], None]:
    """A process as on a machine of its own, as far as that goes: on other cores; or `first`, before all others on any
    (where that is allowed), so that it does not wait for what is measured."""

    def begin() -> None:
        os.sched_setaffinity(0, cores or elsewhere())
        if first:
            with contextlib.suppress(PermissionError):
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))

    return begin


def load(
    port: int,
    *,
    clients: int,
    seconds: float,
    stream: bool = False,
    key: str = "none",
    model: str = "fast",
    rate: float = 0.0,
    cores: set[int] | None = None,
    first: bool = False,
) -> dict[str, Any]:
    """`rate` 0: as fast as answers come; else so many a second, each counted from when it was due."""
    command = [sys.executable, "-m", "benchmarks._completions", "load", str(port), "--clients", str(clients)]
    command += ["--seconds", str(seconds), "--key", key, "--model", model, "--rate", str(rate)]
    done = subprocess.run(
        [*command, *(["--stream"] if stream else [])],
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=far(cores, first),
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert not found["errors"], found
    return found


@contextlib.contextmanager
def provider(cores: set[int] | None = None, first: bool = False) -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._completions", "upstream", str(port)],
        preexec_fn=far(cores, first),
    )
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
                break
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()


def post(port: int, path: str, body: Any) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
    answer = connection.getresponse()
    said = json.loads(answer.read())
    assert answer.status < 300, said
    return said


def opened(port: int, upstream: int) -> str:
    """A gateway with what a team has: the key's secret."""
    post(port, "/triops/v1/documents", {"documents": documents(upstream)})
    return str(post(port, "/triops/v1/gateway/keys", {"key": "bench"})["secret"])


def cpu(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


def pinned(process: psutil.Process, cores: set[int]) -> None:
    """All its threads."""
    for thread in process.threads():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(thread.id, cores)


def booked(port: int) -> None:
    """Waits until the server has applied the gateway's journal: what it still has to do is of the calls before."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while True:
        connection.request("GET", "/triops/v1/gateway")
        if json.loads(connection.getresponse().read())["journal"]["lag_s"] == 0:
            return connection.close()
        time.sleep(0.05)


def providers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "upstream" in child.cmdline()]


def measured(
    name: str,
    port: int,
    upstream: int,
    arguments: argparse.Namespace,
    key: str,
    processes: dict[str, tuple[psutil.Process, set[int]]],
    ended: Callable[[int], None] = lambda port: None,
) -> None:
    """Overhead, requests/s, streams/s; and CPU time of each of `processes` a request and a stream. With each stands
    where it is but for the overhead "anywhere". `ended`: returns when nothing of the calls is left to do."""
    everywhere = os.sched_getaffinity(0)
    apart = [*processes.values(), *((process, elsewhere()) for process in providers())]
    anywhere = [(process, everywhere) for process, _ in apart]
    figures: dict[str, list[float]] = {}

    def note(what: str, value: float) -> None:
        figures.setdefault(what, []).append(value)

    def counted(what: str, **more: Any) -> dict[str, Any]:
        before = {who: cpu(process) for who, (process, _) in processes.items()}
        done = load(port, clients=arguments.clients, seconds=arguments.seconds, key=key, **more)
        ended(port)
        for who, (process, _) in processes.items():
            note(f"{who} a {what}", (cpu(process) - before[who]) / done["requests"] * 1e6)
        note(f"{what}s/s", done["per_s"])
        return done

    for _ in range(arguments.rounds):
        for place, cores, placed in (("anywhere", everywhere, anywhere), ("apart", elsewhere(), apart)):
            for process, own in placed:
                pinned(process, own)
            floor = load(upstream, clients=1, seconds=arguments.seconds / 4, cores=cores)
            one = load(port, clients=1, seconds=arguments.seconds / 2, key=key, cores=cores)
            ended(port)
            note(f"floor {place}", floor["p50_ms"])
            note(f"overhead {place}", one["p50_ms"] - floor["p50_ms"])
        counted("request")
        counted("stream", stream=True)
        if arguments.apart and name != "nginx":
            counted("stream of single chunks", stream=True, model="apart")
    middle = {what: statistics.median(values) for what, values in figures.items()}
    rates = "  ".join(f"{value:,.0f} {what}" for what, value in middle.items() if what.endswith("/s"))
    print(f"{name}: {rates}", flush=True)
    for place in ("anywhere", "apart"):
        overhead, floor = middle[f"overhead {place}"], middle[f"floor {place}"]
        print(f"    overhead p50, one connection, {place}: {overhead:.3f} ms over {floor:.3f} ms", flush=True)
    for what, value in middle.items():
        if " a " in what:
            print(f"    CPU {what}: {value:.0f} µs ({1e6 / value:,.0f}/s of one core)", flush=True)


def ours(upstream: int, arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = triops_command(Path(folder) / "data", port)
        with server(command, f"http://127.0.0.1:{port}/health", core=None, env=QUIET) as process:
            key = opened(port, upstream)
            main = psutil.Process(process.pid)
            gateway = next(c for c in main.children() if "triops.gateway_main" in c.cmdline())
            load(port, clients=4, seconds=1, key=key)  # warm
            for name, cores in (("alone", elsewhere()), ("together", {CORE})):
                both = {"gateway": (gateway, {CORE}), "server beside it": (main, cores)}
                measured(f"triops, {name}", port, upstream, arguments, key, both, booked)
            pinned(main, elsewhere())
            _grown(gateway, port, key, arguments)


def _grown(gateway: psutil.Process, port: int, key: str, arguments: argparse.Namespace) -> None:
    before, count = gateway.memory_info().rss, 0
    while count < arguments.grow:
        count += load(port, clients=arguments.clients, seconds=5, key=key)["requests"]
    grown = (gateway.memory_info().rss - before) / 2**20
    print(f"gateway's memory: {before / 2**20:.0f} MB, {grown:+.1f} MB after {count:,} further requests", flush=True)


def litellm(upstream: int, arguments: argparse.Namespace) -> None:
    binaries = arguments.litellm or environment("litellm", *PEER)
    if binaries is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        base = {"api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "none"}
        models = [
            {"model_name": name, "litellm_params": {"model": f"openai/{model}", **base}}
            for name, model in (("fast", "small-1"), ("apart", "apart-1"))
        ]
        config.write_text(json.dumps({"model_list": models}))
        port = free_port()
        command = [str(Path(binaries) / "litellm"), "--config", str(config), "--port", str(port), "--num_workers", "1"]
        key = "sk-" + "1" * 64
        environ = {"LITELLM_MASTER_KEY": key}
        with server(command, f"http://127.0.0.1:{port}/health/liveliness", limit_s=240, env=environ) as process:
            load(port, clients=4, seconds=2, key=key)
            measured("litellm", port, upstream, arguments, key, {"litellm": (psutil.Process(process.pid), {CORE})})


def nginx(upstream: int, arguments: argparse.Namespace) -> None:
    program = shutil.which("nginx")
    if program is None:
        print("skipped: nginx is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        config = Path(folder) / "nginx.conf"
        config.write_text(
            f"daemon off; worker_processes 1; pid {folder}/pid; error_log /dev/null; events {{}}\n"
            f"http {{ access_log off; upstream up {{ server 127.0.0.1:{upstream}; keepalive 64; }}\n"
            f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://up; proxy_http_version 1.1; "
            f'proxy_set_header Connection ""; }} }} }}\n'
        )
        with server([program, "-c", str(config), "-p", folder], f"http://127.0.0.1:{port}/") as process:
            worker = psutil.Process(process.pid).children()[0]
            measured("nginx", port, upstream, arguments, "none", {"nginx": (worker, {CORE})})


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--grow", type=int, default=100_000, help="requests after which memory is looked at again")
    parser.add_argument("--apart", action="store_true", help="also streams whose chunks come one by one")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--litellm", default="", help="the bin folder of an environment that has it")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, load before: {os.getloadavg()[0]:.1f}")
    with provider() as upstream:
        ours(upstream, arguments)
        if not arguments.no_peers:
            nginx(upstream, arguments)
            litellm(upstream, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
