"""The book of incidents."""

from collections.abc import Callable, Sequence

from triops.kernel.ids import EntityId, IncidentId, ProjectId
from triops.kernel.incident import Incident
from triops.kernel.page import Page
from triops.ports.records import Records


class Incidents:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def add(self, project: ProjectId, incident: Incident) -> None:
        raise NotImplementedError

    async def update(self, project: ProjectId, id: IncidentId, change: Callable[[Incident], Incident]) -> Incident:
        """Read, change, write in one transaction: two writers never lose each other's lines. `change` must be pure.
        Raises: NotFound; what `change` raises (Conflict)."""
        raise NotImplementedError

    async def get(self, project: ProjectId, id: IncidentId) -> Incident:
        """Raises: NotFound."""
        raise NotImplementedError

    async def active(self, project: ProjectId) -> Sequence[Incident]:
        """All that are not resolved, oldest first; at most 1,000."""
        raise NotImplementedError

    async def list(
        self,
        project: ProjectId,
        *,
        status: str = "",
        entity: EntityId | None = None,
        query: str = "",
        start: float = 0.0,
        end: float = float("inf"),
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Incident]:
        """Newest first by `opened_at`. `status` "active" means all but resolved."""
        raise NotImplementedError
