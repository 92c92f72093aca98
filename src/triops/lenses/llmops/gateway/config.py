"""What the gateway stands on at one moment: every project's documents, keys and prompts, parsed once a snapshot.

A document that cannot be read, or that names what is not there, stops nothing: it is told in `ProjectConfig.problems`,
and when a call needs it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from triops.kernel.document import Document
from triops.kernel.errors import Invalid
from triops.kernel.tenant import DEFAULT_PROJECT, Principal, Right, Role
from triops.lenses.llmops.gateway.prices import Price, Prices, price_of
from triops.lenses.llmops.gateway.problems import problems_of
from triops.lenses.llmops.gateway.reading import budget_of, key_of, provider_of, route_of
from triops.lenses.llmops.gateway.specs import LOCAL, BudgetSpec, Caller, KeySpec, ProviderSpec, RouteSpec, Scope
from triops.lenses.llmops.prompts.filling import Holding, held
from triops.lenses.llmops.redaction.rule import Rule, rule_of
from triops.ports.upstream import Host

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """`providers`: those of documents, and `local`. `declared`: names of those of documents. `routes`: by name and by
    alias. `budgets`: of Budget, Key and Route documents, by scope and name. `guards`: specs by name.
    `prompts`: by name, for `prompts/filling.py`. `local`: whether a model can run here. `redaction`: what may be
    recorded of calls; None: all."""

    project: str
    providers: Mapping[str, ProviderSpec]
    declared: tuple[str, ...]
    routes: Mapping[str, RouteSpec]
    prices: Prices
    keys: Mapping[str, KeySpec]
    budgets: Mapping[tuple[Scope, str], tuple[BudgetSpec, ...]]
    guards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    prompts: Holding = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    local: bool = True
    user_budgets: bool = False
    kinds: frozenset[str] = frozenset()
    redaction: Rule | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """`open`: callers without a key are taken, where the default project has no Key document. `spent` and
    `applied_seq`: what the books had when the snapshot was made; `open_from`: where the oldest call began that was open
    then. `callers`: by their secrets' SHA-256."""

    open: bool
    projects: Mapping[str, ProjectConfig]
    callers: Mapping[str, Caller] = field(default_factory=dict, repr=False)
    spent: Sequence[Mapping[str, Any]] = ()
    applied_seq: int = 0
    open_from: int = 0
    limits: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)

    def project(self, project: str) -> ProjectConfig | None:
        return self.projects.get(project)

    def caller(self, secret_sha256: str) -> Caller | None:
        """Whom a secret belongs to; expired ones too."""
        return self.callers.get(secret_sha256)


def configured(snapshot: Mapping[str, Any]) -> Config:
    """The shape is in the lens's contracts: `open`, `triops_keys`, `projects`, `spent`, `applied_seq`, `limits`,
    `record`; `local` False where no model can run on this machine."""
    local = bool(snapshot.get("local", True))
    parts = snapshot.get("projects", {})
    projects = {name: project_config(name, part, local=local) for name, part in parts.items()}
    if DEFAULT_PROJECT not in projects:
        projects[DEFAULT_PROJECT] = project_config(DEFAULT_PROJECT, {}, local=local)
    callers: dict[str, Caller] = {}
    for secret, key in snapshot.get("triops_keys", {}).items():
        principal = Principal(key["project"], Role(key["role"]), key["name"])
        may = principal.may(Right.SEND)
        problem = "" if may else f"a key with the role {principal.role} may not call models"
        callers[secret] = Caller(
            principal.project, f"api:{principal.name}", expires=key.get("expires_at"), problem=problem
        )
        if principal.project not in projects:
            projects[principal.project] = project_config(principal.project, {}, local=local)
    for name, part in parts.items():
        for secret, one in part.get("secrets", {}).items():
            callers[secret] = _caller(projects[name], one)
    return Config(
        open=bool(snapshot.get("open", False)),
        projects=projects,
        callers=callers,
        spent=snapshot.get("spent", ()),
        applied_seq=snapshot.get("applied_seq", 0),
        open_from=snapshot.get("open_from", 0),
        limits=snapshot.get("limits") or {},
        record=snapshot.get("record") or {},
    )


