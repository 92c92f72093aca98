"""Calls of every sort for a reconciliation: dialects, streams, faults of providers, retries, fallbacks, caches, callers
that leave, budgets. Each call has a user of its own, under which both accounts know it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

PRICES: Final[Mapping[str, tuple[int, int, int]]] = {  # pico-dollars a token of input, cached input and output
    "small-1": (150_000, 75_000, 600_000),
    "claude-1": (3_000_000, 300_000, 15_000_000),
    "embed-1": (20_000, 20_000, 0),
}
_MODELS: Final = {"small-1": "up", "claude-1": "an", "embed-1": "up"}
_SMALL, _CLAUDE = {"provider": "up", "model": "small-1"}, {"provider": "an", "model": "claude-1"}


def _up(orders: str) -> list[dict[str, str]]:
    return [{"provider": "up", "model": f"small-1!{orders}"}]


ROUTES: Final[Mapping[str, Mapping[str, Any]]] = {
    "plain": {"targets": [_SMALL]},
    "claude": {"targets": [_CLAUDE]},
    "embed": {"targets": [{"provider": "up", "model": "embed-1"}]},
    "cached": {"targets": _up("cached=3")},
    "busy": {"targets": _up("status=503,every=4"), "retries": 2, "retry_budget": 1.0},
    "limited": {"targets": _up("status=429,every=3"), "retries": 0, "fallbacks": [_CLAUDE]},
    "broken": {"targets": _up("status=500"), "retries": 0, "fallbacks": [_SMALL]},
    "dead": {"targets": [{"provider": "gone", "model": "small-1"}], "retries": 0, "fallbacks": [_CLAUDE]},
    "fails": {"targets": _up("status=503"), "retries": 0},
    "garbage": {"targets": _up("garbage=json"), "retries": 0, "fallbacks": [_SMALL]},
    "page": {"targets": _up("garbage=html"), "retries": 0},
    "odd": {"targets": _up("garbage=sse"), "retries": 0},
    "cut": {"targets": _up("cut_after=3,flush=1"), "retries": 0},
    "cut-again": {"targets": _up("cut_after=0,every=2"), "retries": 1, "retry_budget": 1.0},
    "error": {"targets": _up("error_after=3"), "retries": 0},
    "cut-claude": {"targets": [{"provider": "an", "model": "claude-1!cut_after=5,flush=1"}], "retries": 0},
    "untold": {"targets": _up("usage=0")},
    "slow": {"targets": _up("first_ms=20000"), "timeouts": {"first_token_s": 1.0, "total_s": 1.5}, "retries": 0,
             "fallbacks": [_SMALL]},
    "stall": {"targets": _up("stall_after=3,flush=1"), "timeouts": {"between_tokens_s": 1.0},
              "retries": 0},
    "kept": {"targets": [_SMALL], "cache": {"ttl_s": 600}},
    "drain": {"targets": _up("words=12,between_ms=10"), "on_disconnect": "drain", "drain_s": 20},
    "cancel": {"targets": _up("words=2000,between_ms=20"), "on_disconnect": "cancel"},
}  # fmt: skip
KEPT: Final = "kept-"  # how the users begin under which the provider knows calls that the cache may answer
LEFT: Final = ("drain", "cancel")
KEYS: Final[Mapping[str, Mapping[str, Any]]] = {
    "rich": {"application": "assistant", "team": "care"},
    "soft": {"team": "care", "budget_usd": {"amount": "0.0001", "per": "day", "hard": False}},
    "hard": {"budget_usd": {"amount": "0.002", "per": "day", "hard": True}},
}
_WEIGHTS: Final = {"plain": 40, "claude": 12, "embed": 12, "kept": 15, "cut-again": 3, "cached": 6, "busy": 6,
                   "limited": 5, "broken": 3, "dead": 2, "slow": 0.4, "stall": 0.4, "drain": 2}  # fmt: skip
_OF_KEYS: Final = {"rich": 6, "soft": 2, "hard": 2}
_STREAMS: Final = ("chat", "responses", "messages", "ollama")


def documents(url: str) -> list[dict[str, Any]]:
    """For a loopback provider at `url`."""
    patient = {"failures": 10_000}
    providers = {
        "up": {"dialect": "openai", "base_url": f"{url}/v1"},
        "an": {"dialect": "anthropic", "base_url": url},
        "gone": {"dialect": "openai", "base_url": "http://127.0.0.1:9/v1"},
    }
    found = [
        {"kind": "Provider", "name": name, "spec": {**spec, "allow_private": True, "breaker": patient}}
        for name, spec in providers.items()
    ]
    found += [{"kind": "Route", "name": name, "spec": dict(spec)} for name, spec in ROUTES.items()]
    for model, (read, cached, written) in PRICES.items():
        rates = {"input": read, "cached_input": cached, "output": written}
        per_million = {f"{name}_per_million_usd": f"{rate / 10**6:f}" for name, rate in rates.items()}
        spec = {"provider": _MODELS[model], "model": f"{model}*", **per_million}
        found.append({"kind": "Price", "name": model, "spec": spec})
    return [*found, *({"kind": "Key", "name": name, "spec": dict(spec)} for name, spec in KEYS.items())]


@dataclass(frozen=True, slots=True)
class Call:
    """`leaves`: the caller goes away after the first bytes of the answer."""

    user: str
    project: str
    key: str
    route: str
    dialect: str
    path: str
    stream: bool
    body: Mapping[str, Any]

    @property
    def leaves(self) -> bool:
        return self.route in LEFT


def calls(count: int, projects: Sequence[str], first: int = 0) -> Iterator[Call]:
    """Always the same ones. `first`: the number of the first of them."""
    rng = Random(first)
    routes = [name for name in ROUTES if name not in ("slow", "stall", "drain", "cancel")]
    for number in range(first, first + count):
        weights = [_WEIGHTS.get(route, 1.0) for route in ROUTES]
        route = rng.choices(list(ROUTES), weights)[0] if number - first >= len(routes) else routes[number - first]
        dialect = "embeddings" if route == "embed" else rng.choice(_STREAMS)
        stream = route in LEFT or route == "stall" or (dialect != "embeddings" and rng.random() < 0.5)
        user, project = f"u{number}", projects[0] if rng.random() < 0.8 else projects[-1]
        key = rng.choices(list(_OF_KEYS), list(_OF_KEYS.values()))[0]
        mark = f"{KEPT}{number % 7}" if route == "kept" else user
        text = f"call-of:{mark} " + "and tell me of it " * (number % 7)
        yield Call(user, project, key, route, dialect, *_asked(dialect, route, mark, text, stream))


def _asked(dialect: str, route: str, user: str, text: str, stream: bool) -> tuple[str, bool, dict[str, Any]]:
    said = [{"role": "user", "content": text}]
    if dialect == "embeddings":
        return "/v1/embeddings", False, {"model": route, "input": text, "user": user}
    if dialect == "responses":
        body = {"model": route, "input": text, "user": user, "stream": stream, "max_output_tokens": 50}
        return "/v1/responses", stream, body
    if dialect == "messages":
        who = {"metadata": {"user_id": user}}
        return "/v1/messages", stream, {"model": route, "messages": said, "max_tokens": 50, "stream": stream, **who}
    if dialect == "ollama":
        body = {"model": route, "messages": said, "user": user, "stream": stream, "options": {"num_predict": 50}}
        return "/api/chat", stream, body
    return "/v1/chat/completions", stream, {"model": route, "messages": said, "user": user, "stream": stream,
                                            "max_tokens": 50}  # fmt: skip
