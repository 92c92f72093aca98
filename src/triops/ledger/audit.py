"""The audit trail: append-only, who did what to what, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from triops.kernel.ids import ProjectId
from triops.kernel.page import Page
from triops.ports.records import Records


@dataclass(frozen=True, slots=True)
class AuditEntry:
    at: float
    actor: str
    verb: str  # key.create, document.apply, action.approve, action.run, incident.resolve, login, ...
    target: str
    outcome: str = "ok"
    details: Mapping[str, Any] = field(default_factory=dict)


class Audit:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def append(self, project: ProjectId, entry: AuditEntry) -> None:
        raise NotImplementedError

    async def list(
        self, project: ProjectId, *, verb: str = "", limit: int = 100, cursor: str | None = None
    ) -> Page[AuditEntry]:
        """Newest first."""
        raise NotImplementedError
