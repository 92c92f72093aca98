"""Claims: a call's p99 is ≤ 5 ms while 10,000 spans/s come in, detection runs and a page is open, and ≤ 10 ms while
ingest is saturated.

    python -m benchmarks.gateway_busy [--seconds 8] [--rounds 3] [--rate 200]

Calls are due at a steady rate, whether those before are answered or not, and each is counted from when it was due.
Nothing is pinned: server, gateway and the senders of spans share all cores. Caller and provider run before all others,
where that is allowed: they stand for other machines. Detection is what the server
does by itself; the page is what the pages Gateway, Cost and LLM traces ask for, every two seconds. Medians of rounds.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.gateway import load, opened, provider
from benchmarks.peers import QUIET, free_port, server, triops_command

PAGE = ("/triops/v1/gateway", "/triops/v1/spend?by=model", "/triops/v1/budgets", "/triops/v1/llm/traces?limit=50")


@contextlib.contextmanager
def page(port: int) -> Iterator[None]:
    closed = threading.Event()

    def ask() -> None:
        while not closed.wait(2.0):
            for path in PAGE:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
                    answer.read()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        closed.set()
        thread.join()


@contextlib.contextmanager
def spans(port: int, rate: float, seconds: float) -> Iterator[list[int]]:
    """Sent during the block; how many a second were taken stands in the list after it."""
    command = [sys.executable, "-m", "benchmarks._spans", str(port), "--rate", str(rate), "--seconds", str(seconds)]
    taken: list[int] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdin is not None
        assert sender.stdout is not None
        sender.stdout.readline()
        sender.stdin.write("go\n")
        sender.stdin.flush()
        yield taken
        taken.append(int(sender.stdout.readline()))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=200.0, help="calls a second")
    arguments = parser.parse_args()
    everywhere = os.sched_getaffinity(0)
    print(f"{len(everywhere)} cores, load before: {os.getloadavg()[0]:.1f}; {arguments.rate:.0f} calls/s")
    with tempfile.TemporaryDirectory() as folder, provider(everywhere, first=True) as upstream:
        port = free_port()
        with server(
            triops_command(Path(folder) / "data", port), f"http://127.0.0.1:{port}/health", core=None, env=QUIET
        ):
            key = opened(port, upstream)

            def call() -> dict[str, float]:
                return load(port, clients=64, seconds=arguments.seconds, key=key, rate=arguments.rate, cores=everywhere)

            for what, rate in (("nothing else", None), ("10,000 spans/s", 10_000.0), ("ingest saturated", 0.0)):
                found, ingested = [], [0]
                for _ in range(arguments.rounds):
                    if rate is None:
                        found.append(call())
                        continue
                    with page(port), spans(port, rate, arguments.seconds + 1) as taken:
                        found.append(call())
                    ingested.append(taken[0])
                names = ("p50_ms", "p99_ms", "first_ms")
                p50, p99, first = (statistics.median([one[name] for one in found]) for name in names)
                each = ", ".join(f"{one['p99_ms']:.1f}" for one in found)
                print(
                    f"{what:18} p50 {p50:.2f} ms  p99 {p99:.2f} ms (rounds: {each})  "
                    f"64 new connections {first:.0f} ms  {statistics.median(ingested[1:] or [0]):,.0f} spans/s taken",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
