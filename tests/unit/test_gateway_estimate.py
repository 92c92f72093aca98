"""Tokens counted by ourselves: a bound that holds, and a guess that learns."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.gateway import ask
from triops.kernel.completion import Ask, Chat, Message, Part, Tool
from triops.lenses.llmops.gateway.estimate import IMAGE_MOST, PER_MESSAGE, STORED_MOST, Estimator, Estimators, size_of

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(st.text(), max_size=8))
def test_the_bound_holds_for_any_tokenizer_that_takes_a_byte_or_more(texts: list[str]) -> None:
    messages = [{"role": "user", "content": text} for text in texts]
    said = Ask("openai.chat", "chat", "m", {"messages": messages}, 0)
    most = size_of(said).most
    assert most >= sum(len(text.encode()) for text in texts) + PER_MESSAGE * len(texts)
    assert 0 < Estimator().input_tokens(said) <= most


@given(st.dictionaries(st.sampled_from(["messages", "input", "tools", "system", "contents", "prompt"]), json_values))
def test_no_request_is_too_strange_to_count(raw: dict[str, object]) -> None:
    size = size_of(Ask("openai.chat", "chat", "m", raw, 0))
    assert size.most > 0
    assert size.wide <= size.text


@given(json_values)
def test_what_tools_say_counts_whatever_it_is_called(schema: object) -> None:
    named = {"images": schema, "image_url": {"type": "image", "source": schema}}
    said = ask("", tools=[{"type": "function", "function": {"name": "f", "parameters": named}}])
    assert size_of(said).text >= 2 * said_bytes(schema)
    assert size_of(said).images == 0


def said_bytes(value: object) -> int:
    if isinstance(value, dict):
        return sum(said_bytes(inner) for inner in value.values())
    if isinstance(value, list):
        return sum(map(said_bytes, value))
    return len(value.encode()) if isinstance(value, str) else 0


IMAGE = base64.b64encode(b"\x89PNG" * 50_000).decode()


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": IMAGE}},
        {"type": "input_image", "image_url": "https://example.com/a.png"},
    ],
)
def test_an_image_counts_as_one_and_not_by_its_bytes(part: dict[str, object]) -> None:
    said = Ask("x", "chat", "m", {"messages": [{"role": "user", "content": [part]}]}, 0)
    assert IMAGE_MOST <= size_of(said).most < IMAGE_MOST + 1000
    assert Estimator().input_tokens(said) < 2000


def test_images_of_ollama_are_images() -> None:
    said = Ask(
        "ollama.chat", "chat", "m", {"messages": [{"role": "user", "content": "x", "images": [IMAGE, IMAGE]}]}, 0
    )
    assert size_of(said).images == 2
    assert size_of(said).text < 100


def test_what_the_provider_has_stored_counts_as_a_whole_window() -> None:
    assert size_of(ask(previous_response_id="r_1")).most > STORED_MOST
    file = {"type": "file", "file": {"file_id": "f_1"}}
    assert size_of(Ask("x", "chat", "m", {"messages": [{"role": "user", "content": [file]}]}, 0)).stored == 1


def test_a_models_own_usage_teaches_the_guess() -> None:
    estimator, said = Estimator(), ask("word " * 200)
    size = size_of(said)
    for _ in range(60):
        estimator.learn("fast", size.text, 500)
    assert abs(estimator.input_tokens(said) - 500) < 20
    assert estimator.input_tokens(said, size, "other") < 300
    assert estimator.output_tokens("", "fast") == 0
    assert estimator.output_tokens("x", "fast") == 1
    assert estimator.output_tokens("word " * 200, "fast") > 2 * estimator.output_tokens("word " * 200, "other") * 0.9
    assert estimator.output_tokens("слово " * 200, "other") > estimator.output_tokens("word " * 240, "other")


def test_a_project_s_estimates_are_its_own_and_bounded() -> None:
    estimators, said = Estimators(), ask("word " * 200)
    before = estimators.of("ours").input_tokens(said)
    estimators.of("theirs").learn("fast", 1000, 1000)
    assert estimators.of("theirs").input_tokens(said) > 2 * before
    assert estimators.of("ours").input_tokens(said) == before
    for number in range(1_000):
        estimators.of("theirs").learn("fast", 1000, 1000)
        estimators.of(f"p{number}").learn("fast", 1000, 1000)
    assert estimators.of("theirs").input_tokens(said) > 2 * before, "it is used all the time"
    assert estimators.of("p0").input_tokens(said) == before, "it was not used for longest"
    for number in range(300):
        estimators.of("theirs").learn(f"m{number}", 1000, 1000)
    assert estimators.of("theirs").input_tokens(said) == before


def test_nonsense_teaches_little() -> None:
    estimator, said = Estimator(), ask("word " * 200)
    before = estimator.input_tokens(said)
    estimator.learn("fast", 1000, 0)
    estimator.learn("fast", 3, 900)
    assert estimator.input_tokens(said) == before
    estimator.learn("fast", 1000, 10**9)
    assert estimator.input_tokens(said) <= size_of(said).most


def test_what_is_sent_in_the_place_of_the_request_is_what_counts() -> None:
    parts = (Part("text", "слово"), Part("image", data=IMAGE), Part("file", data="x" * 500), Part("file", id="f_1"))
    result = Part("tool_result", id="c", parts=(Part("text", "r" * 300),))
    tool = Tool("look", "d" * 100, {"type": "object", "description": "p" * 200})
    filled = Chat(
        (Message("system", (Part("text", "s" * 1000),)), Message("user", parts), Message("tool", (result,))), (tool,)
    )
    size = size_of(ask("hi"), filled)
    assert size.text >= 10 + 1000 + 300 + 100 + 200
    assert (size.messages, size.images, size.stored, size.tools, size.wide) == (3, 1, 1, True, 10)
    assert 500 <= size.media < 1000
