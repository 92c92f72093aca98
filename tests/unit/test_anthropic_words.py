"""Anthropic's words, in and out, beside what the matrix shows: what each model takes, what is dropped or refused, what
is kept for Anthropic itself, errors, and the order of blocks in a stream."""

from typing import Any

import orjson
import pytest

from triops.adapters.providers.anthropic import AnthropicProvider
from triops.edges.anthropic import CountTokens, Messages
from triops.edges.openai import ChatDialect
from triops.kernel import errors
from triops.kernel.completion import Ask, Chat, Choice, Delta, Format, Message, Part, PromptRef, Reply, Tool, Usage
from triops.kernel.errors import Invalid
from triops.lenses.llmops.gateway.said import deltas_of
from triops.ports.providers import Fault, Target
from triops.web.dialects import Problem

PROVIDER = AnthropicProvider()
HI = (Message("user", (Part("text", text="hi"),)),)
ASK = Ask("openai.chat", "chat", "m", {}, 1)
BODY: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def written(chat: Chat, model: str = "claude-sonnet-4-5", ask: Ask = ASK, **target: Any) -> tuple[Any, tuple[str, ...]]:
    outgoing = PROVIDER.request(ask, chat, Target("p", model, **target))
    return orjson.loads(outgoing.body), outgoing.dropped


def asked(**more: Any) -> Ask:
    return Messages().ask(orjson.dumps({**BODY, **more}), {"anthropic-version": "2026-10-21", "x-other": "1"})


@pytest.mark.parametrize(
    ("model", "sent", "dropped"),
    [
        ("claude-3-opus-20240229", {"temperature": 0.2, "top_p": 0.9, "top_k": 5}, ()),
        ("claude-sonnet-4-20250514", {"temperature": 0.2, "top_p": 0.9, "top_k": 5}, ()),
        ("claude-haiku-4-5", {"temperature": 0.2, "top_k": 5}, ("top_p",)),
        ("claude-opus-4-6", {"temperature": 0.2, "top_k": 5}, ("top_p",)),
        ("claude-opus-4-7", {}, ("temperature", "top_p", "top_k")),
        ("us.anthropic.claude-sonnet-5-5-v1:0", {}, ("temperature", "top_p", "top_k")),
        ("claude-mythos-preview", {}, ("temperature", "top_p", "top_k")),
        ("some-other-model", {"temperature": 0.2, "top_p": 0.9, "top_k": 5}, ()),
    ],
)
def test_sampling_is_for_models_that_take_it(model: str, sent: Any, dropped: Any) -> None:
    tree, left = written(Chat(HI, temperature=0.2, top_p=0.9, top_k=5), model)
    assert {name: tree[name] for name in ("temperature", "top_p", "top_k") if name in tree} == sent
    assert left == dropped


def test_a_temperature_above_one_is_one() -> None:
    tree, left = written(Chat(HI, temperature=1.7))
    assert tree["temperature"] == 1
    assert left == ("temperature",)


@pytest.mark.parametrize(
    ("model", "chat", "thinking", "effort", "dropped"),
    [
        ("claude-opus-5-5", Chat(HI, reasoning_effort="high"), {"type": "adaptive"}, "high", ()),
        ("claude-opus-4-6", Chat(HI, reasoning_effort="xhigh"), {"type": "adaptive"}, "high", ("reasoning_effort",)),
        ("claude-opus-4-5", Chat(HI, reasoning_effort="low"), {"type": "enabled", "budget_tokens": 1024}, "low", ()),
        ("claude-haiku-4-5", Chat(HI, reasoning_effort="low"), {"type": "enabled", "budget_tokens": 1024}, None, ()),
        ("claude-3-5-haiku-20241022", Chat(HI, reasoning_effort="low"), None, None, ("reasoning_effort",)),
        ("claude-opus-5-5", Chat(HI, reasoning_effort="none"), {"type": "disabled"}, None, ()),
        ("claude-fable-5-1", Chat(HI, reasoning_effort="none"), None, "low", ("reasoning_effort",)),
        ("claude-opus-5-5", Chat(HI, thinking_tokens=2000), {"type": "adaptive"}, None, ("thinking_tokens",)),
        ("claude-sonnet-4-5", Chat(HI, thinking_tokens=2000), {"type": "enabled", "budget_tokens": 2000}, None, ()),
        ("claude-sonnet-4-5", Chat(HI, thinking_tokens=2000, max_tokens=500), None, None, ("thinking_tokens",)),
    ],
)
def test_thinking_is_asked_for_as_the_model_knows_it(
    model: str, chat: Chat, thinking: Any, effort: Any, dropped: Any
) -> None:
    tree, left = written(chat, model)
    assert tree.get("thinking") == thinking
    assert tree.get("output_config", {}).get("effort") == effort
    assert left == dropped
    assert tree["max_tokens"] > tree.get("thinking", {}).get("budget_tokens", 0)


