"""What is amiss between a project's documents, as lines for people. Nothing here stops a call that does not need it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from triops.lenses.llmops.gateway.prices import Price, Prices
from triops.lenses.llmops.gateway.specs import LOCAL, BudgetSpec, KeySpec, ProviderSpec, RouteSpec


def problems_of(
    providers: Mapping[str, ProviderSpec],
    routes: Mapping[str, RouteSpec],
    prices: Sequence[Price],
    keys: Mapping[str, KeySpec],
    budgets: Sequence[BudgetSpec],
    guards: Collection[str],
    *,
    local: bool,
) -> list[str]:
    said = [_keyless(one) for one in providers.values() if one.source == "missing"]
    for route in routes.values():
        said += _of_route(route, guards, local=local)
    said += _aliases(routes)
    aliases = {alias for route in routes.values() for alias in route.aliases}
    for key in keys.values():
        said += [
            f"Key {key.name}: there is no Route {name}"
            for name in key.routes
            if name not in routes and name not in aliases
        ]
    said += [
        f"{one.source}: there is no Route {one.name}"
        for one in budgets
        if one.scope == "route" and one.name not in routes
    ]
    known = Prices(replace(one, start_ns=0, end_ns=1) for one in prices)
    if any(one.hard for one in budgets):
        wanted = {
            (way.provider, way.model)
            for route in routes.values()
            for way in (*route.targets, *route.fallbacks)
            if way.spec is not None and way.spec.dialect != LOCAL
        }
        said += [
            f"no Price for {provider}/{model}: under a hard budget it is refused"
            for provider, model in sorted(wanted)
            if known.find(provider, model, 0) is None
        ]
    return said + _twice(prices)


def _keyless(provider: ProviderSpec) -> str:
    if provider.variable:
        return f"Provider {provider.name}: the server's environment has no {provider.variable}"
    return f"Provider {provider.name}: its key is not stored: triops provider key {provider.name}"


def _of_route(route: RouteSpec, guards: Collection[str], *, local: bool) -> list[str]:
    said = []
    for way in (*route.targets, *route.fallbacks, *((route.canary.target,) if route.canary else ())):
        if way.spec is None:
            said.append(f"Route {route.name}: there is no Provider {way.provider}")
        elif way.spec.dialect == LOCAL and not way.spec.host.name and not local:
            said.append(f"Route {route.name}: no model can run here: install triops[local]")
    said += [f"Route {route.name}: there is no Guard {name}" for name in route.guards if name not in guards]
    return list(dict.fromkeys(said))


def _aliases(routes: Mapping[str, RouteSpec]) -> list[str]:
    said, seen = [], dict.fromkeys(routes, "")
    for name in sorted(routes):
        for alias in routes[name].aliases:
            if alias in seen and seen[alias] != name and alias != name:
                owner = seen[alias] or alias
                said.append(f"Route {name}: its alias {alias} means Route {owner}")
            seen.setdefault(alias, name)
    return said


def _twice(prices: Sequence[Price]) -> list[str]:
    seen: dict[tuple[str, str, int], str] = {}
    said = []
    for price in sorted(prices, key=lambda one: one.label):
        at = (price.provider, price.model, price.start_ns)
        first = seen.setdefault(at, price.label)
        if first != price.label:
            said.append(f"Price {price.label}: {first} has the same provider, model and start, and counts")
    return said
