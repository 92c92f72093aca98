"""Which models a key may ask for and how much it has left, as the unmodified clients of three families are told."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import anthropic
import httpx
import ollama
import openai
import pytest

from tests.gateway_server import gateway
from triops.testing.server import RunningTriops, wait_for
from triops.testing.upstream import LoopbackProvider

ROUTES = {"fast": ("openai", "small-1"), "claude": ("anthropic", "claude-opus-5"), "mine": ("openai", "large-1")}
MORE = """
kind: Provider
name: known
spec: {dialect: openai, base_url: "http://127.0.0.1:9/v1", allow_private: true, models: [listed-1]}
---
kind: Provider
name: gone
spec: {dialect: openai, base_url: "http://127.0.0.1:9/v1", allow_private: true}
---
kind: Key
name: all
spec: {application: all}
---
kind: Key
name: some
spec: {application: some, models: ["small-1", "anthropic/*haiku*", "mine"]}
---
kind: Key
name: bound
spec: {application: bound, routes: [fast, claude], requests_per_minute: 3, tokens_per_minute: 100000}
---
kind: Key
name: tight
spec: {application: tight, routes: [fast, claude], requests_per_minute: 1}
"""
OFFERED = {
    "anthropic/claude-opus-5", "anthropic/claude-haiku-5", "openai/small-1", "openai/large-1", "openai/embed-1",
    "gemini/gemini-3-flash", "gemini/embed-1", "ollama/llama3:latest", "ollama/nomic-embed-text:v1.5",
}  # fmt: skip
HI: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with gateway(tmp_path_factory.mktemp("may"), ROUTES, MORE) as running:
        yield running


@pytest.fixture(scope="module")
def secrets(server: RunningTriops) -> dict[str, str]:
    made = {name: str(server.client.create_gateway_key(name)["secret"]) for name in ("all", "some", "bound", "tight")}
    for secret in made.values():
        known = {"headers": {"authorization": f"Bearer {secret}"}, "trust_env": False}
        wait_for(lambda known=known: httpx.get(f"{server.url}/api/version", **known).is_success, what="the key")  # type: ignore[misc]
    return made


def of_openai(server: RunningTriops, secret: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=secret, max_retries=0)


def of_anthropic(server: RunningTriops, secret: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=server.url, api_key=secret, max_retries=0)


# Models


def test_routes_come_first_then_what_each_provider_offers(server: RunningTriops, secrets: dict[str, str]) -> None:
    client = of_openai(server, secrets["all"])
    listed = list(client.models.list())
    assert {one.id for one in listed[:3]} == set(ROUTES)
    assert {one.id for one in listed[3:]} == {*OFFERED, "known/listed-1"}
    assert client.models.retrieve("anthropic/claude-opus-5").created == 1_767_225_600
    assert client.models.retrieve("gemini/gemini-3-flash").owned_by == "gemini"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gemini/imagen-4")
    assert client.chat.completions.create(model="ollama/llama3:latest", messages=HI).choices[0].message.content
    log = server.log.read_text()
    assert "gone of the project default did not list its models: connect" in log


def test_the_other_families_clients_are_told_the_same(server: RunningTriops, secrets: dict[str, str]) -> None:
    client = of_anthropic(server, secrets["all"])
    names = {one.id for one in client.models.list()}
    assert names >= OFFERED
    assert client.models.retrieve("openai/small-1").created_at == datetime(2026, 1, 1, tzinfo=UTC)
    tags = ollama.Client(host=server.url, headers={"authorization": f"Bearer {secrets['all']}"})
    assert {one.model for one in tags.list().models} == names
    assert tags.show("ollama/llama3").modified_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_key_is_told_what_it_may_ask_for_alone(server: RunningTriops, secrets: dict[str, str]) -> None:
    some = {one.id for one in of_openai(server, secrets["some"]).models.list()}
    assert some == {"mine", "fast", "openai/small-1", "anthropic/claude-haiku-5"}
    assert {one.id for one in of_openai(server, secrets["bound"]).models.list()} == {"fast", "claude"}
    with pytest.raises(openai.NotFoundError):
        of_openai(server, secrets["bound"]).models.retrieve("openai/small-1")


def test_one_provider_alone_gives_its_own_names(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("alone")
    with LoopbackProvider(key="sk-held") as upstream:
        (folder / "one.yaml").write_text(
            "kind: Provider\nname: only\n"
            f'spec: {{dialect: openai, base_url: "{upstream.url}/v1", allow_private: true, api_key_env: HELD_KEY}}'
        )
        up = RunningTriops(folder / "data", "--config", str(folder / "one.yaml"), environ={"HELD_KEY": "sk-held"})
        with up as server:
            client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused")
            assert [one.id for one in client.models.list()] == ["small-1", "large-1", "embed-1"]
            assert client.models.retrieve("small-1").id == "small-1"
            assert client.chat.completions.create(model="small-1", messages=HI).choices
            asked = [entry for entry in upstream.ledger().tree()["entries"] if entry["path"] == "/v1/models"]
            assert len(asked) == 1  # kept for the second time
            assert "sk-held" not in server.log.read_text()


# What is left


def test_answers_say_what_is_left_of_a_minute(server: RunningTriops, secrets: dict[str, str]) -> None:
    client = of_openai(server, secrets["bound"]).chat.completions
    whole = client.with_raw_response.create(model="fast", messages=HI).headers
    assert (whole["x-ratelimit-limit-requests"], whole["x-ratelimit-remaining-requests"]) == ("3", "2")
    assert whole["x-ratelimit-reset-requests"] in ("1m0s", "1m0.1s")
    assert whole["x-ratelimit-limit-tokens"] == "100000"
    left = int(whole["x-ratelimit-remaining-tokens"])
    assert 90_000 < left < 100_000
    with client.with_streaming_response.create(model="fast", messages=HI, stream=True) as streamed:
        assert streamed.headers["x-ratelimit-remaining-requests"] == "1"
        assert int(streamed.headers["x-ratelimit-remaining-tokens"]) < left
        streamed.read()
    messages = of_anthropic(server, secrets["bound"]).messages
    theirs = messages.with_raw_response.create(model="claude", messages=HI, max_tokens=20).headers
    assert theirs["anthropic-ratelimit-requests-limit"] == "3"
    assert theirs["anthropic-ratelimit-requests-remaining"] == "0"
    full = datetime.fromisoformat(theirs["anthropic-ratelimit-tokens-reset"])
    assert 50 < (full - datetime.now(UTC)).total_seconds() < 62
    assert "x-ratelimit-limit-requests" not in theirs
    with pytest.raises(openai.RateLimitError) as refused:
        client.create(model="fast", messages=HI)
    assert refused.value.response.headers["x-ratelimit-remaining-requests"] == "0"
    with pytest.raises(anthropic.RateLimitError) as late:
        messages.create(model="claude", messages=HI, max_tokens=20)
    assert late.value.response.headers["anthropic-ratelimit-requests-remaining"] == "0"


def test_only_limits_that_a_key_has_are_told(server: RunningTriops, secrets: dict[str, str]) -> None:
    free = of_openai(server, secrets["all"]).chat.completions.with_raw_response.create(model="fast", messages=HI)
    assert not [name for name in free.headers if "ratelimit" in name]
    tight = ollama.Client(host=server.url, headers={"authorization": f"Bearer {secrets['tight']}"})
    tight.chat(model="fast", messages=HI)
    asked = {"authorization": f"Bearer {secrets['tight']}"}
    with httpx.Client(trust_env=False) as http:
        late = http.post(f"{server.url}/api/chat", headers=asked, json={"model": "fast", "messages": HI})
    assert late.status_code == 429
    assert late.headers["x-ratelimit-remaining-requests"] == "0"
    assert "x-ratelimit-limit-tokens" not in late.headers
