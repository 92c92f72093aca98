"""The contract of `ports/llm_spans.py`. See `contract_telemetry` for how to run it over a store."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from triops.kernel.clock import DAY_NS, NS, day_of
from triops.kernel.errors import Invalid
from triops.ports.llm_spans import CallsOf, LlmQuery, LlmTraces
from triops.testing.batches import Span, spans
from triops.testing.contract_telemetry import DAY, NOON, ONE, OTHER

MS = 1_000_000
ALL = LlmQuery(NOON - DAY_NS, NOON + DAY_NS)
_TEXTS: Sequence[tuple[str, list[int]]] = [
    ("needle", [2]),
    ("NEEDLE in a", [2]),
    ("eedl", [2]),
    ("ß", [3]),
    ("STRASSE", [3]),
    ('say "hi"', [4]),
    ("two\nlines", [4]),
    ("日本", [5]),
    ("hay", [5, 4, 3, 2, 1]),
    ("a", [5, 4, 3, 2, 1]),
    ("%", []),
    ("needle haystack", []),
    ("operation", []),  # a name, not a text
    ("late words", [1]),
]
_CONDITIONS: Sequence[tuple[dict[str, Any], list[int]]] = [
    ({"model": "small"}, [2, 1]),
    ({"model": "large"}, [3]),
    ({"user": "ada"}, [1]),
    ({"user": "ada", "model": "small"}, [1]),  # said by different spans
    ({"user": "ada", "model": "large"}, []),
    ({"session": "talk"}, [1]),
    ({"tag": "beta"}, [1]),
    ({"tag": "bet"}, []),
    ({"application": "bot"}, [3]),
    ({"status": "error"}, [2]),
    ({"status": "ok"}, [3, 1]),
    ({"prompt": "greet"}, [3, 2]),
    ({"prompt": "greet@2"}, [3]),
    ({"min_tokens": 16}, [3]),
    ({"min_duration_ms": 50.0}, [2]),
    ({"text": "hello", "model": "large"}, [3]),
]


def call(trace: int, span: int, at: int, said: str = "hello", parent: int = 0, **more: Any) -> Span:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "small",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.input.messages": orjson.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": said}]}]
        ).decode(),
        **more.pop("attributes", {}),
    }
    return Span(trace, span, at, parent_id=parent, kind=3, name="chat small", attributes=attributes, **more)


def ids(found: LlmTraces) -> Sequence[int]:
    return [summary.trace_id for summary in found.traces]


class LlmSpansContract:
    def new_store(self, folder: Path) -> Any:
        """A store of spans that keeps its data in `folder`, not started."""
        raise NotImplementedError

    @asynccontextmanager
    async def started(self, folder: Path) -> AsyncIterator[Any]:
        store = self.new_store(folder)
        await store.start()
        try:
            yield store
        finally:
            await store.close()

    async def test_spans_that_say_nothing_of_a_model_are_not_among_them(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            await store.append(ONE, spans(Span(1, 1, NOON), Span(2, 1, NOON, attributes={"user.id": "ada"})))
            assert ids(await store.llm_traces(ONE, ALL)) == []
            await store.append(ONE, spans(call(3, 1, NOON)))
            await store.append(OTHER, spans(call(4, 1, NOON)))
            assert ids(await store.llm_traces(ONE, ALL)) == [3]
            assert ids(await store.llm_traces(ONE, replace(ALL, end_ns=NOON))) == []

    async def test_rows_tell_what_the_span_said(self, tmp_path: Path) -> None:
        more = {
            "gen_ai.provider.name": "openai", "gen_ai.response.model": "small-1", "user.id": "ada",
            "session.id": "s", "triops.prompt.name": "greet", "triops.prompt.version": 3, "tag.tags": ["a", "b"],
            "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"Good day"}]}]',
            "triops.cost_usd": "0.000012", "triops.first_token_ms": 12.5, "triops.key": "k",
            "gen_ai.usage.cache_read.input_tokens": 2, "gen_ai.usage.cache_creation.input_tokens": 3,
        }  # fmt: skip
        async with self.started(tmp_path) as store:
            await store.append(ONE, spans(call(1, 7, NOON, attributes=more, service="bot", status=2)))
            rows = (await store.llm_traces(ONE, ALL)).rows
            assert len(rows) == 1
            got = {name: getattr(rows, name)[0] for name in ("model", "provider", "person", "session", "prompt", "key")}
            assert got == {
                "model": "small-1",
                "provider": "openai",
                "person": "ada",
                "session": "s",
                "prompt": "greet",
                "key": "k",
            }
            assert (rows.prompt_version[0], rows.application[0], rows.type[0]) == ("3", "bot", "llm")
            assert (rows.input[0], rows.output[0], orjson.loads(rows.tags[0])) == ("hello", "Good day", ["a", "b"])
            assert (rows.cached_tokens[0], rows.cache_write_tokens[0]) == (2, 3)
            numbers = (rows.input_tokens[0], rows.output_tokens[0], rows.cost[0], rows.first_ns[0], rows.status[0])
            assert numbers == (10, 5, 12_000_000, 12_500_000, 2)
            assert rows.counts.tolist() == [True]

    async def test_a_pace_is_of_calls_that_began_in_the_window(self, tmp_path: Path) -> None:
        def timed(trace: int, ms: int, first_ms: float | None = None, at: int = NOON, **more: Any) -> Span:
            told = {"triops.first_token_ms": first_ms} if first_ms else {}
            return call(trace, 1, at, attributes=told, duration_ns=ms * MS, **more)

        async with self.started(tmp_path) as store:
            empty = await store.llm_pace(ONE, NOON, NOON + DAY_NS)
            assert (empty.traces, empty.failed, empty.p95_ms, empty.first_token_ms) == (0, 0, None, None)
            chain = Span(
                1, 9, NOON, name="chain", attributes={"openinference.span.kind": "CHAIN"}, duration_ns=9000 * MS
            )
            told = [timed(n, 10 * n, first_ms=2.0 * n) for n in range(1, 4)]
            late = [timed(4, 9000, status=2), timed(5, 9000, at=NOON - 1), timed(6, 9000, at=NOON + DAY_NS)]
            await store.append(ONE, spans(chain, *told, *late))
            await store.append(OTHER, spans(timed(7, 9000)))
            pace = await store.llm_pace(ONE, NOON, NOON + DAY_NS)
            assert (pace.traces, pace.failed, pace.first_token_ms) == (4, 1, 4.0)
            assert pace.p95_ms == pytest.approx(29.0)

    async def test_steps_are_means_of_the_calls_that_are_meant(self, tmp_path: Path) -> None:
        def timed(trace: int, at_s: int, ms: int, words: str = "four", **more: Any) -> Span:
            said = orjson.dumps([{"role": "assistant", "parts": [{"type": "text", "content": words}]}]).decode()
            told = {
                "gen_ai.provider.name": "openai", "gen_ai.response.model": "small-1", "triops.prompt.name": "greet",
                "triops.cost_usd": "0.25", "triops.first_token_ms": ms / 10, "gen_ai.output.messages": said,
            }  # fmt: skip
            return call(trace, 1, NOON + at_s * NS, attributes=told | more.pop("told", {}), duration_ns=ms * MS, **more)

        first = [timed(1, 0, 100, service="bot"), timed(2, 9, 300, "fourteen chars", service="bot")]
        first.append(timed(3, 9, 9000, service="bot", status=2))
        later = [timed(4, 30, 50, service="bot", told={"gen_ai.provider.name": "other"})]
        apart = [timed(5, 0, 7, service="shop"), timed(6, 60, 7, service="bot"), timed(7, -1, 7, service="bot")]
        async with self.started(tmp_path) as store:
            assert await store.llm_steps(ONE, NOON, NOON + 60 * NS, 10 * NS, CallsOf()) == []
            await store.append(ONE, spans(*first, *later, *apart))
            await store.append(OTHER, spans(timed(8, 0, 7, service="bot")))
            one, two = await store.llm_steps(ONE, NOON, NOON + 60 * NS, 10 * NS, CallsOf(application="bot"))
            assert (one.time_ns, one.calls, one.failed, two.time_ns, two.calls) == (NOON, 3, 1, NOON + 30 * NS, 1)
            assert (one.ms, one.first_ms, one.output_chars) == (200.0, 20.0, 9.0)
            assert (one.input_tokens, one.output_tokens) == (10.0, 5.0)
            assert one.ms_p95 == pytest.approx(290.0)
            assert (one.cost, one.costed, two.cost) == (3 * 250_000_000_000, 3, 250_000_000_000)
            for of, calls in (
                (CallsOf(provider="other"), [1]),
                (CallsOf(provider="openai", model="small-1"), [4]),
                (CallsOf(prompt="greet", application="shop"), [1]),
                (CallsOf(model="nothing"), []),
            ):
                told = await store.llm_steps(ONE, NOON, NOON + 60 * NS, 60 * NS, of)
                assert [step.calls for step in told] == calls, of
            with pytest.raises(Invalid):
                await store.llm_steps(ONE, NOON, NOON + DAY_NS, 1000, CallsOf())

    async def test_what_was_said_may_go_before_the_spans(self, tmp_path: Path) -> None:
        event = {"name": "gen_ai.content.prompt", "time_ns": NOON, "attributes": {"gen_ai.prompt": "needle"}}
        old = call(
            1, 1, NOON - DAY_NS, "needle", attributes={"triops.cost_usd": "0.5", "user.id": "ada"}, events=[event],
            status=2, status_message="no such needle",
        )  # fmt: skip
        plain = Span(2, 2, NOON - DAY_NS, attributes={"note": "needle"})
        async with self.started(tmp_path) as store:
            await store.append(ONE, spans(old, plain, call(3, 3, NOON, "needle")))
            everything = replace(ALL, start_ns=NOON - 2 * DAY_NS)
            before = (await store.llm_rows(ONE, everything)).only(np.array([True, False]))
            assert await store.forget_contents(day_of(DAY)) == 1
            assert await store.forget_contents(day_of(DAY)) == 0
            assert ids(await store.llm_traces(ONE, replace(everything, text="needle"))) == [3]
            rows = (await store.llm_rows(ONE, everything)).only(np.array([True, False]))
            assert (rows.input[0], rows.output[0], rows.error[0]) == ("", "", "error")
            for name in ("cost", "input_tokens", "person", "model", "time_ns", "trace_lo", "application", "counts"):
                assert getattr(rows, name)[0] == getattr(before, name)[0], name
            (kept,) = (await store.trace(ONE, 1)).items
            assert "needle" not in str(kept)
            assert (kept.attributes["triops.cost_usd"], kept.events[0]["name"]) == ("0.5", "gen_ai.content.prompt")
            assert (await store.trace(ONE, 2)).items[0].attributes == {"note": "needle"}
            assert "needle" in str((await store.trace(ONE, 3)).items)

    async def test_texts_are_found(self, tmp_path: Path) -> None:
        said = {
            1: "hay",
            2: "a Needle in a hay stack",
            3: "Hauptstraße hay",
            4: 'hay: say "hi" in two\nlines',
            5: "hay 日本語",
        }
        async with self.started(tmp_path) as store:
            await store.append(OTHER, spans(call(9, 1, NOON, "needle hay two\nlines 日本 straße")))
            for trace, words in said.items():
                await store.append(ONE, spans(call(trace, 1, NOON + trace, words)))
            answer = {
                "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"LATE words"}]}]'
            }
            await store.append(ONE, spans(call(1, 2, NOON + 100, "more", 1, attributes=answer)))
            for text, found in _TEXTS:
                assert ids(await store.llm_traces(ONE, replace(ALL, text=text))) == found, text

    async def test_long_texts_are_found_to_their_end(self, tmp_path: Path) -> None:
        words = " ".join(f"w{number}" for number in range(6000))
        async with self.started(tmp_path) as store:
            await store.append(ONE, spans(call(1, 1, NOON, words), call(2, 1, NOON + 1, "short")))
            for text in ("w0 w1", "w700 w701", "w2999 w3000 w3001", "w5999", " ".join(words.split()[100:300])):
                assert ids(await store.llm_traces(ONE, replace(ALL, text=text))) == [1]
            assert ids(await store.llm_traces(ONE, replace(ALL, text="w700 w702"))) == []

    async def test_conditions(self, tmp_path: Path) -> None:
        chain = {"openinference.span.kind": "CHAIN", "user.id": "ada", "session.id": "talk", "tag.tags": ["beta"]}
        async with self.started(tmp_path) as store:
            await store.append(
                ONE,
                spans(
                    Span(1, 1, NOON, attributes=chain),
                    call(1, 2, NOON + MS, parent=1),
                    call(2, 1, NOON + 2 * MS, status=2, duration_ns=60 * MS,
                         attributes={"triops.prompt.name": "greet", "triops.prompt.version": "1"}),
                    call(3, 1, NOON + 3 * MS, service="bot",
                         attributes={"gen_ai.request.model": "large", "gen_ai.usage.output_tokens": 7,
                                     "triops.prompt.name": "greet", "triops.prompt.version": "2"}),
                ),
            )  # fmt: skip
            for condition, found in _CONDITIONS:
                assert ids(await store.llm_traces(ONE, replace(ALL, **condition))) == found, condition

    async def test_pages_are_newest_first_and_complete(self, tmp_path: Path) -> None:
        many = [call(100 + i, s, NOON + i // 2 * MS + s * 7 * MS, f"say {i}") for i in range(40) for s in (1, 2)]
        async with self.started(tmp_path) as store:
            await store.append(ONE, spans(*many))
            await store.append(ONE, spans(*many[:9]))  # delivered twice
            for text in ("", "say"):
                seen: list[int] = []
                query = replace(ALL, limit=7, text=text)
                while True:
                    page = await store.llm_traces(ONE, query)
                    seen += ids(page)
                    assert len(page.rows) == 2 * len(page.traces)
                    if page.next is None:
                        break
                    query = replace(query, cursor=page.next)
                assert seen == [100 + i for i in reversed(range(40))]
            with pytest.raises(Invalid):
                await store.llm_traces(ONE, replace(ALL, cursor="zzz"))

    async def test_a_call_that_is_told_of_twice_counts_once(self, tmp_path: Path) -> None:
        """A framework's span, the client's below it, an HTTP client's, and the gateway's."""
        chain = {"openinference.span.kind": "CHAIN"}
        async with self.started(tmp_path) as store:
            await store.append(ONE, spans(call(1, 5, NOON + 4, parent=4)))  # the gateway sends its own, and first
            await store.append(
                ONE,
                spans(
                    Span(1, 1, NOON, attributes=chain),
                    call(1, 2, NOON + 1, parent=1),
                    call(1, 3, NOON + 2, parent=2),
                    Span(1, 4, NOON + 3, parent_id=3, name="POST"),
                    call(1, 6, NOON + 5, parent=1),
                ),
            )
            whole = await store.llm_trace(ONE, 1)
            counts = dict(zip(whole.rows.span_id.tolist(), whole.rows.counts.tolist(), strict=True))
            assert counts == {1: False, 2: False, 3: False, 5: True, 6: True}
            assert sorted(whole.tree.span.tolist()) == [1, 2, 3, 4, 5, 6]
            assert (await store.llm_trace(OTHER, 1)).traces == []
            rows = await store.llm_rows(ONE, ALL)
            assert int(rows.counts.sum()) == 2

    async def test_rows_inherit_user_and_session(self, tmp_path: Path) -> None:
        chain = {"openinference.span.kind": "CHAIN", "user.id": "ada", "session.id": "talk"}
        async with self.started(tmp_path) as store:
            await store.append(ONE, spans(Span(1, 1, NOON, attributes=chain), call(1, 2, NOON + 1, parent=1)))
            rows = await store.llm_rows(ONE, ALL)
            assert (rows.person.tolist(), rows.session.tolist()) == (["ada"] * 2, ["talk"] * 2)
            assert len(await store.llm_rows(ONE, replace(ALL, user="bob"))) == 0

    async def test_a_plain_span_says_whose_its_trace_is(self, tmp_path: Path) -> None:
        request = {"http.route": "/chat", "user.id": "ada", "session.id": "talk"}
        async with self.started(tmp_path) as store:
            asked = Span(1, 1, NOON, name="GET /chat", attributes=request)
            await store.append(ONE, spans(asked, call(1, 2, NOON + 1, "what of it", parent=1)))
            await store.append(ONE, spans(Span(2, 1, NOON, name="GET /cart", attributes=request)))
            for told in (ALL, replace(ALL, user="ada"), replace(ALL, session="talk", text="of it")):
                assert ids(await store.llm_traces(ONE, told)) == [1]
            assert ids(await store.llm_traces(ONE, replace(ALL, text="/chat"))) == []
            rows = await store.llm_rows(ONE, replace(ALL, user="ada"))
            assert (rows.person.tolist(), rows.session.tolist()) == (["ada"] * 2, ["talk"] * 2)
            assert await store.llm_traces_of(ONE, "ada") == [1]
            assert await store.erase_user(ONE, "ada") == 3
            assert ids(await store.llm_traces(ONE, replace(ALL, text="what of it"))) == []

    async def test_a_user_is_erased_with_their_traces_whole(self, tmp_path: Path) -> None:
        chain = {"openinference.span.kind": "CHAIN", "user.id": "ada", "session.id": "hers"}
        async with self.started(tmp_path) as store:
            mine = spans(Span(1, 1, DAY - 1, attributes=chain), call(1, 2, DAY + 1, "secret plan", 1))
            await store.append(ONE, mine)
            await store.append(ONE, spans(call(2, 1, DAY + 2, "open plan", attributes={"user.id": "bob"})))
            await store.append(OTHER, mine)
            assert await store.llm_traces_of(ONE, "ada") == [1]
            assert await store.llm_sessions_of(ONE, "ada") == ["hers"]
            assert await store.erase_user(ONE, "ada") == 2
            assert ids(await store.llm_traces(ONE, replace(ALL, text="plan"))) == [2]
            assert (await store.trace(ONE, 1)).items == []
            assert ids(await store.llm_traces(OTHER, replace(ALL, text="secret"))) == [1]
            await store.append(ONE, spans(call(3, 1, DAY + 3, "secret plan again")))  # blocks are numbered on
            assert ids(await store.llm_traces(ONE, replace(ALL, text="plan"))) == [3, 2]
            assert await store.erase_project(ONE) == 2
            assert ids(await store.llm_traces(ONE, ALL)) == []
            assert ids(await store.llm_traces(OTHER, replace(ALL, text="secret"))) == [1]

    async def test_what_is_not_unicode_is_kept(self, tmp_path: Path) -> None:
        async with self.started(tmp_path) as store:
            broken = replace(spans(call(1, 1, NOON, "fine")))
            broken.status_message[0] = "bad \ud800 text"
            await store.append(ONE, broken)
            assert ids(await store.llm_traces(ONE, replace(ALL, text="fine"))) == [1]
