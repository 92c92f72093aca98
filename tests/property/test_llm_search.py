"""A search for a text answers what a plain look at every text does, whatever else is asked and however it is paged."""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from triops.adapters.embedded.engine import Engine
from triops.adapters.embedded.spans import EmbeddedSpans
from triops.kernel.clock import DAY_NS
from triops.kernel.genai.texts import is_searched, words
from triops.kernel.ids import ProjectId
from triops.ports.llm_spans import LlmQuery
from triops.testing.batches import Span, spans

ONE, OTHER = ProjectId("one"), ProjectId("other")
START = 20_000 * DAY_NS - 9 * 3600 * 10**9  # so that midnight lies among them
STEP_NS = 40 * 10**9
SPANS = 2600
EVERY = {
    "never": 0,
    "once": SPANS,
    "rare": 200,
    "some": 31,
    "several": 8,
    "often": 3,
    "most": 1,
}  # one span in so many says it
ODD = ("Straße", "İstanbul", "naïve", "日本語の本", "ΌΣΟΣ", "a%b_c", 'say "x"', "\U0001f600", "ab", "\\n")
Search = Callable[[LlmQuery], Sequence[int]]


@dataclass(frozen=True)
class Given:
    spans: Sequence[Span]
    search: Search


def _text(number: int, rng: random.Random) -> str:
    said = [f"{word}{word[::-1].upper()}" for word, every in EVERY.items() if every and number % every == every // 2]
    said += rng.sample(ODD, 1) if number % 3 == 0 else []
    said += ["zq"] if number == 1900 else []  # two letters that nothing else holds
    said += ["".join(rng.choices("etaoins", k=rng.randint(2, 7))) for _ in range(rng.randint(20, 260))]
    rng.shuffle(said)
    return " ".join(said) * (8 if number % 500 == 7 else 1)


def _spans() -> Sequence[Span]:
    rng = random.Random(3)
    made: list[Span] = []
    for number in range(SPANS):
        attributes: dict[str, Any] = {
            "gen_ai.request.model": f"m{rng.randrange(3)}",
            "gen_ai.input.messages": _text(number, rng),
            "gen_ai.usage.input_tokens": number % 100,
        }
        if number % 40 == 0:
            attributes["user.id"] = f"u{rng.randrange(4)}"
        at = START + (number + rng.randrange(-9, 9)) * STEP_NS // (1 + number % 2)  # out of order, two stretches
        trace = (rng.getrandbits(60) << 64 | rng.getrandbits(64)) if number % 3 else made[-1].trace_id if made else 1
        near = made[-1].time_ns + rng.randrange(1200 * 10**9) if number % 3 == 0 and made else at
        status = 2 if number % 50 == 0 else 0
        made.append(Span(trace, number + 1, near, 10**9, name="chat", status=status, attributes=attributes))
    return made


@pytest.fixture(scope="module")
def given_spans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Given]:
    made = _spans()
    store = EmbeddedSpans(Engine(Path(tmp_path_factory.mktemp("search"))))

    async def filled() -> None:
        await store.start()
        for at in range(0, SPANS, 700):
            await store.append(ONE, spans(*made[at : at + 700]))
            await store.append(OTHER, spans(*(replace(span, trace_id=span.trace_id + 1) for span in made[at : at + 9])))

    async def all_pages(query: LlmQuery) -> Sequence[int]:
        found: list[int] = []
        while True:
            page = await store.llm_traces(ONE, query)
            assert len(page.traces) <= query.limit
            found += [trace.trace_id for trace in page.traces]
            if page.next is None:
                return found
            query = replace(query, cursor=page.next)

    with asyncio.Runner() as runner:
        runner.run(filled())
        yield Given(made, lambda query: runner.run(all_pages(query)))
        runner.run(store.close())


def _searched(span: Span) -> str:
    return words(span.name, (value for name, value in span.attributes.items() if is_searched(name)), ()).casefold()


def _plainly(made: Sequence[Span], query: LlmQuery) -> Sequence[int]:
    of_trace: dict[int, list[Span]] = {}
    for span in made:
        of_trace.setdefault(span.trace_id, []).append(span)
    needle, found = query.text.casefold(), []
    for trace, own in of_trace.items():
        began = min(span.time_ns for span in own)
        said = [span.attributes for span in own]
        if (
            query.start_ns <= began < query.end_ns
            and any(needle in _searched(span) for span in own)
            and (not query.model or any(one["gen_ai.request.model"] == query.model for one in said))
            and (not query.user or any(one.get("user.id") == query.user for one in said))
            and max(span.time_ns + span.duration_ns for span in own) - began >= query.min_duration_ms * 1e6
            and sum(one["gen_ai.usage.input_tokens"] for one in said) >= query.min_tokens
            and (not query.status or any(span.status == 2 for span in own) == (query.status == "error"))
        ):
            found.append((began, trace))
    return [trace for _, trace in sorted(found, reverse=True)]