def test_a_forced_tool_or_an_unsigned_turn_takes_thinking_away() -> None:
    tools = (Tool("f"),)
    forced = Chat(HI, tools=tools, tool_choice="required", thinking_tokens=2000)
    called = Message("assistant", (Part("tool_call", text="{}", id="c", name="f"),))
    unsigned = Chat((*HI, called, Message("tool", (Part("tool_result", id="c"),))), tools=tools, thinking_tokens=2000)
    for chat in (forced, unsigned):
        tree, left = written(chat)
        assert "thinking" not in tree
        assert left == ("thinking_tokens",)


def test_a_bound_is_always_sent() -> None:
    assert written(Chat(HI))[0]["max_tokens"] == 8192
    assert written(Chat(HI), cap=77)[0]["max_tokens"] == 77
    assert written(Chat(HI, max_tokens=5), cap=77)[0]["max_tokens"] == 5


def test_an_old_model_answers_a_schema_by_a_tool() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    tree, _ = written(Chat(HI, format=Format(schema)), "claude-3-5-haiku-20241022")
    assert tree["tool_choice"] == {"type": "tool", "name": tree["tools"][0]["name"]}
    assert tree["tools"][0]["input_schema"] == schema
    call = {"type": "tool_use", "id": "t", "name": tree["tools"][0]["name"], "input": {"a": 1}}
    reply = PROVIDER.reply(ASK, 200, {}, orjson.dumps({"content": [call], "stop_reason": "tool_use"}))
    assert reply.choices[0].parts == (Part("text", text='{"a":1}'),)  # type: ignore[union-attr]
    assert reply.choices[0].finish == "stop"  # type: ignore[union-attr]
    with pytest.raises(Invalid, match="JSON"):
        written(Chat(HI, format=Format(schema), tools=(Tool("f"),)), "claude-3-5-haiku-20241022")


def test_a_schema_is_made_fit() -> None:
    schema = {
        "type": "object",
        "properties": {
            "age": {"type": "integer", "minimum": 0, "description": "In years"},
            "tags": {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": 3},
            "type": {"oneOf": [{"type": "string", "enum": ["object"]}, {"$ref": "#/$defs/a"}]},
        },
        "$defs": {"a": {"type": "object", "additionalProperties": True, "default": {"type": "object"}}},
    }
    fit = {
        "type": "object",
        "properties": {
            "age": {"type": "integer", "description": "In years\n\n{minimum: 0}"},
            "tags": {
                "type": "array",
                "items": {"type": "object", "additionalProperties": False},
                "minItems": 1,
                "description": "{maxItems: 3}",
            },
            "type": {"anyOf": [{"type": "string", "enum": ["object"]}, {"$ref": "#/$defs/a"}]},
        },
        "$defs": {"a": {"type": "object", "additionalProperties": False, "default": {"type": "object"}}},
        "additionalProperties": False,
    }
    tree, left = written(Chat(HI, format=Format(schema), tools=(Tool("f", "", schema, True), Tool("g", "", schema))))
    assert tree["output_config"]["format"]["schema"] == fit
    assert [tool["input_schema"] == fit for tool in tree["tools"]] == [True, False]
    assert left == ("tools.parameters", "response_format.schema")
    tree, left = written(Chat(HI, format=Format(schema)), ask=asked())
    assert tree["output_config"]["format"]["schema"] == schema
    assert left == ()


@pytest.mark.parametrize(
    ("chat", "field"),
    [
        (Chat(HI, n=2), "n"),
        (Chat(HI, logprobs=True), "logprobs"),
        (Chat((Message("user", (Part("audio", data="aa", media_type="audio/wav"),)),)), "messages[0]"),
        (Chat(HI, extra={"modalities": ["audio"]}), "modalities"),
        (Chat((Message("system", (Part("text", text="x"),)),)), "messages"),
    ],
)
def test_what_changes_the_answer_is_refused(chat: Chat, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        written(chat)
    assert refused.value.details["field"] == field


def test_hints_are_dropped_and_named() -> None:
    chat = Chat(HI, seed=1, presence_penalty=0.1, extra={"logit_bias": {"1": 2}, "store": True, "options.mirostat": 1})
    tree, left = written(chat)
    assert set(left) == {"seed", "presence_penalty", "logit_bias", "store", "options.mirostat"}
    assert not {"seed", "presence_penalty", "logit_bias", "store"} & set(tree)


def test_what_anthropic_alone_knows_goes_back_to_it() -> None:
    search = {"type": "web_search_20260318", "name": "web_search", "max_uses": 2}
    found = {"type": "search_result", "source": "a", "title": "b", "content": [{"type": "text", "text": "c"}]}
    thought = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    hidden = {"type": "redacted_thinking", "data": "xyz"}
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}, found]},
        {"role": "assistant", "content": [thought, hidden, {"type": "text", "text": "yes"}]},
        {"role": "system", "content": "Be brief from here on."},
        {"role": "user", "content": "go on"},
    ]
    tool = {"name": "f", "input_schema": {"type": "object"}}
    ask = asked(messages=turns, tools=[search, tool], thinking={"type": "adaptive", "display": "omitted"}, speed="fast")
    chat = Messages().content(ask)
    assert isinstance(chat, Chat)
    tree, left = written(chat, "claude-opus-5-5", ask)
    assert tree["messages"][0]["content"] == [{"type": "text", "text": "hi"}, found]
    assert tree["messages"][1]["content"] == [thought, hidden, {"type": "text", "text": "yes"}]
    assert tree["messages"][2] == {"role": "system", "content": [{"type": "text", "text": "Be brief from here on."}]}
    assert tree["tools"] == [search, tool]
    assert tree["thinking"] == {"type": "adaptive", "display": "omitted"}
    assert (tree["speed"], tree["cache_control"], left) == ("fast", {"type": "ephemeral"}, ())


