"""Which route a model's name means, and for whom."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final

from triops.kernel.errors import Forbidden, NotFound
from triops.lenses.llmops.gateway.belonging import account_of, owner_of, stopgap
from triops.lenses.llmops.gateway.config import ProjectConfig
from triops.lenses.llmops.gateway.specs import LOCAL, Caller, KeySpec, ProviderSpec, RouteSpec, Weighted
from triops.ports.providers import Offered

LOCAL_CHAT = "smollm2"
NO_OFFERS: Final[Mapping[str, Sequence[Offered]]] = MappingProxyType({})
LOCAL_EMBEDDINGS = "all-minilm-l6-v2"
_LISTED = 20  # names in an error
_EXAMPLE = "kind: Provider\nname: openai\nspec: {dialect: openai, api_key_env: OPENAI_API_KEY}"


def resolve(project: ProjectConfig, caller: Caller, model: str, dialect: str = "") -> RouteSpec:
    """A route by its name or alias; else the model's name is passed through: to the only provider, to the one that is
    named before a slash, to the one that lists it, or without any Provider document to whom the caller's own key
    belongs, else to `local`. The route of a passed name has the name "".

    Raises: NotFound that lists what may be asked for, Forbidden.
    """
    spec = caller.spec
    route = project.routes.get(model)
    if route is not None:
        if spec is None:
            return route
        if spec.routes and route.name not in spec.routes and model not in spec.routes:
            raise Forbidden(f"the key {spec.name} may not use the route {route.name}{_may(project, caller)}")
        return _allowed(route, spec, model) if spec.models else route
    way = _passed(project, caller, model, dialect)
    if spec is not None:
        if spec.routes and not spec.allow_passthrough:
            raise Forbidden(f"the key {spec.name} may not use {_shown(model)}{_may(project, caller)}")
        if spec.models and not _fits(spec, model) and not _serves(spec, way):
            raise Forbidden(f"the key {spec.name} may not use the model {_shown(model)}")
    return RouteSpec("", (way,), timeout_s=way.timeouts.total, passed=True)


def unlisted(
    project: ProjectConfig, caller: Caller, dialect: str, headers: Mapping[str, str]
) -> Sequence[ProviderSpec]:
    """Whose models the caller may ask for by their own names, while no document says which they are. `headers`: the
    caller's, for his own account."""
    spec = caller.spec
    if spec is not None and spec.routes and not spec.allow_passthrough:
        return ()
    if not project.declared:
        own = caller.passthrough_credential
        if not own or stopgap(own):
            return ()
        owner = owner_of(own, "", dialect)
        return (replace(owner, headers=account_of(owner, headers)),)
    declared = [project.providers[name] for name in project.declared]
    return [one for one in declared if not one.models and one.dialect != LOCAL and one.host.name]


def served(
    project: ProjectConfig, caller: Caller, offers: Mapping[str, Sequence[Offered]] = NO_OFFERS
) -> Iterator[tuple[str, str, int]]:
    """What the caller may ask for, as (name, provider, when it was made: unix seconds, 0 for unknown): routes, aliases,
    models that documents of providers list, and what the others offer (`offers`, by provider)."""
    spec = caller.spec
    for name, route in project.routes.items():
        allowed = spec is None or not spec.routes or route.name in spec.routes or name in spec.routes
        if allowed and (
            spec is None or not spec.models or _fits(spec, name) or any(_serves(spec, w) for w in _ways(route))
        ):
            yield name, route.targets[0].provider, 0
    if spec is not None and spec.routes and not spec.allow_passthrough:
        return
    own = caller.passthrough_credential
    if own and not stopgap(own) and not project.declared:  # his calls go to whom his key is for
        for provider, offered in offers.items():
            for model in offered:
                if model.name not in project.routes:
                    yield model.name, provider, model.created
        return
    if project.local and not project.routes and "Provider" not in project.kinds:
        yield from ((LOCAL_CHAT, LOCAL, 0), (LOCAL_EMBEDDINGS, LOCAL, 0))
    for provider in project.declared:
        listed = [Offered(model) for model in project.providers[provider].models]
        for model in listed or offers.get(provider, ()):
            name = _asked_as(project, provider, model.name)
            way = Weighted(provider, model.name)
            if name not in project.routes and (
                spec is None or not spec.models or _fits(spec, name) or _serves(spec, way)
            ):
                yield name, provider, model.created


