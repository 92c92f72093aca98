"""What providers offer by themselves: who is asked, for whom it is kept, what becomes of those that fail."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from tests.unit.gateway import FAST, UPSTREAM, project
from triops.adapters.embedded.journal import FileJournal
from triops.adapters.providers.anthropic import AnthropicProvider
from triops.adapters.providers.gemini import GeminiProvider
from triops.adapters.providers.offering import MOST
from triops.adapters.providers.ollama import OllamaProvider
from triops.adapters.providers.openai import OpenAIProvider
from triops.adapters.providers.transport import HttpUpstream
from triops.lenses.llmops.gateway.admission import Admission
from triops.lenses.llmops.gateway.cache import Cache
from triops.lenses.llmops.gateway.counts import Counts
from triops.lenses.llmops.gateway.estimate import Estimators
from triops.lenses.llmops.gateway.offers import Offers
from triops.lenses.llmops.gateway.parts import Parts
from triops.lenses.llmops.gateway.recorder import Recorder
from triops.lenses.llmops.gateway.router import Router
from triops.lenses.llmops.gateway.routing import served, unlisted
from triops.lenses.llmops.gateway.specs import Caller, ProviderSpec
from triops.ports.providers import Fault, Offered, Provider, Target
from triops.ports.upstream import Host
from triops.testing.upstream import LoopbackProvider

NAMES = ["small-1", "large-1", "embed-1"]
OWN = "sk-ant-mine-0123456789"


@pytest.fixture(scope="module")
def up() -> Iterator[LoopbackProvider]:
    with LoopbackProvider(key="sk-right") as provider:
        yield provider


@pytest.fixture
async def offers(tmp_path: Path) -> AsyncIterator[Offers]:
    async def found(spec: ProviderSpec, operation: str) -> ProviderSpec:
        return spec

    journal, upstream, estimators = FileJournal(tmp_path), HttpUpstream(), Estimators()
    yield Offers(
        Parts(
            Recorder(journal, estimators, lambda seq: None, 1000), upstream, lambda spec: OpenAIProvider(), found,
            time.time_ns, random.Random(1), Router(), Admission(), estimators, Cache(), Counts(),
        )
    )  # fmt: skip
    await upstream.close()
    journal.close()


def spec(up: LoopbackProvider, credential: str = "sk-right", **more: str) -> ProviderSpec:
    host = Host("http", "127.0.0.1", int(up.url.rsplit(":", 1)[1]), allow_private=True)
    return ProviderSpec("one", "openai", host, "/v1", credential=credential, source=more.get("source", "set"))


def asked(up: LoopbackProvider) -> int:
    return len(up.ledger().tree()["entries"])


async def test_a_list_is_kept_for_a_tenant_and_a_credential(offers: Offers, up: LoopbackProvider) -> None:
    before = asked(up)
    at_once = await asyncio.gather(*[offers.of("a", [spec(up)]) for _ in range(5)])
    assert [[one.name for one in names["one"]] for names in at_once] == [NAMES] * 5
    await offers.of("a", [spec(up)])
    assert asked(up) - before == 1
    await offers.of("b", [spec(up)])
    assert asked(up) - before == 2
    assert (await offers.of("a", [spec(up, "sk-wrong")]))["one"] == ()
    assert asked(up) - before == 3


async def test_who_fails_offers_nothing_and_the_log_says_so(
    offers: Offers, up: LoopbackProvider, caplog: pytest.LogCaptureFixture
) -> None:
    bad = replace(spec(up, "sk-wrong-0123456789"), name="bad")
    found = await offers.of("a", [bad, spec(up)])
    assert (found["bad"], len(found["one"])) == ((), 3)
    assert "bad of the project a did not list its models: auth: " in caplog.text
    huge = replace(spec(up), name="huge", headers=(("x-upstream", "big=5"),))
    broken = replace(spec(up), name="broken", headers=(("x-upstream", "garbage=html"),))
    assert await offers.of("a", [huge, broken]) == {"huge": (), "broken": ()}
    caplog.clear()
    before = asked(up)
    await offers.of("a", [bad])  # is not asked again at once
    assert (asked(up) - before, caplog.text) == (0, "")
    await offers.of("a", [spec(up, "sk-of-a-caller-0123", source="caller")])
    assert "one of the project a did not list its models: auth\n" in caplog.text
    assert "sk-of-a-caller" not in caplog.text + repr(vars(offers))


async def test_a_caller_who_leaves_takes_nothing_from_the_next(offers: Offers, up: LoopbackProvider) -> None:
    left = asyncio.create_task(offers.of("a", [spec(up)]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    assert [one.name for one in (await offers.of("a", [spec(up)]))["one"]] == NAMES


# Whose models are asked for, and how they are named


def test_only_who_may_ask_for_any_model_asks_providers() -> None:
    listing = 'kind: Provider\nname: other\nspec: {dialect: openai, base_url: "https://o.example/v1", models: [big-1]}'
    bound = project(UPSTREAM, listing, FAST, "kind: Key\nname: bot\nspec: {application: a, routes: [fast]}")
    anyone = Caller("default")
    assert [one.name for one in unlisted(bound, anyone, "openai", {})] == ["upstream"]
    assert unlisted(bound, replace(anyone, spec=bound.keys["bot"]), "openai", {}) == ()
    names = [
        name for name, _, _ in served(bound, anyone, {"upstream": [Offered("x/small-1", 5)], "other": [Offered("no")]})
    ]
    assert names == ["fast", "upstream/x/small-1", "other/big-1"]


def test_a_name_that_begins_like_a_provider_keeps_all_of_itself() -> None:
    alone = project(UPSTREAM)
    offered = [Offered("upstream/odd"), Offered("local/odd"), Offered("meta/odd"), Offered("plain")]
    names = [name for name, _, _ in served(alone, Caller("default"), {"upstream": offered})]
    assert names == ["upstream/upstream/odd", "upstream/local/odd", "meta/odd", "plain"]


def test_a_callers_own_key_lists_what_it_is_for() -> None:
    nothing, caller = project(), Caller("default", passthrough_credential=OWN)
    (owner,) = unlisted(nothing, caller, "openai", {})
    assert (owner.name, owner.host.name, owner.credential) == ("anthropic", "api.anthropic.com", OWN)
    ours = Caller("default", passthrough_credential="sk-proj-0123456789")
    (openai,) = unlisted(nothing, ours, "anthropic", {"openai-project": "p", "cookie": "c"})
    assert openai.headers == (("openai-project", "p"),)
    assert list(served(nothing, caller, {"anthropic": [Offered("claude-opus-5", 7)]})) == [
        ("claude-opus-5", "anthropic", 7)
    ]
    assert [name for name, _, _ in served(nothing, caller)] == []
    stopgap = Caller("default", passthrough_credential="unused")
    assert unlisted(nothing, stopgap, "openai", {}) == ()
    assert [name for name, _, _ in served(nothing, stopgap)] == ["smollm2", "all-minilm-l6-v2"]
    shapeless = Caller("default", passthrough_credential="0123456789abcdef")
    assert [unlisted(nothing, shapeless, of, {})[0].name for of in ("openai", "anthropic", "ollama")] == [
        "openai",
        "anthropic",
        "ollama",
    ]


# Each dialect's words


@pytest.mark.parametrize(
    ("provider", "base", "path", "header"),
    [
        (OpenAIProvider(), "/v1", "/v1/models", ("authorization", "Bearer k")),
        (AnthropicProvider(), "", "/v1/models?limit=1000", ("x-api-key", "k")),
        (AnthropicProvider(), "/v1", "/v1/models?limit=1000", ("x-api-key", "k")),
        (GeminiProvider(), "", "/v1beta/models?pageSize=1000", ("x-goog-api-key", "k")),
        (OllamaProvider(), "/api", "/api/tags", ("authorization", "Bearer k")),
    ],
)
def test_how_each_is_asked(provider: Provider, base: str, path: str, header: tuple[str, str]) -> None:
    outgoing = provider.listing(Target("p", "", base, "k", (("x-more", "1"),)))
    assert (outgoing.method, outgoing.path, outgoing.body) == ("GET", path, b"")
    assert header in outgoing.headers
    assert ("x-more", "1") in outgoing.headers
    assert "content-type" not in dict(outgoing.headers)


@pytest.mark.parametrize(
    ("provider", "member", "name"),
    [
        (OpenAIProvider(), "data", "id"),
        (AnthropicProvider(), "data", "id"),
        (GeminiProvider(), "models", "name"),
        (OllamaProvider(), "models", "name"),
    ],
)
def test_odd_lists_are_read_as_far_as_they_go(provider: Provider, member: str, name: str) -> None:
    odd = [{name: "a"}, 7, {}, {name: 3}, {name: "a"}, {name: "b\n"}, {name: "x" * 300}, {name: "c", "created": -1}]
    found = provider.offered(200, {}, orjson.dumps({member: odd}))
    assert [(one.name, one.created) for one in found] == [("a", 0), ("c", 0)]
    many = orjson.dumps({member: [{name: f"m{i}"} for i in range(MOST + 5)]})
    assert len(provider.offered(200, {}, many)) == MOST
    assert provider.offered(200, {}, orjson.dumps({member: None})) == ()
    for body in (b"[]", b"no", orjson.dumps({member: 7})):
        with pytest.raises(Fault) as garbage:
            provider.offered(200, {}, body)
        assert garbage.value.kind == "garbage"
    with pytest.raises(Fault) as refused:
        provider.offered(401, {}, b'{"error": {"message": "no"}}')
    assert refused.value.kind == "auth"


def test_when_a_model_was_made() -> None:
    times = [1_767_225_600, 1_767_225_600.0, "x", 1 << 60, None]
    openai = orjson.dumps({"data": [{"id": str(i), "created": at} for i, at in enumerate(times)]})
    assert [one.created for one in OpenAIProvider().offered(200, {}, openai)] == [1_767_225_600] * 2 + [0] * 3
    texts = ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00.123456789+01:00", "0001-01-01T00:00:00Z", "", "9999-99-99"]
    ollama = orjson.dumps({"models": [{"name": str(i), "modified_at": at} for i, at in enumerate(texts)]})
    assert [one.created for one in OllamaProvider().offered(200, {}, ollama)] == [1_767_225_600] * 2 + [0] * 3
