"""Documents of the gateway's kinds as specs. What a JSON Schema cannot say is checked here, when a document is applied
as well as when the gateway reads it; whether a named thing exists is not (documents come in any order)."""

from collections.abc import Mapping
from typing import Any

from triops.kernel.document import Document
from triops.kernel.errors import Invalid
from triops.lenses.llmops.gateway.addresses import DEFAULT_URLS, address_of, headers_of
from triops.lenses.llmops.gateway.amounts import dollars, moment
from triops.lenses.llmops.gateway.specs import (
    LOCAL,
    BreakerSpec,
    BudgetSpec,
    CacheSpec,
    Canary,
    KeySpec,
    ProviderSpec,
    QueueSpec,
    RouteSpec,
    Scope,
    Weighted,
)
from triops.ports.upstream import Host, Timeouts

Spec = Mapping[str, Any]
_SCOPES: tuple[Scope, ...] = ("team", "user", "application", "route", "project")


def provider_of(document: Document, credential: str = "") -> ProviderSpec:
    """`credential`: the key that was stored or that the environment has. Raises: Invalid."""
    spec, dialect = document.spec, document.spec.get("dialect") or document.name
    url = spec.get("base_url") or DEFAULT_URLS.get(dialect, "")
    if not url and dialect != LOCAL:
        raise Invalid("a provider needs an address", field="spec.base_url", expected="https://host/v1")
    own = dialect == "ollama" and not spec.get("base_url")  # the default address of Ollama is this machine
    host, path = Host("http", "", 0), ""
    if url:
        host, path = address_of(url, allow_private=bool(spec.get("allow_private")) or own, ca=spec.get("ca", ""))
    stored, variable = bool(spec.get("credential")), spec.get("api_key_env", "")
    if stored and variable:
        raise Invalid("a key is stored or in a variable, not both", field="spec.credential", got=variable)
    source = "env" if variable else "set" if credential or stored else "none"
    return ProviderSpec(
        name=document.name,
        dialect=dialect,
        host=host,
        path=path,
        base_url=url,
        credential=credential,
        source=source if credential or source == "none" else "missing",
        variable=variable,
        headers=headers_of(spec.get("headers", {})),
        models=tuple(spec.get("models", ())),
        connections=spec.get("connections", 1000),
        timeouts=timeouts_of(spec.get("timeouts", {}), Timeouts()),
        breaker=breaker_of(spec.get("breaker", {})),
        gguf=spec.get("gguf", ""),
        onnx=spec.get("onnx", ""),
        responses=spec.get("responses", ""),
        stream_usage=spec.get("stream_usage", True),
    )


def timeouts_of(spec: Spec, default: Timeouts) -> Timeouts:
    return Timeouts(
        connect=float(spec.get("connect_s", default.connect)),
        first=float(spec.get("first_token_s", default.first)),
        between=float(spec.get("between_tokens_s", default.between)),
        total=float(spec.get("total_s", default.total)),
    )


def breaker_of(spec: Spec) -> BreakerSpec:
    default = BreakerSpec()
    return BreakerSpec(
        failures=spec.get("failures", default.failures),
        window_s=float(spec.get("window_s", default.window_s)),
        open_s=float(spec.get("open_s", default.open_s)),
    )