def test_a_native_request_is_sent_as_it_came() -> None:
    ask = asked(metadata={"user_id": "ann", "session_id": "s1"}, prompt={"name": "p", "label": "l"}, novel={"a": 1})
    assert (ask.user, ask.session, ask.prompt) == ("ann", "s1", PromptRef("p", label="l"))
    outgoing = PROVIDER.request(ask, None, Target("p", "claude-x", "/v1", "sk-ant-api", (("x-own", "1"),), cap=3))
    assert orjson.loads(outgoing.body) == {
        **BODY,
        "model": "claude-x",
        "metadata": {"user_id": "ann"},
        "novel": {"a": 1},
    }
    assert outgoing.path == "/v1/messages"
    headers = dict(outgoing.headers)
    assert headers["anthropic-version"] == "2026-10-21"
    assert headers["x-api-key"] == "sk-ant-api"
    assert headers["x-own"] == "1"
    assert "x-other" not in headers
    token = PROVIDER.request(ask, None, Target("p", "claude-x", credential="sk-ant-oat01-x"))
    assert dict(token.headers)["authorization"] == "Bearer sk-ant-oat01-x"
    assert "x-api-key" not in dict(token.headers)


def test_tokens_are_counted_there() -> None:
    dialect = CountTokens()
    ask = dialect.ask(orjson.dumps({"model": "m", "messages": BODY["messages"]}), {})
    outgoing = PROVIDER.request(ask, None, Target("p", "claude-x"))
    assert outgoing.path == "/v1/messages/count_tokens"
    assert "max_tokens" not in orjson.loads(outgoing.body)
    assert dialect.reply(ask, PROVIDER.reply(ask, 200, {}, b'{"input_tokens": 14}')) == b'{"input_tokens":14}'
    with pytest.raises(Fault):
        PROVIDER.reply(ask, 200, {}, b"{}")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"model": ""}, "model"),
        ({"model": "a\nb"}, "model"),
        ({"stream": "yes"}, "stream"),
        ({"metadata": 3}, "metadata"),
        ({"prompt": {"version": 1}}, "prompt.id"),
    ],
)
def test_an_envelope_that_cannot_be_read(more: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        asked(**more)
    assert refused.value.details["field"] == field


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages[0].content[0].source"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
        ({"system": 3}, "system"),
    ],
)
def test_content_that_cannot_be_read(more: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        Messages().content(asked(**more))
    assert refused.value.details["field"] == field


def test_usage_counts_the_caches_tokens_as_input() -> None:
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 30,
        "cache_creation_input_tokens": 5,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    reply = PROVIDER.reply(ASK, 200, {}, orjson.dumps({"content": [], "stop_reason": "end_turn", "usage": usage}))
    assert reply.usage == Usage(input=45, output=7, cached_input=30, cache_write=5, reasoning=4)
    told = orjson.loads(Messages().reply(ASK, reply))["usage"]
    assert told == usage


@pytest.mark.parametrize(
    ("error", "status", "kind", "retry"),
    [
        (errors.Invalid("no", field="a"), 400, "invalid_request_error", None),
        (errors.Unauthenticated("no"), 401, "authentication_error", None),
        (errors.Forbidden("no"), 403, "permission_error", None),
        (errors.NotFound("no"), 404, "not_found_error", None),
        (errors.TooLarge("no"), 413, "request_too_large", None),
        (errors.RateLimited("no", retry_after_s=2), 429, "rate_limit_error", None),
        (errors.BudgetExceeded("no", retry_after_s=9), 429, "budget_exceeded", "false"),
        (errors.Overloaded("no"), 429, "overloaded_error", None),
        (errors.ProviderFailed("no", fault="rate_limited", status=429), 429, "rate_limit_error", None),
        (errors.ProviderFailed("no", fault="server"), 502, "api_error", None),
        (errors.Unavailable("no"), 503, "overloaded_error", None),
        (errors.ProviderFailed("no", fault="timeout", status=504), 504, "timeout_error", None),
    ],
)
def test_errors_in_anthropics_shape(error: Any, status: int, kind: str, retry: Any) -> None:
    problem = Messages().problem(error)
    body = orjson.loads(problem.body)
    assert (problem.status, body["type"], body["error"]["type"]) == (status, "error", kind)
    assert dict(problem.headers).get("x-should-retry") == retry
    assert ("retry-after" in dict(problem.headers)) == isinstance(error, errors.Overloaded)


def test_calls_that_come_interleaved_are_written_one_after_another() -> None:
    encoder = Messages().encoder(ASK)
    deltas = [
        Delta("start", id="x", model="m"),
        Delta("tool", part=0, id="a", name="f"),
        Delta("arguments", part=0, text='{"a"'),
        Delta("tool", part=1, id="b", name="g"),
        Delta("arguments", part=1, text='{"b"'),
        Delta("arguments", part=0, text=":1}"),
        Delta("arguments", part=1, text=":2}"),
        Delta("finish", finish="tool_calls"),
    ]
    out = b"".join(encoder.feed([delta]) for delta in deltas) + encoder.end()
    events = [orjson.loads(event.partition(b"data: ")[2]) for event in out.split(b"\n\n") if event]
    blocks: dict[int, str] = {}
    for event in events:
        if event["type"] == "content_block_delta":
            blocks[event["index"]] = blocks.get(event["index"], "") + event["delta"]["partial_json"]
    assert blocks == {0: '{"a":1}', 1: '{"b":2}'}
    started = [event["content_block"]["id"] for event in events if event["type"] == "content_block_start"]
    assert started == ["a", "b"]


def test_a_text_between_a_calls_arguments_waits() -> None:
    encoder = Messages().encoder(ASK)
    deltas = [
        Delta("tool", part=0, id="a", name="f"),
        Delta("arguments", part=0, text='{"a"'),
        Delta("text", text="so"),
        Delta("arguments", part=0, text=":1}"),
        Delta("text", text=" it is"),
    ]
    out = b"".join(encoder.feed([delta]) for delta in deltas) + encoder.end()
    events = [orjson.loads(event.partition(b"data: ")[2]) for event in out.split(b"\n\n") if event]
    said = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert [one.get("partial_json") or one.get("text") for one in said] == ['{"a"', ":1}", "so", " it is"]


def test_ids_of_other_providers_are_made_fit() -> None:
    call = Message("assistant", (Part("tool_call", text="{}", id="functions.f:0", name="f"),))
    tree, _ = written(Chat((*HI, call, Message("tool", (Part("tool_result", id="functions.f:0"),)))))
    assert tree["messages"][1]["content"][0]["id"] == "functions_f_0"
    assert tree["messages"][2]["content"][0]["tool_use_id"] == "functions_f_0"


def test_a_result_within_a_result_is_refused_however_deep() -> None:
    inner = '[{"type":"tool_result","tool_use_id":"a","content":'
    body = (
        '{"model":"m","max_tokens":9,"messages":[{"role":"user","content":' + inner * 300 + '"x"' + "}]" * 300 + "}]}"
    )
    ask = Messages().ask(body.encode(), {})
    with pytest.raises(Invalid, match="no such block"):
        Messages().content(ask)


def test_an_error_in_a_stream_has_its_kind() -> None:
    decoder = PROVIDER.decoder(ASK)
    said = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n'
    with pytest.raises(Fault, match="busy") as fault:
        decoder.feed(said)
    assert fault.value.kind == "overloaded"


def test_a_caller_of_openai_never_sends_unsigned_thinking_on() -> None:
    turns = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yes", "reasoning_content": "hm"},
        {"role": "user", "content": "go on"},
    ]
    dialect = ChatDialect()
    ask = dialect.ask(orjson.dumps({"model": "m", "messages": turns}), {})
    tree, left = written(dialect.content(ask), ask=ask)
    assert tree["messages"][1]["content"] == [{"type": "text", "text": "yes"}]
    assert left == ("thinking",)


