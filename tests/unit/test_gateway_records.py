"""What the gateway writes into its journal has exactly the members of the records that are read from it."""

from dataclasses import fields
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triops.kernel.call import Attempt, Intent, Outcome, Progress
from triops.kernel.completion import Ask, Chat, Choice, Delta, Message, Part, Reply, Usage
from triops.lenses.llmops.gateway.doing import Doing
from triops.lenses.llmops.gateway.estimate import Estimators
from triops.lenses.llmops.gateway.recorder import Recorder
from triops.lenses.llmops.gateway.recovery import intent_of, outcome_of, settle_killed
from triops.lenses.llmops.gateway.said import (
    Heard,
    deltas_of,
    input_text,
    plain_settings,
    plain_text,
    reply_text,
    settings_of,
)
from triops.lenses.llmops.gateway.specs import Caller
from triops.ports.journal import Entry

ASK = Ask("openai.chat", "chat", "fast", {"messages": []}, 20, user="ann")
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Kept:
    """A journal in memory."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, kind: str, body: bytes) -> int:
        self.entries.append(Entry(len(self.entries) + 1, kind, body))
        return len(self.entries)

    def close(self) -> None: ...

    def read(self, after: int, most: int) -> list[Entry]:
        return self.entries[after : after + most]

    def drop_through(self, seq: int) -> None: ...


def doing(headers: dict[str, str] | None = None) -> Doing:
    taker: Any = None
    return Doing(ASK, headers or {}, taker, Caller("default", "bot"), "metadata", 5)


def test_records_have_the_members_of_their_nouns_and_are_read_back() -> None:
    journal = Kept()
    recorder = Recorder(journal, Estimators(), lambda seq: None, 1000)
    call = doing({"x-triops-tags": "a, b", "x-triops-session": "s", "x-triops-prompt": "support@3"})
    recorder.intend(call, "up", "small", 7)
    call.attempts.append(Attempt("up", "small", 7, 8, 200, usage=Usage(3, 4), cost=9))
    recorder.outcome(call, 9, 200, "", "")
    first, last = (orjson.loads(entry.body) for entry in journal.entries)
    assert list(first) == [field.name for field in fields(Intent)]
    assert list(last) == [field.name for field in fields(Outcome)]
    intent, outcome = intent_of(first), outcome_of(last)
    assert (intent.tags, intent.session, intent.prompt, intent.prompt_version) == (("a", "b"), "s", "support", 3)
    assert outcome.attempts == tuple(call.attempts)


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("support@3", ("support", 3, "")),
        ("support@beta", ("support", 0, "beta")),
        ("support", ("support", 0, "")),
        ("gr%C3%BC%C3%9Fe/hallo@3", ("grüße/hallo", 3, "")),
        ("grüße@3".encode().decode("latin-1"), ("grüße", 3, "")),
        ("gr\u00fcn@3", ("gr\u00fcn", 3, "")),  # Latin-1
        ("a%40b@2", ("a@b", 2, "")),
        ("a@b@2", ("a@b", 2, "")),
        ("50%25 off@1", ("50% off", 1, "")),
        ("50% off@1", ("50% off", 1, "")),
        (f"{'x' * 300}@7", ("x" * 200, 7, "")),
    ],
)
def test_a_prompt_that_its_caller_filled_in(header: str, meant: tuple[str, int, str]) -> None:
    call = doing({"x-triops-prompt": header})
    assert (call.prompt, call.prompt_version, call.prompt_label) == meant


@pytest.mark.parametrize(
    ("header", "joined"),
    [
        (PARENT, True),
        (PARENT.upper(), False),
        ("00-" + "0" * 32 + "-b7ad6b7169203331-01", False),
        ("ff" + PARENT[2:], False),
        ("nonsense", False),
        ("", False),
    ],
)
def test_a_call_joins_its_caller_s_trace(header: str, joined: bool) -> None:
    call = doing({"traceparent": header})
    assert (call.trace, call.parent) == ((PARENT[3:35], PARENT[36:52]) if joined else (call.id, ""))


def test_calls_without_an_outcome_are_settled_and_those_beyond_the_books_counted() -> None:
    journal = Kept()
    recorder = Recorder(journal, Estimators(), lambda seq: None, 1000)
    calls = [doing() for _ in range(4)]
    for call in calls:
        recorder.intend(call, "up", "small", 7)  # 1 to 4
    recorder.outcome(calls[0], 9, 200, "", "")  # 5, applied
    recorder.outcome(calls[1], 9, 200, "", "")  # 6
    for call in calls[2:]:
        call.heard = Heard(100)
        recorder.progress(call, 8)  # of which nothing is heard yet: no record
        call.heard.hear([Delta("text", text="twelve chars")])
        recorder.progress(call, 8)  # 7, 8
    recorder.intend(calls[2], "other", "small", 9)  # 9
    journal.append("?", b"of another version")

    class Settled:
        def __init__(self) -> None:
            self.dead: list[tuple[str, int, Progress | None]] = []
            self.counted: list[str] = []

        def killed(self, intents: Any, progress: Progress | None) -> None:
            self.dead.append((intents[0].call, len(intents), progress))

        def happened(self, intent: Intent, outcome: Outcome) -> None:
            self.counted.append(intent.call)

    settled = Settled()
    assert settle_killed(journal, 5, 2, 10, settled) == 2
    assert settled.dead == [(calls[2].id, 2, None), (calls[3].id, 1, Progress(calls[3].id, 8, 0, 12, 3))]
    assert settled.counted == [calls[1].id]


TEXTS = st.text(max_size=30)
PARTS = st.one_of(
    st.builds(Part, st.sampled_from(["text", "thinking", "refusal"]), TEXTS.filter(bool)),
    st.builds(Part, st.just("tool_call"), TEXTS, id=TEXTS, name=TEXTS),
)


@given(st.lists(TEXTS, max_size=4), st.integers(0, 300), st.floats(0, 2))
def test_plain_messages_are_recorded_as_if_they_were_read_in_full(texts: list[str], most: int, heat: float) -> None:
    raw = {"messages": [{"role": "user", "content": text} for text in texts], "temperature": heat}
    chat = Chat(tuple(Message("user", (Part("text", text),)) for text in texts), temperature=heat)
    plain = plain_text(raw, most)
    if plain is not None and all(texts):
        assert orjson.loads(plain) == orjson.loads(input_text(chat, most))
    assert plain_settings(raw) == settings_of(chat)
    assert plain_text({"messages": [{"role": "user", "content": [], "name": "x"}]}, 100) is None
    assert plain_text({"messages": "hello"}, 100) is None


@given(st.lists(PARTS, max_size=4), st.integers(0, 200))
def test_what_was_said_is_whole_json_within_its_bound(parts: list[Part], most: int) -> None:
    chat = Chat((Message("user", tuple(parts)), Message("assistant", tuple(parts))))
    reply = Reply("1", "m", (Choice(0, tuple(parts)),))
    for text in (input_text(chat, most), reply_text(reply, most)):
        said = orjson.loads(text)
        assert isinstance(said, list)
        kept = sum(len(part.get("text", "").rstrip("…")) for one in said for part in one["parts"])
        assert kept <= most


@given(st.lists(PARTS, min_size=1, max_size=4, unique_by=lambda part: part.kind))
def test_a_reply_as_a_stream_is_heard_as_the_reply(parts: list[Part]) -> None:
    reply = Reply("1", "m", (Choice(0, tuple(parts), "stop"),), Usage(1, 2))
    heard = Heard(10_000)
    heard.hear(deltas_of(reply))
    assert heard.reply() == reply
    assert heard.whole


def test_a_long_stream_is_kept_within_its_bound_and_counted_whole() -> None:
    heard = Heard(100)
    for _ in range(50):
        heard.hear([Delta("text", text="0123456789")])
    assert heard.characters == 500
    assert len(heard.kept) == 100
    assert not heard.whole