def route_of(document: Document, providers: Mapping[str, ProviderSpec]) -> RouteSpec:
    """Raises: Invalid."""
    spec, default = document.spec, RouteSpec(document.name, ())
    total = float(spec["timeout_s"]) if "timeout_s" in spec else None
    own = spec.get("timeouts", {})

    def target(one: Spec) -> Weighted:
        provider = providers.get(one["provider"])
        timeouts = timeouts_of(own, provider.timeouts if provider else Timeouts())
        if total is not None:
            said = "total_s" in own or timeouts.total != Timeouts().total
            attempt = min(timeouts.total, total) if said else total
            timeouts = Timeouts(
                min(timeouts.connect, total), min(timeouts.first, total), min(timeouts.between, total), attempt
            )
        return Weighted(one["provider"], one["model"], one.get("weight", 1), provider, timeouts)

    canary, cache, queue = spec.get("canary"), spec.get("cache"), spec.get("queue", {})
    targets = tuple(target(one) for one in spec["targets"])
    if not any(one.weight for one in targets):
        raise Invalid("no target has a weight", field="spec.targets", expected="a weight above 0")
    return RouteSpec(
        name=document.name,
        targets=targets,
        fallbacks=tuple(target(one) for one in spec.get("fallbacks", ())),
        aliases=tuple(spec.get("aliases", ())),
        timeout_s=total if total is not None else max(default.timeout_s, float(own.get("total_s", 0.0))),
        retries=spec.get("retries", default.retries),
        retry_budget=float(spec.get("retry_budget", default.retry_budget)),
        choose=spec.get("choose", default.choose),
        canary=Canary(target(canary), float(canary["share"])) if canary else None,
        cache=CacheSpec(float(cache.get("ttl_s", 300)), int(cache.get("max_mb", 64) * (1 << 20)))
        if cache is not None
        else None,
        on_disconnect=spec.get("on_disconnect", default.on_disconnect),
        drain_s=float(spec.get("drain_s", default.drain_s)),
        unsupported=spec.get("unsupported", default.unsupported),
        guards=tuple(spec.get("guards", ())),
        budgets=budgets_of(spec, "route", document),
        record=spec.get("record", ""),
        queue=QueueSpec(queue.get("calls", 1000), float(queue.get("wait_s", 0.0))),
        revision=document.revision,
    )


def key_of(document: Document) -> KeySpec:
    """Raises: Invalid."""
    spec = document.spec
    return KeySpec(
        name=document.name,
        application=spec.get("application", ""),
        team=spec.get("team", ""),
        user=spec.get("user", ""),
        routes=tuple(spec.get("routes", ())),
        models=tuple(spec.get("models", ())),
        expires=moment(spec["expires"], "spec.expires", end=True) if spec.get("expires") is not None else None,
        budgets=budgets_of(spec, "key", document),
        requests_per_minute=spec.get("requests_per_minute", 0),
        tokens_per_minute=spec.get("tokens_per_minute", 0),
        requests_per_day=spec.get("requests_per_day", 0),
        tokens_per_day=spec.get("tokens_per_day", 0),
        record=spec.get("record", ""),
        allow_passthrough=bool(spec.get("allow_passthrough", False)),
    )


def budget_of(document: Document) -> BudgetSpec:
    """Raises: Invalid unless it is for exactly one."""
    spec = document.spec
    scopes = [scope for scope in _SCOPES if spec.get(scope)]
    if len(scopes) != 1:
        raise Invalid("a budget is for exactly one", field="spec", got=scopes, expected=", ".join(_SCOPES))
    scope = scopes[0]
    name = "" if scope == "project" else spec[scope]
    return _budget(spec, scope, name, document, "spec")


def budgets_of(spec: Spec, scope: Scope, document: Document) -> tuple[BudgetSpec, ...]:
    """Those that a Key or a Route says itself."""
    one = (
        [_budget(spec["budget_usd"], scope, document.name, document, "spec.budget_usd")] if "budget_usd" in spec else []
    )
    more = [
        _budget(each, scope, document.name, document, f"spec.budgets[{at}]")
        for at, each in enumerate(spec.get("budgets", ()))
    ]
    return (*one, *more)


def _budget(spec: Spec, scope: Scope, name: str, document: Document, field: str) -> BudgetSpec:
    return BudgetSpec(
        scope=scope,
        name=name,
        amount=dollars(spec["amount"], f"{field}.amount"),
        per=spec.get("per", "month"),
        hard=bool(spec.get("hard", True)),
        source=f"{document.kind} {document.name}",
    )
