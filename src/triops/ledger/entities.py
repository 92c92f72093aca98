"""The book of entities and relations: the topology, discovered."""

from collections.abc import Mapping, Sequence

from triops.kernel.entity import Entity, Health, Relation, Topology
from triops.kernel.ids import EntityId, ProjectId
from triops.kernel.page import Page
from triops.ports.records import Records


class Entities:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def observe(self, project: ProjectId, entities: Sequence[Entity], relations: Sequence[Relation] = ()) -> None:
        """Upsert: attributes are merged (new win), `first_seen` is the least and `last_seen` the greatest. Health is
        left as it is."""
        raise NotImplementedError

    async def list(
        self,
        project: ProjectId,
        *,
        type: str = "",
        query: str = "",
        health: str = "",
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Entity]:
        """By id. `query` is a case-insensitive substring of the name."""
        raise NotImplementedError

    async def get(self, project: ProjectId, id: EntityId) -> Entity:
        """Raises: NotFound."""
        raise NotImplementedError

    async def relations(
        self, project: ProjectId, *, entity: EntityId | None = None, limit: int = 1000, cursor: str | None = None
    ) -> Page[Relation]:
        raise NotImplementedError

    async def topology(self, project: ProjectId, since: float) -> Topology:
        """Relations seen since then, at most 20,000."""
        raise NotImplementedError

    async def set_health(self, project: ProjectId, health: Mapping[EntityId, Health], default: Health) -> None:
        """Entities that are not named get `default`."""
        raise NotImplementedError

    async def expire(self, project: ProjectId, before: float) -> int:
        """Forget entities and relations last seen before then; answers how many."""
        raise NotImplementedError
