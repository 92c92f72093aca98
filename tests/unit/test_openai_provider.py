"""A provider that speaks OpenAI: what is sent to it, and what its answers, streams and errors mean."""

from typing import Any

import orjson
import pytest

from triops.adapters.providers.openai import OpenAIProvider, speaks_responses
from triops.edges.openai import ResponsesDialect
from triops.kernel.completion import Ask, Chat, Delta, Embed, Embedded, Format, Message, Part, Reply, Tool, Usage
from triops.kernel.errors import Invalid
from triops.ports.providers import Fault, FaultKind, Target

TARGET = Target("upstream", "small-1", "/v1", "sk-secret")
OLD, NEW = OpenAIProvider(), OpenAIProvider(responses=True)
USER = Message("user", (Part("text", "hi"),))


def ask(dialect: str = "openai.chat", stream: bool = False, max_tokens: int | None = None, **raw: Any) -> Ask:
    operation: Any = "embeddings" if dialect == "openai.embeddings" else "chat"
    return Ask(dialect, operation, "fast", {"model": "fast", **raw}, 10, stream=stream, max_tokens=max_tokens)


def sent(provider: OpenAIProvider, asked: Ask, content: Chat | Embed | None, target: Target = TARGET) -> Any:
    return orjson.loads(provider.request(asked, content, target).body)


def test_a_native_request_keeps_its_words_and_asks_for_the_usage() -> None:
    outgoing = OLD.request(ask(stream=True, max_completion_tokens=3, stream_options={"x": 1}), None, TARGET)
    assert (outgoing.method, outgoing.path) == ("POST", "/v1/chat/completions")
    assert dict(outgoing.headers) == {"content-type": "application/json", "authorization": "Bearer sk-secret"}
    assert orjson.loads(outgoing.body) == {
        "model": "small-1",
        "max_completion_tokens": 3,
        "stream_options": {"x": 1, "include_usage": True},
    }
    assert "stream_options" not in sent(OpenAIProvider(stream_usage=False), ask(stream=True), None)


@pytest.mark.parametrize(
    ("provider", "dialect", "word"),
    [
        (OLD, "openai.chat", "max_tokens"),
        (NEW, "openai.chat", "max_completion_tokens"),
        (NEW, "openai.responses", "max_output_tokens"),
    ],
)
def test_a_cap_holds_where_the_caller_set_no_bound(provider: OpenAIProvider, dialect: str, word: str) -> None:
    capped = Target("upstream", "small-1", cap=9)
    assert sent(provider, ask(dialect), None, capped)[word] == 9
    assert sent(provider, ask(dialect, max_tokens=3), None, capped).get(word) is None


def test_a_targets_headers_win() -> None:
    target = Target("azure", "m", "/openai/v1", "k", headers=(("authorization", "none"), ("api-key", "k")))
    headers = OLD.request(ask(), None, target).headers
    assert [value for name, value in headers if name == "authorization"] == ["none"]
    assert ("api-key", "k") in headers


def test_responses_are_native_where_they_are_spoken() -> None:
    asked = ask("openai.responses", input="hi")
    assert ("openai.responses" in OLD.native, "openai.responses" in NEW.native) == (False, True)
    assert NEW.request(asked, None, TARGET).path == "/v1/responses"
    assert OLD.request(asked, Chat((USER,)), TARGET).path == "/v1/chat/completions"
    assert speaks_responses("api.openai.com")
    assert speaks_responses("eu.api.openai.com")
    assert not speaks_responses("api.openai.com.example")


CHAT = Chat(
    messages=(
        Message("developer", (Part("text", "be kind"),)),
        Message("user", (Part("text", "see"), Part("image", data="aGk=", media_type="image/png", detail="low"))),
        Message(
            "assistant",
            (Part("thinking", "hm", signature="s"), Part("text", "so"), Part("tool_call", "{}", id="c1", name="w")),
        ),
        Message("user", (Part("tool_result", id="c1", parts=(Part("text", "mild"),)), Part("text", "and?"))),
    ),
    tools=(Tool("w", "weather", {"type": "object"}, True),),
    tool_choice="tool:w",
    parallel_tool_calls=False,
    format=Format({"type": "object"}, "answer", True),
    max_tokens=7,
    top_k=4,
    stop=("x",),
    user="ann",
    thinking_tokens=100,
    extra={"metadata": {"a": "b"}, "options.mirostat": 1},
)


