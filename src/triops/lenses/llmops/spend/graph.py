"""Applications, routes, providers, models, prompts and keys as entities of the one graph: from documents when they are
applied, from calls when they are seen. Which entity a document is about says where its changes stand."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from triops.kernel.document import Document
from triops.kernel.entity import Entity, Relation, RelationKind
from triops.kernel.ids import EntityId, ProjectId, entity_id
from triops.ledger.entities import Entities
from triops.lenses.llmops.spend.applying import Applied
from triops.lenses.llmops.spend.recording import service_of_call
from triops.lenses.llmops.watch.model import CallColumns

_EVERY_S: Final = 60.0
_KNOWN: Final = 20_000  # things and relations of all projects that are remembered; else they are written again
_BATCH: Final = 500
_NAMED: Final = 2_000  # models and prompts of a project that calls alone have named, since the start
_SCOPES: Final = ("team", "user", "application", "route")

Link = tuple[EntityId, RelationKind, EntityId]


def subject_of(document: Document) -> tuple[EntityId, str]:
    """The entity that a document of the gateway's kinds is about, and the kind of change that applying it is."""
    spec = document.spec
    if document.kind == "Price":
        return entity_id("llm", f"{spec.get('provider')}/{spec.get('model') or document.name}"), "price"
    if document.kind == "Budget":
        scope = next((scope for scope in _SCOPES if spec.get(scope)), "")
        return (entity_id(scope, str(spec[scope])) if scope else entity_id("budget", document.name)), "config"
    return entity_id(document.kind.lower(), document.name), "config"


SUBJECTS: Final = dict.fromkeys(("Provider", "Route", "Price", "Key", "Budget", "Guard"), subject_of)


def documented(documents: Sequence[Document], now: float) -> tuple[list[Entity], list[Relation]]:
    """What documents say is there, before any call has shown it."""
    entities: dict[EntityId, Entity] = {}
    links: dict[Link, Relation] = {}

    def seen(type_: str, name: str, **attributes: str) -> EntityId:
        entity = Entity(type_, name, now, now, attributes)
        entities[entity.id] = entity
        return entity.id

    def linked(source: EntityId, kind: RelationKind, target: EntityId) -> None:
        links[source, kind, target] = Relation(source, kind, target, now, now)

    for document in documents:
        spec = document.spec
        if document.kind == "Provider":
            seen("provider", document.name, dialect=str(spec.get("dialect") or document.name))
        elif document.kind == "Guard":
            seen("guard", document.name)
        elif document.kind == "Price" and spec.get("provider"):
            seen("llm", f"{spec['provider']}/{spec.get('model') or document.name}")
        elif document.kind == "Key":
            seen("key", document.name)
            if application := spec.get("application"):
                caller = seen("application", application)
                for route in spec.get("routes") or ():
                    linked(caller, RelationKind.CALLS, seen("route", route))
        elif document.kind == "Route":
            route = seen("route", document.name)
            canary = spec.get("canary")
            for guard in spec.get("guards", ()):
                linked(route, RelationKind.USES, seen("guard", guard))
            for to in (*spec.get("targets", ()), *spec.get("fallbacks", ()), *([canary] if canary else [])):
                provider = seen("provider", to["provider"])
                model = seen("llm", f"{to['provider']}/{to.get('model') or document.name}")
                linked(route, RelationKind.CALLS, provider)
                linked(route, RelationKind.USES, model)
                linked(model, RelationKind.RUNS_ON, provider)
    return list(entities.values()), list(links.values())


