"""The book of changes: one time line of who altered what."""

from triops.kernel.change import Change
from triops.kernel.ids import ChangeId, EntityId, ProjectId
from triops.kernel.page import Page
from triops.ports.records import Records


class Changes:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def record(self, project: ProjectId, change: Change, idempotency_key: str = "") -> Change:
        """Answers the stored change: the earlier one when the key was used before in this project."""
        raise NotImplementedError

    async def list(
        self,
        project: ProjectId,
        *,
        start: float = 0.0,
        end: float = float("inf"),
        entity: EntityId | None = None,
        kind: str = "",
        query: str = "",
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Change]:
        """Newest first."""
        raise NotImplementedError

    async def get(self, project: ProjectId, id: ChangeId) -> Change:
        """Raises: NotFound."""
        raise NotImplementedError
