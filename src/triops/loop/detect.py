"""The detect step: run every detector over every project, write its claims down, hand them on.

A detector's fault is counted and shown in `status`; it stops neither the other detectors nor the other projects.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from triops.kernel.anomaly import Anomaly
from triops.kernel.ids import ProjectId
from triops.ledger.anomalies import Anomalies
from triops.loop.jobs import Job, Projects
from triops.ports.plugins import Detector

log = logging.getLogger(__name__)

OnAnomalies = Callable[[ProjectId, Sequence[Anomaly], float], Awaitable[None]]
_ORPHAN_S = 180.0  # an open claim that its detector has not repeated for so long was lost, by a restart for one


@dataclass
class _Watch:
    detector: Detector
    ticks: int = 0
    claims: int = 0
    failures: int = 0
    last_error: str = ""


@dataclass
class Detect:
    """`on_anomalies` is the next step of the loop: it gets each stored row, new, merged or ended, once a tick."""

    detectors: Sequence[Detector]
    anomalies: Anomalies
    projects: Projects
    on_anomalies: OnAnomalies
    _watches: dict[str, _Watch] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._watches = {detector.name: _Watch(detector) for detector in self.detectors}

    def jobs(self) -> list[Job]:
        """One job a detector, and one that ends the claims that no detector keeps up."""
        jobs = [self._job(watch) for watch in self._watches.values()]
        return [*jobs, Job("detect:orphans", 60.0, self.end_orphans, limit_s=30.0)]

    async def tick(self, name: str, now: float) -> None:
        """Run one detector over all projects; a fault in one is written down, and the next has its turn."""
        watch, fault = self._watches[name], ""
        watch.ticks += 1
        for project in await self.projects():
            try:
                claims = await watch.detector.tick(project, now)
                if claims:
                    watch.claims += len(claims)
                    await self.on_anomalies(project, await self.anomalies.merge(project, claims), now)
            except Exception as error:
                watch.failures += 1
                fault = f"{type(error).__name__}: {error}"
                if fault != watch.last_error:  # a lasting fault is logged once
                    log.exception("detector %s failed in project %s", name, project)
        watch.last_error = fault

    async def end_orphans(self, now: float) -> None:
        for project in await self.projects():
            lost = [
                replace(a, ended_at=a.last_seen)
                for a in await self.anomalies.open(project)
                if a.detector in self._watches and now - a.last_seen > _ORPHAN_S
            ]
            if lost:
                await self.on_anomalies(project, await self.anomalies.merge(project, lost), now)

    def status(self, project: ProjectId, now: float) -> list[dict[str, Any]]:
        """Per detector: `name`, `series`, `learning` (how many series), `ready_at` (unix seconds or None), counters."""
        rows = []
        for name, watch in self._watches.items():
            tell = getattr(watch.detector, "status", None)
            told = tell(project, now) if tell else {"series": 0, "learning": 0, "ready_at": None}
            counters = {"ticks": watch.ticks, "claims": watch.claims, "failures": watch.failures}
            rows.append({**told, "name": name, **counters, "last_error": watch.last_error})
        return rows

    def _job(self, watch: _Watch) -> Job:
        async def tick(now: float) -> None:
            await self.tick(watch.detector.name, now)

        return Job(f"detect:{watch.detector.name}", watch.detector.every_s, tick, limit_s=30.0)
