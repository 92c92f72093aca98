"""Webhooks and what is on its way to them. A delivery is written in the transaction of what it tells of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from triops.kernel.errors import Conflict, NotFound
from triops.kernel.ids import ProjectId
from triops.ledger.paging import AnyRow
from triops.ledger.versions import tables

_W = tables.webhooks.c
_E = tables.webhook_events.c
_D = tables.webhook_deliveries.c
_WEBHOOKS = 1_000  # of one project
_WAITING = 10_000  # deliveries to one webhook; over it new ones are not taken on


@dataclass(frozen=True, slots=True)
class Webhook:
    """`events` are `<entity>.<action>`; `secret` signs what is sent and is never shown."""

    id: str
    name: str
    url: str
    events: Sequence[str]
    status: str
    created_ms: int
    updated_ms: int
    description: str | None = None
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    seq: int
    id: str  # the same in every attempt, so that a receiver can drop repeats
    body: str
    at: float
    attempts: int


def add_webhook(connection: Connection, project: ProjectId, webhook: Webhook) -> None:
    """Raises: Conflict over 1,000 in a project."""
    many = connection.scalar(select(func.count()).select_from(tables.webhooks).where(_W.project == project))
    if (many or 0) >= _WEBHOOKS:
        raise Conflict(f"A project has at most {_WEBHOOKS} webhooks.")
    row = {
        "project": project,
        "id": webhook.id,
        "name": webhook.name,
        "description": webhook.description,
        "url": webhook.url,
        "secret": webhook.secret,
        "status": webhook.status,
        "created_ms": webhook.created_ms,
        "updated_ms": webhook.updated_ms,
    }
    connection.execute(insert(tables.webhooks), row)
    _put_events(connection, project, webhook.id, webhook.events)


def get_webhook(connection: Connection, project: ProjectId, id: str) -> Webhook:
    """Raises: NotFound, in MLflow's words."""
    statement = select(tables.webhooks).where(_W.project == project, _W.id == id)
    rows = connection.execute(statement).all()
    if not rows:
        raise NotFound(f"Webhook with ID {id} not found.")
    return _webhooks(connection, project, rows)[0]


def list_webhooks(connection: Connection, project: ProjectId, offset: int, limit: int) -> list[Webhook]:
    """Newest first."""
    statement = select(tables.webhooks).where(_W.project == project).order_by(_W.created_ms.desc(), _W.seq.desc())
    return _webhooks(connection, project, connection.execute(statement.offset(offset).limit(limit)).all())


def change_webhook(connection: Connection, project: ProjectId, id: str, values: Mapping[str, Any]) -> None:
    """`events`, when given, take the place of those that were."""
    values = dict(values)
    events = values.pop("events", None)
    connection.execute(update(tables.webhooks).where(_W.project == project, _W.id == id).values(**values))
    if events is not None:
        connection.execute(delete(tables.webhook_events).where(_E.project == project, _E.webhook == id))
        _put_events(connection, project, id, events)


def delete_webhook(connection: Connection, project: ProjectId, id: str) -> None:
    """With what was on its way."""
    connection.execute(delete(tables.webhooks).where(_W.project == project, _W.id == id))
    connection.execute(delete(tables.webhook_events).where(_E.project == project, _E.webhook == id))
    connection.execute(delete(tables.webhook_deliveries).where(_D.project == project, _D.webhook == id))


def listening(connection: Connection, project: ProjectId, event: str) -> list[str]:
    """The ids of active webhooks for an event."""
    statement = (
        select(_E.webhook)
        .join(tables.webhooks, (_W.project == _E.project) & (_W.id == _E.webhook))
        .where(_E.project == project, _E.event == event, _W.status == "ACTIVE")
        .order_by(_W.seq)
    )
    return list(connection.scalars(statement))


def enqueue(connection: Connection, project: ProjectId, webhook: str, id: str, body: str, now: float) -> bool:
    """False when 10,000 wait already: whoever does not listen for so long must not fill the disk."""
    waiting = (_D.project == project, _D.webhook == webhook, _D.done_at.is_(None))
    many = connection.scalar(select(func.count()).select_from(tables.webhook_deliveries).where(*waiting))
    if (many or 0) >= _WAITING:
        return False
    row = {"project": project, "id": id, "webhook": webhook, "body": body, "at": now, "due_at": now, "attempts": 0}
    connection.execute(insert(tables.webhook_deliveries), {**row, "last_error": ""})
    return True


def due(connection: Connection, now: float, limit: int) -> list[tuple[ProjectId, str]]:
    """Webhooks that something is due for, over all projects."""
    statement = (
        select(_D.project, _D.webhook, func.min(_D.due_at).label("first"))
        .where(_D.done_at.is_(None), _D.due_at <= now)
        .group_by(_D.project, _D.webhook)
        .order_by("first")
        .limit(limit)
    )
    return [(ProjectId(row.project), row.webhook) for row in connection.execute(statement)]


def due_to(connection: Connection, project: ProjectId, webhook: str, now: float, limit: int) -> list[Delivery]:
    """What is due for one webhook, in the order in which it happened."""
    waiting = (_D.project == project, _D.webhook == webhook, _D.done_at.is_(None), _D.due_at <= now)
    statement = select(tables.webhook_deliveries).where(*waiting).order_by(_D.seq).limit(limit)
    return [Delivery(row.seq, row.id, row.body, row.at, row.attempts) for row in connection.execute(statement)]


def settle(
    connection: Connection, seq: int, *, error: str = "", due_at: float = 0.0, done_at: float | None = None
) -> None:
    """Write down one attempt."""
    values = {"attempts": _D.attempts + 1, "last_error": error, "due_at": due_at, "done_at": done_at}
    connection.execute(update(tables.webhook_deliveries).where(_D.seq == seq).values(values))


def drop_done(connection: Connection, before: float) -> int:
    """Forget deliveries that ended before then; answers how many."""
    return connection.execute(delete(tables.webhook_deliveries).where(_D.done_at < before)).rowcount


def _put_events(connection: Connection, project: ProjectId, id: str, events: Sequence[str]) -> None:
    rows = [{"project": project, "webhook": id, "event": event} for event in dict.fromkeys(events)]
    connection.execute(insert(tables.webhook_events), rows)


def _webhooks(connection: Connection, project: ProjectId, rows: Sequence[AnyRow]) -> list[Webhook]:
    ids = [row.id for row in rows]
    events: dict[str, list[str]] = {}
    statement = select(_E.webhook, _E.event).where(_E.project == project, _E.webhook.in_(ids)).order_by(_E.event)
    for row in connection.execute(statement):
        events.setdefault(row.webhook, []).append(row.event)
    return [
        Webhook(
            row.id,
            row.name,
            row.url,
            events.get(row.id, ()),
            row.status,
            row.created_ms,
            row.updated_ms,
            row.description,
            row.secret,
        )
        for row in rows
    ]
