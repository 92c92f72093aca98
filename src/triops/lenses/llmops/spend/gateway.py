"""The Gateway page: what the documents say, joined with what is going on in the gateway's process."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from triops.kernel.money import usd
from triops.ledger.calls.keys import GatewayKey
from triops.lenses.llmops.gateway.config import ProjectConfig
from triops.lenses.llmops.gateway.specs import KeySpec, ProviderSpec, RouteSpec, Weighted

Lag = Callable[[int, float], float]  # the journal's last number, now → seconds

_NONE: Final[Mapping[str, Any]] = {}


def gateway_view(
    project: str,
    config: ProjectConfig,
    state: Mapping[str, Any],
    problems: Sequence[str],
    secrets: Sequence[GatewayKey],
    now: float,
    lag: Lag,
) -> dict[str, Any]:
    """`state`: {} while the gateway is not ready. `problems`: of the documents. `lag`: for how long the books have not
    had all that the journal holds up to a number."""
    routes, providers = _of(state, "routes", project), _of(state, "providers", project)
    caches, keys = _of(state, "caches", project), _of(state, "keys", project)
    breakers = state.get("breakers", _NONE).get(project, ())
    named = {route.name: route for route in config.routes.values()}
    asked = [name for name in routes if name and name not in named]
    live = Counter(s.key for s in secrets if s.revoked_at is None and (s.expires_at is None or s.expires_at > now))
    return {
        "ready": bool(state.get("ready")),
        "problems": list(problems),
        "in_flight": sum(one.get("in_flight") or 0 for one in breakers),
        "refused": _refused(routes),
        "journal": _journal(state.get("journal") or _NONE, now, lag),
        "routes": [
            *(_route(route, routes.get(name, _NONE), caches.get(name)) for name, route in sorted(named.items())),
            *(_passed(name, routes[name]) for name in sorted(asked)),
        ],
        "providers": [
            _provider(config.providers[name], name in config.declared, providers.get(name, _NONE), breakers)
            for name in sorted(config.providers)
            if name in config.declared or name in providers
        ],
        "keys": [_key(spec, live[name], keys.get(name, _NONE)) for name, spec in sorted(config.keys.items())],
    }


def _journal(journal: Mapping[str, Any], now: float, lag: Lag) -> dict[str, Any]:
    """Of calls that wait for the books, of all projects. `full`: "" or why no call is taken."""
    return {
        "lag_s": round(lag(journal.get("last", 0), now), 1),
        "bytes": journal.get("bytes", 0),
        "most_bytes": journal.get("most", 0),
        "full": journal.get("full", ""),
    }


def _of(state: Mapping[str, Any], part: str, project: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (state.get(part) or _NONE).get(project) or _NONE
    return found


def _route(route: RouteSpec, counted: Mapping[str, Any], cache: Mapping[str, Any] | None) -> dict[str, Any]:
    total = sum(target.weight for target in route.targets) or 1
    rest = 1.0 - (route.canary.share if route.canary else 0.0)
    targets = [{**_target(one), "weight": one.weight, "share": rest * one.weight / total} for one in route.targets]
    if route.canary:
        targets.append({**_target(route.canary.target), "weight": 0, "share": route.canary.share, "canary": True})
    return {
        "name": route.name,
        "aliases": list(route.aliases),
        "targets": targets,
        "fallbacks": [_target(one) for one in route.fallbacks],
        "choose": route.choose,
        "guards": list(route.guards),
        "cache": _cache(cache or _NONE) if route.cache else None,
        "documented": True,
        **_counted(counted),
    }


def _cache(cache: Mapping[str, Any]) -> dict[str, Any]:
    counted = {name: cache.get(name, 0) for name in ("hits", "misses", "entries", "bytes")}
    return {**counted, "saved_usd": usd(cache.get("saved", 0))}


def _refused(routes: Mapping[str, Any]) -> dict[str, int]:
    """Errors by kind, of all routes, as callers saw them."""
    kinds: Counter[str] = Counter()
    for counted in routes.values():
        kinds.update(counted.get("kinds") or {})
    return dict(kinds.most_common(20))


def _passed(name: str, counted: Mapping[str, Any]) -> dict[str, Any]:
    """A model's name that was passed through, without a document."""
    plain: dict[str, Any] = {
        "aliases": [],
        "targets": [],
        "fallbacks": [],
        "choose": "weight",
        "guards": [],
        "cache": None,
    }
    return {"name": name, **plain, "documented": False, **_counted(counted)}


def _target(one: Weighted) -> dict[str, Any]:
    return {"provider": one.provider, "model": one.model}


def _provider(
    spec: ProviderSpec,
    declared: bool,
    counted: Mapping[str, Any],
    breakers: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    own = [one for one in breakers if one.get("provider") == spec.name]
    states = {one.get("state") for one in own}
    health = "critical" if "open" in states else "warning" if "half_open" in states else "ok" if own else "unknown"
    return {
        "name": spec.name,
        "dialect": spec.dialect,
        "base_url": spec.base_url,
        "documented": declared,
        "health": health,
        "breakers": [{k: one.get(k) for k in ("model", "state", "failures", "opens_until")} for one in own],
        "in_flight": sum(one.get("in_flight") or 0 for one in own),
        "credential": spec.source,
        "models": list(spec.models),
        **_counted(counted),
    }


def _key(spec: KeySpec, secrets: int, used: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": spec.name,
        "application": spec.application,
        "team": spec.team,
        "routes": list(spec.routes),
        "models": list(spec.models),
        "expires_at": spec.expires,
        "secrets": secrets,
        "requests_per_minute": spec.requests_per_minute,
        "tokens_per_minute": spec.tokens_per_minute,
        "requests_per_day": spec.requests_per_day,
        "tokens_per_day": spec.tokens_per_day,
        "used": dict(used),
    }


def _counted(counted: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "requests": counted.get("requests", 0),
        "errors": counted.get("errors", 0),
        "kinds": counted.get("kinds", {}),
        "p50_ms": counted.get("p50_ms"),
        "p95_ms": counted.get("p95_ms"),
        "first_token_ms": counted.get("first_token_ms"),
    }
