"""Steady load on the front: open loop (a slow shop gets no fewer requests), real HTTP, not instrumented.

At most `IN_FLIGHT` requests are under way; over it a request is not sent, and counted as skipped.
"""

import argparse
import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence

import aiohttp

from triops.demo.shop.catalogue import PRODUCTS
from triops.demo.shop.service import end_with_parent

IN_FLIGHT = 64
TIMEOUT_S = 15.0
_CURRENCIES = ("EUR", "EUR", "USD", "GBP")
_WORDS = ("red", "oak", "steel", "lamp", "chair", "teapot", "round", "linen", "clock", "vase")


def pick(rng: random.Random) -> tuple[str, str, dict[str, str]]:
    """One visitor's next request: method, path, query."""
    currency = {"currency": rng.choice(_CURRENCIES)}
    sku = f"SKU-{rng.randrange(PRODUCTS):04d}"
    what = rng.random()
    if what < 0.50:
        return "GET", f"/product/{sku}", currency
    if what < 0.75:
        return "GET", "/", {**currency, "page": str(rng.randrange(50))}
    if what < 0.90:
        return "GET", "/search", {**currency, "q": " ".join(rng.sample(_WORDS, 2))}
    return "POST", f"/basket/user-{rng.randrange(200)}/{sku}", currency


async def run(url: str, per_s: float, seed: int = 3) -> None:
    """Until cancelled. Writes one JSON line of counts to stdout every 10 s."""
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    under_way: set[asyncio.Task[None]] = set()

    async def send(session: aiohttp.ClientSession, method: str, path: str, query: dict[str, str]) -> None:
        try:
            async with session.request(method, url + path, params=query) as answer:
                await answer.read()
                counts["ok" if answer.status < 500 else "error"] += 1
        except (aiohttp.ClientError, TimeoutError):
            counts["failed"] += 1

    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=IN_FLIGHT)) as session:
        loop = asyncio.get_running_loop()
        due = told = loop.time()
        while True:
            due += rng.uniform(0.5, 1.5) / per_s
            await asyncio.sleep(max(0.0, due - loop.time()))
            if len(under_way) < IN_FLIGHT:
                task = asyncio.create_task(send(session, *pick(rng)))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            else:
                counts["skipped"] += 1
            if loop.time() - told >= 10:
                told = loop.time()
                sys.stdout.write(json.dumps(counts) + "\n")
                sys.stdout.flush()


async def listening(ports: Sequence[int], patience_s: float = 60.0) -> None:
    """Return when every port takes connections: visitors come to a shop that is open. Raises: TimeoutError."""
    async with asyncio.timeout(patience_s):
        for port in ports:
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.1)
                else:
                    writer.close()
                    break


def main() -> None:
    parser = argparse.ArgumentParser(prog="shop load")
    parser.add_argument("--url", required=True)
    parser.add_argument("--per-s", type=float, default=16.0)
    parser.add_argument("--after", type=int, nargs="*", default=[], help="ports that must listen first")
    given = parser.parse_args()
    end_with_parent()

    async def visit() -> None:
        await listening(given.after)
        await run(given.url.rstrip("/"), given.per_s)

    try:
        asyncio.run(visit())
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
