"""Notices on their way: one row a (notice, notifier), so that none is lost and none is sent twice on purpose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triops.kernel.ids import ProjectId
from triops.ports.records import Records


@dataclass(frozen=True, slots=True)
class Outgoing:
    id: str  # "<incident>:<transition>:<n>"
    notifier: str  # the Notifier document's name
    notice: Mapping[str, Any]
    due_at: float
    attempts: int = 0
    last_error: str = ""
    sent_at: float | None = None
    gave_up_at: float | None = None


class Outbox:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def put(self, project: ProjectId, rows: Sequence[Outgoing]) -> int:
        """Rows whose (id, notifier) is known already are left as they are; answers how many are new."""
        raise NotImplementedError

    async def due(self, now: float, limit: int = 100) -> Sequence[tuple[ProjectId, Outgoing]]:
        """Unsent, not given up, and due; oldest first, over all projects."""
        raise NotImplementedError

    async def settle(
        self,
        project: ProjectId,
        id: str,
        notifier: str,
        *,
        sent_at: float | None = None,
        error: str = "",
        due_at: float = 0.0,
        gave_up_at: float | None = None,
    ) -> None:
        """Write down one attempt."""
        raise NotImplementedError

    async def list(self, project: ProjectId, limit: int = 100) -> Sequence[Outgoing]:
        """Newest first, sent or not."""
        raise NotImplementedError
