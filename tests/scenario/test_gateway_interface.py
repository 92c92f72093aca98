"""What stays of the gateway, as it is written down for those who stand on it: the documents, the key, the spend, the
refusals, and the one variable that must be enough to begin."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from triops.adapters.local import weights
from triops.testing.server import RunningTriops, wait_for
from triops.testing.upstream import LoopbackProvider

DOCUMENTS = """\
kind: Provider
name: upstream
spec: {dialect: openai, base_url: "http://127.0.0.1:9000/v1", api_key_env: UPSTREAM_KEY, allow_private: true}
---
kind: Route            # its name is the model name that clients send
name: fast
spec: {targets: [{provider: upstream, model: small-1, weight: 1}], fallbacks: [{provider: local, model: smollm2}], timeout_s: 30, retries: 1}
---
kind: Price
name: small-1
spec: {provider: upstream, input_per_million_usd: "0.15", output_per_million_usd: "0.60", from: 2026-01-01}
---
kind: Key              # the secret is printed once by `triops key create --gateway support-bot`
name: support-bot
spec: {application: support-bot, team: care, routes: [fast], budget_usd: {amount: "5.00", per: day, hard: true}, requests_per_minute: 600, tokens_per_minute: 100000}
---
kind: Prompt
name: support
spec: {messages: [{role: system, content: "You help customers of {{shop}}."}], labels: {production: 1}}
"""  # noqa: E501
UPSTREAM_KEY = "sk-upstream-0123456789abcdef"
HI = [{"role": "user", "content": "hello there"}]
CHAT = "/v1/chat/completions"


@dataclass
class House:
    server: RunningTriops
    upstream: LoopbackProvider
    secret: str
    printed: str

    def post(self, path: str, body: Any) -> httpx.Response:
        return httpx.post(
            self.server.url + path, json=body, headers={"authorization": f"Bearer {self.secret}"}, timeout=60
        )

    def rows(self, **query: str) -> list[Any]:
        by = "key,model,provider,prompt,application"
        rows = self.server.client.call("GET", "/spend", by=by, **query)["rows"]
        return [row for row in rows if row["provider"] == "upstream"]


def triops(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "triops", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=["apply", "config"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp(request.param)
    with LoopbackProvider(key=UPSTREAM_KEY) as upstream:
        (folder / "gateway.yaml").write_text(DOCUMENTS.replace("http://127.0.0.1:9000", upstream.url))
        given = ["--config", str(folder / "gateway.yaml")] if request.param == "config" else []
        with RunningTriops(folder / "data", *given, environ={"UPSTREAM_KEY": UPSTREAM_KEY}) as server:
            if request.param == "apply":
                triops("apply", str(folder / "gateway.yaml"), "--url", server.url)
            printed = triops("key", "create", "--gateway", "support-bot", "--url", server.url)
            yield House(server, upstream, printed.strip(), printed)


def test_the_documents_the_key_and_the_spend(house: House) -> None:
    assert house.printed.startswith("trg_")
    assert len(house.printed.split()) == 1
    assert house.secret not in json.dumps(house.server.client.gateway_keys())
    answer = house.post(CHAT, {"model": "fast", "messages": HI, "user": "ann"})
    assert answer.status_code == 200, answer.text
    (asked,) = house.upstream.ledger().entries("ann")
    assert (asked.model, asked.key) == ("small-1", UPSTREAM_KEY)
    prompt = {"name": "support", "variables": {"shop": "Acme"}}
    filled = house.post(CHAT, {"model": "fast", "messages": HI, "prompt": prompt, "user": "ben"})
    (prompted,) = house.upstream.ledger().entries("ben")
    assert filled.status_code == 200, filled.text
    assert prompted.input_tokens > asked.input_tokens
    assert len(house.rows()) == 2  # at once: who asks is told of all that was answered until then
    today = {"start": "2026-01-01", "end": ""}
    for query in ({}, {"start": "", "end": ""}, today):
        by_prompt = {row["prompt"]: row for row in house.rows(**query)}
        for name, entry in (("", asked), ("support", prompted)):
            cost = entry.input_tokens * Decimal("0.00000015") + entry.output_tokens * Decimal("0.0000006")
            row = by_prompt[name]
            assert (row["key"], row["application"]) == ("support-bot", "support-bot")
            assert (row["model"], row["requests"]) == ("small-1", 1)
            assert (row["input_tokens"], row["output_tokens"]) == (entry.input_tokens, entry.output_tokens)
            assert isinstance(row["cost_usd"], str)
            assert Decimal(row["cost_usd"]) == cost


def test_the_fallback_answers_where_the_provider_does_not(house: House) -> None:
    if not weights.installed():
        pytest.skip("no local model is installed")
    answer = house.post(CHAT, {"model": "fast", "messages": HI, "max_tokens": 4, "user": "cut!status=503"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-triops-provider"] == "local"
    assert [entry.status for entry in house.upstream.ledger().entries("cut")] == [503, 503]


def test_a_key_may_ask_for_its_routes_alone(house: House) -> None:
    assert house.post(CHAT, {"model": "small-1", "messages": HI}).status_code == 403


@pytest.mark.parametrize("stream", [False, True])
def test_a_hard_budget_is_told_in_the_words_of_every_dialect(house: House, stream: bool) -> None:
    spec = {"application": "support-bot", "routes": ["fast"]}
    spent = {**spec, "budget_usd": {"amount": "0.0000001", "per": "day", "hard": True}}
    house.server.client.apply([{"kind": "Key", "name": "support-bot", "spec": spent}])
    said: dict[str, Any] = {"model": "fast", "stream": stream}
    asked = {
        CHAT: {**said, "messages": HI},
        "/v1/responses": {**said, "input": "hello there"},
        "/v1/embeddings": {"model": "fast", "input": "hello there"},
        "/v1/messages": {**said, "messages": HI, "max_tokens": 5},
        "/api/chat": {**said, "messages": HI},
        "/api/generate": {**said, "prompt": "hello there"},
        "/api/embed": {"model": "fast", "input": "hello there"},
    }
    wait_for(lambda: house.post(CHAT, asked[CHAT]).status_code == 429, what="the new budget")
    for path, body in asked.items():
        answer = house.post(path, body)
        assert (path, answer.status_code) == (path, 429)
        tree = answer.json()
        told = tree["error"] if isinstance(tree["error"], dict) else tree
        assert told["type"] == "budget_exceeded", (path, tree)
        assert answer.headers.get_list("content-type") == ["application/json"]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    """With nothing but the one variable."""
    with RunningTriops(tmp_path_factory.mktemp("bare") / "data") as server:
        yield server


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer none"}, {"authorization": "Bearer sk-dummy"}])
def test_without_any_document_and_key_the_local_model_answers(bare: RunningTriops, headers: dict[str, str]) -> None:
    if not weights.installed():
        pytest.skip("no local model is installed")
    body = {"model": "gpt-4o", "messages": HI, "max_tokens": 4}
    answer = httpx.post(bare.url + CHAT, json=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-triops-provider"] == "local"
    assert answer.json()["choices"][0]["message"]["content"]


def test_a_caller_s_own_key_goes_on_and_is_neither_logged_nor_stored(bare: RunningTriops) -> None:
    """There is no way out of here, so that the provider cannot be reached: the worst case for what is logged."""
    own = ("sk-proj-caller-0123456789", "sk-ant-api03-caller-0123456789")
    for path, headers in (
        (CHAT, {"authorization": f"Bearer {own[0]}", "openai-organization": "org-mine"}),
        ("/v1/messages", {"x-api-key": own[1]}),
    ):
        body = {"model": "gpt-4o" if path == CHAT else "claude-opus", "messages": HI, "max_tokens": 4}
        answer = httpx.post(bare.url + path, json=body, headers=headers, timeout=60)
        assert answer.headers["x-triops-provider"] == ("openai" if path == CHAT else "anthropic")
        assert not any(key in answer.text for key in own)
        assert answer.status_code >= 400
    wait_for(lambda: bare.client.call("GET", "/spend", by="provider", provider="anthropic")["rows"], what="the books")
    kept = [bare.log, *(path for path in bare.data.rglob("*") if path.is_file())]
    assert len(kept) > 5
    assert [path.name for path in kept if any(key.encode() in path.read_bytes() for key in own)] == []


def test_with_one_provider_and_no_route_names_pass_through(bare: RunningTriops) -> None:
    with LoopbackProvider() as upstream:
        spec = {"dialect": "openai", "base_url": f"{upstream.url}/v1", "allow_private": True}
        bare.client.apply([{"kind": "Provider", "name": "only", "spec": spec}])

        def passed() -> Any:
            answer = httpx.post(bare.url + CHAT, json={"model": "any-model-7", "messages": HI, "max_tokens": 4})
            return answer.headers.get("x-triops-provider") == "only" and answer

        answer = wait_for(passed, what="the new provider")
        assert (answer.status_code, answer.headers["x-triops-model"]) == (200, "any-model-7")
        assert [entry.model for entry in upstream.ledger().entries()] == ["any-model-7"]


def test_where_no_model_can_run_the_error_shows_the_document(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['xllamacpp'] = None\n")
    path = os.pathsep.join([str(tmp_path), *(os.environ.get("PYTHONPATH") or "").split(os.pathsep), *sys.path])
    with RunningTriops(tmp_path / "data", environ={"PYTHONPATH": path}) as server:
        for at, body in ((CHAT, {"messages": HI}), ("/v1/messages", {"messages": HI, "max_tokens": 4})):
            answer = httpx.post(server.url + at, json={"model": "gpt-4o", **body}, timeout=20)
            assert answer.status_code == 404, answer.text
            message = answer.json()["error"]["message"]
            assert "kind: Provider" in message
            assert "triops apply" in message
