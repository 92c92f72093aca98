import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from triops.kernel.errors import NotFound
from triops.kernel.ids import ProjectId
from triops.ledger.outbox import Outbox, Outgoing
from triops.testing.books import open_records

A, B = ProjectId("a"), ProjectId("b")


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Outbox]:
    async with open_records(tmp_path) as records:
        yield Outbox(records)


def notice(id: str, notifier: str = "team", due: float = 10.0) -> Outgoing:
    return Outgoing(id, notifier, {"id": id}, due)


async def test_a_notice_is_put_once_a_notifier(book: Outbox) -> None:
    assert await book.put(A, [notice("n1"), notice("n1", due=5.0), notice("n1", "boss"), notice("n2")]) == 3
    assert await book.put(A, [notice("n1", due=1.0), notice("n3")]) == 1
    assert sum(await asyncio.gather(*(book.put(A, [notice("n4")]) for _ in range(10)))) == 1
    assert [(row.id, row.notifier, row.due_at) for row in await book.list(A)] == [
        ("n4", "team", 10.0),
        ("n3", "team", 10.0),
        ("n2", "team", 10.0),
        ("n1", "boss", 10.0),
        ("n1", "team", 10.0),
    ]
    assert await book.put(A, []) == 0


async def test_due_is_oldest_first_over_all_projects(book: Outbox) -> None:
    await book.put(A, [notice("n1", due=20.0), notice("n2", due=10.0), notice("n3", due=21.0)])
    await book.put(B, [notice("n1", due=15.0)])
    assert [(p, row.id) for p, row in await book.due(20.0)] == [("a", "n2"), ("b", "n1"), ("a", "n1")]
    assert len(await book.due(20.0, limit=1)) == 1


async def test_an_attempt_is_written_down(book: Outbox) -> None:
    await book.put(A, [notice("n1"), notice("n2")])
    await book.settle(A, "n1", "team", error="503", due_at=30.0)
    assert [row.id for _, row in await book.due(20.0)] == ["n2"]
    ((_, row), *_) = [pair for pair in await book.due(30.0) if pair[1].id == "n1"]
    assert (row.attempts, row.last_error, row.due_at) == (1, "503", 30.0)
    await book.settle(A, "n1", "team", sent_at=31.0)
    await book.settle(A, "n2", "team", error="410", gave_up_at=32.0)
    assert await book.due(1000.0) == []
    rows = {row.id: row for row in await book.list(A)}
    assert (rows["n1"].attempts, rows["n1"].sent_at, rows["n1"].last_error) == (2, 31.0, "")
    assert (rows["n2"].gave_up_at, rows["n2"].last_error) == (32.0, "410")


async def test_what_was_sent_stays_sent(book: Outbox) -> None:
    await book.put(A, [notice("n1")])
    await book.settle(A, "n1", "team", sent_at=11.0)
    await book.settle(A, "n1", "team", error="late", due_at=12.0)
    assert await book.due(100.0) == []
    assert await book.put(A, [notice("n1")]) == 0
    with pytest.raises(NotFound):
        await book.settle(B, "n1", "team", sent_at=11.0)


async def test_settled_rows_are_forgotten_after_a_time(book: Outbox) -> None:
    await book.put(A, [notice("sent"), notice("given up"), notice("waits")])
    await book.settle(A, "sent", "team", sent_at=11.0)
    await book.settle(A, "given up", "team", gave_up_at=50.0)
    assert await book.drop_before(A, 20.0) == 1
    assert {row.id for row in await book.list(A)} == {"given up", "waits"}
    assert await book.list(B) == []