def test_a_chat_of_another_dialect_is_written() -> None:
    outgoing = OLD.request(ask("anthropic.messages", stream=True), CHAT, TARGET)
    assert orjson.loads(outgoing.body) == {
        "model": "small-1",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [
            {"role": "system", "content": "be kind"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "see"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}},
                ],
            },
            {
                "role": "assistant",
                "content": "so",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "w", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "mild"},
            {"role": "user", "content": "and?"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "w",
                    "description": "weather",
                    "parameters": {"type": "object"},
                    "strict": True,
                },
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "w"}},
        "parallel_tool_calls": False,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
        },
        "max_tokens": 7,
        "stop": ["x"],
    }
    assert set(outgoing.dropped) == {"thinking", "metadata", "options.mirostat", "top_k", "user", "thinking_tokens"}
    newer = sent(NEW, ask("anthropic.messages"), CHAT)
    assert (newer["messages"][0]["role"], newer["max_completion_tokens"], newer["user"]) == ("developer", 7, "ann")


@pytest.mark.parametrize(
    "chat",
    [
        Chat((USER,), extra={"tools[0]": {"type": "web_search"}}),
        Chat((USER,), extra={"input[1]": {"type": "computer_call"}}),
        Chat((USER,), extra={"mcp_servers": []}),
        Chat((Message("user", (Part("file", url="https://a.example/b.pdf"),)),)),
        Chat((Message("tool", (Part("tool_result", id="c", parts=(Part("image", data="aGk="),)),)),)),
    ],
)
def test_what_changes_the_meaning_is_refused(chat: Chat) -> None:
    with pytest.raises(Invalid) as refused:
        OLD.request(ask("openai.responses"), chat, TARGET)
    assert refused.value.details["field"]


def test_a_response_that_was_changed_on_the_way_is_written_again() -> None:
    extra = {
        "tools[0]": {"type": "web_search"},
        "include": ["reasoning.encrypted_content"],
        "reasoning.summary": "auto",
        "text.verbosity": "low",
        "store": False,
    }
    chat = Chat(
        (
            Message("system", (Part("text", "be kind"),)),
            USER,
            Message("assistant", (Part("thinking", "hm", id="rs_1", signature="e"), Part("tool_call", "{}", "c", "w"))),
            Message("tool", (Part("tool_result", id="c", parts=(Part("text", "mild"),)),)),
        ),
        tools=(Tool("w"),),
        tool_choice="required",
        format=Format(),
        max_tokens=5,
        reasoning_effort="low",
        extra=extra,
    )
    assert sent(NEW, ask("openai.responses"), chat) == {
        "model": "small-1",
        "input": [
            {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "be kind"}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": "hm"}],
                "id": "rs_1",
                "encrypted_content": "e",
            },
            {"type": "function_call", "call_id": "c", "name": "w", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "mild"},
        ],
        "tools": [{"type": "web_search"}, {"type": "function", "name": "w", "parameters": {}, "strict": None}],
        "tool_choice": "required",
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "max_output_tokens": 5,
        "store": False,
    }
    with pytest.raises(Invalid):
        sent(NEW, ask("openai.responses"), Chat((USER,), extra={"input[1]": {}}))