NEEDLES = st.one_of(
    st.sampled_from([*EVERY, *ODD, "RAREERAR", "mostTSOM OFTEN", "e", "\n", "chat"]).map(str),
    st.tuples(st.integers(0, SPANS - 1), st.floats(0, 1), st.integers(1, 30)),
)


@settings(max_examples=25)
@given(
    NEEDLES,
    st.sampled_from([(0.0, 1.0), (0.2, 0.9), (0.5, 0.52)]),
    st.sampled_from(["", "", "m1", "m9"]),
    st.sampled_from(["", "", "u2"]),
    st.sampled_from(["", "", "ok", "error"]),
    st.sampled_from([(0.0, 0), (0.0, 0), (600_000.0, 0), (1e9, 0), (0.0, 100), (900_000.0, 50)]),
    st.integers(40, 1000),
)
@example("most", (0.0, 1.0), "", "", "", (0.0, 0), 300)
@example("most", (0.0, 1.0), "", "", "", (1_000_000.0, 0), 40)
@example("often", (0.2, 0.9), "m1", "", "", (1.0, 120), 40)
@example("often", (0.0, 1.0), "m1", "", "", (0.0, 0), 100)
@example("several", (0.0, 1.0), "", "", "", (0.0, 0), 40)
@example("e", (0.0, 1.0), "", "u2", "error", (0.0, 0), 50)
@example("never", (0.0, 1.0), "", "", "", (0.0, 0), 50)
@example("qz", (0.0, 1.0), "", "", "", (0.0, 0), 50)
@example("zq", (0.2, 0.9), "", "", "", (0.0, 0), 1000)
def test_a_search_is_a_plain_look_at_every_text(
    given_spans: Given,
    needle: str | tuple[int, float, int],
    part: tuple[float, float],
    model: str,
    user: str,
    status: str,
    least: tuple[float, int],
    limit: int,
) -> None:
    if isinstance(needle, tuple):
        row, place, size = needle
        text = str(given_spans.spans[row].attributes["gen_ai.input.messages"])
        at = int(place * (len(text) - 1))
        needle = text[at : at + size].swapcase()
    first, last = min(s.time_ns for s in given_spans.spans), max(s.time_ns for s in given_spans.spans) + 1
    start, end = (first + int(share * (last - first)) for share in part)
    ms, tokens = least
    query = LlmQuery(
        start, end, needle, model=model, user=user, status=status, min_duration_ms=ms, min_tokens=tokens, limit=limit
    )
    assert given_spans.search(query) == _plainly(given_spans.spans, query)


async def test_two_letters_are_found_in_what_is_of_before_the_pairs_and_in_what_was_erased_around(
    tmp_path: Path,
) -> None:
    engine = Engine(tmp_path)
    store = EmbeddedSpans(engine)
    await store.start()

    def call(number: int, said: str) -> Span:
        attributes = {"gen_ai.request.model": "m", "gen_ai.input.messages": said, "user.id": f"u{number % 2}"}
        return Span(number, number, START + number, 10, name="chat", attributes=attributes)

    async def found(text: str) -> Sequence[int]:
        traces = (await store.llm_traces(ONE, LlmQuery(START, START + 1000, text, limit=50))).traces
        return [trace.trace_id for trace in traces]

    await store.append(ONE, spans(*(call(number, f"a{number} zq x") for number in (1, 2, 3))))
    await store.append(ONE, spans(*(call(number, "aé QW") for number in (4, 5))))
    await store.append(OTHER, spans(call(6, "kj")))
    asked = {"zq": [3, 2, 1], "ZQ": [3, 2, 1], "qw": [5, 4], "é": [5, 4], "q ": [3, 2, 1], "wz": [], "kj": []}
    assert {text: await found(text) for text in asked} == asked

    await store.erase_user(ONE, "u0")
    left = {text: [trace for trace in traces if trace % 2] for text, traces in asked.items()}
    assert {text: await found(text) for text in asked} == left

    await engine.query(
        lambda connection: [
            connection.execute(f"DELETE FROM {name}.pairs WHERE first > 0 OR last = 0")
            for (name,) in connection.execute(
                "SELECT database_name FROM duckdb_databases() WHERE database_name LIKE 'spans%'"
            ).fetchall()
        ]
    )
    assert {text: await found(text) for text in asked} == left
    await store.close()
