"""Bad providers, many open streams and huge prompts, all at once: clear errors, nothing is left over, and others who
call meanwhile notice nothing."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import psutil
import pytest

from triops.testing.server import RunningTriops, wait_for
from triops.testing.upstream import RunningUpstream

STREAMS = 500  # `python -m benchmarks.reconciliation --streams 10000` opens that many
CHAT = "/v1/chat/completions"
MB = 1 << 20
ROUTES: dict[str, dict[str, Any]] = {
    "steady": {},
    "cut": {"orders": "cut_after=3,flush=1"},
    "half": {"orders": "cut_after=0"},
    "json": {"orders": "garbage=json"},
    "html": {"orders": "garbage=html"},
    "http": {"orders": "garbage=http"},
    "sse": {"orders": "garbage=sse"},
    "type": {"orders": "garbage=type"},
    "large": {"orders": "big=65"},
    "error": {"orders": "error_after=3"},
    "slow": {"orders": "first_ms=20000", "timeouts": {"first_token_s": 0.3, "total_s": 0.6}},
    "stall": {"orders": "stall_after=3,flush=1", "timeouts": {"between_tokens_s": 0.3}},
    "long": {"orders": "words=16,between_ms=250"},
}
# whole answers: status; streams: status, and whether an error stands in the stream
FAULTS = {"cut": 502, "half": 502, "json": 502, "html": 502, "http": 502, "type": 502, "large": 502, "slow": 504}
STREAMED = {"cut": 200, "error": 200, "stall": 200, "html": 502, "http": 502, "slow": 504}


def documents(url: str) -> list[dict[str, Any]]:
    provider = {"dialect": "openai", "base_url": f"{url}/v1", "allow_private": True, "breaker": {"failures": 10_000}}
    budget = {"amount": "1000", "per": "day", "hard": True}
    rates = {"input_per_million_usd": "0.15", "output_per_million_usd": "0.60"}
    found: list[dict[str, Any]] = [
        {"kind": "Provider", "name": "up", "spec": provider},
        {"kind": "Price", "name": "small", "spec": {"provider": "up", "model": "small*", **rates}},
        {"kind": "Key", "name": "app", "spec": {"budget_usd": budget}},
    ]
    for name, spec in ROUTES.items():
        orders = spec.get("orders", "")
        route = {"targets": [{"provider": "up", "model": f"small!{orders}" if orders else "small"}], "retries": 0}
        times = {"timeouts": spec["timeouts"]} if "timeouts" in spec else {}
        found.append({"kind": "Route", "name": name, "spec": {**route, **times}})
    return found


@dataclass
class House:
    server: RunningTriops
    headers: dict[str, str]
    provider: int  # its port

    def process(self) -> psutil.Process:
        assert self.server.process is not None
        children = psutil.Process(self.server.process.pid).children()
        return next(child for child in children if "triops.gateway_main" in child.cmdline())

    def files(self) -> int:
        """Open in the gateway, without the connections to the provider: those are kept for the next calls."""
        process = self.process()
        kept = [c for c in process.net_connections("tcp") if c.raddr and c.raddr.port == self.provider]
        return process.num_fds() - len(kept)

    def in_flight(self) -> int:
        (provider,) = self.server.client.gateway()["providers"]
        return int(provider["in_flight"])

    def reserved(self) -> str:
        (budget,) = self.server.client.budgets()
        return str(budget["reserved_usd"])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with RunningUpstream() as up, RunningTriops(tmp_path_factory.mktemp("hard") / "data") as server:
        server.client.apply(documents(up.url))
        secret = server.client.create_gateway_key("app")["secret"]
        yield House(server, {"authorization": f"Bearer {secret}"}, int(up.url.rsplit(":", 1)[1]))


def body(route: str, *, stream: bool = False, text: str = "hello there") -> dict[str, Any]:
    return {"model": route, "stream": stream, "max_tokens": 50, "messages": [{"role": "user", "content": text}]}


async def whole(session: aiohttp.ClientSession, route: str) -> None:
    async with session.post(CHAT, json=body(route)) as answer:
        told = orjson.loads(await answer.read())
        assert (route, answer.status) == (route, FAULTS[route]), told
        assert told["error"]["message"].startswith("up: ")


async def streamed(session: aiohttp.ClientSession, route: str) -> None:
    async with session.post(CHAT, json=body(route, stream=True)) as answer:
        text = await answer.read()
        assert (route, answer.status) == (route, STREAMED[route]), text[:500]
        assert b"[DONE]" not in text
        assert b'"error"' in text


async def long(session: aiohttp.ClientSession) -> None:
    async with session.post(CHAT, json=body("long", stream=True)) as answer:
        assert answer.status == 200
        assert (await answer.read()).endswith(b"data: [DONE]\n\n")


async def huge(session: aiohttp.ClientSession) -> None:
    async with session.post(CHAT, json=body("steady", text="word " * (10 * MB))) as answer:
        assert answer.status == 200, await answer.read()
        assert orjson.loads(await answer.read())["usage"]["prompt_tokens"] > 10 * MB
    async with session.post(CHAT, data=b" " * (65 * MB)) as answer:
        assert answer.status == 413
        assert "67108864" in (await answer.text())


async def hard_times(house: House) -> int:
    """One round of everything; answers how many steady calls were made meanwhile. None of them failed."""
    done = asyncio.Event()
    steady = 0

    async def others(session: aiohttp.ClientSession) -> None:
        nonlocal steady
        while not done.is_set():
            async with session.post(CHAT, json=body("steady", stream=bool(steady % 2))) as answer:
                assert answer.status == 200
                await answer.read()
            steady += 1

    connector, limit = (
        aiohttp.TCPConnector(limit=0),
        aiohttp.ClientTimeout(total=30),
    )  # less than it takes for a first token
    async with aiohttp.ClientSession(
        house.server.url, headers=house.headers, connector=connector, timeout=limit
    ) as session:
        meanwhile = [asyncio.create_task(others(session)) for _ in range(3)]
        open_streams = [asyncio.create_task(long(session)) for _ in range(STREAMS)]
        await asyncio.to_thread(wait_for, lambda: house.in_flight() >= STREAMS, what="all streams open")
        await asyncio.gather(*[whole(session, route) for route in FAULTS], *[streamed(session, r) for r in STREAMED])
        await huge(session)
        await asyncio.gather(*open_streams)
        done.set()
        await asyncio.gather(*meanwhile)
    return steady


async def test_hard_times_leave_nothing_and_others_notice_nothing(house: House) -> None:
    assert await hard_times(house) > 20
    process = house.process()
    wait_for(lambda: house.in_flight() == 0, what="all calls ended")
    before = process.memory_info().rss, house.files()
    assert await hard_times(house) > 20
    wait_for(lambda: house.in_flight() == 0, what="all calls ended")
    wait_for(lambda: house.files() <= before[1] + 5, what="connections closed")
    assert house.reserved() == "0"
    assert process.pid == house.process().pid
    assert process.memory_info().rss - before[0] < 40 * MB
