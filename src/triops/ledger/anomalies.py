"""The book of anomalies: every claim is kept, also when no notice is given."""

from collections.abc import Sequence

from triops.kernel.anomaly import Anomaly
from triops.kernel.ids import AnomalyId, EntityId, ProjectId
from triops.kernel.page import Page
from triops.ports.records import Records


class Anomalies:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def merge(self, project: ProjectId, claims: Sequence[Anomaly]) -> Sequence[Anomaly]:
        """Store what detectors claim. A claim whose `key` is open is merged into it (its id, onset and detection stay;
        score, severity and last_seen take the greater; value, evidence, title and ended_at the newer); else it is a new
        row, unless it has ended already. Answers the stored rows, new and merged, in the order given."""
        raise NotImplementedError

    async def open(self, project: ProjectId) -> Sequence[Anomaly]:
        """All that have not ended, by onset; at most 10,000."""
        raise NotImplementedError

    async def get_many(self, project: ProjectId, ids: Sequence[AnomalyId]) -> Sequence[Anomaly]:
        """In the order given; unknown ids are left out."""
        raise NotImplementedError

    async def list(
        self,
        project: ProjectId,
        *,
        start: float = 0.0,
        end: float = float("inf"),
        entity: EntityId | None = None,
        detector: str = "",
        open_only: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[Anomaly]:
        """Newest onset first; those whose [started_at, ended_at or now] meets [start, end)."""
        raise NotImplementedError

    async def drop_before(self, project: ProjectId, at: float) -> int:
        """Forget those that ended before then and belong to no incident."""
        raise NotImplementedError
