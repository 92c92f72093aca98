"""Each family's clients with each provider: what was asked arrives, and what was answered comes back, whole and as a
stream. The providers' answers are the loopback provider's, which keeps to their published references."""

from typing import Any

import orjson
import pytest

from triops.adapters.providers import anthropic_read, gemini_read, ollama_read, openai_usage
from triops.adapters.providers.anthropic import AnthropicProvider
from triops.adapters.providers.gemini import GeminiProvider
from triops.adapters.providers.ollama import OllamaProvider
from triops.adapters.providers.openai import OpenAIProvider
from triops.edges.anthropic import Messages
from triops.edges.ollama import OllamaChat, OllamaGenerate
from triops.edges.openai import ChatDialect, EmbeddingsDialect, ResponsesDialect
from triops.kernel.completion import Ask, Usage
from triops.kernel.errors import Invalid
from triops.ports.providers import Outgoing, Target
from triops.testing.upstream import wires
from triops.testing.upstream.orders import read
from triops.testing.upstream.wire import Answer, Request

INPUTS = (
    lambda number: openai_usage.usage_of({"prompt_tokens": number}),
    lambda number: anthropic_read.usage_of({"input_tokens": number}),
    lambda number: gemini_read.usage_of({"promptTokenCount": number}),
    lambda number: ollama_read.usage_of({"prompt_eval_count": number}),
)
PIXEL = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALL = {"type": "function", "function": {"name": "weather", "description": "Of a city", "parameters": SCHEMA}}
CHAT = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "And here?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
            ],
        },
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Bern"}'}},
                {"id": "c2", "type": "function", "function": {"name": "clock", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "c2", "content": '{"hour":3}'},
    ],
    "tools": [CALL, {"type": "function", "function": {"name": "clock"}}],
    "max_tokens": 50,
    "temperature": 0.5,
    "stop": ["END"],
}
MESSAGES = {
    "model": "m",
    "max_tokens": 50,
    "system": [{"type": "text", "text": "Be brief."}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "And here?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Bern"}},
                {"type": "tool_use", "id": "c2", "name": "clock", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "sunny"},
                {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": '{"hour":3}'}]},
            ],
        },
    ],
    "tools": [
        {"name": "weather", "description": "Of a city", "input_schema": SCHEMA},
        {"name": "clock", "input_schema": {"type": "object"}},
    ],
    "temperature": 0.5,
    "stop_sequences": ["END"],
}
OLLAMA = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "And here?", "images": [PIXEL]},
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {"function": {"name": "weather", "arguments": {"city": "Bern"}}},
                {"function": {"name": "clock", "arguments": {}}},
            ],
        },
        {"role": "tool", "tool_name": "weather", "content": "sunny"},
        {"role": "tool", "tool_name": "clock", "content": '{"hour":3}'},
    ],
    "tools": [CALL, {"type": "function", "function": {"name": "clock"}}],
    "options": {"num_predict": 50, "temperature": 0.5, "stop": ["END"]},
}
FAMILIES = {"openai": (ChatDialect(), CHAT), "anthropic": (Messages(), MESSAGES), "ollama": (OllamaChat(), OLLAMA)}
PROVIDERS = {
    "openai": (OpenAIProvider(), Target("p", "small-1", "/v1", "key")),
    "anthropic": (AnthropicProvider(), Target("p", "claude-sonnet-4-5", "", "key")),
    "gemini": (GeminiProvider(), Target("p", "gemini-2.5-flash", "", "key")),
    "ollama": (OllamaProvider(), Target("p", "small-1", "", "key")),
}
families = pytest.mark.parametrize("family", FAMILIES)
providers = pytest.mark.parametrize("provider", PROVIDERS)


def sent(family: str, provider: str, orders: str, **changes: Any) -> tuple[Ask, Outgoing]:
    dialect, body = FAMILIES[family]
    ask = dialect.ask(orjson.dumps({**body, **changes}), {})
    adapter, target = PROVIDERS[provider]
    target = Target(target.provider, f"{target.model}!{orders}", target.path, target.credential)
    return ask, adapter.request(ask, dialect.content(ask), target)


