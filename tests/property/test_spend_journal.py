"""Whatever stands in the journal: what is no call is left out, and of a call every column is what it says it is."""

from pathlib import Path
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from triops.ledger.calls.book import SpendBook
from triops.lenses.llmops.spend.applying import Applying
from triops.lenses.llmops.spend.charging import charges_of
from triops.lenses.llmops.spend.journalled import Call, OpenCalls
from triops.lenses.llmops.spend.metering import Metering
from triops.lenses.llmops.spend.recording import SpanRows
from triops.ports.journal import Entry
from triops.testing.books import open_records
from triops.testing.calls import ListJournal, intent, outcome

NO_CALL = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
WHOLE = st.integers(-(1 << 63), (1 << 64) - 1)
ODD = st.recursive(
    st.none() | st.booleans() | WHOLE | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
PLAIN_INTENT: dict[str, Any] = orjson.loads(orjson.dumps(intent(1)))
PLAIN_OUTCOME: dict[str, Any] = orjson.loads(orjson.dumps(outcome(intent(1))))
ATTEMPT = PLAIN_OUTCOME["attempts"][0]


def mangled(plain: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The record with some members odd or missing."""
    changes = st.dictionaries(st.sampled_from(sorted(plain)), ODD, max_size=3)
    gone = st.sets(st.sampled_from(sorted(plain)), max_size=2)
    return st.builds(lambda new, less: {k: v for k, v in {**plain, **new}.items() if k not in less}, changes, gone)


OUTCOMES = st.builds(
    lambda end, attempts: {**end, "attempts": attempts} if attempts is not None else end,
    mangled(PLAIN_OUTCOME),
    st.none() | st.lists(mangled(ATTEMPT), max_size=2),
)


@given(mangled(PLAIN_INTENT), OUTCOMES)
def test_an_odd_record_is_a_call_with_sound_columns_or_none(begin: dict[str, Any], end: dict[str, Any]) -> None:
    call = Call(1, {**begin, "call": "x"}, end)
    rows = SpanRows()
    try:
        charges = charges_of(call)
        rows.add(call)
    except NO_CALL:
        assert len(rows.batch()) == 0, "nothing of it is kept"
        return
    batch = rows.batch()
    for name in ("name", "status_message", "scope", "peer", "attributes", "events", "links"):
        assert all(type(text) is str for text in getattr(batch, name))
    assert isinstance(orjson.loads(batch.attributes[0]), dict)
    assert sum(charge.counts[0] for charge in charges) == 1
    for charge in charges:
        assert all(isinstance(part, str) and len(part) <= 256 for part in charge.dims[:-1])
        assert all(0 <= count <= 10**12 for count in (*charge.counts, charge.dims[-1]))
        assert all(0 <= amount < 1 << 63 for amount in (charge.cost, charge.estimated, charge.saved))


@given(st.lists(st.tuples(st.sampled_from("ioc"), st.binary(max_size=30) | ODD.map(orjson.dumps)), max_size=20))
def test_any_bytes_are_read(entries: list[tuple[str, bytes]]) -> None:
    opened = OpenCalls(lambda seq: None)
    read = opened.read(0, [Entry(seq, kind, body) for seq, (kind, body) in enumerate(entries, 1)])
    opened.take(read)
    assert read.last == len(entries)
    assert 1 <= read.open_from <= len(entries) + 1


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 7), st.booleans())
def test_in_any_order_and_any_ranges_the_same_calls_end(numbers: list[int], most: int, hold: bool) -> None:
    """The first time that a number comes its call begins, the second time it ends; the third is no call's."""
    journal, times = ListJournal(), dict.fromkeys(range(6), 0)
    for number in numbers:
        times[number] += 1
        asked = intent(number)
        _ = journal.intent(asked) if times[number] == 1 else journal.outcome(outcome(asked))
    opened = OpenCalls(lambda seq: journal.read(seq - 1, 1)[0], held_bytes=1 << 20 if hold else 0)
    ended: list[str] = []
    after = unmatched = 0
    while entries := journal.read(after, most):
        read = opened.read(after, entries)
        opened.take(read)
        ended += [call.intent["call"] for call in read.calls]
        unmatched, after = unmatched + read.unmatched, read.last
        open_now = [n for n in times if numbers[:after].count(n) == 1]
        assert read.open_from == min((numbers.index(n) + 1 for n in open_now), default=after + 1)
    assert sorted(ended) == sorted(f"{n:032x}" for n, count in times.items() if count > 1)
    assert unmatched == sum(max(0, count - 2) for count in times.values())
    assert len(opened) == sum(count == 1 for count in times.values())


async def test_odd_records_between_sound_ones_are_applied_past(tmp_path: Path) -> None:
    journal = ListJournal()
    odd: list[Any] = [None, "x", -1, 1 << 63, [], {}, 0.5]
    for number, (name, value) in enumerate((name, value) for name in (*PLAIN_INTENT, *PLAIN_OUTCOME) for value in odd):
        call = f"{number:032x}"
        journal.append("i", orjson.dumps({**PLAIN_INTENT, name: value, "call": call}))
        journal.append("o", orjson.dumps({**PLAIN_OUTCOME, name: value, "call": call}))

    async def nothing(*_: object) -> None:
        return None

    async with open_records(tmp_path) as records:
        metering, book = Metering(nothing), SpendBook(records)
        applying = Applying(book, journal, nothing, [metering.applied])
        await applying.tick(1.0)
        await metering.tick(1.0)
        assert (await book.position()).applied == journal.entries[-1].seq
        assert applying.calls > 100
