"""What spans of real instrumentations say, in each one's names."""

from typing import Any

import numpy as np
import orjson
import pytest

from triops.kernel.genai.counting import counted, totals
from triops.kernel.genai.messages import messages, preview
from triops.kernel.genai.said import said
from triops.kernel.genai.texts import words

NOW = 1_790_000_000_000_000_000

SENDERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "OpenTelemetry": (
        {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "small",
            "gen_ai.response.model": "small-1", "gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 4,
            "gen_ai.usage.cache_read.input_tokens": 3, "gen_ai.usage.cache_creation.input_tokens": 2,
            "gen_ai.response.time_to_first_chunk": 0.25,
            "gen_ai.conversation.id": "talk", "user.id": "ada", "error.type": "timeout",
            "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Hi there"}]}]',
        },
        {"type": "llm", "call": True, "model": "small-1", "provider": "openai", "input_tokens": 9, "output_tokens": 4,
         "cached_tokens": 3, "cache_write_tokens": 2, "first_ns": 250_000_000,
         "session": "talk", "user": "ada", "error": "timeout"},
    ),
    "Anthropic's own count, without what was cached": (
        {"mlflow.spanType": "LLM", "mlflow.chat.tokenUsage":
         '{"input_tokens":9,"output_tokens":4,"cache_read_input_tokens":3,"cache_creation_input_tokens":2000}'},
        {"call": True, "input_tokens": 2012, "output_tokens": 4, "cached_tokens": 3, "cache_write_tokens": 2000},
    ),
    "OpenTelemetry, earlier": (
        {"gen_ai.system": "openai", "gen_ai.request.model": "small", "gen_ai.usage.prompt_tokens": 9,
         "gen_ai.usage.completion_tokens": 4, "gen_ai.operation.name": "text_completion"},
        {"type": "llm", "call": True, "provider": "openai", "input_tokens": 9, "output_tokens": 4},
    ),
    "an agent": (
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "x", "gen_ai.request.model": "small"},
        {"type": "agent", "call": False, "model": "small"},
    ),
    "a tool": (
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.arguments": '{"id":7}'},
        {"type": "tool", "call": False, "input": {"id": 7}},
    ),
    "OpenInference": (
        {
            "openinference.span.kind": "LLM", "llm.model_name": "small", "llm.provider": "openai",
            "llm.token_count.prompt": 9, "llm.token_count.completion": 4, "llm.cost.total": 0.0015,
            "llm.token_count.prompt_details.cache_read": 2, "llm.token_count.prompt_details.cache_write": 5,
            "session.id": "talk", "tag.tags": ["a"],
            "input.value": '{"messages":[]}', "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "Hi there",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{}",
        },
        {"type": "llm", "call": True, "input_tokens": 9, "cached_tokens": 2, "cache_write_tokens": 5,
         "cost": 1_500_000_000, "tags": ["a"],
         "input": [{"role": "user", "content": "Hi there"}]},
    ),
    "OpenLLMetry": (
        {"traceloop.span.kind": "workflow", "traceloop.entity.input": '{"q":1}',
         "traceloop.association.properties.session_id": "talk"},
        {"type": "chain", "call": False, "session": "talk", "input": {"q": 1}},
    ),
    "a prompt that is named beside its messages": (
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "small", "gen_ai.prompt.0.role": "user",
         "gen_ai.prompt.0.content": "Hi there", "gen_ai.prompt.name": "support", "gen_ai.prompt.version": "3",
         "gen_ai.prompt.": "odd"},
        {"prompt": "support", "prompt_version": "3", "input": [{"role": "user", "content": "Hi there"}]},
    ),
    "OpenLIT": (
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "small", "gen_ai.prompt": "Hi there",
         "gen_ai.completion": "Hello"},
        {"type": "llm", "input": "Hi there", "output": "Hello"},
    ),
    "OpenLLMetry, a call": (
        {"llm.request.type": "chat", "gen_ai.system": "openai", "gen_ai.response.model": "small",
         "gen_ai.usage.prompt_tokens": 9, "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Hi there"},
        {"type": "llm", "call": True, "input": [{"role": "user", "content": "Hi there"}]},
    ),
    "Langfuse": (
        {
            "langfuse.observation.type": "generation", "langfuse.observation.model.name": "small",
            "langfuse.observation.usage_details": '{"input":9,"output":4,"total":13}',
            "langfuse.observation.cost_details": '{"input":0.001,"output":0.0005}',
            "langfuse.observation.prompt.name": "greet", "langfuse.observation.prompt.version": 2,
            "langfuse.observation.completion_start_time": '"2026-09-21T14:13:21+00:00"',
            "langfuse.observation.level": "ERROR", "langfuse.observation.status_message": "no",
        },
        {"type": "llm", "input_tokens": 9, "output_tokens": 4, "cost": 1_500_000_000, "prompt": "greet",
         "prompt_version": "2", "first_ns": 1_000_000_000, "failed": True, "error": "no"},
    ),
    "Vercel": (
        {"ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "small", "ai.model.provider": "openai.chat",
         "ai.usage.promptTokens": 9, "ai.usage.completionTokens": 4, "ai.response.msToFirstChunk": 12,
         "ai.telemetry.metadata.userId": "ada"},
        {"type": "llm", "call": True, "input_tokens": 9, "first_ns": 12_000_000, "user": "ada"},
    ),
    "the gateway": (
        {"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "e", "triops.cost_pico": 1234,
         "triops.cost_usd": "9", "triops.estimated": True, "triops.key": "k", "triops.application": "bot",
         "triops.prompt.name": "greet", "triops.prompt.label": "production", "gen_ai.usage.input_tokens": 2},
        {"type": "embedding", "call": True, "cost": 1234, "estimated": True, "key": "k", "application": "bot",
         "prompt_label": "production"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("sender", SENDERS)
def test_what_a_sender_says(sender: str) -> None:
    attributes, expected = SENDERS[sender]
    one = said(attributes, (), NOW)
    assert one is not None
    assert {name: getattr(one, name) for name in expected} == expected


@pytest.mark.parametrize(
    "attributes",
    [{}, {"http.request.method": "GET"}, {"user.id": "ada", "session.id": "talk"}, {"error.type": "500"}],
)
def test_other_spans_say_nothing(attributes: dict[str, Any]) -> None:
    assert said(attributes) is None


def test_messages_on_events() -> None:
    events = [
        {"name": "gen_ai.system.message", "time_ns": NOW, "attributes": {"content": "Be kind"}},
        {"name": "gen_ai.user.message", "time_ns": NOW, "attributes": {"content": "Hi"}},
        {"name": "gen_ai.choice", "time_ns": NOW, "attributes": {"message": '{"content":"Hello"}', "index": 0}},
        {"name": "First Token Stream Event", "time_ns": NOW + 7},
    ]
    one = said({"gen_ai.operation.name": "chat"}, events, NOW)
    assert one is not None
    assert [m["role"] for m in messages(one.input, "user")] == ["system", "user"]
    assert messages(one.output, "assistant") == [{"role": "assistant", "parts": [{"type": "text", "content": "Hello"}]}]
    assert one.first_ns == 7
    details = {"gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]}
    one = said({}, [{"name": "gen_ai.client.inference.operation.details", "attributes": details}])
    assert one is not None
    assert preview(one.input, "user") == "Hi"


HI = [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]
CALL = {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"id": 7}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Hi", HI),
        ({"messages": [{"role": "user", "content": "Hi"}]}, HI),
        (
            {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "function": {"name": "look", "arguments": '{"id":7}'}}]}}]},
            [{"role": "assistant", "parts": [CALL]}],
        ),
        (
            [{"role": "tool", "tool_call_id": "c1", "content": "Turin"}],
            [{"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "Turin"}]}],
        ),
        (
            [{"role": "user", "content": [{"type": "text", "text": "What?"},
                                          {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}],
            [{"role": "user", "parts": [{"type": "text", "content": "What?"}, {"type": "image", "uri": "https://x/y.png"}]}],
        ),
        (
            {"generations": [[{"message": {"id": ["langchain", "AIMessage"], "kwargs": {"content": "Hi"}}}]]},
            [{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}]}],
        ),
        ({"question": 7}, [{"role": "user", "parts": [{"type": "json", "content": {"question": 7}}]}]),
        (None, []),
    ],
)  # fmt: skip
def test_messages_of_one_form(value: Any, expected: Any) -> None:
    assert messages(value, "user") == expected
    assert messages(orjson.dumps(value).decode() if value is not None else None, "user") == expected