def answered(outgoing: Outgoing) -> Answer:
    """By the loopback provider, which refuses what the reference does not know."""
    path = outgoing.path.partition("?")[0]
    request = Request(outgoing.method, path, dict(outgoing.headers), orjson.loads(outgoing.body), 7)
    wire = next(one for one in wires() if path == one.path or (one.path[-1] == "*" and path.startswith(one.path[:-1])))
    asked = wire.asked(request)
    assert asked.key == "key"
    return wire.answer(request, asked, read(asked.model.partition("!")[2]))


def said(body: dict[str, Any], provider: str) -> dict[str, Any]:
    """What a provider reads in a request, in no provider's words."""
    if provider == "gemini":
        parts = [part for content in body["contents"] for part in content["parts"]]
        config = body["generationConfig"]
        tools = body["tools"][0]["functionDeclarations"]
        results = [part["functionResponse"] for part in parts if "functionResponse" in part]
        return {
            "system": body["systemInstruction"]["parts"][0]["text"],
            "texts": [part["text"] for part in parts if "text" in part],
            "images": [part["inlineData"]["data"] for part in parts if "inlineData" in part],
            "calls": [(p["functionCall"]["name"], p["functionCall"]["args"]) for p in parts if "functionCall" in p],
            "results": [(one["name"], one["response"]) for one in results],
            "linked": [p["functionCall"]["id"] for p in parts if "functionCall" in p] == [one["id"] for one in results],
            "tools": [(tool["name"], tool.get("parametersJsonSchema") == SCHEMA) for tool in tools],
            "bounds": (config["maxOutputTokens"], config["temperature"], config["stopSequences"]),
        }
    if provider == "anthropic":
        blocks = [block for message in body["messages"] for block in message["content"]]
        calls = [block for block in blocks if block["type"] == "tool_use"]
        results = [block for block in blocks if block["type"] == "tool_result"]
        names = {call["id"]: call["name"] for call in calls}
        return {
            "system": body["system"][0]["text"],
            "texts": [block["text"] for block in blocks if block["type"] == "text"],
            "images": [block["source"]["data"] for block in blocks if block["type"] == "image"],
            "calls": [(call["name"], call["input"]) for call in calls],
            "results": [(names[one["tool_use_id"]], parsed(one["content"])) for one in results],
            "linked": list(names) == [one["tool_use_id"] for one in results],
            "tools": [(tool["name"], tool["input_schema"] == SCHEMA) for tool in body["tools"]],
            "bounds": (body["max_tokens"], body["temperature"], body["stop_sequences"]),
        }
    messages = body["messages"]
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    results = [message for message in messages if message["role"] == "tool"]
    names = {call["id"]: call["function"]["name"] for call in calls}
    contents = [message["content"] for message in messages[1:] if message["role"] != "tool"]
    parts = [part for one in contents if isinstance(one, list) for part in one]
    texts = [one for one in contents if isinstance(one, str)]
    options = body.get("options") or body
    images = [part["image_url"]["url"].partition(",")[2] for part in parts if part["type"] == "image_url"]
    return {
        "system": messages[0]["content"],
        "texts": [part["text"] for part in parts if part["type"] == "text"] + texts,
        "images": images + [image for message in messages for image in message.get("images") or ()],
        "calls": [(call["function"]["name"], parsed(call["function"]["arguments"])) for call in calls],
        "results": [(names[one["tool_call_id"]], parsed(one["content"])) for one in results],
        "linked": list(names) == [one["tool_call_id"] for one in results],
        "tools": [(t["function"]["name"], t["function"].get("parameters") == SCHEMA) for t in body["tools"]],
        "bounds": (options.get("max_tokens", options.get("num_predict")), options["temperature"], options["stop"]),
    }


def parsed(value: Any) -> Any:
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        return {"output": value}


@families
@providers
def test_what_is_asked_arrives(family: str, provider: str) -> None:
    _, outgoing = sent(family, provider, "")
    assert said(orjson.loads(outgoing.body), provider) == {
        "system": "Be brief.",
        "texts": ["And here?", "I look."],
        "images": [PIXEL],
        "calls": [("weather", {"city": "Bern"}), ("clock", {})],
        "results": [("weather", {"output": "sunny"}), ("clock", {"hour": 3})],
        "linked": True,
        "tools": [("weather", True), ("clock", False)],
        "bounds": (50, 0.5, ["END"]),
    }
    assert not outgoing.dropped
    answered(outgoing)


