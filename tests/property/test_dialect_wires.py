"""Whatever comes in Anthropic's, Ollama's or Gemini's words, from a caller or from a provider: it is read, or refused
in the stated way; and a stream means the same however its bytes are cut."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.json_trees import objects, splits, trees
from triops.adapters.providers.anthropic import AnthropicProvider
from triops.adapters.providers.gemini import GeminiProvider
from triops.adapters.providers.ollama import OllamaProvider
from triops.adapters.providers.openai import OpenAIProvider
from triops.edges.anthropic import CountTokens, Messages
from triops.edges.ollama import OllamaChat, OllamaEmbed, OllamaEmbeddings, OllamaGenerate
from triops.kernel.completion import ANTHROPIC_BLOCK, CHAT_MEMBER, RESPONSES_ITEM, Ask, Citation, Delta, Part
from triops.kernel.errors import Invalid
from triops.ports.providers import Fault, Target
from triops.testing.upstream import wires
from triops.testing.upstream.orders import Orders, read
from triops.testing.upstream.wire import Request

NAMES = (
    "model", "messages", "max_tokens", "system", "role", "content", "type", "text", "source", "data", "media_type",
    "url", "tool_use_id", "id", "name", "input", "is_error", "thinking", "signature", "tools", "input_schema", "strict",
    "tool_choice", "disable_parallel_tool_use", "output_config", "format", "schema", "effort", "budget_tokens",
    "metadata", "user_id", "session_id", "prompt", "version", "label", "variables", "stream", "stop_sequences",
    "cache_control", "citations", "title", "options", "num_predict", "seed", "stop", "top_k", "think", "keep_alive",
    "images", "tool_calls", "function", "arguments", "tool_name", "parameters", "raw", "suffix", "dimensions",
)  # fmt: skip
WORDS = (
    "user", "assistant", "system", "tool", "text", "image", "document", "tool_use", "tool_result", "thinking", "base64",
    "url", "redacted_thinking", "server_tool_use", "any", "auto", "none", "enabled", "adaptive", "disabled", "custom",
    "json", "json_schema", "iVBORw0KGgo=", "function", "low", "web_search_20260318", "small-1",
)  # fmt: skip
ANSWERS = (
    "id", "type", "model", "content", "text", "input", "name", "stop_reason", "stop_sequence", "usage", "input_tokens",
    "output_tokens", "cache_read_input_tokens", "error", "message", "index", "delta", "content_block", "partial_json",
    "thinking", "signature", "candidates", "parts", "functionCall", "args", "finishReason", "usageMetadata", "done",
    "promptTokenCount", "candidatesTokenCount", "promptFeedback", "blockReason", "logprobsResult", "chosenCandidates",
    "token", "logProbability", "topCandidates", "details", "retryDelay", "response", "tool_calls", "function",
    "arguments", "done_reason", "prompt_eval_count", "eval_count", "embeddings", "values", "created_at", "logprobs",
    "citations", "citation", "cited_text", "url", "title", "source", "data", "inlineData", "mimeType",
    "thoughtSignature",
)  # fmt: skip
SAID = (
    "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "text_delta",
    "message_stop", "ping", "error", "tool_use", "input_json_delta", "thinking_delta", "signature_delta", "end_turn",
    "STOP", "SAFETY", "MAX_TOKENS", "stop", "length", "answer_in_json", "overloaded_error", "1.5s", "redacted_thinking",
    "citations_delta", "text", "server_tool_use", "web_search_tool_result", "image/png", "QUJD",
)  # fmt: skip
SPEAKERS = [AnthropicProvider(), GeminiProvider(), OllamaProvider()]
DIALECTS = [Messages(), CountTokens(), OllamaChat(), OllamaGenerate(), OllamaEmbed(), OllamaEmbeddings()]
TARGET = Target("upstream", "claude-sonnet-4-5", "/v1", "sk-1", cap=9000)
MESSAGE = {"role": "user", "content": "hi"}
REQUESTS = objects(NAMES, WORDS, model="small-1", messages=[MESSAGE], max_tokens=9, input="hi")
some = settings(max_examples=25)
named = pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda one: one.name)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@some
@given(tree=REQUESTS)
def test_any_request_is_read_or_refused_with_its_field(dialect: Any, tree: dict[str, Any]) -> None:
    try:
        ask = dialect.ask(orjson.dumps(tree), {})
        content = dialect.content(ask)
    except Invalid as refused:
        assert refused.details.get("field")
        return
    for speaker in (*SPEAKERS, OpenAIProvider()):
        for given_content in (None, content) if ask.dialect in speaker.native else (content,):
            try:
                orjson.loads(speaker.request(ask, given_content, TARGET).body)
            except Invalid as refused:
                assert refused.details.get("field")


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@some
@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(dialect: Any, body: bytes) -> None:
    with pytest.raises(Invalid):
        dialect.ask(body, {})


@named
@some
@given(
    body=st.one_of(
        st.binary(max_size=80),
        objects(ANSWERS, SAID, content=[{"type": "text", "text": "x"}], message={}, candidates=[{}]).map(orjson.dumps),
    )
)
def test_any_answer_is_read_or_a_fault(speaker: Any, body: bytes) -> None:
    for dialect in DIALECTS:
        operation = "embeddings" if "emb" in dialect.name else "count" if "count" in dialect.name else "chat"
        ask = Ask(dialect.name, operation, "m", {}, 1)
        for status in (200, 429):
            try:
                answer = speaker.reply(ask, status, {"retry-after": "soon"}, body)
            except Fault as fault:
                assert fault.message
            else:
                if hasattr(answer, "choices") == (operation != "embeddings"):
                    orjson.loads(dialect.reply(ask, answer))


@named
@some
@given(
    lines=st.lists(
        st.one_of(
            objects(ANSWERS, SAID, type="content_block_delta", index=0, message={"content": "hi"}, candidates=[{}]),
            trees(ANSWERS, SAID),
        ),
        max_size=6,
    )
)
def test_any_event_is_read_or_a_fault(speaker: Any, lines: list[Any]) -> None:
    for dialect in (Messages(), OllamaChat(), OllamaGenerate()):
        ask = Ask(dialect.name, "chat", "m", {}, 1, stream=True)
        decoder, encoder = speaker.decoder(ask), dialect.encoder(ask)
        head, end = (b"", b"\n") if speaker.name == "ollama" else (b"data: ", b"\n\n")
        try:
            for line in lines:
                for event in decoder.feed(head + orjson.dumps(line) + end):
                    encoder.feed(event.deltas)
            decoder.end()
            encoder.end()
        except Fault as fault:
            assert fault.message


DELTAS = st.builds(
    Delta,
    kind=st.sampled_from(
        ["start", "text", "thinking", "refusal", "tool", "arguments", "finish", "usage", "citation", "whole"]
    ),
    index=st.integers(0, 1),
    text=st.sampled_from(["", "{", "}", "hi"]),
    part=st.integers(0, 2),
    id=st.sampled_from(["", "a"]),
    name=st.sampled_from(["", "f"]),
    signature=st.sampled_from(["", "s"]),
    item=st.sampled_from(
        [
            Citation("anthropic", {"type": "char_location"}),
            Citation("openai", {"type": "url_citation"}, "https://a.org"),
            Citation("openai", {"type": "file_citation"}),
            Part("block", '{"type":"server_tool_use","id":"s","input":{"a":1}}', media_type=ANTHROPIC_BLOCK),
            Part("block", '{"type":"web_search_call","id":"w","status":"completed"}', media_type=RESPONSES_ITEM),
            Part("block", "7", name="audio", media_type=CHAT_MEMBER),
            Part("image", data="QUJD"),
            Part("thinking", data="sealed"),
        ]
    ),
)


@given(st.lists(DELTAS, max_size=12))
def test_any_deltas_are_written_as_blocks_one_after_another(deltas: list[Delta]) -> None:
    encoder = Messages().encoder(Ask("anthropic.messages", "chat", "m", {}, 1, stream=True))
    out = encoder.start() + b"".join(encoder.feed([delta]) for delta in deltas) + encoder.end()
    events = [orjson.loads(event.partition(b"data: ")[2]) for event in out.split(b"\n\n") if event]
    assert events[0]["type"] == "message_start"
    assert events[-1]["type"] == "message_stop"
    open_block, count = None, 0
    for event in events[1:-2]:
        kind = event["type"]
        if kind == "content_block_start":
            assert open_block is None
            assert event["index"] == count
            open_block, count = event["index"], count + 1
        else:
            assert event["index"] == open_block
            open_block = None if kind == "content_block_stop" else open_block
    assert open_block is None


def stream_of(speaker: Any, orders: Orders) -> bytes:
    """What the loopback provider says to the plainest request."""
    paths = {
        "anthropic": "/v1/messages",
        "gemini": "/v1beta/models/m:streamGenerateContent",
        "ollama": "/api/chat",
    }
    tool = {"name": "f", "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}}}
    tree = {
        "anthropic": {"model": "m", "max_tokens": 90, "messages": [MESSAGE], "tools": [tool], "stream": True},
        "gemini": {
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            "tools": [{"functionDeclarations": [{"name": "f"}]}],
        },
        "ollama": {"model": "m", "messages": [MESSAGE], "tools": [{"function": {"name": "f"}}]},
    }[speaker.name]
    path = paths[speaker.name]
    headers = {"anthropic-version": "2026-10-21"}
    request = Request("POST", path, headers, tree, 7)
    wire = next(one for one in wires() if path == one.path or path.startswith(one.path.rstrip("*") + "m:"))
    return b"".join(wire.answer(request, wire.asked(request), orders).events)


@named
@some
@given(
    cuts=st.lists(st.integers(0, 1 << 16), max_size=12),
    text=st.sampled_from(["calls=2", "calls=0,think=2,cached=1", "calls=0,search=1,images=1"]),
)
def test_a_stream_means_the_same_however_it_is_cut(speaker: Any, cuts: list[int], text: str) -> None:
    data = stream_of(speaker, read(text))
    ask = Ask("openai.chat", "chat", "m", {}, 1, stream=True)

    def events(pieces: list[bytes]) -> list[Any]:
        decoder = speaker.decoder(ask)
        return [event for piece in pieces for event in decoder.feed(piece)] + list(decoder.end())

    whole = events([data])
    assert events(splits(data, cuts)) == whole
    assert b"".join(event.raw for event in whole) == data
    kinds = [delta.kind for event in whole for delta in event.deltas]
    assert kinds.count("finish") == kinds.count("usage") == kinds.count("start") == 1


@named
def test_a_cut_stream_is_a_fault(speaker: Any) -> None:
    data = stream_of(speaker, read("calls=0,done=0,words=3"))
    decoder = speaker.decoder(Ask("openai.chat", "chat", "m", {}, 1, stream=True))
    pieces = data[: len(data) * 2 // 3]
    decoder.feed(pieces)
    with pytest.raises(Fault) as cut:
        decoder.end()
    assert cut.value.kind in ("cut", "garbage")