def test_a_stream_that_is_written_anew_keeps_its_blocks() -> None:
    """As where a guard reads it: thinking with its signature, what is hidden, texts and calls."""

    def block(index: int, content: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
        begun = {"type": "content_block_start", "index": index, "content_block": content}
        said = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        return [begun, *said, {"type": "content_block_stop", "index": index}]

    usage = {
        "input_tokens": 4,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 2,
        "output_tokens": 9,
    }
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    end = {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": usage}
    blocks = [
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "hm"},
            {"type": "signature_delta", "signature": "sig"},
        ),
        *block(1, {"type": "redacted_thinking", "data": "xyz"}),
        *block(2, {"type": "text", "text": "", "citations": None}, {"type": "text_delta", "text": "so"}),
        *block(
            3,
            {"type": "tool_use", "id": "t", "name": "f", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"a":1}'},
        ),
        *block(
            4,
            {"type": "tool_use", "id": "u", "name": "g", "input": {}},
            {"type": "input_json_delta", "partial_json": "{}"},
        ),
    ]
    events = [{"type": "message_start", "message": message}, *blocks, end, {"type": "message_stop"}]
    decoder, encoder = PROVIDER.decoder(ASK), Messages().encoder(ASK)
    out = encoder.start()
    for event in events:
        for read in decoder.feed(b"data: " + orjson.dumps(event) + b"\n\n"):
            out += encoder.feed(read.deltas)
    decoder.end()
    out += encoder.end()
    written_events = [orjson.loads(event.partition(b"data: ")[2]) for event in out.split(b"\n\n") if event]
    assert written_events[1:-2] == blocks
    assert written_events[-2:] == [end, {"type": "message_stop"}]
    assert written_events[0]["message"]["id"] == "msg_1"


