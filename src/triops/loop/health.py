"""How each entity is, from the anomalies that are open about it, and whether it was seen lately."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from triops.kernel.anomaly import Anomaly, Severity
from triops.kernel.entity import Health
from triops.kernel.ids import EntityId
from triops.ledger.anomalies import Anomalies
from triops.ledger.entities import Entities
from triops.loop.jobs import Job, Projects

_UNSEEN_S = 300.0
_PAGE = 1000
_PAGES = 20  # 20,000 entities a project; those beyond keep the default


@dataclass
class HealthCheck:
    """Critical and warning come from open symptoms; evidence alone (a busy CPU) makes nobody ill. `expire_s`: an
    entity that was not seen for so long is forgotten."""

    entities: Entities
    anomalies: Anomalies
    projects: Projects
    expire_s: float = 7 * 86_400.0

    def jobs(self) -> list[Job]:
        return [Job("health", 5.0, self.tick, limit_s=30.0), Job("entities:expire", 3600.0, self.expire)]

    async def tick(self, now: float) -> None:
        for project in await self.projects():
            health: dict[EntityId, Health] = {}
            cursor: str | None = None
            for _ in range(_PAGES):
                page = await self.entities.list(project, limit=_PAGE, cursor=cursor)
                health |= {one.id: Health.UNKNOWN for one in page.items if now - one.last_seen > _UNSEEN_S}
                cursor = page.next
                if cursor is None:
                    break
            health |= health_of(await self.anomalies.open(project))
            await self.entities.set_health(project, health, Health.OK)

    async def expire(self, now: float) -> None:
        for project in await self.projects():
            await self.entities.expire(project, now - self.expire_s)


def health_of(anomalies: Sequence[Anomaly]) -> Mapping[EntityId, Health]:
    """The worst that open symptoms say of each entity."""
    health: dict[EntityId, Health] = {}
    for anomaly in anomalies:
        if not anomaly.symptom or anomaly.ended_at is not None or anomaly.severity == Severity.INFO:
            continue
        if anomaly.severity == Severity.CRITICAL:
            health[anomaly.entity] = Health.CRITICAL
        else:
            health.setdefault(anomaly.entity, Health.WARNING)
    return health
