"""The unmodified `openai` client through a real `triops up`, to a provider on loopback that speaks OpenAI's wire."""

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from triops.kernel.money import pico_of, usd
from triops.testing.server import RunningTriops, wait_for
from triops.testing.upstream import LoopbackProvider

DOCUMENTS = """
kind: Provider
name: upstream
spec: {{dialect: openai, base_url: "{url}/v1", allow_private: true}}
---
kind: Provider
name: native
spec: {{dialect: openai, base_url: "{url}/v1", allow_private: true, responses: native}}
---
kind: Provider
name: old
spec: {{dialect: openai, base_url: "{url}/v1", allow_private: true, stream_usage: false}}
---
kind: Route
name: aged
spec: {{targets: [{{provider: old, model: small-1}}], retries: 0}}
---
kind: Route
name: fast
spec: {{targets: [{{provider: upstream, model: small-1}}], aliases: [gpt-fast], retries: 0}}
---
kind: Route
name: own
spec: {{targets: [{{provider: native, model: small-1}}], retries: 0}}
---
kind: Route
name: poor
spec:
  targets: [{{provider: upstream, model: small-1}}]
  budget_usd: {{amount: "0.000001", per: day, hard: true}}
---
kind: Provider
name: foreign
spec: {{dialect: anthropic, base_url: "{url}", allow_private: true}}
---
kind: Guard
name: careful
spec: {{pii: {{types: [EMAIL_ADDRESS], action: redact}}}}
---
kind: Route
name: moderator
spec:
  targets: [{{provider: upstream, model: omni-moderation-latest}}]
  aliases: [omni-moderation-latest]
  cache: {{ttl_s: 600}}
  budget_usd: {{amount: "0.000001", per: day, hard: true}}
---
kind: Route
name: careful-moderator
spec: {{targets: [{{provider: upstream, model: omni-moderation-latest}}], guards: [careful]}}
---
kind: Route
name: no-moderator
spec: {{targets: [{{provider: foreign, model: claude}}]}}
---
kind: Price
name: small-1
spec: {{provider: upstream, input_per_million_usd: "0.15", output_per_million_usd: "0.60", from: 2026-01-01}}
---
{routes}
"""
FAULTS = {
    "busy": "status=429,retry_after=3",
    "broken": "status=500",
    "wrong": "status=400",
    "gone": "status=404",
    "garbled": "garbage=json",
    "cut": "cut_after=4",
    "failing": "error_after=4",
    "twice": "calls=2",
    "thinking": "think=2",
    "refusing": "refuse=1",
    "odd": "crlf=1,comments=1",
    "echo": "echo=1",
    "silent": "usage=0",
}
ROUTE = "kind: Route\nname: {name}\nspec: {{targets: [{{provider: upstream, model: 'small-1!{orders}'}}], retries: 0}}"
HI = [{"role": "user", "content": "hello there"}]
TEXT = "The answer is seven and it holds well."
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": WEATHER, "strict": True}}


class Town(BaseModel):
    name: str
    people: int


@pytest.fixture(scope="module")
def upstream() -> Iterator[LoopbackProvider]:
    with LoopbackProvider() as provider:
        yield provider


@pytest.fixture(scope="module")
def server(upstream: LoopbackProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    folder = tmp_path_factory.mktemp("openai")
    routes = "\n---\n".join(ROUTE.format(name=name, orders=orders) for name, orders in FAULTS.items())
    (folder / "gateway.yaml").write_text(DOCUMENTS.format(url=upstream.url, routes=routes))
    with RunningTriops(folder / "data", "--config", str(folder / "gateway.yaml")) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningTriops) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0, timeout=20) as client:
        yield client


def test_a_whole_answer_with_what_the_gateway_tells_of_it(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="gpt-fast", messages=HI, max_tokens=50)
    answer = raw.parse()
    assert answer.choices[0].message.content == TEXT
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 8
    assert raw.headers["x-triops-provider"] == "upstream"
    assert raw.headers["x-triops-model"] == "small-1"
    assert len(raw.headers["x-triops-call"]) == 32
    assert raw.parse()._request_id == raw.headers["x-triops-call"]
    cost = answer.usage.prompt_tokens * pico_of("0.15", "", per=1_000_000) + 8 * pico_of("0.60", "", per=1_000_000)
    assert raw.headers["x-triops-cost-usd"] == usd(cost)


