"""What the steps of an action leave behind: lines of the incident's timeline, a Change and an audit entry a run, and
word on the bus."""

import logging
from dataclasses import dataclass

from triops.kernel.action import Action
from triops.kernel.change import Change
from triops.kernel.errors import NotFound
from triops.kernel.ids import ChangeId, IncidentId, ProjectId, sortable_id
from triops.kernel.incident import Entry, Incident
from triops.ledger.audit import Audit, AuditEntry
from triops.ledger.changes import Changes
from triops.ledger.incidents import Incidents
from triops.loop.bus import Bus
from triops.loop.events import ActionMoved, ChangeRecorded
from triops.ports.actuators import Outcome

log = logging.getLogger(__name__)

SELF = "triops"  # who acted, when no person did


@dataclass(frozen=True, slots=True)
class Minutes:
    """Writes only; that an incident was erased meanwhile is no fault of an action."""

    incidents: Incidents
    changes: Changes
    audit: Audit
    bus: Bus

    async def note(self, project: ProjectId, id: IncidentId, text: str, now: float, author: str = SELF) -> None:
        try:
            await self.incidents.update(project, id, lambda i: i.noted("action", text, now, author=author))
        except NotFound:
            log.info("incident %s is gone: %s", id, text)

    async def note_once(self, project: ProjectId, id: IncidentId, text: str, now: float) -> None:
        """Unless the timeline says it already. Raises: NotFound."""

        def noted(incident: Incident) -> Incident:
            known = any(e.kind == "action" and e.text == text for e in incident.timeline)
            return incident if known else incident.appended(Entry(now, "action", text))

        await self.incidents.update(project, id, noted)

    async def ran(
        self, project: ProjectId, action: Action, verb: str, title: str, outcome: Outcome, now: float
    ) -> None:
        """A run or an undo, with how it ended: a Change, so that a diagnosis can suspect it, and an audit entry."""
        actor = action.decided_by or SELF
        details = {"action": action.id, "incident": action.incident, "runbook": action.runbook, "ok": outcome.ok}
        change = Change(
            ChangeId(sortable_id("chg", now)), action.entity, "action", title[:500], now, actor, details, remedy=True
        )
        stored = await self.changes.record(project, change, idempotency_key=f"{verb}:{action.id}")
        self.bus.publish(ChangeRecorded(project, stored))
        entry = AuditEntry(
            now, actor, verb, action.id, "ok" if outcome.ok else "failed", {"result": outcome.text[:500]}
        )
        await self.audit.append(project, entry)

    def moved(self, project: ProjectId, action: Action, now: float) -> None:
        self.bus.publish(ActionMoved(project, action.id, str(action.status), now))