def project_config(project: str, part: Mapping[str, Any], *, local: bool = True) -> ProjectConfig:
    """One project of a snapshot."""
    documents = [
        Document(one["kind"], one["name"], one["spec"], one.get("revision", 1), one.get("updated_at", 0.0))
        for one in part.get("documents", ())
    ]
    said: list[str] = []
    credentials = part.get("credentials", {})
    declared = _read(documents, "Provider", _with(credentials), said)
    providers = {LOCAL: ProviderSpec(LOCAL, LOCAL, Host("http", "", 0)), **declared}
    routes = _read(documents, "Route", partial(route_of, providers=providers), said)
    prices = list(_read(documents, "Price", price_of, said).values())
    keys = _read(documents, "Key", key_of, said)
    budgets = list(_read(documents, "Budget", budget_of, said).values())
    budgets += [one for key in keys.values() for one in key.budgets]
    budgets += [one for route in routes.values() for one in route.budgets]
    guards = {d.name: d.spec for d in documents if d.kind == "Guard"}
    redaction = _redaction(documents, said)
    said += problems_of(providers, routes, prices, keys, budgets, guards, local=local)
    return ProjectConfig(
        project=project,
        providers=providers,
        declared=tuple(declared),
        routes=_with_aliases(routes),
        prices=Prices(prices, [name for name, one in providers.items() if one.dialect == LOCAL]),
        keys=keys,
        budgets=_grouped(budgets),
        guards=guards,
        prompts=held(part.get("prompts", {})),
        problems=tuple(said),
        local=local,
        user_budgets=any(budget.scope == "user" for budget in budgets),
        kinds=frozenset(document.kind for document in documents),
        redaction=redaction,
    )


def prices_of(documents: Sequence[Document]) -> Prices:
    """The prices of a project's documents, for whoever reads them without a gateway."""
    found: list[Price] = []
    free = {LOCAL}
    for document in documents:
        if document.kind == "Price":
            try:
                found.append(price_of(document))
            except (Invalid, KeyError, TypeError, ValueError):
                continue
        elif document.kind == "Provider" and (document.spec.get("dialect") or document.name) == LOCAL:
            free.add(document.name)
    return Prices(found, free)


def _with(credentials: Mapping[str, str]) -> Callable[[Document], ProviderSpec]:
    return lambda document: provider_of(document, credentials.get(document.name) or "")


def _read(documents: Sequence[Document], kind: str, read: Callable[[Document], T], said: list[str]) -> dict[str, T]:
    """By name; without those that cannot be read (an older version of Triops wrote them)."""
    found = {}
    for document in documents:
        if document.kind != kind:
            continue
        try:
            found[document.name] = read(document)
        except Invalid as error:
            said.append(f"{kind} {document.name}: {error.details.get('field', 'spec')}: {error.message}")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            said.append(f"{kind} {document.name}: cannot be read ({type(error).__name__}: {error})")
    return found


def _redaction(documents: Sequence[Document], said: list[str]) -> Rule | None:
    """Where it cannot be read, nothing that is said is recorded."""
    try:
        return rule_of(documents)
    except (Invalid, KeyError, TypeError, ValueError, AttributeError) as error:
        said.append(f"Redaction: cannot be read ({type(error).__name__}: {error}); nothing that is said is recorded")
        return Rule(keep="none")


def _with_aliases(routes: Mapping[str, RouteSpec]) -> dict[str, RouteSpec]:
    """A route's name is before any alias, and of two equal aliases the first route's counts, by name."""
    found = dict(routes)
    for name in sorted(routes):
        for alias in routes[name].aliases:
            found.setdefault(alias, routes[name])
    return found


def _grouped(budgets: Sequence[BudgetSpec]) -> dict[tuple[Scope, str], tuple[BudgetSpec, ...]]:
    found: dict[tuple[Scope, str], tuple[BudgetSpec, ...]] = {}
    for budget in budgets:
        at = (budget.scope, budget.name)
        found[at] = (*found.get(at, ()), budget)
    return found


def _caller(config: ProjectConfig, held: Mapping[str, Any]) -> Caller:
    spec = config.keys.get(held["key"])
    if spec is None:
        problem = f"no document says what the key {held['key']} may do: apply one of kind Key"
        return Caller(config.project, held["key"], expires=held.get("expires_at"), problem=problem)
    ends = [at for at in (held.get("expires_at"), spec.expires) if at is not None]
    return Caller(config.project, spec.name, spec.application, spec.team, spec.user, spec, min(ends) if ends else None)