async def test_the_asynchronous_client(server: RunningTriops) -> None:
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0) as client:
        answer = await client.chat.completions.create(model="fast", messages=HI)
        assert answer.choices[0].message.content == TEXT
        stream = await client.chat.completions.create(model="fast", messages=HI, stream=True)
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == TEXT


@pytest.mark.parametrize("route", ["fast", "odd"])
def test_a_stream_tells_its_usage_only_when_asked(client: openai.OpenAI, upstream: Any, route: str) -> None:
    chunks = list(client.chat.completions.create(model=route, messages=HI, stream=True, user=f"plain-{route}"))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    assert not any(chunk.usage for chunk in chunks)
    (entry,) = upstream.ledger().entries(f"plain-{route}")
    assert entry.told, "the gateway asked for the usage itself"
    options: Any = {"include_usage": True}
    chunks = list(client.chat.completions.create(model=route, messages=HI, stream=True, stream_options=options))
    assert chunks[-1].usage is not None
    assert (chunks[-1].choices, chunks[-1].usage.completion_tokens) == ([], 8)


def test_a_server_without_stream_options_is_not_sent_any(client: openai.OpenAI, upstream: LoopbackProvider) -> None:
    chunks = list(client.chat.completions.create(model="aged", messages=HI, stream=True, user="aged"))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    (entry,) = upstream.ledger().entries("aged")
    assert not entry.told


def test_tools_are_called_at_once_and_answered(client: openai.OpenAI) -> None:
    tools: Any = [TOOL]
    first = client.chat.completions.create(model="twice", messages=HI, tools=tools, parallel_tool_calls=True)
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert [call.function.arguments for call in message.tool_calls or ()] == ['{"city":"seven"}'] * 2
    results: Any = [{"role": "tool", "tool_call_id": call.id, "content": "mild"} for call in message.tool_calls or ()]
    history: Any = [*HI, message.model_dump(exclude_none=True), *results]
    then = client.chat.completions.create(model="twice", messages=history, tools=tools)
    assert then.choices[0].message.content == TEXT


def test_tools_are_called_on_a_stream(client: openai.OpenAI) -> None:
    tools: Any = [TOOL]
    with client.chat.completions.stream(model="twice", messages=HI, tools=tools) as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    assert [call.function.parsed_arguments for call in message.tool_calls or ()] == [{"city": "seven"}] * 2


