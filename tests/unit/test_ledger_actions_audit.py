import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from triops.kernel.action import Action, ActionStatus, Effect
from triops.kernel.errors import Conflict, Invalid, NotFound
from triops.kernel.ids import ActionId, EntityId, IncidentId, ProjectId
from triops.ledger.actions import Actions
from triops.ledger.audit import Audit, AuditEntry
from triops.ports.records import Records
from triops.testing.books import open_records

A, B = ProjectId("a"), ProjectId("b")


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    async with open_records(tmp_path) as opened:
        yield opened


def action(id: str, at: float = 1.0, incident: str = "i1", runbook: str = "rollback") -> Action:
    return Action(
        ActionId(id), IncidentId(incident), runbook, "Roll back", EntityId("service:x"), None,
        Effect("http", {"json": {"v": [1, None]}}), Effect("command", {"argv": ["true"]}),
        ActionStatus.WAITING, "ask", at, reasons=("level is ask",), details={"service": "x"},
    )  # fmt: skip


async def test_an_action_comes_back_whole_and_is_updated(records: Records) -> None:
    book = Actions(records)
    await book.add(A, action("a1"))
    assert await book.get(A, ActionId("a1")) == action("a1")
    with pytest.raises(Conflict):
        await book.add(A, action("a1"))
    done = await book.update(A, ActionId("a1"), lambda a: replace(a, status=ActionStatus.RUNNING, decided_by="ann"))
    assert await book.get(A, ActionId("a1")) == done
    assert [a.id for a in (await book.list(A, status=["running"])).items] == ["a1"]


async def test_only_one_of_two_decisions_wins(records: Records) -> None:
    book = Actions(records)
    await book.add(A, action("a1"))

    def decide(name: str) -> object:
        def change(now: Action) -> Action:
            if now.status is not ActionStatus.WAITING:
                raise Conflict("decided already")
            return replace(now, status=ActionStatus.RUNNING, decided_by=name)

        return book.update(A, ActionId("a1"), change)

    results = await asyncio.gather(*(decide(f"p{n}") for n in range(5)), return_exceptions=True)  # type: ignore[arg-type]
    assert [type(result) for result in results].count(Conflict) == 4
    assert (await book.get(A, ActionId("a1"))).decided_by == "p0"


async def test_actions_are_listed_newest_first_and_filtered(records: Records) -> None:
    book = Actions(records)
    for one in (action("a1", 10), action("a2", 20, "i2"), action("a3", 30, "i1", "restart"), action("a4", 20)):
        await book.add(A, one)
    await book.update(A, ActionId("a1"), lambda a: replace(a, status=ActionStatus.FAILED))

    async def found(**filters: object) -> list[str]:
        return [str(a.id) for a in (await book.list(A, **filters)).items]  # type: ignore[arg-type]

    assert await found() == ["a3", "a4", "a2", "a1"]
    assert await found(incident=IncidentId("i1")) == ["a3", "a4", "a1"]
    assert await found(status=[ActionStatus.FAILED, ActionStatus.WAITING], runbook="rollback", since=20) == ["a4", "a2"]
    assert await found(status=["failed"]) == ["a1"]


async def test_actions_of_projects_do_not_mix(records: Records) -> None:
    book = Actions(records)
    await book.add(A, action("a1"))
    assert (await book.list(B)).items == []
    with pytest.raises(NotFound):
        await book.get(B, ActionId("a1"))
    with pytest.raises(NotFound):
        await book.update(B, ActionId("a1"), lambda a: a)


async def test_the_audit_trail_is_in_the_order_of_what_happened(records: Records) -> None:
    book = Audit(records)
    entries = [AuditEntry(float(n % 3), "ann", f"verb.{n % 2}", f"t{n}", details={"n": n}) for n in range(7)]
    for entry in entries:
        await book.append(A, entry)
    await book.append(B, AuditEntry(1.0, "bob", "verb.0", "t"))
    first = await book.list(A, limit=4)
    second = await book.list(A, limit=4, cursor=first.next)
    assert [*first.items, *second.items] == entries[::-1]
    assert second.next is None
    assert [entry.target for entry in (await book.list(A, verb="verb.1")).items] == ["t5", "t3", "t1"]
    assert [entry.actor for entry in (await book.list(B)).items] == ["bob"]
    with pytest.raises(Invalid):
        await book.list(A, cursor="W10")
