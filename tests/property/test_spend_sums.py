"""Sums of spend are what adding up every call gives: in any window, by any dimensions, before and after compaction."""

import asyncio
import random
from collections import defaultdict
from pathlib import Path

import pytest
from sqlalchemy import func, select

from triops.kernel.ids import ProjectId
from triops.ledger.calls import tables
from triops.ledger.calls.book import Charge, Position, SpendBook
from triops.ledger.calls.totals import BY, Question, Totals
from triops.ports.records import Records
from triops.testing.books import open_records

A, B = ProjectId("a"), ProjectId("b")
DAY, HOUR = 86_400_000, 3_600_000
FIRST = 20_400 * DAY  # a midnight
DRAWN = random.Random(11)


def charge(seq: int) -> Charge:
    draw = DRAWN.choice
    dims = (
        draw(("k1", "k2")),
        draw(("", "app")),
        "team",
        draw(("", "u1", "u2", "u😀")),
        draw(("fast", "")),
        draw(("p", "q")),
        draw(("m1", "m2", "m3")),
        draw(("", "support")),
        draw((0, 1, 2)),
    )
    cost = draw((0, 1, 450, 10**6, 10**12 + 1, (1 << 63) - 1, DRAWN.randrange(10**15)))
    counts = tuple(DRAWN.randrange(3) for _ in range(8)) + tuple(DRAWN.randrange(10**6) for _ in range(4))
    at = FIRST + DRAWN.randrange(5 * DAY)
    if DRAWN.random() < 0.2:
        at -= at % draw((HOUR, DAY))
    return Charge(seq, 0, draw((A, A, B)), dims, at, counts, cost, draw((0, cost)), DRAWN.randrange(10**13))


CHARGES = [charge(seq) for seq in range(1, 400)]


def expected(question: Question, charges: list[Charge]) -> dict[tuple[object, ...], tuple[object, ...]]:
    found: dict[tuple[object, ...], list[int]] = defaultdict(lambda: [0] * (len(tables.COUNTS) + 3))
    for one in charges:
        named = dict(zip((*tables.TEXTS, "prompt_version", "project"), (*one.dims, one.project), strict=True))
        if one.project != question.project or not question.start_ms <= one.at_ms < question.end_ms:
            continue
        if any(named[name] != value for name, value in (question.where or {}).items()):
            continue
        bucket = one.at_ms // 1000 // question.every * question.every if question.every else None
        row = found[(bucket, *(named[name] for name in question.by))]
        for at, value in enumerate((*one.counts, one.cost, one.estimated, one.saved)):
            row[at] += value
    return {key: tuple(row) for key, row in found.items()}


def asked() -> Question:
    start = FIRST + DRAWN.randrange(-DAY, 5 * DAY)
    end = start + DRAWN.choice((1, 1000, HOUR, 3 * HOUR, DAY, 3 * DAY, 6 * DAY, DRAWN.randrange(1, 6 * DAY)))
    if DRAWN.random() < 0.3:
        start -= start % DRAWN.choice((HOUR, DAY))
    by = tuple(DRAWN.sample(BY, DRAWN.randrange(4)))
    every = DRAWN.choice((0, 0, 60, 900, 3600, 7200, 86_400, 172_800))
    where = DRAWN.choice(({}, {"user": "u1"}, {"key": "k1", "prompt_version": 1}))
    return Question(DRAWN.choice((A, B)), start, max(end, start + 1), by, every, where)


def answered(found: object) -> dict[tuple[object, ...], tuple[object, ...]]:
    return {
        (one.at, *one.by.values()): (*one.counts.values(), one.cost, one.estimated, one.saved)
        for one in found  # type: ignore[attr-defined]
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spend")

    async def fill() -> None:
        async with open_records(folder) as records:
            book = SpendBook(records)
            for at in range(0, len(CHARGES), 150):
                last = min(at + 150, len(CHARGES))
                await book.apply(at, Position(last, last + 1, last), CHARGES[at:last])

    asyncio.run(fill())
    return folder


async def check(records: Records, question: Question) -> None:
    assert answered(await Totals(records).sums(question)) == expected(question, CHARGES)


async def test_any_question_is_answered_exactly(folder: Path) -> None:
    async with open_records(folder) as records:
        for _ in range(80):
            await check(records, asked())


async def test_after_compaction_whole_hours_are_still_exact(folder: Path) -> None:
    kept_since = FIRST + 3 * DAY
    async with open_records(folder) as records:
        book = SpendBook(records)
        assert await book.compact(kept_since + 17, 10**6) == kept_since
        assert await book.compact(FIRST, 10**6) == kept_since
        left = await records.read(lambda c: c.scalar(select(func.count()).select_from(tables.calls)))
        assert left == sum(one.at_ms >= kept_since for one in CHARGES)
        for _ in range(40):
            question = asked()
            every = question.every if question.every % 3600 == 0 else 0
            hours = [at - at % HOUR for at in (question.start_ms, question.end_ms + HOUR)]
            await check(
                records,
                Question(question.project, hours[0], hours[1], question.by, every, question.where),
            )


async def test_too_many_calls_are_kept_by_the_hour(folder: Path) -> None:
    async with open_records(folder) as records:
        since = await SpendBook(records).compact(0, 20)
        left = await records.read(lambda c: c.scalars(select(tables.calls.c.at_ms)).all())
        assert since % HOUR == 0
        assert 0 < len(left) <= 20
        assert min(left) >= since
        await check(records, Question(A, FIRST, FIRST + 5 * DAY, ("key", "user", "model"), 3600))
