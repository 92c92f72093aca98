"""What OpenAI's words mean, and how an answer in our words is written in them."""

import base64
import math
import struct
from typing import Any

import orjson
import pytest

from triops.edges.openai import ChatDialect, EmbeddingsDialect, ModelList, OneModel, ResponsesDialect
from triops.kernel.completion import Ask, Chat, Choice, Delta, Embedded, Message, Part, Reply, Usage
from triops.kernel.errors import (
    BudgetExceeded,
    Conflict,
    Invalid,
    NotFound,
    NotOffered,
    ProviderFailed,
    RateLimited,
    TriopsError,
    Unauthenticated,
    Unavailable,
)
from triops.web.dialects import Problem, Served

CHAT, RESPONSES = ChatDialect(now=lambda: 1000.0), ResponsesDialect(now=lambda: 1000.0)
HI = [{"role": "user", "content": "hi"}]


def asked(dialect: Any = CHAT, headers: dict[str, str] | None = None, **members: Any) -> Ask:
    given = {"model": "fast", **({"messages": HI} if dialect is CHAT else {"input": "hi"}), **members}
    ask: Ask = dialect.ask(orjson.dumps(given), headers or {})
    return ask


def test_the_envelope_says_who_asks_how_much() -> None:
    ask = asked(
        stream=True,
        max_tokens=5,
        max_completion_tokens=9,
        n=3,
        user="ann",
        safety_identifier="a1",
        metadata={"session_id": "s1", "n": 1},
        prompt={"id": "support", "version": "3", "variables": {"shop": "S"}},
        headers={"openai-beta": "x", "authorization": "Bearer sk-1"},
    )
    assert (ask.stream, ask.max_tokens, ask.n, ask.user, ask.session) == (True, 9, 3, "a1", "s1")
    assert ask.metadata == {"session_id": "s1"}
    assert ask.prompt is not None
    assert (ask.prompt.name, ask.prompt.version, ask.prompt.variables) == ("support", 3, {"shop": "S"})
    assert "prompt" not in ask.raw
    assert ask.headers == {"openai-beta": "x"}


@pytest.mark.parametrize("dialect", [CHAT, RESPONSES], ids=["chat", "responses"])
def test_a_prompt_may_bring_the_model_and_all_that_is_said(dialect: Any) -> None:
    ask = dialect.ask(b'{"prompt":{"name":"support","label":"staging"}}', {})
    assert (ask.model, ask.prompt.label) == ("", "staging")
    assert dialect.content(ask).messages == ()


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"model": ""}, "model"),
        ({"model": "a\r\nx-evil: 1"}, "model"),
        ({"messages": []}, "messages"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"n": 129}, "n"),
        ({"metadata": []}, "metadata"),
        ({"stream_options": 1}, "stream_options"),
        ({"prompt": {"version": 1}}, "prompt.id"),
        ({"prompt": {"id": "a", "version": 1, "label": "b"}}, "prompt"),
        ({"prompt": {"id": "a", "version": "x"}}, "prompt.version"),
    ],
)
def test_an_envelope_that_is_wrong_names_its_field(members: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        asked(**members)
    assert refused.value.details["field"] == field


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"messages": [1]}, "messages[0]"),
        ({"messages": [{"role": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "messages[0].tool_calls[0].function"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"temperature": "hot"}, "temperature"),
    ],
)
def test_a_content_that_is_wrong_names_its_place(members: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        CHAT.content(asked(**members))
    assert refused.value.details["field"] == field


def test_what_a_chat_has_no_field_for_stands_in_extra() -> None:
    custom = {"type": "custom", "custom": {"name": "grep"}}
    kept = {"type": "file", "file": {"file_id": "file-1"}}
    said = [{"role": "user", "content": [{"type": "text", "text": "a"}, kept]}]
    chat = CHAT.content(asked(messages=said, tools=[custom], logit_bias={"1": 2}))
    assert chat.extra == {"messages[0].content[1]": kept, "tools[0]": custom, "logit_bias": {"1": 2}}


def test_responses_are_messages() -> None:
    """Reasoning, text and calls before an output are one message of the assistant."""
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "weather?"}]},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "e",
        },
        {"type": "function_call", "call_id": "c1", "name": "w", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "w", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "mild"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "wet"}]},
    ]
    ask = asked(RESPONSES, input=items, instructions="be kind", reasoning={"effort": "low", "summary": "auto"})
    chat = RESPONSES.content(ask)
    assert chat.messages == (
        Message("system", (Part("text", "be kind"),)),
        Message("user", (Part("text", "weather?"),)),
        Message(
            "assistant",
            (
                Part("thinking", "hm", id="rs_1", signature="e"),
                Part("tool_call", "{}", id="c1", name="w"),
                Part("tool_call", "{}", id="c2", name="w"),
            ),
        ),
        Message("tool", (Part("tool_result", id="c1", parts=(Part("text", "mild"),)),)),
        Message("tool", (Part("tool_result", id="c2", parts=(Part("text", "wet"),)),)),
    )
    assert (chat.reasoning_effort, chat.extra) == ("low", {"reasoning.summary": "auto"})


