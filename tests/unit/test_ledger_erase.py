from pathlib import Path

import numpy as np
from sqlalchemy import Connection, func, select

from triops.kernel.action import Action, ActionStatus, Effect
from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.change import Change
from triops.kernel.document import Document
from triops.kernel.entity import Entity, Relation, RelationKind
from triops.kernel.ids import ActionId, AnomalyId, ChangeId, EntityId, IncidentId, ProjectId, RunId
from triops.kernel.incident import Incident, Status
from triops.kernel.run import Dataset, Input, MetricPoints
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
from triops.ledger.runs import tables as runs
from triops.ledger.runs.compaction import Compaction
from triops.ledger.runs.experiments import Experiments
from triops.ledger.runs.freeing import Freeing
from triops.ledger.runs.links import RunLinks
from triops.ledger.runs.log import RunLog
from triops.ledger.runs.runs import Runs
from triops.ports.records import Records
from triops.testing.books import open_records

X = EntityId("service:x")
POINTS = MetricPoints(["m"], np.zeros(1, np.uint32), np.ones(1, np.int64), np.zeros(1, np.int64), np.ones(1))


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
    await fill_runs(records, project)


async def fill_runs(records: Records, project: ProjectId) -> None:
    experiments, log, links = Experiments(records, "mlflow-artifacts:/"), RunLog(records), RunLinks(records)
    experiment = await experiments.create(project, "e", "", {"t": "v"}, 1)
    one, two = (RunId(f"{project}{n}") for n in "12")
    for run in (one, two):
        await Runs(records).create(project, run, experiment, name="r", user="u", start_ms=1, tags={"t": "v"})
        await log.batch(project, run, points=POINTS, params={"p": "1"})
    await Compaction(records, few=1).tick(1.0)  # one of the two is packed, so that each table has rows
    await log.batch(project, one, points=POINTS)
    await links.add_inputs(project, one, [Input(Dataset("d", "g", "local", "{}"))], ["m-1"])
    await Runs(records).delete(project, two, 1)
    freeing = Freeing(records)
    for number in await freeing.due(2):
        await freeing.free(number, 2)


async def test_nothing_of_an_erased_project_is_left_and_nothing_else_is_gone(tmp_path: Path) -> None:
    def rows(project: ProjectId) -> dict[str, int]:
        return {name: counts[name].get(project, 0) for name in counts}

    def count(connection: Connection) -> dict[str, dict[str, int]]:
        found = {}
        for name, table in {**tables.metadata.tables, **runs.metadata.tables}.items():
            if "project" in table.c:
                statement = select(table.c.project, func.count().label("rows")).group_by(table.c.project)
            else:
                project = runs.runs.c.project
                joined = select(project, func.count().label("rows")).join(table, table.c.run == runs.runs.c.no)
                statement = joined.group_by(project)
            found[name] = {row.project: row.rows for row in connection.execute(statement)}
        return found

    a, b = ProjectId("a"), ProjectId("b")
    async with open_records(tmp_path) as records:
        await fill(records, b)
        await fill(records, a)
        counts = await records.read(count)
        before = rows(b)
        assert all(rows(a).values()), rows(a)
        assert await erase_project(records, a) == sum(rows(a).values())
        counts = await records.read(count)
        assert not any(rows(a).values())
        assert rows(b) == before
