"""Who is told when a model changes: the time line, the graph, the model's own history, and webhooks.

All of it is written in the transaction of the change itself; the bus hears of it after the commit.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection

from triops.kernel.change import Change
from triops.kernel.clock import rfc3339
from triops.kernel.entity import Entity, Relation
from triops.kernel.ids import ChangeId, EntityId, ProjectId, entity_id, sortable_id
from triops.kernel.version import Step
from triops.ledger.changes import record_change
from triops.ledger.entities import observe
from triops.ledger.versions.history import add_step
from triops.ledger.versions.webhooks import enqueue, listening
from triops.loop.bus import Bus
from triops.loop.events import ChangeRecorded
from triops.ports.clock import Clock
from triops.ports.records import Records

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WebhooksDue:
    """Deliveries were written: the bus wakes who sends them."""

    project: ProjectId
    at: float


@dataclass
class Telling:
    """What one transaction tells. `connection` is that transaction's."""

    connection: Connection
    project: ProjectId
    now: float
    changes: list[Change] = field(default_factory=list)
    deliveries: int = 0

    @property
    def now_ms(self) -> int:
        return int(self.now * 1000)

    def step(
        self,
        name: str,
        kind: str,
        title: str,
        *,
        prompt: bool,
        who: str,
        why: str = "",
        alias: str = "",
        before: str = "",
        after: str = "",
        version: int | None = None,
        details: Mapping[str, Any] | None = None,
        remedy: bool = False,
    ) -> None:
        """A line of the model's history, which is also a Change of its entity."""
        type_ = "prompt" if prompt else "model"
        told = {"from": before, "to": after, **({"alias": alias} if alias else {}), **({"why": why} if why else {})}
        if version is not None:
            told["version"] = str(version)
        change = Change(
            ChangeId(sortable_id("chg", self.now)),
            entity_id(type_, name),
            "prompt_label" if prompt and kind == "promotion" else kind,
            title,
            self.now,
            who,
            {**told, **(details or {})},
            remedy,
        )
        record_change(self.connection, self.project, change)
        add_step(
            self.connection,
            self.project,
            name,
            Step(self.now, who, why, kind, alias, before, after, version, change.id),
        )
        observe(self.connection, self.project, [Entity(type_, name, self.now, self.now)])
        self.changes.append(change)

    def related(self, entities: Sequence[Entity], relations: Sequence[Relation]) -> None:
        observe(self.connection, self.project, entities, relations)

    def event(self, event: str, data: Mapping[str, Any]) -> None:
        """`event` is `<entity>.<action>`, as webhooks subscribe to them."""
        webhooks = listening(self.connection, self.project, event)
        if not webhooks:
            return
        body = event_body(event, data, self.now)
        for webhook in webhooks:
            self.deliveries += enqueue(self.connection, self.project, webhook, str(uuid.uuid4()), body, self.now)


def event_body(event: str, data: Mapping[str, Any], now: float) -> str:
    entity, _, action = event.partition(".")
    body = {"entity": entity, "action": action, "timestamp": rfc3339(now).replace("Z", "+00:00"), "data": data}
    return orjson.dumps(body).decode()


def model_entity(name: str, *, prompt: bool = False) -> EntityId:
    return entity_id("prompt" if prompt else "model", name)


class Teller:
    """Runs a transaction with its Telling, and publishes after the commit."""

    def __init__(self, records: Records, bus: Bus, clock: Clock) -> None:
        self._records = records
        self._bus = bus
        self._clock = clock

    async def write(self, project: ProjectId, change: Callable[[Telling], T]) -> T:
        """`change` runs on the writer's thread, perhaps twice."""
        now = self._clock.now()

        def run(connection: Connection) -> tuple[T, Telling]:
            telling = Telling(connection, project, now)
            return change(telling), telling

        result, telling = await self._records.write(run)
        for one in telling.changes:
            self._bus.publish(ChangeRecorded(project, one))
        if telling.deliveries:
            self._bus.publish(WebhooksDue(project, now))
        return result
