from pathlib import Path

from sqlalchemy import Connection, func, select

from triops.kernel.action import Action, ActionStatus, Effect
from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.change import Change
from triops.kernel.document import Document
from triops.kernel.entity import Entity, Relation, RelationKind
from triops.kernel.ids import ActionId, AnomalyId, ChangeId, EntityId, IncidentId, ProjectId
from triops.kernel.incident import Incident, Status
from triops.kernel.tenant import Role
from triops.ledger import tables
from triops.ledger.actions import Actions
from triops.ledger.anomalies import Anomalies
from triops.ledger.audit import Audit, AuditEntry
from triops.ledger.changes import Changes
from triops.ledger.documents import Documents
from triops.ledger.entities import Entities
from triops.ledger.erase import erase_project
from triops.ledger.incidents import Incidents
from triops.ledger.keys import Keys
from triops.ledger.outbox import Outbox, Outgoing
from triops.ports.records import Records
from triops.testing.books import open_records

X = EntityId("service:x")


async def fill(records: Records, project: ProjectId) -> None:
    """At least one row in every table."""
    relation = Relation(X, RelationKind.CALLS, EntityId("service:y"), 1.0, 1.0)
    await Entities(records).observe(project, [Entity("service", "x", 1.0, 1.0)], [relation])
    await Changes(records).record(project, Change(ChangeId("c"), X, "deploy", "t", 1.0))
    anomaly = Anomaly(AnomalyId("a"), X, "d", "k", "s", Direction.UP, 1.0, Severity.INFO, True, 1.0, 1.0, 1.0)
    await Anomalies(records).merge(project, [anomaly])
    incident = Incident(
        IncidentId("i"), "t", Status.OPEN, Severity.INFO, 1.0, 1.0, 1.0, entities=(X,), anomalies=(AnomalyId("a"),)
    )
    await Incidents(records).add(project, incident)
    effect = Effect("http", {})
    await Actions(records).add(
        project,
        Action(ActionId("x"), IncidentId("i"), "r", "t", X, None, effect, None, ActionStatus.WAITING, "ask", 1.0),
    )
    await Audit(records).append(project, AuditEntry(1.0, "ann", "v", "t"))
    await Documents(records).put(project, [Document("Policy", "p", {})])
    await Outbox(records).put(project, [Outgoing("n", "team", {}, 1.0)])
    await Keys(records).create(project, Role.VIEWER, "k", 1.0)


async def test_nothing_of_an_erased_project_is_left_and_nothing_else_is_gone(tmp_path: Path) -> None:
    def rows(project: ProjectId) -> dict[str, int]:
        return {name: counts[name].get(project, 0) for name in counts}

    def count(connection: Connection) -> dict[str, dict[str, int]]:
        return {
            name: {
                row.project: row.rows
                for row in connection.execute(
                    select(table.c.project, func.count().label("rows")).group_by(table.c.project)
                )
            }
            for name, table in tables.metadata.tables.items()
        }

    a, b = ProjectId("a"), ProjectId("b")
    async with open_records(tmp_path) as records:
        await fill(records, a)
        await fill(records, b)
        counts = await records.read(count)
        before = rows(b)
        assert all(before.values()), before
        assert await erase_project(records, a) == sum(before.values())
        counts = await records.read(count)
        assert not any(rows(a).values())
        assert rows(b) == before