def test_structured_output(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(model="fast", messages=HI, response_format=Town)
    assert answer.choices[0].message.parsed == Town(name="seven", people=7)
    plain = client.chat.completions.create(model="fast", messages=HI, response_format={"type": "json_object"})
    assert plain.choices[0].message.content == '{"answer": "seven"}'


def test_choices_stops_seeds_and_log_probabilities(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="fast", messages=HI, n=2, stop=[" and"], seed=7, logprobs=True, top_logprobs=2, temperature=0.1
    )
    assert [choice.message.content for choice in answer.choices] == ["The answer is seven"] * 2
    assert answer.choices[1].logprobs is not None
    assert answer.choices[1].logprobs.content
    assert answer.choices[1].logprobs.content[0].token == "The "


def test_parts_that_are_not_text(client: openai.OpenAI) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    messages: Any = [{"role": "user", "content": [{"type": "text", "text": "what is it"}, image]}]
    answer = client.chat.completions.create(model="echo", messages=messages)
    assert answer.choices[0].message.content == "what is it"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 85


@pytest.mark.parametrize("route", ["fast", "own"])
def test_responses(client: openai.OpenAI, upstream: LoopbackProvider, route: str) -> None:
    """Native and as chat completions: the client sees the same."""
    client.responses.create(model=route, input="which way", user=f"way-{route}")
    (entry,) = upstream.ledger().entries(f"way-{route}")
    assert entry.path == ("/v1/responses" if route == "own" else "/v1/chat/completions")
    answer = client.responses.create(model=route, input="hello there", instructions="be kind", max_output_tokens=50)
    assert (answer.output_text, answer.status) == (TEXT, "completed")
    assert answer.usage is not None
    assert (answer.usage.output_tokens, answer.usage.total_tokens > 8) == (8, True)
    short = client.responses.create(model=route, input=[{"role": "user", "content": "hello"}], max_output_tokens=3)
    assert (short.status, short.incomplete_details and short.incomplete_details.reason) == (
        "incomplete",
        "max_output_tokens",
    )
    assert client.responses.parse(model=route, input="hello", text_format=Town).output_parsed == Town(
        name="seven", people=7
    )


@pytest.mark.parametrize("route", ["fast", "own"])
def test_responses_on_a_stream(client: openai.OpenAI, route: str) -> None:
    events = list(client.responses.create(model=route, input="hello there", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events][:3] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
    ]
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == TEXT
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == TEXT
    assert last.response.usage is not None
    assert last.response.usage.output_tokens == 8


@pytest.mark.parametrize("route", ["twice", "own"])
def test_responses_call_tools(client: openai.OpenAI, route: str) -> None:
    tools: Any = [{"type": "function", "name": "weather", "parameters": WEATHER, "strict": True}]
    answer = client.responses.create(model=route, input="hello there", tools=tools)
    calls = [item for item in answer.output if item.type == "function_call"]
    assert {call.arguments for call in calls} == {'{"city":"seven"}'}
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": "mild"} for call in calls]
    history: Any = [{"role": "user", "content": "hello there"}, *answer.output, *results]
    assert client.responses.create(model=route, input=history, tools=tools).output_text == TEXT
    with client.responses.stream(model=route, input="hello there", tools=tools) as stream:
        for _ in stream:
            pass
        streamed = stream.get_final_response()
    assert [item.arguments for item in streamed.output if item.type == "function_call"] == [
        call.arguments for call in calls
    ]


def test_responses_reason_and_refuse(client: openai.OpenAI) -> None:
    answer = client.responses.create(model="thinking", input="hello there")
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    refused = client.responses.create(model="refusing", input="hello there")
    assert refused.output[0].type == "message"
    assert refused.output[0].content[0].type == "refusal"


def test_conversations_that_somebody_keeps_are_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="previous_response_id: conversations are not kept"):
        client.responses.create(model="own", input="hello", previous_response_id="resp_1")


def test_embeddings(client: openai.OpenAI) -> None:
    packed = client.embeddings.create(model="fast", input=["one", "two"])
    plain = client.embeddings.create(model="fast", input=["one", "two"], encoding_format="float")
    assert [one.embedding for one in packed.data] == [one.embedding for one in plain.data]
    assert packed.usage.prompt_tokens == 2
    ids = client.embeddings.create(model="fast", input=[[1, 2, 3]], dimensions=4)
    assert (len(ids.data[0].embedding), ids.usage.prompt_tokens) == (4, 3)