def test_a_preview_is_the_last_of_the_role_and_short() -> None:
    talk = [
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Two"},
        {"role": "user", "content": "Three\n4"},
    ]
    assert preview(talk, "user") == "Three 4"
    assert preview(talk, "assistant") == "Two"
    assert len(preview("word " * 1000, "user")) <= 200
    thought, said = {"kind": "reasoning", "text": "Hm"}, {"kind": "text", "text": "Five"}
    assert preview([{"parts": [said], "finish": "stop"}], "assistant") == "Five", "nobody is named: the model's"
    assert preview([{"role": "assistant", "parts": [thought, said]}], "assistant") == "Five", "not what it thought"
    assert preview([{"type": "human", "content": "Six"}], "assistant") == preview(
        [{"type": "human", "content": "Six"}], "user"
    )


def test_a_part_of_no_known_kind_is_shown_as_it_is() -> None:
    odd = {"type": ["text"], "x": 1}
    assert messages([odd], "user") == [{"role": "user", "parts": [{"type": "json", "content": odd}]}]


@pytest.mark.parametrize(("when", "expected"), [("9999-12-31T00:00:00+00:00", 2**62), ("soon", 0)])
def test_a_first_token_at_no_time(when: str, expected: int) -> None:
    one = said({"langfuse.observation.type": "generation", "langfuse.observation.completion_start_time": when}, (), NOW)
    assert one is not None
    assert one.first_ns == expected


def test_words_are_texts_and_no_names() -> None:
    nested = orjson.dumps([{"role": "user", "parts": [{"type": "text", "content": 'say "hi"\nnow'}]}]).decode()
    found = words("chat small", [nested, 3], ())
    assert found == 'chat small\nsay "hi"\nnow'


def test_of_calls_on_one_path_the_lowest_counts() -> None:
    #  1 chain → 2 wrapper → 3 client → 4 http → 5 gateway; 1 → 6 alone; 1 → 7 wrapper → 8 client that says no tokens
    span = np.array([1, 2, 3, 4, 5, 6, 7, 8], dtype=np.uint64)
    parent = np.array([0, 1, 2, 3, 4, 1, 1, 7], dtype=np.uint64)
    call = np.array([0, 1, 1, 0, 1, 1, 1, 1], dtype=bool)
    told = np.array([0, 1, 1, 0, 1, 1, 1, 0], dtype=bool)
    assert span[counted(span, parent, span, call, told)].tolist() == [5, 6, 7]
    circle = np.array([2, 1], dtype=np.uint64)
    ids, both = np.array([1, 2], dtype=np.uint64), np.array([True, True])
    assert counted(ids, circle, ids, both, both).tolist() == [True, True]  # none is the lowest, and none is lost
    values = np.array([0, 0, 0, 0, 5, 6, 7, 0])
    assert totals(span, parent, values).tolist() == [18, 5, 5, 5, 5, 6, 7, 0]
