"""The gateway's journal is applied exactly once, whatever happens between its steps."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from triops.kernel.call import Attempt
from triops.kernel.ids import ProjectId
from triops.kernel.signal import SpanBatch
from triops.kernel.tenant import DEFAULT_PROJECT
from triops.ledger.calls.book import SpendBook
from triops.ledger.calls.totals import Question, Totals
from triops.lenses.llmops.spend.applying import Applying
from triops.testing.books import open_records
from triops.testing.calls import AT_NS, ListJournal, attempt, intent, outcome

DAY_MS = 86_400_000
AT_MS = AT_NS // 1_000_000


class Killed(BaseException):
    """The process ended here."""


@dataclass
class SpanStore:
    """What an append promises: one whose digest is known stores nothing."""

    spans: list[int] = field(default_factory=list)
    known: set[bytes] = field(default_factory=set)

    async def take(self, project: ProjectId, batch: SpanBatch, digest: bytes | None = None) -> None:
        assert digest is not None
        if digest not in self.known:
            self.known.add(digest)
            self.spans += batch.span_id.tolist()


async def total(records, project: ProjectId = DEFAULT_PROJECT, **fields):
    found = await Totals(records).sums(Question(project, AT_MS - DAY_MS, AT_MS + DAY_MS, **fields))
    return found if fields.get("by") else found[0] if found else None


def filled(calls: int = 7) -> ListJournal:
    """Calls that overlap: each intent stands two records before the outcome of an earlier call."""
    journal, waiting = ListJournal(), []
    for number in range(calls):
        asked = intent(number)
        journal.intent(asked)
        waiting.append(asked)
        if len(waiting) > 2:
            ended = waiting.pop(0)
            journal.outcome(outcome(ended))
    for ended in waiting:
        journal.outcome(outcome(ended))
    return journal


STEPS = [(name, at) for name in ("noted", "spans", "applied") for at in (0, 1, 3)]


@pytest.mark.parametrize(("name", "at"), STEPS)
async def test_a_kill_between_any_two_steps_loses_and_doubles_nothing(tmp_path: Path, name: str, at: int) -> None:
    journal, store, seen = filled(), SpanStore(), 0

    def step(passed: str) -> None:
        nonlocal seen
        if passed == name:
            seen += 1
            if seen == at + 1:
                raise Killed

    async with open_records(tmp_path) as records:
        applying = Applying(SpendBook(records), journal, store.take, step=step, most=3)
        with contextlib.suppress(Killed):
            while await applying.apply_range(0.0):
                pass
        # other bounds: the noted range stays
        again = Applying(SpendBook(records), journal, store.take, most=4, most_bytes=1)
        while await again.apply_range(0.0):
            pass
        found = await total(records)
        assert (found.counts["requests"], found.cost, found.counts["input_tokens"]) == (7, 7 * 450, 7000)
        assert sorted(store.spans) == list(range(1, 8))


async def test_a_fault_of_a_store_is_tried_again_with_the_same_range(tmp_path: Path) -> None:
    journal, store, faults = filled(), SpanStore(), [OSError("full"), OSError("full")]

    async def take(project: ProjectId, batch: SpanBatch, digest: bytes | None = None) -> None:
        await store.take(project, batch, digest)
        if faults:
            raise faults.pop()

    async with open_records(tmp_path) as records:
        applying = Applying(SpendBook(records), journal, take, most=5)
        for _ in range(2):
            with pytest.raises(OSError, match="full"):
                await applying.tick(0.0)
        await applying.tick(0.0)
        assert (await total(records)).counts["requests"] == 7
        assert len(store.spans) == 7


async def test_the_journal_keeps_what_an_open_call_began(tmp_path: Path) -> None:
    journal, store = ListJournal(), SpanStore()
    long, quick = intent(1), intent(2)
    journal.intent(long)
    for number in range(2, 40):
        quick = intent(number)
        journal.intent(quick)
        journal.outcome(outcome(quick))
    async with open_records(tmp_path) as records:
        await Applying(SpendBook(records), journal, store.take).tick(100.0)
        assert journal.entries[0].seq == 1, "the intent of the open call is still there"
        journal.outcome(outcome(long))
        again = Applying(SpendBook(records), journal, store.take)
        await again.tick(100.0)
        assert again.unmatched == 0
        assert (await total(records)).counts["requests"] == 39
        await again.tick(200.0)
        assert journal.entries == []


async def test_retries_and_cut_calls_are_charged_by_attempt(tmp_path: Path) -> None:
    journal, store = ListJournal(), SpanStore()
    asked = intent(1)
    journal.intent(asked)
    failed = attempt(asked, None, error="server", status=500, usage=Attempt("", "", 0, 0).usage)
    cut = attempt(asked, 75, provider="other", model="big", estimated=True, error="cut")
    journal.outcome(outcome(asked, failed, cut, error="cut", status=502))
    refused = intent(2, provider="", model="")
    journal.intent(refused)
    journal.outcome(outcome(refused, status=429, error="budget_exceeded", message="no room", attempts=()))
    hit = intent(3, provider="", model="")
    journal.intent(hit)
    journal.outcome(outcome(hit, cache="hit", saved=450, attempts=(), model="small-1"))
    async with open_records(tmp_path) as records:
        await Applying(SpendBook(records), journal, store.take).tick(0.0)
        rows = {row.by["provider"]: row for row in await total(records, by=("provider",))}
        assert rows["other"].counts | {"requests": 1} == rows["other"].counts
        assert (rows["other"].cost, rows["other"].estimated, rows["other"].counts["estimated"]) == (75, 75, 1)
        assert (rows["upstream"].counts["attempts"], rows["upstream"].counts["failed"]) == (1, 1)
        assert rows["upstream"].counts["requests"] == 0
        assert (rows[""].counts["refused"], rows[""].counts["hits"], rows[""].saved) == (1, 1, 450)
        whole = await total(records)
        assert (whole.counts["requests"], whole.counts["attempts"], whole.counts["errors"]) == (3, 2, 2)


async def test_records_that_are_none_hold_up_nobody(tmp_path: Path) -> None:
    journal, store = ListJournal(), SpanStore()
    for body in (b"{", b"[]", b'{"call": 4}', b'{"call": "x"}', b'{"call": "x", "attempts": 7}'):
        journal.append("i", body)
        journal.append("o", body)
    asked = intent(1)
    journal.intent(asked)
    journal.outcome(outcome(asked))
    journal.outcome(outcome(asked))
    async with open_records(tmp_path) as records:
        applying = Applying(SpendBook(records), journal, store.take)
        await applying.tick(0.0)
        assert (await total(records)).counts["requests"] == 1
        assert applying.unmatched >= 6


async def test_calls_that_keep_coming_are_applied_together_and_a_few_at_once(tmp_path: Path) -> None:
    journal, ranges = ListJournal(), []

    def call(number: int) -> None:
        asked = intent(number)
        journal.intent(asked)
        journal.outcome(outcome(asked))

    async def take(project: ProjectId, batch: SpanBatch, digest: bytes | None = None) -> None:
        ranges.append(len(batch))
        call(len(journal.entries) + 1_000_000)  # and another comes meanwhile

    async with open_records(tmp_path) as records:
        applying = Applying(SpendBook(records), journal, take, most=60)
        for number in range(3):
            call(number)
            await applying.tick(number / 10)
        assert len(ranges) == 3, "who makes a call or two finds them in the books at once"
        for number in range(3, 103):
            call(number)
            await applying.tick(number / 10)
        assert 10 < len(ranges) < 40
        behind = sum(entry.kind == "o" for entry in journal.entries) - sum(ranges)
        assert behind <= 10, "a second's calls at most"
        for number in range(103, 203):
            call(number)
        await applying.tick(12.0)
        assert ranges[-4:-1] == [30, 30, 30], "who is behind goes on at once"


async def test_long_records_make_short_ranges(tmp_path: Path) -> None:
    journal, ranges = ListJournal(), []

    async def take(project: ProjectId, batch: SpanBatch, digest: bytes | None = None) -> None:
        ranges.append(len(batch))

    for number in range(20):
        asked = intent(number, input="x" * 1000)
        journal.intent(asked)
        journal.outcome(outcome(asked))
    async with open_records(tmp_path) as records:
        await Applying(SpendBook(records), journal, take, most_bytes=10_000).tick(0.0)
        assert len(ranges) > 3
        assert max(ranges) < 10
        assert sum(ranges) == 20
