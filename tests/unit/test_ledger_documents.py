import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from triops.kernel.document import Document, Specs
from triops.kernel.errors import Forbidden, Invalid, NotFound
from triops.kernel.ids import ProjectId
from triops.ledger.documents import Documents
from triops.testing.books import open_records

A, B = ProjectId("a"), ProjectId("b")


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Documents]:
    async with open_records(tmp_path) as records:
        yield Documents(records)


def policy(name: str, level: str = "ask", at: float = 1.0, kind: str = "Policy") -> Document:
    return Document(kind, name, {"level": level, "freeze": ["22:00-06:00"]}, updated_at=at, updated_by="ann")


async def test_created_changed_unchanged(book: Documents) -> None:
    ((stored, state),) = await book.put(A, [policy("p")])
    assert (stored, state) == (policy("p"), "created")
    ((stored, state),) = await book.put(A, [policy("p", at=9.0)])
    assert (stored, state) == (policy("p"), "unchanged")
    (first, second) = await book.put(A, [policy("p", "act", 9.0), policy("q")])
    assert (first[0].revision, first[0].updated_at, first[1]) == (2, 9.0, "changed")
    assert second[1] == "created"
    assert await book.get(A, "Policy", "p") == first[0]
    assert [d.spec["level"] for d in await book.revisions(A, "Policy", "p")] == ["act", "ask"]


async def test_the_order_of_members_is_no_change(book: Documents) -> None:
    await book.put(A, [Document("Policy", "p", {"a": 1, "b": {"c": 1, "d": 2}})])
    ((_, state),) = await book.put(A, [Document("Policy", "p", {"b": {"d": 2, "c": 1}, "a": 1})])
    assert state == "unchanged"


async def test_all_or_none(book: Documents) -> None:
    with pytest.raises(Invalid):
        await book.put(A, [policy("p"), Document("Policy", "q", {"bad": object()})])
    with pytest.raises(Invalid, match="twice"):
        await book.put(A, [policy("p"), policy("q"), policy("p", "act")])
    assert await book.list(A) == []


async def test_deleted_and_made_again_it_goes_on(book: Documents) -> None:
    await book.put(A, [policy("p")])
    assert await book.delete(A, "Policy", "p") == policy("p")
    with pytest.raises(NotFound):
        await book.delete(A, "Policy", "p")
    with pytest.raises(NotFound):
        await book.get(A, "Policy", "p")
    ((stored, state),) = await book.put(A, [policy("p")])
    assert (stored.revision, state) == (2, "created")


async def test_only_the_last_hundred_revisions_are_kept(book: Documents) -> None:
    for n in range(105):
        await book.put(A, [policy("p", f"level {n}")])
    assert [d.revision for d in await book.revisions(A, "Policy", "p")] == list(range(105, 5, -1))


async def test_lists_are_by_kind_then_name_of_one_project(book: Documents) -> None:
    await book.put(A, [policy("b"), policy("a"), policy("z", kind="Notifier")])
    await book.put(B, [policy("a", "act")])
    assert [(d.kind, d.name) for d in await book.list(A)] == [("Notifier", "z"), ("Policy", "a"), ("Policy", "b")]
    assert [d.name for d in await book.list(A, "Notifier")] == ["z"]
    assert (await book.get(A, "Policy", "a")).spec["level"] == "ask"
    with pytest.raises(NotFound):
        await book.delete(B, "Policy", "b")


async def test_what_binds_is_asked_of_the_documents_as_they_are_when_it_is_written(book: Documents) -> None:
    """An admin's write that came in just before must hold, though it was not there when the editor's was begun."""

    def hold(before: Specs, after: Specs) -> None:
        if {name: spec.get("guards") for name, spec in before.items()} != {
            name: after.get(name, {}).get("guards") for name in before
        }:
            raise Forbidden("guarded")

    def route(name: str, **spec: object) -> Document:
        return Document("Route", name, spec)

    await book.put(A, [route("fast", retries=1), policy("p")])
    admins = book.put(A, [route("fast", retries=1, guards=["careful"])])
    editors = book.put(A, [route("fast", retries=2), policy("p", "act")], {"Route": hold})
    _, refused = await asyncio.gather(admins, editors, return_exceptions=True)
    assert isinstance(refused, Forbidden)
    assert (await book.get(A, "Route", "fast")).spec == {"retries": 1, "guards": ["careful"]}
    assert (await book.get(A, "Policy", "p")).spec["level"] == "ask"  # all or none
    with pytest.raises(Forbidden):
        await book.delete(A, "Route", "fast", {"Route": hold})
    await book.put(B, [route("fast", retries=2)], {"Route": hold})
    await book.put(A, [route("fast", retries=3, guards=["careful"]), route("new")], {"Route": hold})
    assert (await book.delete(A, "Route", "new")).name == "new"
