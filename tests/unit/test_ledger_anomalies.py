from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.ids import AnomalyId, EntityId, IncidentId, ProjectId
from triops.kernel.incident import Incident, Status
from triops.ledger.anomalies import Anomalies
from triops.ledger.incidents import Incidents
from triops.ports.records import Records
from triops.testing.books import open_records

A, B = ProjectId("a"), ProjectId("b")


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    async with open_records(tmp_path) as opened:
        yield opened


@pytest.fixture
def book(records: Records) -> Anomalies:
    return Anomalies(records)


def claim(id: str, signal: str = "p95", started: float = 10.0, last: float = 20.0, **fields: object) -> Anomaly:
    base = Anomaly(
        AnomalyId(id), EntityId("service:x"), "red", "latency", signal, Direction.UP,
        5.0, Severity.WARNING, True, started, started + 1, last, value=1.0, title="slow", evidence={"from": id},
    )  # fmt: skip
    return replace(base, **fields)  # type: ignore[arg-type]


async def test_a_claim_that_goes_on_is_one_row(book: Anomalies) -> None:
    (first,) = await book.merge(A, [claim("a1")])
    assert first == claim("a1")
    later = claim("a2", started=15.0, last=30.0, score=6.0, severity=Severity.CRITICAL, value=9.0, title="slower")
    (merged,) = await book.merge(A, [later])
    worse = {"score": 6.0, "value": 9.0, "latest": 9.0, "title": "slower", "evidence": {"from": "a2"}}
    assert merged == replace(first, last_seen=30.0, severity=Severity.CRITICAL, **worse)  # type: ignore[arg-type]
    assert await book.open(A) == [merged]
    assert await book.get_many(A, [AnomalyId("a2"), AnomalyId("a1")]) == [merged]


async def test_it_is_told_at_its_worst_while_it_fades(book: Anomalies) -> None:
    await book.merge(A, [claim("a1", last=30.0, value=9.0)])
    (merged,) = await book.merge(A, [claim("a2", last=40.0, value=1.0, score=2.0)])
    assert (merged.last_seen, merged.value, merged.latest, merged.score) == (40.0, 9.0, 1.0, 5.0)


async def test_of_equal_scores_the_value_further_off_is_told(book: Anomalies) -> None:
    await book.merge(A, [claim("a1", value=9.0, expected=1.0)])
    (merged,) = await book.merge(A, [claim("a2", last=40.0, value=30.0, expected=1.0)])
    assert merged.value == 30.0
    (merged,) = await book.merge(A, [claim("a3", last=50.0, value=2.0, expected=1.0)])
    assert (merged.last_seen, merged.value) == (50.0, 30.0)


async def test_it_ends_once_and_may_begin_again(book: Anomalies) -> None:
    await book.merge(A, [claim("a1")])
    (ended,) = await book.merge(A, [claim("a2", last=20.0, ended_at=40.0)])
    assert (ended.id, ended.ended_at) == ("a1", 40.0)
    assert await book.merge(A, [claim("a3", ended_at=40.0)]) == []
    (again,) = await book.merge(A, [claim("a4", started=50.0, last=50.0)])
    assert again.id == "a4"
    assert [a.id for a in (await book.list(A)).items] == ["a4", "a1"]
    assert [a.id for a in await book.open(A)] == ["a4"]


async def test_one_batch_may_hold_a_claim_twice_and_its_end(book: Anomalies) -> None:
    stored = await book.merge(
        A,
        [
            claim("a1"),
            claim("b1", "rate"),
            claim("a2", last=25.0),
            claim("b2", "rate", ended_at=30.0),
            claim("b3", "rate", started=35.0, last=36.0),
        ],
    )
    assert [(a.id, a.last_seen, a.ended_at) for a in stored] == [
        ("a1", 25.0, None),
        ("b1", 20.0, 30.0),
        ("b3", 36.0, None),
    ]
    assert {a.id for a in await book.open(A)} == {"a1", "b3"}


async def test_a_thousand_claims_at_once(book: Anomalies) -> None:
    claims = [claim(f"a{i:04}", f"signal {i}") for i in range(1000)]
    assert await book.merge(A, claims) == claims
    again = await book.merge(A, [replace(c, id=AnomalyId(f"{c.id}b"), last_seen=99.0) for c in claims])
    assert [a.id for a in again] == [c.id for c in claims]
    assert len(await book.open(A)) == 1000
    assert [a.id for a in await book.get_many(A, [c.id for c in reversed(claims)])] == [c.id for c in reversed(claims)]


async def test_windows_and_filters(book: Anomalies) -> None:
    await book.merge(A, [claim("old", "s1", 10, 12), claim("long", "s2", 10, 12)])
    await book.merge(A, [claim("x", "s1", 10, 12, ended_at=20.0)])
    await book.merge(A, [claim("new", "s3", 50, 52, detector="log", entity=EntityId("host:h"))])

    async def found(**filters: object) -> set[str]:
        return {str(a.id) for a in (await book.list(A, **filters)).items}  # type: ignore[arg-type]

    assert await found() == {"old", "long", "new"}
    assert await found(start=30) == {"long", "new"}
    assert await found(start=20, end=50) == {"old", "long"}
    assert await found(end=10) == set()
    assert await found(detector="log") == await found(entity=EntityId("host:h")) == {"new"}
    assert await found(open_only=True) == {"long", "new"}


async def test_what_ended_long_ago_is_forgotten_unless_an_incident_names_it(records: Records, book: Anomalies) -> None:
    await book.merge(A, [claim(id, id) for id in ("gone", "kept", "open", "late")])
    await book.merge(A, [claim(id, id, ended_at=30.0) for id in ("gone", "kept")])
    await book.merge(A, [claim("late", "late", ended_at=60.0)])
    incident = Incident(IncidentId("i"), "t", Status.OPEN, Severity.INFO, 1.0, 1.0, 1.0, anomalies=(AnomalyId("kept"),))
    await Incidents(records).add(A, incident)
    await book.merge(B, [claim("gone", "gone")])
    await book.merge(B, [claim("gone", "gone", ended_at=30.0)])
    assert await book.drop_before(A, 50.0) == 1
    assert {a.id for a in (await book.list(A)).items} == {"kept", "open", "late"}
    assert len((await book.list(B)).items) == 1


async def test_projects_do_not_see_each_other(book: Anomalies) -> None:
    await book.merge(A, [claim("a1")])
    assert await book.open(B) == []
    assert (await book.list(B)).items == []
    assert await book.get_many(B, [AnomalyId("a1")]) == []
    (other,) = await book.merge(B, [claim("a2")])
    assert other.id == "a2"
