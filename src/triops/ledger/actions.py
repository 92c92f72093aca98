"""The book of actions: proposed, decided, executed, verified, undone."""

from collections.abc import Callable, Sequence

from triops.kernel.action import Action
from triops.kernel.ids import ActionId, IncidentId, ProjectId
from triops.kernel.page import Page
from triops.ports.records import Records


class Actions:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def add(self, project: ProjectId, action: Action) -> None:
        raise NotImplementedError

    async def update(self, project: ProjectId, id: ActionId, change: Callable[[Action], Action]) -> Action:
        """Read, change, write in one transaction. Raises: NotFound; what `change` raises."""
        raise NotImplementedError

    async def get(self, project: ProjectId, id: ActionId) -> Action:
        """Raises: NotFound."""
        raise NotImplementedError

    async def list(
        self,
        project: ProjectId,
        *,
        incident: IncidentId | None = None,
        status: Sequence[str] = (),
        runbook: str = "",
        since: float = 0.0,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Action]:
        """Newest first by `proposed_at`."""
        raise NotImplementedError