def test_moderations(client: openai.OpenAI, server: RunningTriops) -> None:
    """They cost nothing, where no price says otherwise: a hard budget lets them through."""
    raw = client.moderations.with_raw_response.create(input=["Good day", "I kill you"])
    answer = raw.parse()
    assert [result.flagged for result in answer.results] == [False, True]
    assert answer.results[1].categories.violence
    assert answer.results[1].category_scores.violence == 0.99
    assert (answer.model, answer.id[:5]) == ("omni-moderation-latest", "modr-")
    assert raw.headers["x-triops-cost-usd"] == "0"
    assert raw.headers["x-triops-provider"] == "upstream"
    again = client.moderations.with_raw_response.create(input=["Good day", "I kill you"])
    assert (again.headers["x-triops-cache"], again.parse()) == ("hit", answer)

    parts: Any = [
        {"type": "text", "text": "kill"},
        {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
    ]
    (one,) = client.moderations.create(model="careful-moderator", input=parts).results
    assert one.flagged
    written = client.moderations.create(model="careful-moderator", input=["ann@example.com", "kill ann@example.com"])
    assert [result.flagged for result in written.results] == [False, True]
    assert written.results[0].category_applied_input_types.violence == ["text"]

    def booked() -> dict[str, Any] | None:
        query = {"by": "route", "route": "moderator"}
        total: dict[str, Any] = httpx.get(f"{server.url}/triops/v1/spend", params=query).json()["total"]
        return total if total["requests"] >= 2 else None

    total = wait_for(booked, what="two moderations in the books")
    assert (total["requests"], total["cost_usd"], total["errors"]) == (2, "0", 0)


@pytest.mark.parametrize("given", [None, "", [], 7, [1], [{"type": "text"}], [{"type": "input_audio"}], ["a"] * 3000])
def test_moderations_of_nothing(client: openai.OpenAI, given: Any) -> None:
    with pytest.raises(openai.BadRequestError):
        client.moderations.create(model="careful-moderator", input=given)


def test_who_moderates_nothing_says_so(client: openai.OpenAI) -> None:
    for model in ("no-moderator", "local/smollm2"):
        with pytest.raises(openai.BadRequestError, match="moderates nothing"):
            client.moderations.create(model=model, input="hi")


def test_models_in_both_shapes(client: openai.OpenAI, server: RunningTriops) -> None:
    names = {model.id for model in client.models.list()}
    assert {"fast", "gpt-fast", "own"} <= names
    assert client.models.retrieve("fast").id == "fast"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("none/such")
    other = httpx.get(f"{server.url}/v1/models", headers={"anthropic-version": "2023-06-01"}).json()
    assert {model["id"] for model in other["data"]} == names
    assert other["has_more"] is False


@pytest.mark.parametrize(
    ("route", "error"),
    [
        ("busy", openai.RateLimitError),
        ("broken", openai.InternalServerError),
        ("wrong", openai.BadRequestError),
        ("gone", openai.NotFoundError),
        ("garbled", openai.InternalServerError),
        ("cut", openai.InternalServerError),
        ("nothing-of-that-name", openai.NotFoundError),
    ],
)
def test_errors_are_the_clients_own(client: openai.OpenAI, route: str, error: type[openai.APIStatusError]) -> None:
    with pytest.raises(error) as raised:
        client.chat.completions.create(model=route, messages=HI)
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["message"]
    assert raised.value.response.headers.get("retry-after") == ("3" if route == "busy" else None)


def test_a_hard_budget_is_told_in_its_own_type_and_not_retried(server: RunningTriops) -> None:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=2) as client:
        for ask in (
            lambda: client.chat.completions.create(model="poor", messages=HI),
            lambda: client.chat.completions.create(model="poor", messages=HI, stream=True),
            lambda: client.responses.create(model="poor", input="hello there"),
            lambda: client.embeddings.create(model="poor", input="hello there"),
        ):
            with pytest.raises(openai.RateLimitError) as raised:
                ask()
            assert raised.value.type == "budget_exceeded"
            assert raised.value.response.headers["x-should-retry"] == "false"
            assert raised.value.response.request.headers["x-stainless-retry-count"] == "0"


def test_a_key_that_is_none_opens_nothing(client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="trg_" + "0" * 40).chat.completions.create(model="fast", messages=HI)


@pytest.mark.parametrize("route", ["cut", "failing"])
def test_a_stream_that_breaks_off_is_no_answer(client: openai.OpenAI, route: str) -> None:
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model=route, messages=HI, stream=True))
    with pytest.raises(openai.APIError):
        list(client.responses.create(model=route, input="hello there", stream=True))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", "body"),
        (b'{"model":"fast"}', "messages"),
        (b'{"model":7,"messages":[{}]}', "model"),
        (b'{"model":"fast","messages":[{}],"n":0}', "n"),
        (b'{"model":"fast","messages":[{}],"stream":"yes"}', "stream"),
        (b'{"model":"fast","messages":' + b"[" * 2000 + b"]" * 2000 + b"}", "body"),
        (b'{"model":"fast","messages":' + b"[" * 400 + b"]" * 400 + b"}", "body"),
    ],
)
def test_what_cannot_be_read_is_named(server: RunningTriops, body: bytes, param: str) -> None:
    answer = httpx.post(f"{server.url}/v1/chat/completions", content=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert answer.json()["error"]["type"] == "invalid_request_error"