@pytest.mark.parametrize(
    "members",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": {"id": "conv_1"}},
        {"background": True},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
    ],
)
def test_what_somebody_would_have_to_keep_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="not kept"):
        asked(RESPONSES, **members)


REPLY = Reply(
    "id-1",
    "small-1",
    (
        Choice(
            0, (Part("thinking", "hm"), Part("text", "yes"), Part("tool_call", "{}", id="c", name="w")), "tool_calls"
        ),
    ),
    Usage(10, 5, cached_input=4, reasoning=2),
    7,
)


def test_a_reply_in_both_forms() -> None:
    chat = orjson.loads(CHAT.reply(asked(), REPLY))
    message = chat["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("yes", "hm")
    assert message["tool_calls"] == [{"id": "c", "type": "function", "function": {"name": "w", "arguments": "{}"}}]
    assert chat["choices"][0]["finish_reason"] == "tool_calls"
    assert chat["usage"]["total_tokens"] == 15
    assert chat["usage"]["prompt_tokens_details"]["cached_tokens"] == 4
    response = orjson.loads(RESPONSES.reply(asked(RESPONSES), REPLY))
    assert [item["type"] for item in response["output"]] == ["reasoning", "message", "function_call"]
    assert response["usage"]["output_tokens_details"] == {"reasoning_tokens": 2}
    assert (response["status"], response["store"]) == ("completed", False)


def test_calls_whose_arguments_come_in_turns_are_kept_apart() -> None:
    encoder = RESPONSES.encoder(asked(RESPONSES, stream=True))
    deltas = [
        Delta("start", id="x", model="m"),
        Delta("tool", part=0, id="c0", name="a"),
        Delta("tool", part=1, id="c1", name="b"),
        Delta("arguments", part=0, text="{0"),
        Delta("arguments", part=1, text="{1"),
        Delta("arguments", part=0, text="}"),
        Delta("arguments", part=1, text="}"),
        Delta("finish", finish="tool_calls"),
    ]
    data = encoder.feed(deltas) + encoder.end()
    last = orjson.loads(data.rstrip().rpartition(b"data: ")[2])
    assert [item["arguments"] for item in last["response"]["output"]] == ["{0}", "{1}"]


@pytest.mark.parametrize(
    ("error", "status", "kind", "code", "headers"),
    [
        (Invalid("not a number", field="n", got="x"), 400, "invalid_request_error", "invalid", {}),
        (Unauthenticated("no key"), 401, "authentication_error", "invalid_api_key", {}),
        (NotFound("no model"), 404, "not_found_error", "not_found", {}),
        (Conflict("in use"), 409, "conflict_error", "conflict", {"x-should-retry": "false"}),
        (NotOffered("left out"), 501, "server_error", "not_offered", {"x-should-retry": "false"}),
        (Unavailable("stopping"), 503, "server_error", "unavailable", {}),
        (
            RateLimited("slow down", retry_after_s=1.2),
            429,
            "rate_limit_error",
            "rate_limit_exceeded",
            {"retry-after": "2"},
        ),
        (
            RateLimited("the day's quota", retry_after_s=7200),
            429,
            "rate_limit_error",
            "rate_limit_exceeded",
            {"retry-after": "7200", "x-should-retry": "false"},
        ),
        (
            BudgetExceeded("spent", retry_after_s=9),
            429,
            "budget_exceeded",
            "budget_exceeded",
            {"retry-after": "9", "x-should-retry": "false"},
        ),
        (
            ProviderFailed("no", fault="rate_limited", status=429, retry_after_s=4),
            429,
            "rate_limit_error",
            "rate_limit_exceeded",
            {"retry-after": "4"},
        ),
        (ProviderFailed("no", fault="cut"), 502, "server_error", "provider_cut", {}),
    ],
)
def test_errors(error: TriopsError, status: int, kind: str, code: str, headers: dict[str, str]) -> None:
    for problem in (CHAT.problem(error), RESPONSES.problem(error), ModelList().problem(error)):
        told = orjson.loads(problem.body)["error"]
        assert (problem.status, told["type"], told["code"], dict(problem.headers)) == (status, kind, code, headers)
        assert error.message in told["message"]


def test_a_broken_stream_tells_so_in_each_form() -> None:
    problem = Problem(502, b'{"error":{"message":"gone","type":"server_error","param":null,"code":"cut"}}')
    assert CHAT.encoder(asked()).fail(problem) == b"data: " + problem.body + b"\n\n"
    bodies = [problem.body, b'{"type":"error",\n"message":"gone"}', b"<html>\n\n", b"[]", b'{"error":7}']
    for body in bodies:
        for dialect in (CHAT, RESPONSES):
            event = dialect.encoder(asked(dialect)).fail(Problem(502, body))
            error = orjson.loads(event.partition(b"data: ")[2])["error"]
            assert error["message"] == ("gone" if b"gone" in body else "the provider failed")
            assert event.count(b"\n\n") == 1
    assert event.startswith(b"event: error\n")


def test_models() -> None:
    served = [Served("fast", "", 5), Served("upstream/small-1", "upstream")]
    listed = orjson.loads(ModelList().answer(b"", {}, "", served))
    assert [(one["id"], one["owned_by"]) for one in listed["data"]] == [
        ("fast", "triops"),
        ("upstream/small-1", "upstream"),
    ]
    one = OneModel().answer(b"", {"anthropic-version": "2023-06-01"}, "upstream%2Fsmall-1", served)
    assert orjson.loads(one)["type"] == "model"
    with pytest.raises(NotFound):
        OneModel().answer(b"", {}, "other", served)


def test_numbers_that_single_precision_does_not_hold_are_packed() -> None:
    dialect = EmbeddingsDialect()
    ask = dialect.ask(b'{"model":"e","input":[[1,2]],"encoding_format":"base64"}', {})
    packed = orjson.loads(dialect.reply(ask, Embedded(((1.0, 1e300, -2),), "e")))["data"][0]["embedding"]
    assert struct.unpack("<3f", base64.b64decode(packed)) == (1.0, math.inf, -2.0)


def test_an_empty_answer_is_an_empty_text() -> None:
    chat = orjson.loads(CHAT.reply(asked(), Reply("", "", (Choice(0, ()),))))
    assert (chat["choices"][0]["message"]["content"], chat["model"], chat["created"]) == ("", "fast", 1000)
    assert isinstance(CHAT.content(asked()), Chat)


def test_a_caller_of_functions_gets_one_function_call() -> None:
    ask = asked(functions=[{"name": "w"}], stream=True)
    calls = tuple(Part("tool_call", text, id=f"c{n}", name="w") for n, text in enumerate(('{"a":1}', '{"a":2}')))
    whole = orjson.loads(CHAT.reply(ask, Reply("", "m", (Choice(0, calls, "tool_calls"),))))["choices"][0]
    assert whole["message"]["function_call"] == {"name": "w", "arguments": '{"a":1}'}
    assert (whole["finish_reason"], "tool_calls" in whole["message"]) == ("function_call", False)
    encoder = CHAT.encoder(ask)
    deltas = [
        *(Delta("tool", part=n, id=call.id, name="w") for n, call in enumerate(calls)),
        *(Delta("arguments", text=call.text, part=n) for n, call in enumerate(calls)),
        Delta("finish", finish="tool_calls"),
    ]
    sent = [orjson.loads(line[6:])["choices"][0] for line in encoder.feed(deltas).split(b"\n\n") if line]
    told = [choice["delta"]["function_call"] for choice in sent if "function_call" in choice["delta"]]
    assert told == [{"name": "w", "arguments": ""}, {"arguments": '{"a":1}'}]
    assert sent[-1]["finish_reason"] == "function_call"
