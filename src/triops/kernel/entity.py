"""A thing we watch, and how it hangs together with others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from triops.kernel.ids import EntityId, entity_id


class Health(StrEnum):
    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


class RelationKind(StrEnum):
    CALLS = "calls"  # service -> service: synchronous
    USES = "uses"  # service -> database, queue, external
    RUNS_ON = "runs_on"  # service -> host
    MADE_BY = "made_by"  # model -> run
    READS = "reads"  # run -> dataset


@dataclass(frozen=True, slots=True)
class Entity:
    """`type` is service, host, database, queue, external, ... (open); times are unix seconds."""

    type: str
    name: str
    first_seen: float
    last_seen: float
    attributes: Mapping[str, str] = field(default_factory=dict)
    health: Health = Health.UNKNOWN

    @property
    def id(self) -> EntityId:
        return entity_id(self.type, self.name)


@dataclass(frozen=True, slots=True)
class Relation:
    """`source` depends on `target`."""

    source: EntityId
    kind: RelationKind
    target: EntityId
    first_seen: float
    last_seen: float


@dataclass(frozen=True, slots=True)
class Topology:
    """The graph at one moment. Depends-on edges only; bounded by what the ledger returns."""

    relations: tuple[Relation, ...] = ()

    def callees(self, entity: EntityId) -> list[EntityId]:
        """What `entity` depends on directly."""
        return [r.target for r in self.relations if r.source == entity]

    def callers(self, entity: EntityId) -> list[EntityId]:
        """What depends directly on `entity`."""
        return [r.source for r in self.relations if r.target == entity]
