from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import event

from triops.kernel.entity import Entity, Health, Relation, RelationKind
from triops.kernel.errors import Invalid, NotFound
from triops.kernel.ids import EntityId, ProjectId
from triops.ledger.entities import Entities
from triops.ports.records import Records
from triops.testing.books import open_records

A, B = ProjectId("a"), ProjectId("b")


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    async with open_records(tmp_path) as opened:
        yield opened


@pytest.fixture
def book(records: Records) -> Entities:
    return Entities(records)


def service(name: str, first: float = 10.0, last: float = 20.0, **attributes: str) -> Entity:
    return Entity("service", name, first, last, attributes)


def calls(source: str, target: str, first: float = 10.0, last: float = 20.0) -> Relation:
    return Relation(EntityId(f"service:{source}"), RelationKind.CALLS, EntityId(f"service:{target}"), first, last)


async def test_seen_again_it_is_merged(book: Entities) -> None:
    await book.observe(A, [service("x", 10, 20, os="linux", version="1")])
    await book.set_health(A, {EntityId("service:x"): Health.CRITICAL}, Health.OK)
    await book.observe(A, [service("x", 15, 30, version="2"), service("x", 5, 25, zone="eu")])
    assert await book.get(A, EntityId("service:x")) == Entity(
        "service", "x", 5, 30, {"os": "linux", "version": "2", "zone": "eu"}, Health.CRITICAL
    )


async def test_relations_are_merged_and_found_from_both_ends(book: Entities) -> None:
    await book.observe(A, [], [calls("x", "y"), calls("y", "z"), calls("x", "y", 5, 15)])
    await book.observe(A, [], [calls("x", "y", 12, 40)])
    page = await book.relations(A, entity=EntityId("service:y"))
    assert page.items == [calls("x", "y", 5, 40), calls("y", "z")]
    first = await book.relations(A, limit=1)
    second = await book.relations(A, limit=1, cursor=first.next)
    assert [*first.items, *second.items] == page.items
    assert second.next is None
    assert (await book.topology(A, since=30)).relations == (calls("x", "y", 5, 40),)


async def test_the_same_again_writes_no_row(records: Records, book: Entities) -> None:
    entities = [service(f"s{i}", os="linux") for i in range(1000)]
    relations = [calls(f"s{i}", f"s{i + 1}") for i in range(999)]
    await book.observe(A, entities, relations)
    statements: list[str] = []
    engine = records._engine  # type: ignore[attr-defined]
    event.listen(engine, "before_cursor_execute", lambda c, cur, sql, *rest: statements.append(sql))
    await book.observe(A, entities, relations)
    assert statements
    assert not [sql for sql in statements if not sql.startswith(("SELECT", "BEGIN"))]
    assert len(statements) < 12


async def test_filters_mean_just_what_they_say(book: Entities) -> None:
    names = ["Straße", "50%", "5000", "a_b", "aXb", "back\\slash"]
    await book.observe(A, [*(service(name) for name in names), Entity("host", "straße", 1, 1)])

    async def found(query: str, type: str = "") -> list[str]:
        return [entity.name for entity in (await book.list(A, query=query, type=type)).items]

    assert await found("STRASSE") == ["straße", "Straße"]
    assert await found("strasse", "service") == ["Straße"]
    assert await found("50%") == ["50%"]
    assert await found("a_b") == ["a_b"]
    assert await found("axb") == ["aXb"]
    assert await found("\\") == ["back\\slash"]
    assert await found("nothing") == []


async def test_health_is_of_those_named_and_a_default_for_the_rest(book: Entities) -> None:
    await book.observe(A, [service("x"), service("y"), service("z")])
    await book.observe(B, [service("x")])
    x, y = EntityId("service:x"), EntityId("service:y")

    async def health() -> list[str]:
        return [entity.health.value for entity in (await book.list(A)).items]

    assert await health() == ["unknown"] * 3
    await book.set_health(A, {x: Health.CRITICAL, y: Health.WARNING, EntityId("service:gone"): Health.OK}, Health.OK)
    assert await health() == ["critical", "warning", "ok"]
    await book.set_health(A, {y: Health.CRITICAL}, Health.OK)
    assert await health() == ["ok", "critical", "ok"]
    assert [e.name for e in (await book.list(A, health="critical")).items] == ["y"]
    assert (await book.get(B, x)).health is Health.UNKNOWN


async def test_what_is_no_longer_seen_is_forgotten(book: Entities) -> None:
    await book.observe(A, [service("old", 1, 9), service("new", 1, 10)], [calls("old", "new", 1, 9)])
    await book.observe(B, [service("old", 1, 9)])
    assert await book.expire(A, before=10) == 2
    assert [entity.name for entity in (await book.list(A)).items] == ["new"]
    assert (await book.relations(A)).items == []
    assert len((await book.list(B)).items) == 1


async def test_projects_do_not_see_each_other(book: Entities) -> None:
    await book.observe(A, [service("x")], [calls("x", "y")])
    assert (await book.list(B)).items == []
    assert (await book.relations(B)).items == []
    assert (await book.topology(B, 0)).relations == ()
    with pytest.raises(NotFound):
        await book.get(B, EntityId("service:x"))


@pytest.mark.parametrize("limit", [0, -1, 1001, True])
async def test_a_pages_size_is_bounded(book: Entities, limit: int) -> None:
    with pytest.raises(Invalid) as raised:
        await book.list(A, limit=limit)
    assert raised.value.details["field"] == "limit"


@pytest.mark.parametrize("cursor", ["", "!", "WzFd", "x" * 5000, "WyJhIiwiYiJd"])
async def test_a_cursor_that_no_list_gave_is_refused(book: Entities, cursor: str) -> None:
    with pytest.raises(Invalid) as raised:
        await book.list(A, cursor=cursor)
    assert raised.value.details["field"] == "cursor"
