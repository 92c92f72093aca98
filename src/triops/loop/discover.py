"""The discover step: entities and relations appear by themselves from what is received.

Services and hosts come from resources as batches arrive. Who calls or uses whom comes from the span store's edges
(`Spans.red`), which know the callee of a client span from its child: a peer that is an instrumented service must not
become a second, ghost entity, so nothing is derived from a client span alone.
"""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from triops.kernel.clock import NS
from triops.kernel.entity import Entity, Relation, RelationKind
from triops.kernel.ids import EntityId, ProjectId, entity_id
from triops.kernel.signal import GATEWAY, Resources, host_of, service_of
from triops.ledger.entities import Entities
from triops.loop.bus import Bus
from triops.loop.calls import Calls
from triops.loop.events import LogsReceived, MetricsReceived, SpansReceived
from triops.loop.jobs import Job, Projects
from triops.ports.clock import Clock
from triops.ports.spans import Spans

log = logging.getLogger(__name__)

_KEPT = ("service.", "host.", "os.type", "telemetry.sdk.language", "deployment.", "k8s.")
_SKIPPED = ("host.ip", "host.mac")
_STEP_S = 10
_SETTLE_S = 20.0  # a span's child may come later than the span


@dataclass(frozen=True, slots=True)
class Found:
    """What one resource says."""

    entities: tuple[tuple[str, str, Mapping[str, str]], ...]  # (type, name, attributes)
    relation: tuple[EntityId, EntityId] | None  # runs on


@dataclass
class Discover:
    """Each entity and relation is written at most once per `every_s`, in batches of at most `batch`; what is more
    waits for the next tick. At most `resources` fingerprints are remembered."""

    entities: Entities
    spans: Spans
    clock: Clock
    projects: Projects
    every_s: float = 10.0
    batch: int = 1000
    resources: int = 20_000
    dropped: int = 0
    _found: "OrderedDict[int, Found]" = field(default_factory=OrderedDict)
    _seen: dict[ProjectId, dict[int, float]] = field(default_factory=dict)  # fingerprint -> last seen
    _written: "OrderedDict[tuple[ProjectId, int], float]" = field(default_factory=OrderedDict)
    _edges: dict[ProjectId, Calls] = field(default_factory=dict)
    _read: dict[ProjectId, int] = field(default_factory=dict)  # the next step of edges to read

    def subscribe(self, bus: Bus) -> None:
        """Before the bus starts."""
        bus.subscribe(MetricsReceived, self.received, name="discover:metrics")
        bus.subscribe(LogsReceived, self.received, name="discover:logs")
        bus.subscribe(SpansReceived, self.received, name="discover:spans")

    def jobs(self) -> list[Job]:
        return [
            Job("discover:resources", 2.0, self.write, limit_s=30.0),
            Job("discover:edges", self.every_s, self.read_edges, limit_s=30.0),
        ]

    async def received(self, event: MetricsReceived | LogsReceived | SpansReceived) -> None:
        """Only notes what was seen; `write` writes it."""
        now, seen = self.clock.now(), self._seen.setdefault(event.project, {})
        resources: Resources = event.batch.resources
        for print_, text in zip(resources.fingerprint.tolist(), resources.attributes, strict=True):
            if print_ not in self._found:
                self._found[print_] = read_resource(text)
                if len(self._found) > self.resources:
                    self._found.popitem(last=False)
            if print_ in seen or len(seen) < self.resources:
                seen[print_] = now
            else:
                self.dropped += 1

    async def write(self, now: float) -> None:
        """Write the services and hosts that were seen and are due."""
        for project, seen in list(self._seen.items()):
            entities: dict[EntityId, Entity] = {}
            relations: dict[tuple[EntityId, EntityId], Relation] = {}
            for print_, at in list(seen.items()):
                if now - self._written.get((project, print_), 0.0) < self.every_s:
                    continue
                if len(entities) >= self.batch:
                    break
                del seen[print_]
                self._due(project, print_, now)
                found = self._found.get(print_)
                if found is None:
                    continue
                for type_, name, attributes in found.entities:
                    one = Entity(type_, name, at, at, attributes)
                    entities[one.id] = one
                if found.relation:
                    service, host = found.relation
                    relations[found.relation] = Relation(service, RelationKind.RUNS_ON, host, at, at)
            if entities:
                await self.entities.observe(project, list(entities.values()), list(relations.values()))

    async def read_edges(self, now: float) -> None:
        """Write the relations that the requests of the last steps show. A fault in one project stays there."""
        end, step_ns = int((now - _SETTLE_S) // _STEP_S), _STEP_S * NS
        for project in await self.projects():
            first = max(self._read.get(project, end - 6), end - 60)
            if end <= first:
                continue
            try:
                table = await self.spans.red(project, first * step_ns, end * step_ns, step_ns)
                edges = self._edges.setdefault(project, Calls(self.resources))
                entities, relations = edges.take(table, (end - first) * _STEP_S)
                for start in range(0, max(len(entities), len(relations)), self.batch):
                    part = slice(start, start + self.batch)
                    await self.entities.observe(project, entities[part], relations[part])
                self._read[project] = end
            except Exception:
                log.exception("edges of project %s were not read", project)

    def _due(self, project: ProjectId, print_: int, now: float) -> None:
        self._written[project, print_] = now
        self._written.move_to_end((project, print_))
        if len(self._written) > self.resources:
            self._written.popitem(last=False)


def read_resource(text: str) -> Found:
    """Entities, and the relation between them, that a resource's attributes (JSON) name."""
    try:
        attributes: Any = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        attributes = {}
    if not isinstance(attributes, dict):
        attributes = {}
    if attributes.get("telemetry.sdk.name") == GATEWAY:
        return Found((), None)  # an application behind the gateway: told of by its calls
    kept = {
        key: str(value)[:256]
        for key, value in attributes.items()
        if key.startswith(_KEPT) and key not in _SKIPPED and isinstance(value, str | int | float | bool)
    }
    host = host_of(attributes)
    entities: list[tuple[str, str, Mapping[str, str]]] = []
    if not host or attributes.get("service.name") or attributes.get("job"):
        mine = {key: value for key, value in kept.items() if not key.startswith(("host.", "os."))}
        entities.append(("service", service_of(attributes), mine))
    if host:
        here = {key: value for key, value in kept.items() if key.startswith(("host.", "os.", "k8s.node"))}
        entities.append(("host", host, here))
    ids = [entity_id(type_, name) for type_, name, _ in entities]
    return Found(tuple(entities), (ids[0], ids[1]) if len(ids) == 2 else None)