def test_embeddings() -> None:
    tree = sent(OLD, ask("ollama.embed"), Embed(("a", (1, 2)), 4, "base64", {"truncate": True}))
    with pytest.raises(Invalid):
        sent(OLD, ask("ollama.embed"), Embed(("a",), extra={"task": "x"}))
    assert tree == {"model": "small-1", "input": ["a", [1, 2]], "encoding_format": "float", "dimensions": 4}
    data = [{"index": 1, "embedding": "AACAPwAAAEA="}, {"index": 0, "embedding": [0.5, 1]}]
    body = orjson.dumps({"data": data, "model": "e", "usage": {"prompt_tokens": 3, "total_tokens": 3}})
    answer = OLD.reply(ask("openai.embeddings"), 200, {}, body)
    assert answer == Embedded(((0.5, 1), (1.0, 2.0)), "e", Usage(3))


def whole(tree: Any, dialect: str = "openai.chat", provider: OpenAIProvider = OLD) -> Reply:
    reply = provider.reply(ask(dialect), 200, {}, orjson.dumps(tree))
    assert isinstance(reply, Reply)
    return reply


def test_what_other_servers_say_otherwise() -> None:
    message = {
        "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "let me see"}]},
            {"type": "text", "text": "yes"},
        ],
        "reasoning": "hm",
        "tool_calls": [{"id": "c", "function": {"name": "w", "arguments": {"a": 1}}}],
    }
    reply = whole({"choices": [{"message": message, "finish_reason": "eos"}]})
    assert reply.choices[0].parts == (
        Part("thinking", "hm", name="reasoning"),
        Part("thinking", "let me see"),
        Part("text", "yes"),
        Part("tool_call", '{"a":1}', id="c", name="w"),
    )
    assert (reply.choices[0].finish, reply.usage) == ("tool_calls", None)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": None}, Usage(9, 4)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 4,
                "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            Usage(9, 4, 5, 2, 3),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 4,
                "total_tokens": 16,
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            Usage(9, 7, reasoning=3),
        ),
        ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 5, "completion_tokens": 1}, Usage(9, 1, 5)),
        ({"prompt_tokens": 9.0, "completion_tokens": 4.0}, Usage(9, 4)),
        ({"prompt_tokens": 9.5, "completion_tokens": 4}, None),
        ({"prompt_tokens": -1, "completion_tokens": 1}, None),
        ({"prompt_tokens": "9"}, None),
        (None, None),
    ],
)
def test_usage(usage: Any, expected: Usage | None) -> None:
    assert whole({"choices": [{"message": {"content": "x"}}], "usage": usage}).usage == expected


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid"), (401, "auth"), (403, "auth"), (404, "not_found"), (408, "timeout"), (413, "invalid"),
        (429, "rate_limited"), (500, "server"), (502, "server"), (503, "overloaded"), (529, "overloaded"),
        (302, "garbage"),
    ],
)  # fmt: skip
def test_refusals(status: int, kind: FaultKind) -> None:
    body = b'{"error":{"message":"no","code":"x"}}'
    with pytest.raises(Fault) as raised:
        OLD.reply(ask(), status, {"retry-after": "7"}, body)
    fault = raised.value
    assert (fault.kind, fault.message, fault.status, fault.body, fault.retry_after_s) == (kind, "no", status, body, 7)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, 0.0),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after": "nan"}, 0.0),
        ({"retry-after": "soon"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Sat, 03 Jan 2026 10:00:30 GMT", "date": "Sat, 03 Jan 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "Sat, 03 Jan 2026 10:00:30 GMT"}, 0.0),
    ],
)
def test_how_long_a_provider_asks_to_wait(headers: dict[str, str], wait: float) -> None:
    with pytest.raises(Fault) as raised:
        OLD.reply(ask(), 503, headers, b"<html>busy</html>")
    assert (raised.value.retry_after_s, raised.value.body, raised.value.message) == (wait, b"", "status 503")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"choices":[]}', b'{"choices":[1]}', b"<html>", b'"x"'])
def test_answers_that_are_none(body: bytes) -> None:
    with pytest.raises(Fault) as raised:
        OLD.reply(ask(), 200, {}, body)
    assert raised.value.kind == "garbage"