def heard(family: str, body: bytes) -> dict[str, Any]:
    """What a caller reads in a whole answer, or in a stream put together again."""
    tree = orjson.loads(body)
    if family == "openai":
        message, usage = tree["choices"][0]["message"], tree["usage"]
        return {
            "text": message["content"] or "",
            "thought": message.get("reasoning_content", ""),
            "calls": [(c["function"]["name"], orjson.loads(c["function"]["arguments"])) for c in _calls(message)],
            "end": tree["choices"][0]["finish_reason"],
            "used": (usage["prompt_tokens"] > 0, usage["completion_tokens"]),
        }
    if family == "anthropic":
        content, usage = tree["content"], tree["usage"]
        return {
            "text": "".join(block["text"] for block in content if block["type"] == "text"),
            "thought": "".join(block["thinking"] for block in content if block["type"] == "thinking"),
            "calls": [(block["name"], block["input"]) for block in content if block["type"] == "tool_use"],
            "end": {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length"}[tree["stop_reason"]],
            "used": (usage["input_tokens"] > 0, usage["output_tokens"]),
        }
    message = tree["message"]
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in _calls(message)]
    return {
        "text": message["content"],
        "thought": message.get("thinking", ""),
        "calls": calls,
        "end": "tool_calls" if calls else tree["done_reason"],
        "used": (tree["prompt_eval_count"] > 0, tree["eval_count"]),
    }


def _calls(message: dict[str, Any]) -> Any:
    return message.get("tool_calls") or ()


def joined(family: str, data: bytes) -> bytes:
    """A stream as the whole answer that its client makes of it."""
    if family == "ollama":
        lines = [orjson.loads(line) for line in data.splitlines()]
        assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
        messages = [line["message"] for line in lines]
        calls = [call for message in messages for call in message.get("tool_calls") or ()]
        text = "".join(message["content"] for message in messages)
        thought = "".join(message.get("thinking", "") for message in messages)
        return orjson.dumps({**lines[-1], "message": {"content": text, "thinking": thought, "tool_calls": calls}})
    events = [event.partition(b"data: ")[2] for event in data.split(b"\n\n") if event]
    if family == "openai":
        return _chunks([orjson.loads(event) for event in events[:-1]])
    return _message([orjson.loads(event) for event in events])


def _chunks(chunks: list[Any]) -> bytes:
    message: dict[str, Any] = {"content": "", "reasoning_content": "", "tool_calls": []}
    finish = None
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        delta = choice["delta"]
        finish = choice["finish_reason"] or finish
        for name in ("content", "reasoning_content"):
            message[name] += delta.get(name) or ""
        for call in delta.get("tool_calls") or ():
            if call["index"] == len(message["tool_calls"]):
                message["tool_calls"].append({"function": {"name": call["function"]["name"], "arguments": ""}})
            message["tool_calls"][call["index"]]["function"]["arguments"] += call["function"]["arguments"]
    usage = next(chunk["usage"] for chunk in chunks if chunk.get("usage"))
    return orjson.dumps({"choices": [{"message": message, "finish_reason": finish}], "usage": usage})


def _message(events: list[Any]) -> bytes:
    message: dict[str, Any] = {}
    texts: dict[int, str] = {}
    for event in events:
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                message["content"].append(event["content_block"])
            case "content_block_delta":
                delta, block = event["delta"], message["content"][event["index"]]
                if delta["type"] == "input_json_delta":
                    texts[event["index"]] = texts.get(event["index"], "") + delta["partial_json"]
                else:
                    name = delta["type"].removesuffix("_delta")
                    block[name] += delta[name]
            case "message_delta":
                message.update(event["delta"], usage=event["usage"])
    for index, text in texts.items():
        message["content"][index]["input"] = orjson.loads(text)
    return orjson.dumps(message)


TURNS = {
    "text": ("calls=0,think=2,words=5", {"text": "The answer is seven and", "calls": [], "end": "stop"}),
    "calls": ("calls=2", {"text": "", "calls": [("weather", {"city": "seven"}), ("clock", {})], "end": "tool_calls"}),
    "cut short": ("calls=0,words=60", {"calls": [], "end": "length"}),
}


