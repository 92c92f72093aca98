"""The notify step: every transition of an incident becomes one row a notifier in the outbox, and a job delivers it.

What is announced is read from the incident's timeline, which is durable, not from the event that woke us: a crash
between the two loses nothing, and the same transition seen twice makes the same row. Delivery is at least once (a crash
between sending and writing it down sends again, with the same id, which receivers can drop).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from triops.kernel.anomaly import Severity
from triops.kernel.document import Document
from triops.kernel.errors import Invalid, NotFound, TriopsError
from triops.kernel.ids import ProjectId
from triops.kernel.incident import Entry, Incident, flaps, transition
from triops.ledger.codec import to_json
from triops.ledger.documents import Documents
from triops.ledger.incidents import Incidents
from triops.ledger.outbox import Outbox, Outgoing
from triops.loop.documents import Kind
from triops.loop.events import IncidentMoved
from triops.loop.jobs import Projects
from triops.ports.notifiers import Notice, Notifier

log = logging.getLogger(__name__)

TRANSITIONS = ("opened", "escalated", "acknowledged", "mitigated", "resolved", "reopened")
Show = Callable[[ProjectId, Incident], Awaitable[Mapping[str, Any]]]
_LOOK_BACK_S = 3600.0  # transitions this young are put into the outbox if they are missing there
_RECONCILE_S = 60.0
_FIRST_RETRY_S, _LONGEST_RETRY_S = 5.0, 3600.0
_GIVE_UP_S = 86_400.0
_AT_ONCE = 8
_PUT = 10_000  # rows remembered, so that looking back costs nothing; a forgotten one is left as it is by the outbox
_FLAPS_PER_HOUR = 3

SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Whom to tell of incidents, and of which transitions. Other members are the notifier's own.",
    "required": ["type"],
    "properties": {
        "type": {"type": "string", "minLength": 1, "maxLength": 64, "description": "webhook, slack, or a plugin's."},
        "on": {
            "type": "array",
            "items": {"enum": list(TRANSITIONS)},
            "uniqueItems": True,
            "description": "Absent means opened, escalated, resolved and reopened.",
        },
        "min_severity": {"enum": [s.value for s in Severity], "default": "info", "description": "The least."},
    },
}
_OWN = frozenset(SCHEMA["properties"])


def notifier_kind(notifiers: Mapping[str, Notifier]) -> Kind:
    """`notifiers` by their type; each checks its own part of a spec."""

    def check(document: Document) -> None:
        notifier = notifiers.get(document.spec["type"])
        if notifier is None:
            expected = ", ".join(sorted(notifiers))
            raise Invalid("no such notifier", field="spec.type", got=document.spec["type"], expected=expected)
        notifier.check({k: v for k, v in document.spec.items() if k not in _OWN})

    return Kind("Notifier", SCHEMA, check)


@dataclass
class Notify:
    """`show` gives an incident as the API shows it; `link` is where people read it, `{id}` stands for the incident."""

    incidents: Incidents
    documents: Documents
    outbox: Outbox
    notifiers: Mapping[str, Notifier]
    projects: Projects
    show: Show
    link: str = ""
    _reconciled_at: float = field(default=float("-inf"))
    _put: dict[tuple[ProjectId, str, str], None] = field(default_factory=dict)  # the newest rows known to be there

    async def on_moved(self, event: IncidentMoved) -> None:
        """Subscribed to the bus."""
        try:
            incident = await self.incidents.get(event.project, event.incident)
        except NotFound:
            return
        await self._enqueue(event.project, incident, event.at)

    async def tick(self, now: float) -> None:
        """Send what is due; now and then look for transitions that no event told of."""
        if now - self._reconciled_at >= _RECONCILE_S:
            await self._reconcile(now)
            self._reconciled_at = now
        due = await self.outbox.due(now)
        for at in range(0, len(due), _AT_ONCE):
            sending = (self._send(project, row, now) for project, row in due[at : at + _AT_ONCE])
            for error in await asyncio.gather(*sending, return_exceptions=True):
                if isinstance(error, BaseException):
                    log.error("a notice could not be settled", exc_info=error)

    async def _reconcile(self, now: float) -> None:
        for project in await self.projects():
            page = await self.incidents.list(project, start=now - _LOOK_BACK_S, limit=200)
            for incident in page.items:
                await self._enqueue(project, incident, now)

    async def _enqueue(self, project: ProjectId, incident: Incident, now: float) -> None:
        documents = await self.documents.list(project, "Notifier")
        if not documents:
            return
        lines = [(n, e, t) for n, e in enumerate(incident.timeline) if (t := transition(e)) in TRANSITIONS]
        lines = [line for line in lines if line[1].at > now - _LOOK_BACK_S]
        wanted = [
            (document, entry, moved)
            for n, entry, moved in lines
            for document in documents
            if entry.at >= document.updated_at and _wants(document, moved) and not _held(incident, n, entry, moved)
        ]
        wanted = [w for w in wanted if incident.severity.rank >= _least(w[0]).rank]
        wanted = [w for w in wanted if (project, _id(incident, w[1], w[2]), w[0].name) not in self._put]
        if wanted:
            shown = dict(await self.show(project, incident))
            rows = [self._row(d, e, moved, incident, shown) for d, e, moved in wanted]
            await self.outbox.put(project, rows)
            self._put |= {(project, row.id, row.notifier): None for row in rows}
            for old in list(self._put)[: max(0, len(self._put) - _PUT)]:
                del self._put[old]

    def _row(
        self, document: Document, entry: Entry, moved: str, incident: Incident, shown: Mapping[str, Any]
    ) -> Outgoing:
        id = _id(incident, entry, moved)
        notice = Notice(id, moved, entry.at, shown, self.link.replace("{id}", incident.id))
        return Outgoing(id, document.name, to_json(notice), due_at=entry.at)

    async def _send(self, project: ProjectId, row: Outgoing, now: float) -> None:
        fault = await self._try(project, row)
        if fault is None:
            await self.outbox.settle(project, row.id, row.notifier, sent_at=now)
            return
        wait = min(_FIRST_RETRY_S * 2.0 ** min(row.attempts, 20), _LONGEST_RETRY_S)
        over = now + wait - float(row.notice["at"]) > _GIVE_UP_S or fault.final
        await self.outbox.settle(
            project, row.id, row.notifier, error=fault.text, due_at=now + wait, gave_up_at=now if over else None
        )

    async def _try(self, project: ProjectId, row: Outgoing) -> "_Fault | None":
        try:
            document = await self.documents.get(project, "Notifier", row.notifier)
        except NotFound:
            return _Fault("its Notifier document was deleted", final=True)
        notifier = self.notifiers.get(str(document.spec["type"]))
        if notifier is None:
            return _Fault(f"no notifier of type {document.spec['type']}")
        notice = Notice(**{name: row.notice[name] for name in ("id", "transition", "at", "incident", "link")})
        spec = {k: v for k, v in document.spec.items() if k not in _OWN}
        try:
            why = await notifier.send(spec, notice)
        except TriopsError as error:
            why = error.message
        except Exception as error:  # a plugin's fault is a failed attempt like any other
            log.exception("notifier %s failed", document.name)
            why = f"{type(error).__name__}: {error}"
        return _Fault(why[:500]) if why is not None else None


@dataclass(frozen=True, slots=True)
class _Fault:
    text: str
    final: bool = False


def _id(incident: Incident, entry: Entry, moved: str | None) -> str:
    """The same for the same transition, whoever looks and whenever."""
    return f"{incident.id}:{moved}:{entry.at * 1000:.0f}"


def _wants(document: Document, moved: str | None) -> bool:
    return moved in document.spec.get("on", ("opened", "escalated", "resolved", "reopened"))


def _least(document: Document) -> Severity:
    return Severity(document.spec.get("min_severity", "info"))


def _held(incident: Incident, line: int, entry: Entry, moved: str | None) -> bool:
    """While an incident flaps, its coming and going is not announced; that it gets worse always is."""
    if moved not in ("reopened", "resolved"):
        return False
    return flaps(incident.timeline[: line + 1], entry.at) > _FLAPS_PER_HOUR
