"""Claims, with key, limits, budget, cost and durable record on: p50 overhead at one connection ≤ 0.2 ms; ≥ 5,000
requests/s and ≥ 1,000 streams of 21 chunks/s on one core; ≤ 20 MB of growth after a million requests.

    python -m benchmarks.gateway [--seconds 5] [--clients 32] [--grow 100000] [--no-peers] [--litellm BIN]

The provider and the senders (`benchmarks/_completions.py`) have the other cores. The gateway's process has one core to
itself; what the server does with its journal meanwhile (spend, spans) is told as CPU time a request beside it. Overhead
is the median of a call through the gateway less the median of a call of the provider. The peer is LiteLLM's proxy with
its OpenTelemetry packages, one worker; the floor is nginx as a plain reverse proxy, where it is installed.
"""

import argparse
import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks.peers import QUIET, environment, free_port, server, triops_command

PEER = ("litellm[proxy]", "opentelemetry-sdk", "opentelemetry-exporter-otlp")


def _documents(upstream: int) -> list[dict[str, Any]]:
    provider = {"dialect": "openai", "base_url": f"http://127.0.0.1:{upstream}/v1", "allow_private": True}
    budget = {"amount": "1000000", "per": "day", "hard": True}
    limits = {"requests_per_minute": 100_000_000, "tokens_per_minute": 100_000_000_000}
    price = {"provider": "upstream", "input_per_million_usd": "0.15", "output_per_million_usd": "0.60"}
    return [
        {"kind": "Provider", "name": "upstream", "spec": provider},
        {"kind": "Route", "name": "fast", "spec": {"targets": [{"provider": "upstream", "model": "small-1"}]}},
        {"kind": "Price", "name": "small-1", "spec": price},
        {"kind": "Key", "name": "bench", "spec": {"application": "bench", "budget_usd": budget, **limits}},
    ]


def _elsewhere() -> set[int]:
    cores = os.sched_getaffinity(0)
    return cores - {0} or cores


def load(port: int, *, clients: int, seconds: float, stream: bool = False, key: str = "none") -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks._completions", "load", str(port)]
    command += ["--clients", str(clients), "--seconds", str(seconds), "--key", key]
    done = subprocess.run(
        [*command, *(["--stream"] if stream else [])],
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, _elsewhere()),
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert not found["errors"], found
    return found


@contextlib.contextmanager
def provider() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._completions", "upstream", str(port)],
        preexec_fn=lambda: os.sched_setaffinity(0, _elsewhere()),
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


def _post(port: int, path: str, body: Any) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
    answer = connection.getresponse()
    said = json.loads(answer.read())
    assert answer.status < 300, said
    return said


def _cpu(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


def measured(name: str, port: int, floor: dict[str, Any], arguments: argparse.Namespace, key: str = "none") -> None:
    one = load(port, clients=1, seconds=arguments.seconds, key=key)
    many = load(port, clients=arguments.clients, seconds=arguments.seconds, key=key)
    streams = load(port, clients=arguments.clients, seconds=arguments.seconds, key=key, stream=True)
    print(
        f"{name:22} overhead p50 {one['p50_ms'] - floor['p50_ms']:7.3f} ms  p99 {one['p99_ms']:7.2f} ms  "
        f"{many['per_s']:8.0f} requests/s  {streams['per_s']:7.0f} streams/s",
        flush=True,
    )


def ours(upstream: int, floor: dict[str, Any], arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = triops_command(Path(folder) / "data", port)
        with server(command, f"http://127.0.0.1:{port}/health", core=None, env=QUIET) as process:
            _post(port, "/triops/v1/documents", {"documents": _documents(upstream)})
            key = _post(port, "/triops/v1/gateway/keys", {"key": "bench"})["secret"]
            main = psutil.Process(process.pid)
            gateway = next(c for c in main.children() if "triops.gateway_main" in c.cmdline())
            gateway.cpu_affinity([0])
            main.cpu_affinity(sorted(_elsewhere()))
            load(port, clients=4, seconds=1, key=key)  # warm
            measured("triops", port, floor, arguments, key)
            for stream in (False, True):
                before, beside = _cpu(gateway), _cpu(main)
                done = load(port, clients=arguments.clients, seconds=arguments.seconds, key=key, stream=stream)
                count = done["requests"]
                print(
                    f"  CPU a {'stream' if stream else 'request'}: gateway {(_cpu(gateway) - before) / count * 1e6:.0f}"
                    f" µs, server beside it {(_cpu(main) - beside) / count * 1e6:.0f} µs"
                )
            _grown(gateway, port, key, arguments)


def _grown(gateway: psutil.Process, port: int, key: str, arguments: argparse.Namespace) -> None:
    before, count = gateway.memory_info().rss, 0
    while count < arguments.grow:
        count += load(port, clients=arguments.clients, seconds=5, key=key)["requests"]
    grown = (gateway.memory_info().rss - before) / 2**20
    print(f"  memory: {before / 2**20:.0f} MB, {grown:+.1f} MB after {count} further requests")


def litellm(upstream: int, floor: dict[str, Any], arguments: argparse.Namespace) -> None:
    binaries = arguments.litellm or environment("litellm", *PEER)
    if binaries is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        model = {"model": "openai/small-1", "api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "none"}
        config.write_text(json.dumps({"model_list": [{"model_name": "fast", "litellm_params": model}]}))
        port = free_port()
        command = [str(Path(binaries) / "litellm"), "--config", str(config), "--port", str(port), "--num_workers", "1"]
        key = "sk-" + "1" * 64
        environ = {"LITELLM_MASTER_KEY": key}
        with server(command, f"http://127.0.0.1:{port}/health/liveliness", limit_s=240, env=environ):
            load(port, clients=4, seconds=2, key=key)
            measured("litellm", port, floor, arguments, key)


def nginx(upstream: int, floor: dict[str, Any], arguments: argparse.Namespace) -> None:
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
        with server([program, "-c", str(config), "-p", folder], f"http://127.0.0.1:{port}/"):
            measured("nginx (no gateway)", port, floor, arguments)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--grow", type=int, default=100_000, help="requests after which memory is looked at again")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--litellm", default="", help="the bin folder of an environment that has it")
    arguments = parser.parse_args()
    with provider() as upstream:
        floor = load(upstream, clients=1, seconds=2)
        print(f"provider alone: p50 {floor['p50_ms']:.3f} ms, {floor['per_s']:.0f} requests/s at 1 connection")
        ours(upstream, floor, arguments)
        if not arguments.no_peers:
            nginx(upstream, floor, arguments)
            litellm(upstream, floor, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
