import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from triops.kernel.anomaly import Severity
from triops.kernel.errors import Conflict, NotFound
from triops.kernel.hypothesis import Evidence, Hypothesis
from triops.kernel.ids import ActionId, AnomalyId, ChangeId, EntityId, IncidentId, ProjectId
from triops.kernel.incident import Entry, Incident, Status
from triops.ledger.incidents import Incidents
from triops.testing.books import open_records

A, B = ProjectId("a"), ProjectId("b")
X, Y = EntityId("service:x"), EntityId("service:y")


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Incidents]:
    async with open_records(tmp_path) as records:
        yield Incidents(records)


def incident(id: str, at: float = 10.0, title: str = "x is slow", *entities: EntityId) -> Incident:
    return Incident(
        IncidentId(id), title, Status.OPEN, Severity.CRITICAL, at, at, at - 1, None, "", entities or (X,),
        (AnomalyId("a1"),),
        (Hypothesis(1, X, ChangeId("c"), 0.8, "the deploy", (Evidence("change", "0.2 s before", 2.5, "c"),)),
         Hypothesis(2, None, None, 0.2, "unknown")),
        (ActionId("act"),), (Entry(at, "opened", "opened"),),
    )  # fmt: skip


async def test_an_incident_comes_back_whole(book: Incidents) -> None:
    await book.add(A, incident("i1"))
    assert await book.get(A, IncidentId("i1")) == incident("i1")
    with pytest.raises(Conflict):
        await book.add(A, incident("i1"))


async def test_no_writer_loses_anothers_lines(book: Incidents) -> None:
    await book.add(A, incident("i1"))
    id = IncidentId("i1")
    await asyncio.gather(*(book.update(A, id, lambda i, n=n: i.noted("comment", f"{n}", 11.0)) for n in range(50)))
    lines = [entry.text for entry in (await book.get(A, id)).timeline if entry.kind == "comment"]
    assert lines == [str(n) for n in range(50)]


async def test_a_move_that_is_not_allowed_changes_nothing(book: Incidents) -> None:
    await book.add(A, incident("i1"))
    with pytest.raises(Conflict, match="cannot become"):
        await book.update(A, IncidentId("i1"), lambda i: i.moved(Status.REOPENED, 20.0))
    assert await book.get(A, IncidentId("i1")) == incident("i1")
    with pytest.raises(NotFound):
        await book.update(A, IncidentId("i2"), lambda i: i)


async def test_what_is_active(book: Incidents) -> None:
    for id, at in (("i3", 30.0), ("i1", 10.0), ("i2", 20.0)):
        await book.add(A, incident(id, at))
    resolved = await book.update(A, IncidentId("i2"), lambda i: i.moved(Status.RESOLVED, 40.0, why="fixed"))
    assert [i.id for i in await book.active(A)] == ["i1", "i3"]
    assert [i.id for i in (await book.list(A, status="active")).items] == ["i3", "i1"]
    assert (await book.list(A, status="resolved")).items == [resolved]
    await book.update(A, IncidentId("i2"), lambda i: i.moved(Status.REOPENED, 50.0))
    assert [i.id for i in (await book.list(A, status="reopened")).items] == ["i2"]
    assert len(await book.active(A)) == 3


async def test_filters_follow_the_incident_as_it_changes(book: Incidents) -> None:
    await book.add(A, incident("i1", 10.0, "x is slow"))
    await book.add(A, incident("i2", 20.0, "100% errors", Y))

    async def found(**filters: object) -> list[str]:
        return [str(i.id) for i in (await book.list(A, **filters)).items]  # type: ignore[arg-type]

    assert await found(entity=X) == ["i1"]
    assert await found(query="SLOW") == ["i1"]
    assert await found(query="%") == await found(query="service:y") == ["i2"]
    await book.update(A, IncidentId("i2"), lambda i: replace(i, entities=(X, Y, X), title="x and y"))
    assert await found(entity=X) == ["i2", "i1"]
    assert await found(query="x and") == ["i2"]
    await book.update(A, IncidentId("i2"), lambda i: replace(i, entities=(X,)))
    assert await found(entity=Y) == []


async def test_windows_meet_the_time_it_was_open(book: Incidents) -> None:
    await book.add(A, incident("i1", 10.0))
    await book.add(A, incident("i2", 20.0))
    await book.update(A, IncidentId("i1"), lambda i: i.moved(Status.RESOLVED, 15.0))

    async def found(start: float, end: float) -> list[str]:
        return [str(i.id) for i in (await book.list(A, start=start, end=end)).items]

    assert await found(0, 10) == []
    assert await found(0, 11) == await found(12, 20) == ["i1"]
    assert await found(16, 21) == await found(100, 200) == ["i2"]


async def test_projects_do_not_see_each_other(book: Incidents) -> None:
    await book.add(A, incident("i1"))
    await book.add(B, incident("i1", 99.0))
    await book.update(B, IncidentId("i1"), lambda i: i.noted("comment", "b", 1.0))
    assert await book.get(A, IncidentId("i1")) == incident("i1")
    nobody = ProjectId("nobody")
    assert (await book.list(nobody)).items == []
    assert await book.active(nobody) == []
    with pytest.raises(NotFound):
        await book.get(nobody, IncidentId("i1"))
