"""Whatever attributes hold: reading, searching, showing and redacting a span raises nothing, and no call is lost."""

from dataclasses import fields
from typing import Any

import numpy as np
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from triops.edges.langfuse.wire import observed, score
from triops.kernel.errors import TriopsError
from triops.kernel.genai.counting import counted, totals
from triops.kernel.genai.lines import one_line
from triops.kernel.genai.messages import messages, preview, previews
from triops.kernel.genai.names import SAID, SPREAD
from triops.kernel.genai.plans import Plans
from triops.kernel.genai.said import said
from triops.kernel.genai.sayings import sayings
from triops.kernel.genai.texts import words
from triops.kernel.genai.values import opened
from triops.lenses.llmops.guards.texts import Steps
from triops.lenses.llmops.redaction.rule import Rule

TEXT = st.text(max_size=20)
PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | TEXT
KEYS = st.sampled_from(
    ["role", "content", "parts", "type", "text", "messages", "choices", "message", "tool_calls", "function", "name",
     "kwargs", "id", "input", "output", "image_url", "url", "arguments", "0"]
) | TEXT  # fmt: skip
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
VALUES = JSON | JSON.map(lambda value: orjson.dumps(value).decode())
NAMES = st.sampled_from(sorted(SAID)) | st.tuples(
    st.sampled_from(sorted(SPREAD)), st.sampled_from(["0.message.content", "0.content", "1.role", "x", "", "0"])
).map("".join)
ATTRIBUTES = st.dictionaries(NAMES, VALUES, max_size=8)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["gen_ai.user.message", "gen_ai.choice", "exception"]) | TEXT,
            "attributes": ATTRIBUTES,
        }
    ),
    max_size=3,
)


@settings(max_examples=40)
@given(ATTRIBUTES, EVENTS)
def test_any_span_is_read(attributes: dict[str, Any], events: list[dict[str, Any]]) -> None:
    words("span", attributes.values(), events)
    one = said(attributes, events, 10**18)
    if one is not None:
        assert one.input_tokens >= -1
        assert one.cost >= -1
        for value, role in ((one.input, "user"), (one.output, "assistant")):
            shown = messages(value, role)
            assert all(isinstance(message["role"], str) and isinstance(message["parts"], list) for message in shown)
            orjson.dumps(shown)
            assert len(preview(value, role)) <= 200


@settings(max_examples=40)
@given(st.lists(st.tuples(ATTRIBUTES, EVENTS), min_size=1, max_size=6))
def test_spans_together_say_what_each_says_alone(spans: list[tuple[dict[str, Any], list[dict[str, Any]]]]) -> None:
    plans, attributes = Plans(), [own for own, _ in spans]
    together = sayings(attributes, [plans.of(own) for own in attributes], [its for _, its in spans], [1] * len(spans))
    alone = [(row, one) for row, span in enumerate(spans) if (one := said(*span, 1)) is not None]
    assert [row for row, _ in alone] == ([] if together is None else list(together.rows))
    for at, (_, one) in enumerate(alone):
        for name in (field.name for field in fields(one)):
            assert getattr(together, name)[at] == getattr(one, name), name
    for role in ("user", "assistant"):
        assert previews([one.input for _, one in alone], role) == [preview(one.input, role) for _, one in alone]


@given(st.lists(st.text(st.sampled_from("ab \t\n\x1c\0\xa0é\u2003"), max_size=12)), st.integers(0, 6))
def test_lines_are_words_and_single_spaces(texts: list[str], most: int) -> None:
    assert one_line(texts, most) == [" ".join(text.split())[:most] for text in texts]


class Starred:
    """Redacts every a."""

    def __call__(self, text: str) -> str:
        return text.replace("a", "*")

    def steps(self, text: str, cut: bool = False) -> Steps:
        yield
        return self(text)


@settings(max_examples=40)
@given(ATTRIBUTES, EVENTS)
def test_redaction_leaves_no_trace(attributes: dict[str, Any], events: list[dict[str, Any]]) -> None:
    rule = Rule(redact=Starred())
    kept = rule.attributes(attributes)
    one, before = said(attributes if kept is None else kept), said(attributes)
    assert (one is None) == (before is None)
    rule.events(events)
    nothing = Rule(keep="none")
    kept = nothing.attributes(attributes)
    left = said(attributes if kept is None else kept)
    assert left is None or (left.input, left.output) == (None, None)


KINDS = st.sampled_from(["generation-create", "span-update", "trace-create", "event-create", "x"]) | TEXT
FIELDS = st.sampled_from(["id", "traceId", "name", "startTime", "endTime", "usage", "input", "tags"])


@settings(max_examples=40)
@given(KINDS, st.dictionaries(FIELDS, VALUES))
def test_any_event_of_langfuse_is_read_or_refused(kind: str, body: dict[str, Any]) -> None:
    try:
        observed(kind, body, 10**18)
    except TriopsError:
        pass


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(["id", "traceId", "observationId", "value", "dataType", "timestamp"]), VALUES))
def test_any_score_of_langfuse_is_read_or_refused(body: dict[str, Any]) -> None:
    try:
        score(body)
    except TriopsError:
        pass


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=12))
def test_sums_over_any_tree(given: list[tuple[int, bool]]) -> None:
    span = np.arange(1, len(given) + 1, dtype=np.uint64)
    parent = np.array([min(above, number) for number, (above, _) in enumerate(given)], dtype=np.uint64)
    call = np.array([is_call for _, is_call in given], dtype=bool)
    counts = counted(span, parent, span, call, call)
    assert not (counts & ~call).any()
    above = {int(child): int(up) for child, up in zip(span, parent, strict=True)}
    for leaf in span[counts].tolist():
        at = above[leaf]
        while at:
            assert not counts[at - 1]
            at = above[at]
    summed = totals(span, parent, counts.astype(np.int64))
    roots = parent == 0
    assert int(summed[roots].sum()) == int(counts.sum())
    assert call.any() == counts.any()


@settings(max_examples=40)
@given(JSON, st.data())
def test_messages_that_were_cut_off_are_read_as_far_as_they_go(value: Any, data: st.DataObject) -> None:
    asked = {"role": "user", "content": "q" * 120}
    text = orjson.dumps([asked, {"role": "user", "content": value}]).decode()
    short = text[: data.draw(st.integers(150, len(text)))]
    assert opened(short)[0] == asked
    ended = opened(text[:100])
    assert ended[0]["content"] == text[27:100] + "…"