@families
@providers
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_is_answered_comes_back(family: str, provider: str, turn: str, stream: bool) -> None:
    orders, expected = TURNS[turn]
    asked: Any = {"tool_choice": "required"} if family == "openai" else {"tool_choice": {"type": "any"}}
    changes = {} if turn != "calls" or family == "ollama" or provider == "ollama" else asked
    body = {**FAMILIES[family][1], "messages": FAMILIES[family][1]["messages"][:2]}  # type: ignore[index]
    if family == "openai" and stream:
        changes = {**changes, "stream_options": {"include_usage": True}}
    ask, outgoing = sent(family, provider, orders, **{**body, **changes, "stream": stream})
    answer = answered(outgoing)
    dialect, adapter = FAMILIES[family][0], PROVIDERS[provider][0]
    if stream:
        decoder, encoder = adapter.decoder(ask), dialect.encoder(ask)
        out = encoder.start()
        for event in answer.events:
            out += b"".join(encoder.feed(read_event.deltas) for read_event in decoder.feed(event))
        out += b"".join(encoder.feed(read_event.deltas) for read_event in decoder.end()) + encoder.end()
        found = heard(family, joined(family, out))
    else:
        found = heard(family, dialect.reply(ask, adapter.reply(ask, 200, {}, answer.events[0])))
    assert found["used"] == (True, sum(answer.tokens))
    assert {name: found[name] for name in expected} == expected
    if turn == "text":
        assert found["thought"] == "The answer"


HINTED: dict[str, tuple[Any, dict[str, Any]]] = {
    "chat": (
        ChatDialect(),
        {
            "messages": [{"role": "user", "content": "hi", "name": "ann"}],
            "metadata": {"a": "b"},
            "store": True,
            "service_tier": "auto",
            "logit_bias": {"1": 2},
            "prompt_cache_key": "k",
            "safety_identifier": "ann",
            "verbosity": "low",
            "prediction": {"type": "content", "content": "x"},
        },
    ),
    "responses": (
        ResponsesDialect(),
        {
            "input": "hi",
            "reasoning": {"summary": "auto"},
            "text": {"verbosity": "low"},
            "store": False,
            "include": ["reasoning.encrypted_content"],
            "truncation": "auto",
            "metadata": {"a": "b"},
            "service_tier": "auto",
            "prompt_cache_key": "k",
            "safety_identifier": "ann",
            "stream_options": {"include_obfuscation": False},
        },
    ),
    "messages": (
        Messages(),
        {
            "max_tokens": 9,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {}}]}],
            "service_tier": "auto",
            "inference_geo": "us",
            "speed": "fast",
            "thinking": {"type": "adaptive"},
            "context_management": {"edits": []},
        },
    ),
    "ollama": (
        OllamaChat(),
        {
            "messages": [{"role": "user", "content": "hi"}],
            "keep_alive": "5m",
            "think": False,
            "options": {"num_ctx": 4096, "mirostat": 1, "repeat_penalty": 1.1},
        },
    ),
}


@providers
@pytest.mark.parametrize("family", HINTED)
def test_no_hint_of_any_family_is_refused(family: str, provider: str) -> None:
    dialect, body = HINTED[family]
    adapter, target = PROVIDERS[provider]
    ask = dialect.ask(orjson.dumps({"model": "m", **body}), {})
    outgoing = adapter.request(ask, dialect.content(ask), target)
    if not family.startswith(provider) and (family, provider) not in (("chat", "openai"), ("messages", "anthropic")):
        assert len(outgoing.dropped) >= 4
    answered(outgoing)


@providers
@pytest.mark.parametrize(
    ("family", "schema"),
    [("openai", True), ("openai", False), ("anthropic", True), ("ollama", True), ("ollama", False)],
)
def test_an_answer_in_json(family: str, provider: str, schema: bool) -> None:
    dialect, body = FAMILIES[family]
    changes: dict[str, Any] = {"messages": body["messages"][:2], "tools": []}  # type: ignore[index]
    if family == "openai":
        form = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}} if schema else None
        changes["response_format"] = form or {"type": "json_object"}
    elif family == "ollama":
        changes |= {"format": SCHEMA if schema else "json", "stream": False}
    else:
        changes["output_config"] = {"format": {"type": "json_schema", "schema": SCHEMA}}
    ask, outgoing = sent(family, provider, "", **changes)
    reply = PROVIDERS[provider][0].reply(ask, 200, {}, answered(outgoing).events[0])
    found = heard(family, dialect.reply(ask, reply))
    assert isinstance(orjson.loads(found["text"]), dict)
    assert not schema or orjson.loads(found["text"]) == {"city": "seven"}
    assert found["end"] == "stop"
    assert found["calls"] == []


