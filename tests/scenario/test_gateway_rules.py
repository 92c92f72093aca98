"""The gateway's rules through a real `triops up`: budgets to the last pico-dollar, limits, fail-over, keys."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from triops.testing.server import RunningTriops, wait_for
from triops.testing.upstream import LoopbackProvider

INPUT, OUTPUT = 150_000, 600_000  # pico-dollars a token
DOCUMENTS = """
kind: Provider
name: upstream
spec: {{dialect: openai, base_url: "{url}/v1", allow_private: true, breaker: {{failures: 3, open_s: 60}}}}
---
kind: Provider
name: dead
spec: {{dialect: openai, base_url: "http://127.0.0.1:9/v1", allow_private: true}}
---
kind: Route
name: fast
spec: {{targets: [{{provider: upstream, model: small-1}}], aliases: [gpt-fast]}}
---
kind: Route
name: sturdy
spec: {{targets: [{{provider: dead, model: m}}, {{provider: upstream, model: "small-1!status=503"}}],
  retries: 1, fallbacks: [{{provider: upstream, model: small-1}}]}}
---
kind: Route
name: kept
spec: {{targets: [{{provider: upstream, model: small-1}}], cache: {{ttl_s: 60}}}}
---
kind: Price
name: small-1
spec: {{provider: upstream, input_per_million_usd: "0.15", output_per_million_usd: 0.60, from: 2026-01-01}}
---
kind: Key
name: runaway
spec: {{application: bot, budget_usd: {{amount: "0.0005", per: day, hard: true}}}}
---
kind: Key
name: paced
spec: {{routes: [fast, kept, sturdy], requests_per_minute: 4}}
---
kind: Key
name: brief
spec: {{budget_usd: {{amount: "0.00005", per: total}}}}
---
kind: Key
name: free
spec: {{team: open}}
"""
HI = [{"role": "user", "content": "hello there"}]


@dataclass
class Gateway:
    server: RunningTriops
    upstream: LoopbackProvider
    secrets: dict[str, str]

    def client(self, key: str) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.secrets[key]}"}
        return httpx.Client(base_url=f"{self.server.url}/v1", headers=headers, timeout=20)

    def entries(self, user: str) -> list[Any]:
        return list(self.upstream.ledger().entries(user))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("rules")
    with LoopbackProvider() as upstream:
        (folder / "gateway.yaml").write_text(DOCUMENTS.format(url=upstream.url))
        with RunningTriops(folder / "data", "--config", str(folder / "gateway.yaml")) as server:
            secrets = {
                key: server.client.create_gateway_key(key)["secret"] for key in ("runaway", "brief", "paced", "free")
            }
            yield Gateway(server, upstream, secrets)


def chat(model: str = "fast", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": HI, **more}


async def test_a_runaway_client_is_stopped_by_its_budget_and_not_a_pico_dollar_later(gateway: Gateway) -> None:
    """Many at once, streamed and whole, until nothing more fits."""
    headers = {"authorization": f"Bearer {gateway.secrets['runaway']}"}
    statuses: Counter[int] = Counter()
    refusals = []

    async def runs_away(client: httpx.AsyncClient, number: int) -> None:
        for call in range(12):
            stream = bool((number + call) % 2)
            answer = await client.post("/chat/completions", json=chat(stream=stream, max_tokens=20, user="runaway"))
            statuses[answer.status_code] += 1
            if answer.status_code == 429:
                refusals.append(answer.json()["error"])

    async with httpx.AsyncClient(base_url=f"{gateway.server.url}/v1", headers=headers, timeout=20) as client:
        await asyncio.gather(*[runs_away(client, number) for number in range(10)])
    assert set(statuses) == {200, 429}
    billed = gateway.entries("runaway")
    assert len(billed) == statuses[200]
    spent = sum(one.input_tokens * INPUT + one.output_tokens * OUTPUT for one in billed)
    most = (len("hello there") + 200) * INPUT + 20 * OUTPUT
    assert 500_000_000 - most < spent <= 500_000_000
    assert all(one["type"] == "budget_exceeded" for one in refusals)
    assert "$0.0005 a day of Key runaway" in refusals[-1]["message"]

    def told() -> Any:
        rows = gateway.server.client.call("GET", "/spend", by="key")["rows"]
        return [row for row in rows if row["key"] == "runaway" and row["requests"] == statuses.total()]

    (row,) = wait_for(told, what="the spend of the key")
    assert row["cost_usd"] == f"{spent / 10**12:.12f}".rstrip("0")


def test_without_a_bound_of_the_callers_the_answer_is_as_long_as_the_budget_pays_for(gateway: Gateway) -> None:
    billed = [one.output_tokens for one in gateway.entries("brief")]
    with gateway.client("brief") as client:
        while (answer := client.post("/chat/completions", json=chat(user="brief"))).status_code == 200:
            billed.append(answer.json()["usage"]["completion_tokens"])
            assert len(billed) < 10
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert 0 < min(billed) < 8  # the model would have said eight words
    entries = gateway.entries("brief")
    assert sum(one.input_tokens * INPUT + one.output_tokens * OUTPUT for one in entries) <= 50_000_000


def test_a_fifth_request_in_a_minute_is_too_many(gateway: Gateway) -> None:
    with gateway.client("paced") as client:
        statuses = [client.post("/chat/completions", json=chat("gpt-fast")).status_code for _ in range(4)]
        refused = client.post("/chat/completions", json=chat())
        assert statuses == [200] * 4
        assert refused.status_code == 429
        assert 50 <= int(refused.headers["retry-after"]) <= 61
        assert "4 requests a minute" in refused.json()["error"]["message"]


def test_a_key_asks_for_its_routes_alone(gateway: Gateway) -> None:
    with gateway.client("paced") as client:
        refused = client.post("/chat/completions", json=chat("upstream/small-1"))
        assert refused.status_code == 403
        assert "fast" in refused.json()["error"]["message"]
        listed = {one["id"] for one in client.get("/models").json()["data"]}
        assert listed == {"fast", "gpt-fast", "kept", "sturdy"}
    wrong = httpx.post(
        f"{gateway.server.url}/v1/chat/completions", json=chat(), headers={"authorization": "Bearer trg_x"}
    )
    nobody = httpx.post(f"{gateway.server.url}/v1/chat/completions", json=chat())
    assert (wrong.status_code, nobody.status_code) == (401, 401)


def test_failing_targets_are_bridged_and_then_left_alone(gateway: Gateway) -> None:
    with gateway.client("free") as client:
        answers = [client.post("/chat/completions", json=chat("sturdy", user="sturdy")) for _ in range(12)]
    assert {answer.status_code for answer in answers} == {200}
    asked = Counter(entry.status for entry in gateway.entries("sturdy"))
    assert asked == {200: 12, 503: 3}  # then its breaker was open


def test_an_equal_call_is_answered_from_the_cache_for_nothing(gateway: Gateway) -> None:
    with gateway.client("free") as client:
        first, second = (
            client.post("/chat/completions", json=chat("kept", user=user)) for user in ("kept", "kept-too")
        )
        third = client.post("/chat/completions", json=chat("kept", user="kept"), headers={"x-triops-no-cache": "1"})
    assert [one.headers["x-triops-cache"] for one in (first, second, third)] == ["miss", "hit", "off"]
    assert second.json()["choices"] == first.json()["choices"]
    assert second.headers["x-triops-cost-usd"] == "0"
    assert len(gateway.entries("kept")) == 2
    assert not gateway.entries("kept-too")


def test_a_budget_that_is_applied_late_knows_what_was_spent_before(gateway: Gateway) -> None:
    client = gateway.server.client
    with gateway.client("free") as caller:
        assert caller.post("/chat/completions", json=chat(user="late", max_tokens=8)).status_code == 200

        def booked() -> bool:
            return any(row["user"] == "late" for row in client.call("GET", "/spend", by="user")["rows"])

        wait_for(booked, what="the call in the books")
        client.apply(
            [{"kind": "Budget", "name": "late", "spec": {"user": "late", "amount": "0.00001", "per": "month"}}]
        )

        def refused() -> Any:
            answer = caller.post("/chat/completions", json=chat(max_tokens=1, user="late"))
            return answer if answer.status_code == 429 else None

        message = wait_for(refused, what="the new budget").json()["error"]["message"]
    assert "Budget late" in message
    assert "$0 is spent" not in message
