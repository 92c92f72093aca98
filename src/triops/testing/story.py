"""The loop from claims to outcomes on a real ledger, driven by a fake clock: for scenarios of one's own runbooks,
policies and notifiers."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from triops.kernel.action import Action
from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.change import Change
from triops.kernel.entity import Entity, Relation, RelationKind
from triops.kernel.ids import AnomalyId, ChangeId, EntityId, ProjectId, sortable_id
from triops.kernel.incident import Incident
from triops.kernel.tenant import DEFAULT_PROJECT
from triops.ledger.actions import Actions
from triops.ledger.anomalies import Anomalies
from triops.ledger.audit import Audit
from triops.ledger.changes import Changes
from triops.ledger.codec import to_json
from triops.ledger.documents import Documents
from triops.ledger.entities import Entities
from triops.ledger.incidents import Incidents
from triops.ledger.outbox import Outbox
from triops.loop.act import Act
from triops.loop.bus import Bus
from triops.loop.correlate import Correlate
from triops.loop.diagnose import Diagnose
from triops.loop.documents import Kinds
from triops.loop.events import ChangeRecorded, IncidentMoved
from triops.loop.learn import Learn
from triops.loop.maintenance import maintenance_kind
from triops.loop.notify import Notify, notifier_kind
from triops.loop.policies import policy_kind
from triops.loop.runbooks import runbook_kind
from triops.ports.records import Records
from triops.testing.books import open_records
from triops.testing.clock import FakeClock
from triops.testing.hands import WritingActuator, WritingNotifier

PROJECT = DEFAULT_PROJECT


@dataclass
class Story:
    """`claim`, `change` and `ended` are what happens in the world; `run` lets time pass, a second a step."""

    records: Records
    clock: FakeClock = field(default_factory=FakeClock)
    actuator: WritingActuator = field(default_factory=WritingActuator)
    notifier: WritingNotifier = field(default_factory=WritingNotifier)
    bus: Bus = field(default_factory=Bus)

    def __post_init__(self) -> None:
        records = self.records
        self.incidents, self.anomalies, self.entities = Incidents(records), Anomalies(records), Entities(records)
        self.actions, self.changes, self.audit = Actions(records), Changes(records), Audit(records)
        self.documents, self.outbox = Documents(records), Outbox(records)
        self.kinds = Kinds(
            [
                policy_kind(),
                runbook_kind({self.actuator.name}),
                notifier_kind({self.notifier.name: self.notifier}),
                maintenance_kind(),
            ]
        )
        self.act = Act(
            self.actions, self.incidents, self.anomalies, self.documents, self.changes, self.audit,
            {self.actuator.name: self.actuator}, self.clock, self.bus, self.projects,
        )  # fmt: skip
        self.learn = Learn(self.incidents)
        self.diagnose = Diagnose(
            self.incidents, self.anomalies, self.changes, self.entities, self.learn, self.bus, self.act.propose
        )
        self.correlate = Correlate(
            self.incidents, self.anomalies, self.entities, self.documents, self.bus, self.projects,
            self.diagnose.on_incidents,
        )  # fmt: skip
        self.notify = Notify(
            self.incidents, self.documents, self.outbox, {self.notifier.name: self.notifier}, self.projects, self._show,
            "http://here/ui/incidents/{id}",
        )  # fmt: skip
        self.bus.subscribe(IncidentMoved, self.notify.on_moved, name="notify")
        self.bus.subscribe(ChangeRecorded, self.diagnose.on_change, name="diagnose")

    async def projects(self) -> Sequence[ProjectId]:
        return [PROJECT]

    async def _show(self, project: ProjectId, incident: Incident) -> Mapping[str, Any]:
        return to_json(incident)

    async def apply(self, kind: str, name: str, **spec: Any) -> None:
        document = replace(self.kinds.validate(kind, name, spec), updated_at=self.clock.now())
        await self.documents.put(PROJECT, [document])

    async def calls(self, *pairs: tuple[str, str]) -> None:
        """Entity ids that call one another."""
        now = self.clock.now()
        names = {e for pair in pairs for e in pair}
        entities = [Entity(e.partition(":")[0], e.partition(":")[2], now, now) for e in names]
        kinds = {"host": RelationKind.RUNS_ON, "database": RelationKind.USES}
        relations = [
            Relation(EntityId(a), kinds.get(b.split(":")[0], RelationKind.CALLS), EntityId(b), now, now)
            for a, b in pairs
        ]
        await self.entities.observe(PROJECT, entities, relations)

    async def change(self, entity: str, kind: str, title: str, *, ago: float = 0.0, **details: Any) -> Change:
        at = self.clock.now() - ago
        change = Change(ChangeId(sortable_id("chg", at)), EntityId(entity), kind, title, at, "ci", details)
        stored = await self.changes.record(PROJECT, change)
        self.bus.publish(ChangeRecorded(PROJECT, stored))
        return stored

    async def claim(self, *claims: Anomaly) -> Sequence[Anomaly]:
        """What a detector claims now."""
        stored = await self.anomalies.merge(PROJECT, claims)
        await self.correlate.on_anomalies(PROJECT, stored, self.clock.now())
        await self.bus.drain()
        return stored

    async def ended(self, *claims: Anomaly) -> None:
        now = self.clock.now()
        await self.claim(*(replace(a, ended_at=now, last_seen=now) for a in claims))

    async def run(self, seconds: float) -> None:
        """The jobs, once a second."""
        for _ in range(int(seconds)):
            await self.tick(self.clock.advance(1.0))

    async def tick(self, now: float) -> None:
        for job in (self.correlate.tick, self.diagnose.tick, self.act.tick, self.notify.tick):
            await job(now)
            await self.bus.drain()

    async def incident(self) -> Incident:
        """The only one."""
        (incident,) = (await self.incidents.list(PROJECT)).items
        return incident

    async def action(self) -> Action:
        """The only one."""
        (action,) = (await self.actions.list(PROJECT)).items
        return action

    def symptom(self, entity: str, *, ago: float = 15.0, **fields: Any) -> Anomaly:
        """A claim of high latency, made now."""
        now = self.clock.now()
        claim = Anomaly(
            id=AnomalyId(sortable_id("ano", now)), entity=EntityId(entity), detector="red", kind="latency",
            signal=f"latency {entity}", direction=Direction.UP, score=9.0, severity=Severity.WARNING, symptom=True,
            started_at=now - ago, detected_at=now, last_seen=now, value=620.0, expected=40.0, unit="ms",
            evidence={"source": "", "target": entity, "measure": "latency"},
        )  # fmt: skip
        return replace(claim, **fields)


@asynccontextmanager
async def open_story(directory: Path) -> AsyncIterator[Story]:
    """A second one on the same folder, after the first is closed, is what a restart finds."""
    async with open_records(directory) as records:
        story = Story(records)
        await story.bus.start()
        try:
            yield story
        finally:
            await story.bus.close()