def chunk(delta: Any = None, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return b"data: " + orjson.dumps({"id": "c", "model": "m", "choices": [choice], **more}) + b"\n\n"


USAGE = {"prompt_tokens": 3, "completion_tokens": 2}
LAST = b"data: " + orjson.dumps({"choices": [], "usage": USAGE}) + b"\n\n"


def test_a_stream_whose_usage_was_not_asked_for() -> None:
    decoder = OLD.decoder(ask(stream=True))
    data = chunk({"role": "assistant"}) + chunk({"content": "hi"}) + chunk(finish="stop") + LAST + b"data: [DONE]\n\n"
    events = [*decoder.feed(data), *decoder.end()]
    assert [event.hidden for event in events] == [False, False, False, True, False]
    assert [delta for event in events for delta in event.deltas] == [
        Delta("start", id="c", model="m"),
        Delta("text", text="hi"),
        Delta("finish", finish="stop"),
        Delta("usage", usage=Usage(3, 2)),
    ]
    asked = ask(stream=True, stream_options={"include_usage": True})
    assert not any(event.hidden for event in OLD.decoder(asked).feed(data))


def test_usage_so_far_is_not_the_usage() -> None:
    decoder = OLD.decoder(ask(stream=True))
    events = decoder.feed(chunk({"content": "hi"}, usage=USAGE) + chunk(finish="length", usage=USAGE))
    assert [[delta.kind for delta in event.deltas] for event in events] == [["start", "text"], ["finish", "usage"]]
    assert [event.raw for event in decoder.end()] == [b"data: [DONE]\n\n"]


def test_tools_on_a_stream_that_names_no_places() -> None:
    decoder = OLD.decoder(ask(stream=True))
    calls = [
        {"id": "a", "function": {"name": "x", "arguments": "{"}},
        {"function": {"arguments": "}"}},
        {"id": "b", "function": {"name": "y", "arguments": "{}"}},
    ]
    events = decoder.feed(b"".join(chunk({"tool_calls": [call]}) for call in calls))
    deltas = [delta for event in events for delta in event.deltas][1:]
    assert [(delta.kind, delta.part, delta.name or delta.text) for delta in deltas] == [
        ("tool", 0, "x"),
        ("arguments", 0, "{"),
        ("arguments", 0, "}"),
        ("tool", 1, "y"),
        ("arguments", 1, "{}"),
    ]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "cut"),
        (chunk({"content": "hi"}), "cut"),
        (chunk({"content": "hi"})[:-9], "garbage"),
        (b"data: {oops}\n\n", "garbage"),
        (b"data: 7\n\n", "garbage"),
        (b'{"error":{"message":"no"}}', "garbage"),
        (b"<html>", "garbage"),
        (b"data: " + b"x" * (1 << 20), "garbage"),
        (b'data: {"error":{"message":"down","type":"server_error"}}\n\n', "server"),
        (b'data: {"error":{"message":"slow","code":"rate_limit_exceeded"}}\n\n', "rate_limited"),
        (b'data: {"error":"odd"}\n\n', "server"),
    ],
)
def test_streams_that_fail(data: bytes, kind: FaultKind) -> None:
    decoder = OLD.decoder(ask(stream=True))
    with pytest.raises(Fault) as raised:
        [*decoder.feed(data), *decoder.end()]
    assert raised.value.kind == kind


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'event: error\ndata: {"type":"error","message":"down","code":"server_error"}\n\n', "server"),
        (b'data: {"type":"response.failed","response":{"error":{"message":"no"}}}\n\n', "server"),
        (b'data: {"type":"response.created","response":{"id":"r"}}\n\n', "cut"),
    ],
)
def test_streamed_responses_that_fail(data: bytes, kind: FaultKind) -> None:
    decoder = NEW.decoder(ask("openai.responses", stream=True))
    with pytest.raises(Fault) as raised:
        [*decoder.feed(data), *decoder.end()]
    assert raised.value.kind == kind


