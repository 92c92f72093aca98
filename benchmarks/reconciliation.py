"""Claims: of 10,000 mixed calls (dialects, streams, cut streams, faults, retries, fallbacks, cache) every one with
usage of the provider equals the provider's own account exactly, and cut ones are there once and marked as estimated;
10,000 streams are open at once, all end well, and leave nothing behind.

    python -m benchmarks.reconciliation [--calls 10000] [--streams 10000] [--clients 48]
"""

import argparse
import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from triops.sdk import Client
from triops.testing.reconciliation import KEYS, calls, compared, documents, drive, spend_of
from triops.testing.server import RunningTriops, wait_for
from triops.testing.upstream import RunningUpstream

CHAT = "/v1/chat/completions"
MANY = [{"provider": "many", "model": "small-1!words=21,between_ms=3000"}]
LONG = {"targets": MANY, "timeout_s": 300, "queue": {"calls": 30_000}}


def _process(server: RunningTriops) -> psutil.Process:
    assert server.process is not None
    children = psutil.Process(server.process.pid).children()
    return next(child for child in children if "triops.gateway_main" in child.cmdline())


def reconciled(server: RunningTriops, upstream: RunningUpstream, secrets: dict[str, str], options: Any) -> bool:
    client: Client = server.client
    made = list(calls(options.calls, ["default"]))
    began = time.perf_counter()
    keyed = {("default", key): secret for key, secret in secrets.items()}
    seen = asyncio.run(drive(server.url, made, keyed, clients=options.clients))
    took = time.perf_counter() - began
    wait_for(lambda: len(spend_of(client)) >= len(made), what="the books", limit_s=60)
    report = compared(made, seen, spend_of(client), upstream.ledger()["entries"], kills=False)
    counts = ", ".join(f"{count} {sort}" for sort, count in report.counts.most_common())
    print(
        f"{len(made)} calls in {took:.1f} s, ${report.cost / 10**12:.6f}: {len(report.differences)} differ ({counts})"
    )
    for line in report.differences[:20]:
        print(f"  {line}")
    return not report.differences


async def _open(url: str, secret: str, count: int) -> int:
    """How many ended as they should."""
    headers, said = {"authorization": f"Bearer {secret}"}, [{"role": "user", "content": "hello there"}]
    body = {"model": "long", "stream": True, "max_tokens": 50, "messages": said}

    async def one(session: aiohttp.ClientSession) -> bool:
        async with session.post(CHAT, json=body) as answer:
            return answer.status == 200 and (await answer.read()).endswith(b"data: [DONE]\n\n")

    limit, connector = aiohttp.ClientTimeout(total=300), aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, headers=headers, timeout=limit, connector=connector) as session:
        return sum(await asyncio.gather(*[one(session) for _ in range(count)]))


def opened(server: RunningTriops, secret: str, count: int) -> bool:
    process = _process(server)
    before, most = process.memory_info().rss, 0
    with tempfile.TemporaryFile() as out:
        command = [sys.executable, "-m", "benchmarks.reconciliation", "--open", server.url, secret, str(count)]
        senders = subprocess.Popen(command, stdout=out)
        while senders.poll() is None:
            time.sleep(0.2)
            most = max(most, *(one["in_flight"] for one in server.client.gateway()["providers"]))
        out.seek(0)
        well = int(out.read() or b"0")
    wait_for(lambda: all(not one["in_flight"] for one in server.client.gateway()["providers"]), what="all ended")
    grown = (process.memory_info().rss - before) / 2**20
    print(f"{count} streams: {most} open at once, {well} ended well, {grown:+.0f} MB after, nothing in flight")
    return well == count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--streams", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=48)
    parser.add_argument("--open", nargs=3, metavar=("URL", "SECRET", "COUNT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if options.open:
        url, secret, count = options.open
        print(asyncio.run(_open(url, secret, int(count))))
        return 0
    limits = {"TRIOPS_GATEWAY_CONNECTIONS": "30000", "TRIOPS_GATEWAY_CALLS": "30000"}
    with tempfile.TemporaryDirectory() as folder, RunningUpstream() as upstream:
        with RunningTriops(Path(folder) / "data", environ=limits) as server:
            many = {"dialect": "openai", "base_url": f"{upstream.url}/v1", "allow_private": True, "connections": 20_000}
            more = [{"kind": "Provider", "name": "many", "spec": many}, {"kind": "Route", "name": "long", "spec": LONG}]
            server.client.apply([*documents(upstream.url), *more])
            secrets = {key: server.client.create_gateway_key(key)["secret"] for key in KEYS}
            right = reconciled(server, upstream, secrets, options)
            streams = min(options.streams, (most - 200) // 2)  # each is two descriptors of the gateway's process
            if streams < options.streams:
                print(f"this machine allows {most} descriptors a process: {streams} streams, not {options.streams}")
            return 0 if opened(server, secrets["rich"], streams) and right else 1


if __name__ == "__main__":
    sys.exit(main())
