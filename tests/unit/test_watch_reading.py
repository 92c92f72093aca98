"""Spans of models' calls, as gateways and instrumentations send them, as the detector's columns."""

import math
from dataclasses import fields
from typing import Any

import orjson

from triops.kernel.completion import Usage
from triops.kernel.genai.heard import Heard, heard
from triops.kernel.genai.plans import Plans
from triops.lenses.llmops.watch.plugin import CallDetector
from triops.lenses.llmops.watch.reading import calls_of
from triops.testing.batches import Span, spans

GATEWAY = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "upstream",
    "gen_ai.request.model": "fast",
    "gen_ai.response.model": "small-1",
    "gen_ai.usage.input_tokens": 120,
    "gen_ai.usage.output_tokens": 40,
    "gen_ai.output.messages": orjson.dumps(
        [{"role": "assistant", "parts": [{"type": "text", "content": "I'm sorry, but I can't help with that. " * 20}]}]
    ).decode(),
    "gen_ai.input.messages": orjson.dumps(
        [{"role": "user", "parts": [{"type": "text", "content": "Where is my order 12?"}]}]
    ).decode(),
    "user.id": "u1",
    "triops.application": "bot",
    "triops.prompt.name": "support",
    "triops.prompt.version": 2,
    "triops.cost_pico": 42_000_000,
    "triops.first_token_ms": 120.5,
}


def batch(*attributes: dict[str, object], status: int = 0) -> Heard:
    at = 1_700_000_000_000_000_000
    rows = spans(*(Span(1, n + 1, at, 800_000_000, status=status, attributes=a) for n, a in enumerate(attributes)))
    read = heard(_columns(rows), _columns(rows.resources), Plans())
    assert read is not None
    return read[0]


def _columns(of: Any) -> dict[str, Any]:
    return {column.name: getattr(of, column.name) for column in fields(of)}


def test_a_call_of_the_gateway() -> None:
    calls = calls_of(batch(GATEWAY, {"http.request.method": "GET"}))
    assert len(calls) == 1
    assert (calls.application[0], calls.prompt[0], calls.version[0]) == ("bot", "support", "2")
    assert (calls.model[0], calls.provider[0]) == ("small-1", "upstream")
    assert (calls.ms[0], calls.first_ms[0], calls.cost_usd[0]) == (800.0, 120.5, 4.2e-5)
    assert (calls.input_tokens[0], calls.output_tokens[0]) == (120, 40)
    assert calls.output_chars[0] > 500
    assert (calls.refused[0], calls.language[0], calls.error[0]) == (1.0, "en", "")
    assert calls.question[0] > 0
    again = calls_of(batch({**GATEWAY, "gen_ai.usage.input_tokens": 1}))
    assert again.question[0] == calls.question[0]
    assert calls_of(batch({**GATEWAY, "user.id": "u2"})).question[0] != calls.question[0]


def test_a_call_that_failed_and_one_from_the_cache() -> None:
    failed = calls_of(batch({**GATEWAY, "error.type": "timeout"}, status=2))
    assert failed.error[0] == "timeout"
    assert math.isnan(failed.refused[0])
    assert math.isnan(calls_of(batch({**GATEWAY, "triops.cache": "hit"})).ms[0])


def test_openinference_and_a_price() -> None:
    attributes = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-x",
        "llm.provider": "openai",
        "llm.token_count.prompt": 10,
        "llm.token_count.completion": 5,
        "llm.token_count.prompt_details.cache_read": 4,
        "llm.token_count.prompt_details.cache_write": 3,
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "The lamp is on its way to you.",
    }
    asked: list[Any] = []

    def priced(provider: str, model: str, usage: Usage, at_ns: int) -> int | None:
        asked.append((provider, model, usage))
        return 10**9

    calls = calls_of(batch(attributes), priced)
    assert asked == [("openai", "gpt-x", Usage(10, 5, 4, 3))]
    assert (calls.model[0], calls.provider[0], calls.cost_usd[0]) == ("gpt-x", "openai", 0.001)
    assert calls.output_chars[0] == 30


def test_no_calls() -> None:
    rows = spans(Span(1, 1, 1_700_000_000_000_000_000, 1, attributes={"a": 1}))
    assert heard(_columns(rows), _columns(rows.resources), Plans()) is None
    assert len(calls_of(batch({"openinference.span.kind": "CHAIN"}))) == 0


def test_of_a_flood_the_words_of_some_calls_are_read() -> None:
    detector = CallDetector()
    assert [detector.texts(150, at) for at in (100.0, 100.0, 100.0, 100.25, 102.0)] == [150, 50, 0, 50, 150]
    read = batch(GATEWAY, GATEWAY)
    calls = calls_of(read, texts=1)
    assert (calls.output_chars[0] > 500, math.isnan(calls.output_chars[1])) == (True, True)
    assert (calls.language, len(calls.question)) == (["en", ""], 2)


def test_an_answer_whose_words_were_not_recorded_is_as_long_as_its_sender_said() -> None:
    silent = {name: value for name, value in GATEWAY.items() if name != "gen_ai.output.messages"}
    calls = calls_of(batch({**silent, "triops.output_bytes": 1234}, silent))
    assert calls.output_chars[0] == 1234
    assert math.isnan(calls.output_chars[1])


def test_what_a_tool_answered_is_no_question() -> None:
    asked = orjson.loads(str(GATEWAY["gen_ai.input.messages"]))
    told = [*asked, {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "sent"}]}]
    calls = calls_of(batch({**GATEWAY, "gen_ai.input.messages": orjson.dumps(told).decode()}, GATEWAY))
    assert calls.question[0] == 0
    assert calls.question[1] > 0
    assert calls.trace.tolist() == [1, 1]