@providers
def test_a_prompt_of_ollama_is_one_message(provider: str) -> None:
    dialect = OllamaGenerate()
    ask = dialect.ask(b'{"model":"m","prompt":"Why?","system":"Be brief.","stream":false}', {})
    adapter, target = PROVIDERS[provider]
    outgoing = adapter.request(ask, dialect.content(ask), target)
    reply = adapter.reply(ask, 200, {}, answered(outgoing).events[0])
    told = orjson.loads(dialect.reply(ask, reply))
    assert told["response"].startswith("The answer is seven")
    assert told["done"] is True
    assert b"Be brief." in outgoing.body


SAID_IN_PASSING = {
    "messages": [
        {"role": "user", "name": "ann", "content": [
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}},
        ]},
    ],
    "tools": [{"type": "function", "function": {"name": "clock", "strict": True}}],
    "modalities": ["text"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("provider", "dropped"),
    [
        ("openai", set()),
        ("anthropic", {"detail", "name"}),
        ("gemini", {"detail", "name", "tools.strict"}),
        ("ollama", {"detail", "name", "tools.strict"}),
    ],
)
def test_no_hint_is_dropped_without_a_word(provider: str, dropped: set[str]) -> None:
    dialect = FAMILIES["openai"][0]
    ask = dialect.ask(orjson.dumps({"model": "m", **SAID_IN_PASSING}), {})
    adapter, target = PROVIDERS[provider]
    assert set(adapter.request(ask, dialect.content(ask), target).dropped) == dropped


@pytest.mark.parametrize("provider", ["openai", "gemini", "ollama"])
def test_help_with_a_tool_is_a_hint_and_who_may_call_it_is_not(provider: str) -> None:
    adapter, target = PROVIDERS[provider]
    tool = {**MESSAGES["tools"][0], "input_examples": [{"city": "Bern"}], "allowed_callers": ["direct"]}  # type: ignore[index]

    def dropped(**more: Any) -> tuple[str, ...]:
        ask = Messages().ask(orjson.dumps({**MESSAGES, "tools": [{**tool, **more}]}), {})
        return adapter.request(ask, Messages().content(ask), target).dropped

    assert "tools[0].input_examples" in dropped()
    with pytest.raises(Invalid) as refused:
        dropped(allowed_callers=["code_execution_20260120"])
    assert refused.value.details["field"] == "tools[0].allowed_callers"


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini"])
def test_other_members_of_ollamas_requests_are_not_lost(provider: str) -> None:
    adapter, target = PROVIDERS[provider]
    dialect = OllamaChat()

    def dropped(**more: Any) -> tuple[str, ...]:
        ask = dialect.ask(orjson.dumps({**OLLAMA, **more}), {})
        return adapter.request(ask, dialect.content(ask), target).dropped

    assert {"truncate", "shift"} <= set(dropped(truncate=False, shift=False))
    with pytest.raises(Invalid) as refused:
        dropped(adapter="lora")
    assert refused.value.details["field"] == "adapter"


@pytest.mark.parametrize("provider", ["openai", "gemini", "ollama"])
def test_who_asks_for_embeddings_is_told_or_dropped_by_name(provider: str) -> None:
    adapter, target = PROVIDERS[provider]
    dialect = EmbeddingsDialect()
    ask = dialect.ask(orjson.dumps({"model": "m", "input": "hi", "user": "ann"}), {})
    outgoing = adapter.request(ask, dialect.content(ask), target)
    told = orjson.loads(outgoing.body).get("user")
    assert (told, outgoing.dropped) == (("ann", ()) if provider == "openai" else (None, ("user",)))


@pytest.mark.parametrize(("number", "expected"), [(7, Usage(7)), (7.0, Usage(7)), (0, Usage(0))])
def test_a_whole_number_of_tokens_is_what_it_is_however_it_is_written(number: Any, expected: Usage) -> None:
    assert {read(number) for read in INPUTS} == {expected}


@pytest.mark.parametrize("number", [-1, 7.5, 1 << 40, True, "7", None])
def test_what_is_no_number_of_tokens_is_no_usage(number: Any) -> None:
    """The call is then counted here, and marked as an estimate; else it would have cost nothing."""
    assert {read(number) for read in INPUTS} == {None}
