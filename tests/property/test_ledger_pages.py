"""Pages partition a list: every row once, in order, whatever the page's size, ties in time among them."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from triops.kernel.change import Change
from triops.kernel.entity import Entity
from triops.kernel.ids import ChangeId, EntityId, ProjectId
from triops.kernel.page import Page
from triops.ledger.changes import Changes
from triops.ledger.entities import Entities
from triops.testing.books import open_records

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)


async def walk(turn: Callable[[str | None], Awaitable[Page[str]]], limit: int) -> list[str]:
    seen: list[str] = []
    cursor = None
    while True:
        page = await turn(cursor)
        seen += page.items
        assert len(page.items) == limit or page.next is None
        if page.next is None:
            return seen
        cursor = page.next


def test_pages_partition_the_list(tmp_path: Path) -> None:
    projects = count()
    with asyncio.Runner() as runner:
        stack = open_records(tmp_path)
        records = runner.run(stack.__aenter__())

        @settings(max_examples=40, deadline=None)
        @given(
            st.lists(
                st.tuples(st.sampled_from([0.0, 1.0, 1.5, 1e9]), NAMES), max_size=12, unique_by=lambda row: row[1]
            ),
            st.integers(1, 5),
        )
        def check(rows: list[tuple[float, str]], limit: int) -> None:
            runner.run(_check(ProjectId(f"p{next(projects)}"), rows, limit))

        async def _check(project: ProjectId, rows: list[tuple[float, str]], limit: int) -> None:
            changes, entities = Changes(records), Entities(records)
            for at, id in rows:
                await changes.record(project, Change(ChangeId(id), EntityId("e"), "deploy", id, at))
            await entities.observe(project, [Entity("service", name, at, at) for at, name in rows])

            async def change_page(cursor: str | None) -> Page[str]:
                page = await changes.list(project, limit=limit, cursor=cursor)
                return Page([change.id for change in page.items], page.next)

            async def entity_page(cursor: str | None) -> Page[str]:
                page = await entities.list(project, limit=limit, cursor=cursor)
                return Page([entity.name for entity in page.items], page.next)

            newest_first = [id for _, id in sorted(rows, key=lambda row: (row[0], row[1].encode()), reverse=True)]
            assert await walk(change_page, limit) == newest_first
            assert await walk(entity_page, limit) == sorted((id for _, id in rows), key=str.encode)

        try:
            check()
        finally:
            runner.run(stack.__aexit__(None, None, None))
