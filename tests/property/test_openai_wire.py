"""Whatever comes in OpenAI's words, from a caller or from a provider: it is read, or refused in the stated way."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.json_trees import objects, splits, spoiled, trees
from triops.adapters.providers.openai import OpenAIProvider
from triops.adapters.providers.openai_chat import ChatDecoder
from triops.adapters.providers.openai_responses import ResponsesDecoder
from triops.adapters.providers.sse import Sent, Splitter
from triops.edges.openai import ChatDialect, EmbeddingsDialect, ResponsesDialect
from triops.kernel.completion import Ask, Chat, Reply
from triops.kernel.errors import Invalid
from triops.ports.providers import Fault, Target

NAMES = (
    "model", "messages", "input", "role", "content", "type", "text", "image_url", "url", "tool_calls", "id", "function",
    "name", "arguments", "tools", "tool_choice", "parameters", "strict", "response_format", "json_schema", "schema",
    "stop", "n", "stream", "stream_options", "include_usage", "max_tokens", "metadata", "user", "prompt", "variables",
    "version", "instructions", "call_id", "output", "reasoning", "effort", "summary", "format", "file", "file_data",
    "input_audio", "data", "refusal", "encoding_format", "dimensions", "include", "logprobs", "top_logprobs",
    "function_call", "tool_call_id", "audio", "functions", "max_output_tokens", "encrypted_content", "detail",
    "images", "result", "output_format", "extra_content", "google", "thought_signature", "status", "modalities",
)  # fmt: skip
WORDS = (
    "user", "assistant", "system", "developer", "tool", "function", "text", "image_url", "input_text", "output_text",
    "message", "function_call", "function_call_output", "reasoning", "json_schema", "json_object", "auto", "required",
    "data:image/png;base64,aGk=", "https://a.example/b.png", "wav", "file", "input_file", "input_image", "base64",
    "input_audio", "refusal", "small-1", "{}", "web_search_call", "image_generation_call", "mcp_list_tools",
)  # fmt: skip
ANSWERS = (
    "id", "object", "created", "model", "choices", "index", "message", "delta", "role", "content", "refusal", "error",
    "function", "name", "arguments", "finish_reason", "logprobs", "usage", "prompt_tokens", "completion_tokens",
    "tool_calls",
    "prompt_tokens_details", "cached_tokens", "code", "type", "output", "status", "item", "output_index", "response",
    "data", "embedding", "incomplete_details", "reason", "summary", "text", "total_tokens", "reasoning_content",
    "annotations", "annotation", "url_citation", "start_index", "end_index", "url", "title", "images", "image_url",
    "part", "audio", "extra_content",
)  # fmt: skip
SAID = (
    "stop", "length", "tool_calls", "response.created", "response.output_text.delta", "response.completed", "error",
    "response.output_item.added", "response.function_call_arguments.delta", "function_call", "message", "reasoning",
    "response.incomplete", "response.failed", "incomplete", "AACAPw==",
    "url_citation", "response.output_item.done", "response.content_part.added", "output_text", "web_search_call",
    "response.output_text.annotation.added", "image_url", "data:image/png;base64,QUJD",
)  # fmt: skip
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 4,
    "total_tokens": 13,
    "prompt_tokens_details": {"cached_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
CALLS = [{"index": 0, "id": "c", "type": "function", "function": {"name": "w", "arguments": "{}"}}]
LOGPROBS = {"content": [{"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}]}
MESSAGE_SAID = {"role": "assistant", "content": "a", "refusal": None, "tool_calls": CALLS, "reasoning_content": "hm"}
WHOLE = {
    "id": "c1",
    "created": 7,
    "model": "m",
    "choices": [{"index": 0, "message": MESSAGE_SAID, "finish_reason": "stop", "logprobs": LOGPROBS}],
    "usage": USAGE,
}
CHUNKS = [
    {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    {"choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": LOGPROBS, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": CALLS, "refusal": "no", "reasoning_content": "hm"}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
    {"choices": [], "usage": USAGE},
]
OUTPUT = [
    {"id": "rs", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "e"},
    {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "a", "logprobs": []}],
    },
    {"id": "f", "type": "function_call", "call_id": "c", "name": "w", "arguments": "{}"},
]
WHOLE_RESPONSE = {
    "id": "resp_1",
    "created_at": 7,
    "model": "m",
    "status": "incomplete",
    "incomplete_details": {"reason": "max_output_tokens"},
    "output": OUTPUT,
    "usage": {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 1}, "output_tokens": 4},
}
RESPONSE_EVENTS = [
    {"type": "response.created", "response": {"id": "resp_1", "model": "m"}},
    {"type": "response.reasoning_summary_text.delta", "delta": "hm"},
    {"type": "response.output_text.delta", "delta": "a", "logprobs": []},
    {"type": "response.output_item.added", "output_index": 2, "item": OUTPUT[2]},
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{}"},
    {"type": "response.completed", "response": WHOLE_RESPONSE},
]
REQUESTS = objects(NAMES, WORDS, model="small-1", messages=[{"role": "user", "content": "hi"}], input="hi")
DIALECTS = [ChatDialect(), ResponsesDialect(), EmbeddingsDialect()]
TARGET = Target("upstream", "small-1", "/v1", "sk-1", cap=9)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@settings(max_examples=40)
@given(tree=REQUESTS)
def test_any_request_is_read_or_refused_with_its_field(dialect: Any, tree: dict[str, Any]) -> None:
    try:
        ask = dialect.ask(orjson.dumps(tree), {})
        OpenAIProvider(responses=True).request(ask, None, TARGET)
        content = dialect.content(ask)
        for provider in (OpenAIProvider(), OpenAIProvider(responses=True)):
            orjson.loads(provider.request(ask, content, TARGET).body)
    except Invalid as refused:
        assert refused.details.get("field")


@settings(max_examples=60)
@given(data=st.data())
def test_a_good_request_with_one_thing_wrong_is_read_or_refused_with_its_field(data: st.DataObject) -> None:
    for dialect, good in ((ChatDialect(), CHAT), (ResponsesDialect(), RESPONSE)):
        tree = data.draw(spoiled(good))
        try:
            ask = dialect.ask(orjson.dumps(tree), {})
            content = dialect.content(ask)
            for provider in (OpenAIProvider(), OpenAIProvider(responses=True)):
                provider.request(ask, content, TARGET)
        except Invalid as refused:
            assert refused.details.get("field")


@settings(max_examples=60)
@given(data=st.data())
def test_a_good_answer_with_one_thing_wrong_is_read_or_a_fault(data: st.DataObject) -> None:
    for name, whole, events in (("openai.chat", WHOLE, CHUNKS), ("openai.responses", WHOLE_RESPONSE, RESPONSE_EVENTS)):
        provider = OpenAIProvider(responses=True)
        dialect: Any = ChatDialect() if name == "openai.chat" else ResponsesDialect()
        ask = Ask(name, "chat", "m", {}, 1, stream=True)
        try:
            tree = data.draw(spoiled(st.just(whole)))
            dialect.reply(ask, provider.reply(ask, 200, {}, orjson.dumps(tree)))
        except Fault as fault:
            assert fault.message
        decoder, encoder = provider.decoder(ask), dialect.encoder(ask)
        try:
            for tree in data.draw(spoiled(st.just(events))):
                for event in decoder.feed(b"data: " + orjson.dumps(tree) + b"\n\n"):
                    encoder.feed(event.deltas)
            decoder.end()
            encoder.end()
        except Fault as fault:
            assert fault.message


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(dialect: Any, body: bytes) -> None:
    with pytest.raises(Invalid):
        dialect.ask(body, {})


@settings(max_examples=40)
@given(body=st.one_of(st.binary(max_size=80), objects(ANSWERS, SAID, choices=[{"message": {}}]).map(orjson.dumps)))
def test_any_answer_is_read_or_a_fault(body: bytes) -> None:
    for dialect in DIALECTS:
        ask = Ask(dialect.name, "embeddings" if "emb" in dialect.name else "chat", "m", {}, 1)
        for provider in (OpenAIProvider(), OpenAIProvider(responses=True)):
            for status in (200, 429):
                try:
                    answer = provider.reply(ask, status, {"retry-after": "soon"}, body)
                except Fault as fault:
                    assert fault.message
                else:
                    orjson.loads(dialect.reply(ask, answer))


EVENTS = st.lists(
    st.one_of(
        objects(ANSWERS, SAID, choices=[{"index": 0, "delta": {"content": "hi"}}], type="response.output_text.delta"),
        trees(ANSWERS, SAID),
    ),
    max_size=6,
)


@settings(max_examples=40)
@given(trees=EVENTS)
def test_any_event_is_read_or_a_fault(trees: list[Any]) -> None:
    for dialect, decoder in ((ChatDialect(), ChatDecoder(hide_usage=True)), (ResponsesDialect(), ResponsesDecoder())):
        ask = Ask(dialect.name, "chat", "m", {}, 1, stream=True)
        encoder = dialect.encoder(ask)
        try:
            for tree in trees:
                for event in decoder.feed(b"data: " + orjson.dumps(tree) + b"\n\n"):
                    encoder.feed(event.deltas)
            decoder.end()
            encoder.end()
        except Fault as fault:
            assert fault.kind in ("garbage", "cut", "server", "rate_limited", "invalid", "content_filter")


LINE = st.sampled_from([b"\n", b"\r\n", b"\r"])
TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n"), max_size=12).map(str.encode)
FIELD = st.one_of(
    TEXT.map(lambda text: b"data: " + text),
    TEXT.map(lambda text: b"data:" + text),
    TEXT.map(lambda text: b": " + text),
    TEXT.map(lambda text: b"event: " + text),
    st.just(b"retry: 5"),
)
EVENT = st.builds(
    lambda lines, ends, last: b"".join(line + end for line, end in zip(lines, ends, strict=False)) + last,
    st.lists(FIELD, min_size=1, max_size=4),
    st.lists(LINE, min_size=4, max_size=4),
    LINE,
)


@given(events=st.lists(EVENT, min_size=1, max_size=6), cuts=st.lists(st.integers(0, 500), max_size=12))
def test_any_split_of_a_stream_gives_equal_events(events: list[bytes], cuts: list[int]) -> None:
    data = b"data: first\n\n" + b"".join(events)
    assert _sent([data]) == _sent(splits(data, cuts)) == _sent([data[i : i + 1] for i in range(len(data))])
    assert data.startswith(b"".join(sent.raw for sent in Splitter().feed(data)))


def _sent(pieces: list[bytes]) -> list[Sent]:
    splitter = Splitter()
    return [sent for piece in pieces for sent in splitter.feed(piece)] + list(splitter.end())


PART = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, st.text(max_size=8)),
    st.just({"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}}),
    st.just({"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}),
    st.just({"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}}),
    st.just({"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"}}),
)
CALL = st.builds(
    lambda id, name: {"id": id, "type": "function", "function": {"name": name, "arguments": '{"a":1}'}},
    st.text(min_size=1, max_size=4),
    st.text(min_size=1, max_size=4),
)
MESSAGE = st.one_of(
    st.builds(
        lambda role, text: {"role": role, "content": text}, st.sampled_from(["system", "user"]), st.text(max_size=9)
    ),
    st.builds(lambda parts: {"role": "user", "content": parts}, st.lists(PART, min_size=2, max_size=3)),
    st.builds(lambda text, name: {"role": "user", "content": text, "name": name}, st.text(max_size=5), st.just("ann")),
    st.builds(lambda calls: {"role": "assistant", "tool_calls": calls}, st.lists(CALL, min_size=1, max_size=3)),
    st.builds(lambda text: {"role": "assistant", "content": text}, st.text(max_size=9)),
    st.builds(lambda text: {"role": "tool", "tool_call_id": "c1", "content": text}, st.text(max_size=9)),
)
TOOL = st.builds(
    lambda name, strict: {
        "type": "function",
        "function": {"name": name, "description": "d", "parameters": {"type": "object"}, "strict": strict},
    },
    st.text(min_size=1, max_size=5),
    st.booleans(),
)
CHAT = st.fixed_dictionaries(
    {"model": st.just("small-1"), "messages": st.lists(MESSAGE, min_size=1, max_size=5)},
    optional={
        "tools": st.lists(TOOL, min_size=1, max_size=3),
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "max_tokens": st.integers(1, 9999),
        "stop": st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=4),
        "seed": st.integers(0, 9999),
        "n": st.integers(2, 5),
        "logprobs": st.just(True),
        "top_logprobs": st.integers(0, 20),
        "presence_penalty": st.floats(-2, 2),
        "frequency_penalty": st.floats(-2, 2),
        "reasoning_effort": st.sampled_from(["low", "high"]),
        "user": st.text(min_size=1, max_size=5),
        "logit_bias": st.just({"50256": -100}),
        "response_format": st.sampled_from(
            [
                {"type": "json_object"},
                {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True}},
                {"type": "json_schema", "json_schema": {"name": "a", "schema": {}, "description": "d"}},
            ]
        ),
    },
)


@given(raw=CHAT)
def test_a_chat_read_and_written_again_means_the_same(raw: dict[str, Any]) -> None:
    dialect = ChatDialect()
    ask = dialect.ask(orjson.dumps(raw), {})
    content = dialect.content(ask)
    outgoing = OpenAIProvider().request(ask, content, Target("upstream", "small-1"))
    assert orjson.loads(outgoing.body) == raw
    assert not outgoing.dropped


@given(raw=CHAT)
def test_a_native_chat_is_sent_on_but_for_its_model(raw: dict[str, Any]) -> None:
    ask = ChatDialect().ask(orjson.dumps(raw), {})
    outgoing = OpenAIProvider().request(ask, None, Target("upstream", "other", "/v1"))
    assert orjson.loads(outgoing.body) == {**raw, "model": "other"}
    assert isinstance(ChatDialect().content(ask), Chat)


@given(texts=st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=8), cuts=st.lists(st.integers(0, 3000)))
def test_what_is_encoded_is_decoded_again(texts: list[str], cuts: list[int]) -> None:
    """Through both streams of ours, however the bytes are cut."""
    for dialect, decoder in ((ChatDialect(), ChatDecoder(hide_usage=True)), (ResponsesDialect(), ResponsesDecoder())):
        ask = Ask(dialect.name, "chat", "small-1", {"input": "hi", "stream_options": {"include_usage": True}}, 1, True)
        source = ChatDecoder(hide_usage=False)
        encoder = dialect.encoder(ask)
        data = encoder.start()
        for text in texts:
            chunk = {"id": "c", "model": "small-1", "choices": [{"index": 0, "delta": {"content": text}}]}
            for event in source.feed(b"data: " + orjson.dumps(chunk) + b"\n\n"):
                data += encoder.feed(event.deltas)
        last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}
        usage = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
        for tree in (last, usage):
            for event in source.feed(b"data: " + orjson.dumps(tree) + b"\n\n"):
                data += encoder.feed(event.deltas)
        data += encoder.end()
        events = [event for piece in splits(data, cuts) for event in decoder.feed(piece)] + list(decoder.end())
        assert b"".join(event.raw for event in events) == data
        deltas = [delta for event in events for delta in event.deltas]
        assert "".join(delta.text for delta in deltas if delta.kind == "text") == "".join(texts)
        assert [delta.finish for delta in deltas if delta.kind == "finish"] == ["length"]
        assert [delta.usage.input for delta in deltas if delta.usage is not None] == [7]


def test_replies_are_of_our_own_types() -> None:
    body = orjson.dumps({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]})
    assert isinstance(OpenAIProvider().reply(Ask("openai.chat", "chat", "m", {}, 1), 200, {}, body), Reply)


def _item(role: str, texts: list[str]) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text} for text in texts]}


ITEM = st.one_of(
    st.builds(_item, st.sampled_from(["user", "developer"]), st.lists(st.text(max_size=6), min_size=2, max_size=3)),
    st.builds(lambda text: _item("assistant", [text]), st.text(max_size=6)),
    st.builds(
        lambda id, text: {"type": "reasoning", "id": id, "summary": [{"type": "summary_text", "text": text}]},
        st.text(min_size=1, max_size=4),
        st.text(min_size=1, max_size=6),
    ),
    st.just({"type": "function_call", "call_id": "c1", "name": "w", "arguments": "{}"}),
    st.builds(
        lambda text: {"type": "function_call_output", "call_id": "c1", "output": text},
        st.text(max_size=6),
    ),
)
RESPONSE = st.fixed_dictionaries(
    {"model": st.just("small-1"), "input": st.lists(ITEM, min_size=1, max_size=5)},
    optional={
        "tools": st.lists(
            st.sampled_from(
                [
                    {"type": "web_search"},
                    {"type": "function", "name": "w", "parameters": {"type": "object"}, "strict": True},
                    {"type": "function", "name": "v", "description": "d", "parameters": {}, "strict": None},
                ]
            ),
            min_size=1,
            max_size=3,
        ),
        "temperature": st.floats(0, 2),
        "max_output_tokens": st.integers(16, 9999),
        "reasoning": st.just({"effort": "low", "summary": "auto"}),
        "text": st.sampled_from(
            [
                {"format": {"type": "json_object"}, "verbosity": "low"},
                {"verbosity": "high"},
                {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True}},
            ]
        ),
        "include": st.just(["message.output_text.logprobs", "reasoning.encrypted_content"]),
        "parallel_tool_calls": st.booleans(),
        "metadata": st.just({"a": "b"}),
        "store": st.booleans(),
        "user": st.text(min_size=1, max_size=5),
    },
)


@given(raw=RESPONSE)
def test_a_response_read_and_written_again_means_the_same(raw: dict[str, Any]) -> None:
    """But for neighbouring items of the assistant's text, which become parts of one."""
    dialect = ResponsesDialect()
    ask = dialect.ask(orjson.dumps(raw), {})
    outgoing = OpenAIProvider(responses=True).request(ask, dialect.content(ask), Target("upstream", "small-1"))
    again = orjson.loads(outgoing.body)
    assert _flat(again.pop("input")) == _flat(raw.pop("input"))
    assert again == raw


def _flat(items: list[dict[str, Any]]) -> list[Any]:
    flat: list[Any] = []
    for item in items:
        if item["type"] == "message":
            flat += [(item["role"], part) for part in item["content"]]
        else:
            flat.append(item)
    return flat