@dataclass
class Graph:
    """Each thing is written at most once a minute. Callers say models and prompts, so that only so many of them become
    entities; what documents and the prompts themselves say is there is written by those."""

    entities: Entities
    _written: "OrderedDict[tuple[ProjectId, object], float]" = field(default_factory=OrderedDict)
    _combined: set[tuple[ProjectId, tuple[str, ...]]] = field(default_factory=set)
    _named: dict[ProjectId, set[tuple[str, ...]]] = field(default_factory=dict)

    async def applied(self, applied: Applied, now: float) -> None:
        """Only notes what was seen; `write` writes it."""
        services = {call.seq: service_of_call(call.intent) for calls in applied.calls.values() for call in calls}
        for charge in applied.charges:
            key, _, _, _, route, provider, model, prompt, _ = charge.dims
            model = self._bounded(charge.project, provider, model) if model else ""
            prompt = self._bounded(charge.project, prompt) if prompt else ""
            seen = (services[charge.seq], key, route, provider, model, prompt)
            if (charge.project, seen) not in self._combined and len(self._combined) < _KNOWN:
                self._combined.add((charge.project, seen))

    def heard(self, project: ProjectId, calls: CallColumns, elsewhere: Sequence[bool]) -> None:
        """Calls `elsewhere`, of applications that tell of themselves by their spans: as `applied`."""
        named = zip(elsewhere, calls.application, calls.provider, calls.model, calls.prompt, strict=True)
        for mine, application, provider, model, prompt in set(named):
            if not mine or not (application := self._bounded(project, "application", application)):
                continue
            provider = self._bounded(project, "provider", provider) if provider else ""
            model = self._bounded(project, provider, model) if model else ""
            prompt = self._bounded(project, prompt) if prompt else ""
            seen = (application, "", "", provider, model, prompt)
            if (project, seen) not in self._combined and len(self._combined) < _KNOWN:
                self._combined.add((project, seen))

    async def write(self, now: float) -> None:
        combined, self._combined = self._combined, set()
        by_project: dict[ProjectId, tuple[dict[EntityId, Entity], dict[Link, Relation]]] = {}
        for project, seen in combined:
            entities, links = by_project.setdefault(project, ({}, {}))
            for entity in _things(seen, now):
                if self._due(project, entity.id, now):
                    entities[entity.id] = entity
            for link in _linked(seen):
                if self._due(project, link, now):
                    links[link] = Relation(*link, now, now)
        for project, (entities, links) in by_project.items():
            things, relations = list(entities.values()), list(links.values())
            for start in range(0, max(len(things), len(relations)), _BATCH):
                part = slice(start, start + _BATCH)
                await self.entities.observe(project, things[part], relations[part])

    def _bounded(self, project: ProjectId, *name: str) -> str:
        """The name's last part, "" where it is one too many."""
        named = self._named.setdefault(project, set())
        if name not in named:
            if len(named) >= _NAMED:
                return ""
            named.add(name)
        return name[-1]

    def _due(self, project: ProjectId, thing: object, now: float) -> bool:
        if now - self._written.get((project, thing), -_EVERY_S) < _EVERY_S:
            return False
        self._written[project, thing] = now
        self._written.move_to_end((project, thing))
        if len(self._written) > _KNOWN:
            self._written.popitem(last=False)
        return True


def _things(seen: tuple[str, ...], now: float) -> list[Entity]:
    application, key, route, provider, model, prompt = seen
    named = [("application", application), ("key", key), ("route", route), ("provider", provider), ("prompt", prompt)]
    if provider and model:
        named.append(("llm", f"{provider}/{model}"))
    return [Entity(type_, name, now, now) for type_, name in named if name]


def _linked(seen: tuple[str, ...]) -> list[Link]:
    application, _, route, provider, model, prompt = seen
    caller, service = entity_id("application", application), entity_id("service", application)
    # the service of that name waits for these calls, and what is changed in it changes them
    links = [(service, RelationKind.USES, caller), (caller, RelationKind.RUNS_ON, service)]
    if prompt:
        links.append((caller, RelationKind.USES, entity_id("prompt", prompt)))
    source = caller
    if route:
        source = entity_id("route", route)
        links.append((caller, RelationKind.CALLS, source))
    if provider:
        links.append((source, RelationKind.CALLS, entity_id("provider", provider)))
        if model:
            llm = entity_id("llm", f"{provider}/{model}")
            links.append((source, RelationKind.USES, llm))
            links.append((llm, RelationKind.RUNS_ON, entity_id("provider", provider)))
    return links
