from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from triops.kernel.change import Change
from triops.kernel.errors import Conflict, NotFound, TooLarge
from triops.kernel.ids import ChangeId, EntityId, ProjectId
from triops.ledger.changes import Changes
from triops.testing.books import open_records

A, B = ProjectId("a"), ProjectId("b")


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Changes]:
    async with open_records(tmp_path) as records:
        yield Changes(records)


def change(id: str, at: float = 1.0, entity: str = "service:x", kind: str = "deploy", title: str = "v2") -> Change:
    return Change(ChangeId(id), EntityId(entity), kind, title, at, "ann", {"from": "1", "to": ["2", None]})


async def test_a_change_comes_back_as_it_was_recorded(book: Changes) -> None:
    assert await book.record(A, change("c1")) == change("c1")
    assert await book.get(A, ChangeId("c1")) == change("c1")


async def test_a_key_used_before_answers_the_earlier_change(book: Changes) -> None:
    assert await book.record(A, change("c1"), "push-1") == change("c1")
    assert await book.record(A, change("c2", title="other"), "push-1") == change("c1")
    assert await book.record(B, change("c2"), "push-1") == change("c2")
    assert await book.record(A, change("c3")) == change("c3")
    assert await book.record(A, change("c4")) == change("c4")
    assert [c.id for c in (await book.list(A)).items] == ["c4", "c3", "c1"]


async def test_a_known_id_is_a_conflict(book: Changes) -> None:
    await book.record(A, change("c1"))
    with pytest.raises(Conflict):
        await book.record(A, change("c1"))
    await book.record(B, change("c1"))


async def test_filters(book: Changes) -> None:
    for one in (
        change("c1", 10),
        change("c2", 20, "service:y", "config", "Pool 100%"),
        change("c3", 30, kind="config"),
        change("c4", 20, title="again"),
    ):
        await book.record(A, one)

    async def found(**filters: object) -> list[str]:
        return [c.id for c in (await book.list(A, **filters)).items]  # type: ignore[arg-type]

    assert await found() == ["c3", "c4", "c2", "c1"]
    assert await found(start=20, end=30) == ["c4", "c2"]
    assert await found(entity=EntityId("service:y")) == ["c2"]
    assert await found(kind="config") == ["c3", "c2"]
    assert await found(query="pool") == ["c2"]
    assert await found(query="0%") == ["c2"]
    assert await found(query="%") == ["c2"]
    assert await found(query="ANN", kind="deploy") == ["c4", "c1"]


async def test_details_are_bounded(book: Changes) -> None:
    with pytest.raises(TooLarge):
        await book.record(A, replace(change("c1"), details={"log": "x" * 70_000}))
    assert (await book.list(A)).items == []


async def test_projects_do_not_see_each_other(book: Changes) -> None:
    await book.record(A, change("c1"))
    assert (await book.list(B)).items == []
    with pytest.raises(NotFound):
        await book.get(B, ChangeId("c1"))
