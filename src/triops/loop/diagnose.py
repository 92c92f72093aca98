"""The diagnose step: ranks the causes of incidents that began or changed. The reasoning is `causes`'; this reads and
writes, and keeps the timeline quiet: a line only when another cause comes first."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from triops.kernel.anomaly import Anomaly
from triops.kernel.errors import NotFound
from triops.kernel.hypothesis import Hypothesis
from triops.kernel.ids import IncidentId, ProjectId
from triops.kernel.incident import Entry, Incident
from triops.ledger.anomalies import Anomalies
from triops.ledger.changes import Changes
from triops.ledger.entities import Entities
from triops.ledger.incidents import Incidents
from triops.loop.bus import Bus
from triops.loop.causes import diagnose
from triops.loop.events import ChangeRecorded, IncidentChanged
from triops.loop.learn import Learn
from triops.loop.weighing import BEFORE_S
from triops.loop.wording import headline

log = logging.getLogger(__name__)

OnDiagnosed = Callable[[ProjectId, Incident, float], Awaitable[None]]
_CHANGES = 1000  # of the window before the onset, newest first
_RECENT_S = 3600.0
_AGAIN_S = 5.0  # an incident whose figures move is diagnosed again after so long
_INLINE = 50  # anomalies; a diagnosis of so many takes a millisecond or two
_PER_TICK = 50  # incidents; the rest is taken in the next tick


@dataclass
class Diagnose:
    """`on_diagnosed` is the next step of the loop; it gets the incident with its hypotheses.

    What could not be diagnosed (a store that is down, a fault) stays due and is tried again by `tick`.
    """

    incidents: Incidents
    anomalies: Anomalies
    changes: Changes
    entities: Entities
    learn: Learn
    bus: Bus
    on_diagnosed: OnDiagnosed
    _due: dict[tuple[ProjectId, IncidentId], None] = field(default_factory=dict)
    _done: dict[tuple[ProjectId, IncidentId], float] = field(default_factory=dict)

    async def on_incidents(self, project: ProjectId, ids: Sequence[IncidentId], now: float) -> None:
        """New ones at once; those that were diagnosed just now when they are due again."""
        for id in ids:
            self._due[project, id] = None
        fresh = [(project, id) for id in ids if now - self._done.get((project, id), float("-inf")) >= _AGAIN_S]
        await self._work(fresh[:_PER_TICK], now)

    async def on_change(self, event: ChangeRecorded) -> None:
        """A change may be told late, when its incident is there already. Subscribed to the bus."""
        for incident in await self.incidents.active(event.project):
            if incident.onset_at - BEFORE_S <= event.change.at <= incident.updated_at:
                self._due[event.project, incident.id] = None

    async def tick(self, now: float) -> None:
        ready = [key for key in self._due if now - self._done.get(key, float("-inf")) >= _AGAIN_S]
        await self._work(ready[:_PER_TICK], now)
        self._done = {key: at for key, at in self._done.items() if now - at < 60.0}

    async def _work(self, keys: Sequence[tuple[ProjectId, IncidentId]], now: float) -> None:
        for project, id in keys:
            try:
                incident = await self.diagnose(project, id, now)
                if incident.active:
                    await self.on_diagnosed(project, incident, now)
            except NotFound:  # erased meanwhile
                self._due.pop((project, id), None)
            except Exception:  # one incident's fault must not keep the others waiting; it stays due
                log.exception("could not diagnose %s", id)
            else:
                self._due.pop((project, id), None)
            self._done[project, id] = now

    async def diagnose(self, project: ProjectId, id: IncidentId, now: float) -> Incident:
        """Raises: NotFound."""
        incident = await self.incidents.get(project, id)
        if not incident.active:
            return incident
        anomalies = await self.anomalies.get_many(project, incident.anomalies)
        page = await self.changes.list(project, start=incident.onset_at - BEFORE_S, end=now + 1.0, limit=_CHANGES)
        topology = await self.entities.topology(project, incident.onset_at - _RECENT_S)
        past = await self.learn.past(project)
        if len(anomalies) <= _INLINE:
            found = diagnose(incident, anomalies, page.items, topology, now, past)
        else:  # a storm must not hold the event loop
            found = await asyncio.to_thread(diagnose, incident, anomalies, page.items, topology, now, past)
        if not _differ(incident.hypotheses, found):
            return incident
        incident = await self.incidents.update(project, id, lambda i: concluded(i, found, anomalies, now))
        self.bus.publish(IncidentChanged(project, id))
        return incident


def concluded(
    incident: Incident, hypotheses: tuple[Hypothesis, ...], anomalies: Sequence[Anomaly], now: float
) -> Incident:
    """The incident with these hypotheses; with a line, and the title of its cause, when another comes first."""
    before, first = incident.hypotheses[:1], hypotheses[:1]
    incident = replace(incident, hypotheses=hypotheses)
    if not first or [_key(h) for h in before] == [_key(h) for h in first]:
        return incident
    best = first[0]
    text = f"most probable cause: {best.title} ({best.probability:.0%})" if best.entity else best.title
    incident = incident.appended(Entry(now, "hypothesis", text))
    symptoms = [a for a in anomalies if a.symptom and a.entity == best.entity]
    if symptoms and best.probability >= 0.5:
        worst = max(symptoms, key=lambda a: (a.severity.rank, a.score))
        incident = replace(incident, title=headline(worst))
    return incident


def _key(hypothesis: Hypothesis) -> tuple[str | None, str | None]:
    return hypothesis.entity, hypothesis.change


def _differ(before: Sequence[Hypothesis], after: Sequence[Hypothesis]) -> bool:
    """Whether it is worth writing down."""
    if [_key(h) for h in before] != [_key(h) for h in after]:
        return True
    return any(abs(a.probability - b.probability) > 0.02 for a, b in zip(before, after, strict=True))
