"""What is taken from a request by a shorter way is what reading all of it gives."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.gateway import ask
from triops.edges.anthropic import Messages
from triops.edges.openai import ChatDialect
from triops.lenses.llmops.gateway.estimate import Size, _walk, size_of
from triops.lenses.llmops.gateway.said import input_text, last_kept

TEXTS = st.text(max_size=30)
PLAIN = st.builds(lambda role, text: {"role": role, "content": text}, st.sampled_from(["user", "assistant"]), TEXTS)
PARTS = st.builds(
    lambda texts: {"role": "user", "content": [{"type": "text", "text": text} for text in texts]},
    st.lists(TEXTS, min_size=1, max_size=3),
)
RESULT = st.builds(
    lambda text, parts: {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": text}] if parts else text}
        ],
    },
    TEXTS,
    st.booleans(),
)
PICTURE = st.just(
    {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]}
)


@given(st.lists(PLAIN | PARTS, min_size=1, max_size=6), st.integers(1, 400))
def test_the_last_messages_of_a_chat_are_recorded_as_the_whole_would_be(messages: list[Any], most: int) -> None:
    _the_same(ChatDialect(), {"model": "m", "messages": messages}, most)


@given(st.lists(PLAIN | PARTS | RESULT | PICTURE, min_size=1, max_size=6), st.integers(1, 400))
def test_the_last_of_anthropic_s_messages_too(messages: list[Any], most: int) -> None:
    _the_same(Messages(), {"model": "m", "messages": messages, "max_tokens": 1, "system": "be kind"}, most)


def _the_same(dialect: Any, raw: dict[str, Any], most: int) -> None:
    whole = dialect.ask(orjson.dumps(raw), {})
    ending = dialect.ask(orjson.dumps({**raw, "messages": raw["messages"][-last_kept(raw, most) :]}), {})
    assert input_text(dialect.content(ending), most) == input_text(dialect.content(whole), most)


@given(st.lists(PLAIN | PARTS | RESULT | PICTURE | st.text(max_size=3) | st.integers(), max_size=6))
def test_plain_messages_have_the_size_that_walking_through_them_gives(messages: list[Any]) -> None:
    walked = Size(looking=True, messages=len(messages))
    _walk("messages", messages, walked, 32)
    assert size_of(ask(messages=messages)) == walked