def _asked_as(project: ProjectConfig, provider: str, model: str) -> str:
    """With the provider's name before it where without it would be another's, or a part of the name would be lost."""
    head = model.partition("/")[0]
    alone = len(project.declared) == 1 and head != provider and head != LOCAL
    return model if alone else f"{provider}/{model}"


def _passed(project: ProjectConfig, caller: Caller, model: str, dialect: str) -> Weighted:
    head, slash, rest = model.partition("/")
    if slash and rest and (head in project.declared or head == LOCAL):
        return _way(project.providers[head], rest)
    if len(project.declared) == 1 and model:
        return _way(project.providers[project.declared[0]], model)
    if project.declared:
        listing = [name for name in project.declared if model in project.providers[name].models]
        if len(listing) == 1:
            return _way(project.providers[listing[0]], model)
        raise NotFound(f"there is no model {_shown(model)}{_may(project, caller)}")
    own = caller.passthrough_credential
    if own and not stopgap(own):
        return _way(owner_of(own, model, dialect), model)
    if not project.local:
        raise NotFound(
            "no provider is configured, and no model runs here (pip install 'triops[local]' adds one). "
            f"Write this to a file and `triops apply` it:\n{_EXAMPLE}"
        )
    if project.routes or "Provider" in project.kinds:
        raise NotFound(f"there is no model {_shown(model)}{_may(project, caller)}")
    embeds = dialect.endswith((".embeddings", ".embed"))
    return _way(project.providers[LOCAL], LOCAL_EMBEDDINGS if embeds else LOCAL_CHAT)


def _way(provider: ProviderSpec, model: str) -> Weighted:
    return Weighted(provider.name, model, 1, provider, provider.timeouts)


def _ways(route: RouteSpec) -> Sequence[Weighted]:
    canary = (route.canary.target,) if route.canary else ()
    return (*route.targets, *route.fallbacks, *canary)


def _allowed(route: RouteSpec, spec: KeySpec, asked: str) -> RouteSpec:
    """The route with those ways alone that the key may use; whole where its own name is allowed."""
    if _fits(spec, asked) or _fits(spec, route.name) or all(_serves(spec, way) for way in _ways(route)):
        return route
    targets = tuple(way for way in route.targets if _serves(spec, way))
    fallbacks = tuple(way for way in route.fallbacks if _serves(spec, way))
    if not targets and not fallbacks:
        raise Forbidden(f"the key {spec.name} may not use the models of the route {route.name}")
    canary = route.canary if route.canary and _serves(spec, route.canary.target) else None
    variant = f"{spec.name}:{','.join(spec.models)}"
    return replace(route, targets=targets, fallbacks=fallbacks, canary=canary, variant=variant)


def _serves(spec: KeySpec, way: Weighted) -> bool:
    return _fits(spec, way.model) or _fits(spec, f"{way.provider}/{way.model}")


def _fits(spec: KeySpec, name: str) -> bool:
    return any(name == one or fnmatchcase(name, one) for one in spec.models)


def _may(project: ProjectConfig, caller: Caller) -> str:
    names = [name for name, _, _ in served(project, caller)]
    if len(project.declared) > 1 and not (caller.spec and caller.spec.routes):
        names.append(f"or PROVIDER/MODEL with a provider of {', '.join(project.declared[:_LISTED])}")
    if not names:
        return "; there is no Route yet: apply one"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"; it may be: {', '.join(names[:_LISTED])}{more}"


def _shown(model: str) -> str:
    return model if len(model) <= 100 else model[:97] + "..."