def test_members_of_tools_come_back_in_their_places() -> None:
    schema = {"type": "object"}
    tools = [
        {"type": "web_search_20250305", "name": "web_search"},
        {"name": "w", "input_schema": schema, "input_examples": [{"a": 1}], "defer_loading": True},
    ]
    ask = asked(tools=tools)
    content = Messages().content(ask)
    assert isinstance(content, Chat)
    assert written(content, ask=ask)[0]["tools"] == tools


def test_a_providers_words_on_many_lines_are_one_event() -> None:
    body = orjson.dumps({"type": "error", "error": {"type": "api_error", "message": "no"}}, option=orjson.OPT_INDENT_2)
    event, data, blank, end = Messages().encoder(asked()).fail(Problem(500, body)).split(b"\n")
    assert (event, blank, end) == (b"event: error", b"", b"")
    assert orjson.loads(data.removeprefix(b"data: ")) == orjson.loads(body)


def test_hidden_thinking_that_was_kept_is_streamed_as_it_was() -> None:
    reply = Reply("msg_1", "m", (Choice(0, (Part("thinking", data="sealed"), Part("text", "so"))),))
    encoder = Messages().encoder(asked(stream=True))
    events = encoder.feed(deltas_of(reply)) + encoder.end()
    begun = [
        orjson.loads(line[6:]) for line in events.split(b"\n") if b'"content_block_start"' in line and line[:1] == b"d"
    ]
    assert begun[0]["content_block"] == {"type": "redacted_thinking", "data": "sealed"}
    assert begun[1]["content_block"]["type"] == "text"