def test_events_of_unknown_shape_go_on_as_they_came() -> None:
    for provider, dialect in ((OLD, "openai.chat"), (NEW, "openai.responses")):
        (event,) = provider.decoder(ask(dialect, stream=True)).feed(b'event: new\ndata: {"type":"new.thing"}\n\n')
        assert (event.deltas, event.hidden, event.raw.startswith(b"event: new")) == ((), False, True)


def test_a_forced_call_ends_like_any_call() -> None:
    """OpenAI says `stop` where the caller named the function; another family's client must see that a tool waits."""
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "w", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    assert whole({"choices": [{"message": message, "finish_reason": "stop"}]}).choices[0].finish == "tool_calls"
    decoder = OLD.decoder(ask(stream=True))
    for step in ({"delta": {"tool_calls": [call]}}, {"delta": {}, "finish_reason": "stop"}):
        (event,) = decoder.feed(b"data: " + orjson.dumps({"choices": [{"index": 0, **step}]}) + b"\n\n")
    assert event.deltas == (Delta("finish", finish="tool_calls"),)


def test_sealed_reasoning_of_a_stream_comes_back_sealed_under_its_id() -> None:
    """As where a guard reads the stream, which is then written again."""
    asked = ask("openai.responses", stream=True, input="hi")
    decoder, encoder = NEW.decoder(asked), ResponsesDialect().encoder(asked)
    sealed = [{"type": "reasoning", "id": f"rs_{n}", "summary": [], "encrypted_content": f"seal-{n}"} for n in (1, 2)]
    events: list[dict[str, Any]] = [{"type": "response.created", "response": {"id": "resp_1", "model": "m"}}]
    for place, item in enumerate(sealed):
        begun = {**item, "encrypted_content": ""}
        events.append({"type": "response.output_item.added", "output_index": place, "item": begun})
        events.append({"type": "response.output_item.done", "output_index": place, "item": item})
    said = {"output_index": 2, "item_id": "msg_1", "content_index": 0, "delta": "so", "logprobs": []}
    events.append({"type": "response.output_text.delta", **said})
    events.append({"type": "response.completed", "response": {"status": "completed"}})
    out = b""
    for event in events:
        data = b"event: " + event["type"].encode() + b"\ndata: " + orjson.dumps(event) + b"\n\n"
        out += encoder.feed([delta for one in decoder.feed(data) for delta in one.deltas])
    last = orjson.loads((out + encoder.end()).strip().rpartition(b"data: ")[2])
    assert last["response"]["output"][:2] == sealed
    assert last["response"]["output"][2]["content"][0]["text"] == "so"


TOWN: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "near": {"type": "array", "items": {"$ref": "#/$defs/near"}}},
    "required": ["name", "near"],
    "additionalProperties": False,
    "$defs": {"near": {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]}},
}


@pytest.mark.parametrize(
    ("schema", "dialect", "strict"),
    [
        (TOWN, "anthropic.messages", True),
        (TOWN, "ollama.chat", True),
        (TOWN, "openai.responses", None),  # who speaks OpenAI says it himself
        ({**TOWN, "additionalProperties": True}, "ollama.chat", None),
        ({**TOWN, "required": ["name"]}, "ollama.chat", None),
        ({**TOWN, "$defs": {"near": {"type": "string", "default": "a"}}}, "ollama.chat", None),
        ({**TOWN, "properties": {"name": True, "near": True}}, "ollama.chat", None),
        ({"type": "array", "items": TOWN}, "ollama.chat", None),
        ({}, "ollama.chat", None),
        ({**TOWN, "required": 5, "anyOf": 5, "$defs": 5}, "ollama.chat", None),
        ({**TOWN, "required": ["name", "near", {}], "anyOf": [5]}, "ollama.chat", None),
    ],
)
def test_an_answer_is_held_to_its_schema_where_that_can_be_asked(schema: Any, dialect: str, strict: Any) -> None:
    tree = sent(OLD, ask(dialect), Chat((USER,), format=Format(schema)))
    assert tree["response_format"]["json_schema"].get("strict") == strict
