"""The correlate step: what detectors claim becomes incidents. The decisions are `grouping`'s; this reads and writes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from triops.kernel.anomaly import Anomaly
from triops.kernel.clock import DAY_S
from triops.kernel.entity import Topology
from triops.kernel.ids import AnomalyId, IncidentId, ProjectId
from triops.kernel.incident import Incident
from triops.ledger.anomalies import Anomalies
from triops.ledger.documents import Documents
from triops.ledger.entities import Entities
from triops.ledger.incidents import Incidents
from triops.loop.bus import Bus
from triops.loop.events import IncidentChanged, IncidentMoved
from triops.loop.grouping import DEFAULT_RULES, Case, Rules, correlate
from triops.loop.jobs import Projects
from triops.loop.maintenance import windows_of
from triops.loop.steps import Step, StepKind, taken

log = logging.getLogger(__name__)

OnIncidents = Callable[[ProjectId, Sequence[IncidentId], float], Awaitable[None]]
_REMEMBERED = 200  # incidents resolved in the last day that are looked at, newest first
_INLINE = 2000  # anomalies and relations; so many take a few milliseconds
_RECENT_S = 3600.0  # relations seen within this time are the topology


@dataclass
class Correlate:
    """`on_incidents` is the next step of the loop: it gets the ids of active incidents that began or changed.

    One project is worked on by one caller at a time, so that two detectors' claims cannot open two incidents.
    """

    incidents: Incidents
    anomalies: Anomalies
    entities: Entities
    documents: Documents
    bus: Bus
    projects: Projects
    on_incidents: OnIncidents
    rules: Rules = DEFAULT_RULES
    _locks: dict[ProjectId, asyncio.Lock] = field(default_factory=dict)

    async def on_anomalies(self, project: ProjectId, claims: Sequence[Anomaly], now: float) -> None:
        """`claims` are rows of the book: begun, going on, or ended."""
        async with self._locks.setdefault(project, asyncio.Lock()):
            touched = await self._step(project, claims, now)
        if touched:
            await self.on_incidents(project, touched, now)

    async def tick(self, now: float) -> None:
        """For what time alone decides: a hold that is over, and signals that have been normal for long enough."""
        for project in await self.projects():
            await self.on_anomalies(project, (), now)

    async def _step(self, project: ProjectId, claims: Sequence[Anomaly], now: float) -> list[IncidentId]:
        active = await self._cases(project, await self.incidents.active(project))
        waiting = await self.anomalies.open(project)
        if not active and not waiting and not claims:
            return []
        page = await self.incidents.list(project, status="resolved", start=now - DAY_S, limit=_REMEMBERED)
        recent = [i for i in page.items if now - (i.resolved_at or 0.0) < self.rules.reopen_s]
        resolved = await self._cases(project, recent)
        resolved += [Case(incident, ()) for incident in page.items if incident not in recent]
        candidates = {a.id: a for a in (*waiting, *claims)}
        attached = {a for case in (*active, *resolved) for a in case.incident.anomalies}
        topology = Topology()
        if any(id not in attached and a.ended_at is None for id, a in candidates.items()):
            topology = await self.entities.topology(project, now - _RECENT_S)
        windows = windows_of(await self.documents.list(project, "Maintenance"), now)
        told = {a.id for a in claims}
        seen = [a for a in candidates.values() if a.id in told or a.id not in attached]
        facts = (now, seen, active, resolved, topology, windows, self.rules)
        busy = len(seen) + len(topology.relations) > _INLINE  # a storm must not hold the event loop
        steps, new = await asyncio.to_thread(correlate, *facts) if busy else correlate(*facts)
        touched = [incident.id for incident in new]
        for incident in new:
            await self.incidents.add(project, incident)
            self.bus.publish(IncidentMoved(project, incident.id, "opened", now))
        touched += await self._take(project, steps, now)
        touched += [case.incident.id for case in active if told & set(case.incident.anomalies)]
        return list(dict.fromkeys(touched))

    async def _take(self, project: ProjectId, steps: Sequence[Step], now: float) -> list[IncidentId]:
        """Every incident's steps in one transaction each."""
        by_incident: dict[IncidentId, list[Step]] = {}
        for step in steps:
            by_incident.setdefault(step.incident, []).append(step)
        touched = []
        for id, todo in by_incident.items():
            moved: list[str] = []

            def change(incident: Incident, todo: list[Step] = todo, moved: list[str] = moved) -> Incident:
                moved.clear()
                for step in todo:
                    incident, transition = taken(step, incident, now)
                    moved += [transition] if transition else []
                return incident

            after = await self.incidents.update(project, id, change)
            for transition in moved:
                self.bus.publish(IncidentMoved(project, id, transition, now))
            if not moved:
                self.bus.publish(IncidentChanged(project, id))
            if after.active and any(step.kind is not StepKind.NOTE for step in todo):
                touched.append(id)
        return touched

    async def _cases(self, project: ProjectId, incidents: Sequence[Incident]) -> list[Case]:
        """Oldest first, each with its anomalies: one read for all."""
        wanted: list[AnomalyId] = list(dict.fromkeys(a for incident in incidents for a in incident.anomalies))
        rows = {a.id: a for a in await self.anomalies.get_many(project, wanted)}
        ordered = sorted(incidents, key=lambda i: (i.opened_at, i.id))
        return [Case(i, [rows[a] for a in i.anomalies if a in rows]) for i in ordered]
