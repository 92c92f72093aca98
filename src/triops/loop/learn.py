"""What an outcome teaches: an action that undid a cause, and was followed by verified recovery, confirms that cause.

It is written down as a line of the incident (`cause`), read back as a label: past incidents whose confirmed cause is a
suspect's entity count a little in diagnosis, and similar incidents are shown beside a new one. Nothing else is
claimed: an incident that ended by itself confirms nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from triops.kernel.ids import EntityId, ProjectId
from triops.kernel.incident import Entry, Incident
from triops.ledger.incidents import Incidents
from triops.loop.causes import Past

_MARK = " is the confirmed cause"
_READ = 200  # past incidents, newest first


@dataclass(frozen=True, slots=True)
class Similar:
    """`likeness` is the share of entities in common (Jaccard); `cause` is "" where none was confirmed."""

    id: str
    title: str
    opened_at: float
    cause: str
    likeness: float


def confirmed(entity: EntityId, how: str, at: float) -> Entry:
    """The line that labels an incident."""
    return Entry(at, "cause", f"{entity}{_MARK}: {how}")


def cause_of(incident: Incident) -> EntityId | None:
    """The last confirmed cause, if any."""
    lines = [e.text for e in incident.timeline if e.kind == "cause" and _MARK in e.text]
    return EntityId(lines[-1].partition(_MARK)[0]) if lines else None


def similar(incident: Incident, past: Sequence[Incident], most: int = 5, least: float = 0.3) -> list[Similar]:
    """Earlier incidents by the share of entities in common, those with a confirmed cause first among equals."""
    mine = set(incident.entities)
    found = []
    for other in past:
        theirs = set(other.entities)
        likeness = len(mine & theirs) / len(mine | theirs) if mine and theirs else 0.0
        if other.id != incident.id and other.opened_at <= incident.opened_at and likeness >= least:
            found.append(Similar(other.id, other.title, other.opened_at, cause_of(other) or "", likeness))
    return sorted(found, key=lambda s: (-s.likeness, not s.cause, -s.opened_at))[:most]


@dataclass
class Learn:
    """What past incidents say, from the book."""

    incidents: Incidents

    async def past(self, project: ProjectId) -> list[Past]:
        """Confirmed causes of resolved incidents."""
        page = await self.incidents.list(project, status="resolved", limit=_READ)
        known = [(incident, cause_of(incident)) for incident in page.items]
        return [Past(incident.id, incident.entities, cause) for incident, cause in known if cause is not None]

    async def similar(self, project: ProjectId, incident: Incident) -> list[Similar]:
        page = await self.incidents.list(project, status="resolved", limit=_READ)
        return similar(incident, page.items)
