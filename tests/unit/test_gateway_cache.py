"""Answers to equal calls: exact, bounded, and nobody else's."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.gateway import FAST, NOON, UPSTREAM, ask, project
from triops.kernel.completion import Chat, Choice, Message, Part, Reply
from triops.lenses.llmops.gateway.cache import Cache, Entry, Key

ROUTE = project(UPSTREAM, FAST.replace("spec: {", "spec: {cache: {ttl_s: 60, max_mb: 1}, ")).routes["fast"]
REPLY = Reply("r", "small-1", (Choice(0, (Part("text", "hello"),)),))


def key(cache: Cache, owner: str = "default", **said: Any) -> Key:
    found = cache.key(owner, said.pop("route", ROUTE), ask(**said))
    assert found is not None
    return found


def entry(size: int = 100) -> Entry:
    return Entry(REPLY, "upstream", "small-1", 7, size)


def test_an_equal_call_is_answered_until_the_answer_is_old() -> None:
    cache = Cache()
    assert cache.get(key(cache), NOON) is None
    cache.put(key(cache), entry(), 60.0, NOON)
    found = cache.get(key(cache, user="ann"), NOON + 59.9)
    assert found is not None
    assert found.answer is REPLY
    assert cache.get(key(cache), NOON + 60) is None
    state = cache.state("default")["fast"]
    assert (state["hits"], state["misses"], state["saved"], state["entries"]) == (1, 2, 7, 0)


@pytest.mark.parametrize("same", [{"stream": True}, {"user": "bob"}, {"metadata": {"a": "b"}}, {"stream_options": {}}])
def test_what_does_not_change_the_answer_is_left_out(same: dict[str, Any]) -> None:
    cache = Cache()
    raw = {**ask().raw, **same}
    assert cache.key("default", ROUTE, replace(ask(), raw=raw)) == key(cache)


@pytest.mark.parametrize(
    "other", [{"temperature": 1}, {"n": 2, "seed": 3}, {"text": "ho"}, {"tools": [{"type": "function"}]}]
)
def test_any_other_call_is_another(other: dict[str, Any]) -> None:
    cache = Cache()
    cache.put(key(cache), entry(), 60.0, NOON)
    assert cache.get(key(cache, **other), NOON) is None


def test_another_project_route_or_dialect_is_another() -> None:
    cache = Cache()
    cache.put(key(cache), entry(), 60.0, NOON)
    for route in (replace(ROUTE, name="slow"), replace(ROUTE, revision=9), replace(ROUTE, variant="bot:small-*")):
        assert cache.get(key(cache, route=route), NOON) is None
    assert cache.get(key(cache, "other"), NOON) is None
    other = cache.key("default", ROUTE, replace(ask(), dialect="anthropic.messages"))
    assert other is not None
    assert cache.get(other, NOON) is None


def test_what_was_filled_in_counts() -> None:
    cache = Cache()
    texts = [Chat((Message("user", (Part("text", text),)),)) for text in ("a", "b")]
    assert cache.key("default", ROUTE, ask(), texts[0]) != cache.key("default", ROUTE, ask(), texts[1])
    assert cache.key("default", ROUTE, ask(), texts[0]) == cache.key("default", ROUTE, ask(), texts[0])


@pytest.mark.parametrize(
    "said",
    [
        {"previous_response_id": "r"},
        {"background": True},
        {"tools": [{"type": "web_search"}]},
        {"web_search_options": {"a": 1}},
    ],
)
def test_calls_that_read_or_leave_something_elsewhere_are_not_cached(said: dict[str, Any]) -> None:
    assert Cache().key("default", ROUTE, ask(**said)) is None


def test_routes_and_callers_that_want_no_cache_have_none() -> None:
    assert Cache().key("default", replace(ROUTE, cache=None), ask()) is None
    assert Cache().key("default", ROUTE, ask(), skip=True) is None


def test_the_entry_used_longest_ago_goes_first() -> None:
    cache = Cache()
    keys = [key(cache, text=str(at)) for at in range(20)]
    for one in keys[:10]:
        cache.put(one, entry(90_000), 60.0, NOON)
    assert cache.get(keys[0], NOON) is not None
    for one in keys[10:13]:
        cache.put(one, entry(90_000), 60.0, NOON)
    assert cache.get(keys[0], NOON) is not None
    assert cache.get(keys[1], NOON) is None
    assert cache.state("default")["fast"]["bytes"] <= 1 << 20
    cache.put(keys[15], entry(900_000), 60.0, NOON)  # too large a part of it
    assert cache.get(keys[15], NOON) is None


def test_all_routes_together_have_a_bound() -> None:
    cache = Cache(max_bytes=10_000)
    for at in range(50):
        cache.put(key(cache, owner=f"p{at % 5}", text=str(at)), entry(400), 60.0, NOON)
    assert sum(cache.state(f"p{at}")["fast"]["bytes"] for at in range(5)) <= 10_000


def test_a_project_is_purged_alone() -> None:
    cache = Cache()
    for owner in ("a", "b"):
        cache.put(key(cache, owner), entry(), 60.0, NOON)
    cache.purge("a")
    assert cache.get(key(cache, "a"), NOON) is None
    assert cache.get(key(cache, "b"), NOON) is not None
