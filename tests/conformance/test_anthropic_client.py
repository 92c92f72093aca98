"""The unmodified `anthropic` client through a real `triops up`: to Anthropic's wire on loopback (natively) and to
OpenAI's, Gemini's and Ollama's (translated)."""

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest
from pydantic import BaseModel

from tests.gateway_server import gateway, spent
from triops.testing.server import RunningTriops

ROUTES = {
    "claude": ("anthropic", "claude-opus-5"),
    "old-claude": ("anthropic", "claude-3-5-haiku-20241022"),
    "gpt": ("openai", "small-1"),
    "google": ("gemini", "gemini-3-flash"),
    "llama": ("ollama", "small-1"),
    "twice": ("anthropic", "m!calls=2"),
    "google-twice": ("gemini", "m!calls=2"),
    "thinking": ("anthropic", "m!think=2,cached=1"),
    "thinking-gpt": ("openai", "m!think=2,cached=1"),
    "busy": ("anthropic", "m!status=529"),
    "limited": ("anthropic", "m!status=429"),
    "limited-google": ("gemini", "m!status=429"),
    "gone": ("gemini", "m!status=404"),
    "failing": ("anthropic", "m!error_after=4"),
    "failing-gpt": ("openai", "m!error_after=4"),
    "cut": ("anthropic", "m!cut_after=5"),
    "cut-google": ("gemini", "m!cut_after=3"),
    "refusing": ("anthropic", "m!refuse=1"),
    "pricey": ("anthropic", "pricey"),
}
TEXT = "The answer is seven and it holds well."
HI: Any = [{"role": "user", "content": "hello there"}]
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [{"name": "weather", "description": "Of a city", "input_schema": WEATHER}]
EVERYWHERE = pytest.mark.parametrize("model", ["claude", "gpt", "google", "llama"])


class Town(BaseModel):
    name: str
    people: int


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with gateway(tmp_path_factory.mktemp("anthropic"), ROUTES, spent("anthropic")) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningTriops) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=server.url, api_key="unused", max_retries=0) as given:
        yield given


@EVERYWHERE
def test_a_message(client: anthropic.Anthropic, model: str) -> None:
    answer = client.messages.create(model=model, max_tokens=50, system="Be brief.", messages=HI)
    assert [block.text for block in answer.content if block.type == "text"] == [TEXT]
    assert (answer.role, answer.type, answer.stop_reason) == ("assistant", "message", "end_turn")
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens == 8


@EVERYWHERE
def test_a_stream_of_events(client: anthropic.Anthropic, model: str) -> None:
    with client.messages.stream(model=model, max_tokens=50, messages=HI) as stream:
        kinds = [event.type for event in stream]
        answer = stream.get_final_message()
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"
    assert answer.content[0].type == "text"
    assert answer.content[0].text == TEXT
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens == 8
    assert answer.usage.input_tokens > 0


async def test_the_async_client(server: RunningTriops) -> None:
    async with anthropic.AsyncAnthropic(base_url=server.url, api_key="unused", max_retries=0) as client:
        answer = await client.messages.create(model="gpt", max_tokens=50, messages=HI)
        async with client.messages.stream(model="claude", max_tokens=50, messages=HI) as stream:
            text = "".join([piece async for piece in stream.text_stream])
    assert answer.content[0].type == "text"
    assert answer.content[0].text == text == TEXT


@pytest.mark.parametrize("model", ["claude", "gpt"])
def test_the_beta_endpoint(client: anthropic.Anthropic, model: str) -> None:
    answer = client.beta.messages.create(model=model, max_tokens=50, messages=HI, betas=["novel-2026-11-01"])
    assert answer.content[0].type == "text"
    assert answer.content[0].text == TEXT


@EVERYWHERE
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_tool_is_called_and_its_result_read(client: anthropic.Anthropic, model: str, stream: bool) -> None:
    if stream:
        with client.messages.stream(model=model, max_tokens=50, messages=HI, tools=TOOLS) as coming:
            answer = coming.get_final_message()
    else:
        answer = client.messages.create(model=model, max_tokens=50, messages=HI, tools=TOOLS)
    assert answer.stop_reason == "tool_use"
    call = answer.content[-1]
    assert call.type == "tool_use"
    assert (call.name, call.input) == ("weather", {"city": "seven"})
    results: Any = [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny", "is_error": False}]
    turns: Any = [*HI, {"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]
    after = client.messages.create(model=model, max_tokens=50, messages=turns, tools=TOOLS)
    assert after.content[0].type == "text"
    assert after.content[0].text == TEXT


@pytest.mark.parametrize("model", ["twice", "google-twice"])
def test_tools_are_called_at_once(client: anthropic.Anthropic, model: str) -> None:
    tools: Any = [*TOOLS, {"name": "clock", "input_schema": {"type": "object"}}]
    with client.messages.stream(model=model, max_tokens=50, messages=HI, tools=tools) as stream:
        answer = stream.get_final_message()
    calls = [(block.name, block.input) for block in answer.content if block.type == "tool_use"]
    assert calls == [("weather", {"city": "seven"}), ("clock", {})]


@pytest.mark.parametrize("model", ["claude", "old-claude", "gpt", "google", "llama"])
def test_an_answer_by_a_schema(client: anthropic.Anthropic, model: str) -> None:
    answer = client.messages.parse(model=model, max_tokens=50, messages=HI, output_format=Town)
    assert answer.parsed_output == Town(name="seven", people=7)


@pytest.mark.parametrize("model", ["thinking", "thinking-gpt"])
def test_thinking_and_cached_tokens(client: anthropic.Anthropic, model: str) -> None:
    with client.messages.stream(model=model, max_tokens=5000, messages=HI, thinking={"type": "adaptive"}) as stream:
        answer = stream.get_final_message()
    thought = answer.content[0]
    assert thought.type == "thinking"
    assert thought.thinking == "The answer"
    assert thought.signature == ("c2lnbmVk" if model == "thinking" else "")
    assert answer.usage.cache_read_input_tokens == 1
    assert answer.usage.output_tokens == 10


def test_an_image_and_a_document(client: anthropic.Anthropic) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    paper = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}
    turns: Any = [{"role": "user", "content": [image, paper, {"type": "text", "text": "What?"}]}]
    for model in ("claude", "gpt", "google"):
        answer = client.messages.create(model=model, max_tokens=50, messages=turns)
        assert answer.stop_reason == "end_turn"
    with pytest.raises(anthropic.BadRequestError, match=r"messages\[0\].*file"):
        client.messages.create(model="llama", max_tokens=50, messages=turns)


def test_tokens_are_counted(client: anthropic.Anthropic) -> None:
    assert client.messages.count_tokens(model="claude", messages=HI).input_tokens > 0


def test_models_are_listed(client: anthropic.Anthropic) -> None:
    names = {model.id for model in client.models.list()}
    assert names >= set(ROUTES)
    one = client.models.retrieve("gpt")
    assert (one.type, one.lifecycle) == ("model", "active")


def test_a_refusal_says_so(client: anthropic.Anthropic) -> None:
    assert client.messages.create(model="refusing", max_tokens=50, messages=HI).stop_reason == "refusal"


def test_what_is_not_translated_is_named(client: anthropic.Anthropic) -> None:
    raw = client.messages.with_raw_response.create(
        model="google", max_tokens=50, messages=HI, cache_control={"type": "ephemeral"}, metadata={"user_id": "ann"}
    )
    assert set(raw.headers["x-triops-dropped"].split(",")) == {"cache_control", "user"}
    search: Any = [{"type": "web_search_20260318", "name": "web_search"}]
    with pytest.raises(anthropic.BadRequestError, match=r"tools\[0\]"):
        client.messages.create(model="gpt", max_tokens=50, messages=HI, tools=search)


@pytest.mark.parametrize(
    ("model", "error", "kind"),
    [
        ("busy", anthropic.InternalServerError, "overloaded_error"),
        ("limited", anthropic.RateLimitError, "rate_limit_error"),
        ("limited-google", anthropic.RateLimitError, "rate_limit_error"),
        ("gone", anthropic.NotFoundError, "not_found_error"),
        ("nowhere", anthropic.NotFoundError, "not_found_error"),
        ("pricey", anthropic.RateLimitError, "budget_exceeded"),
    ],
)
def test_errors_have_the_clients_types(client: anthropic.Anthropic, model: str, error: Any, kind: str) -> None:
    for stream in (False, True):
        with pytest.raises(error) as raised:
            client.messages.create(model=model, max_tokens=50, messages=HI, stream=stream)
        assert raised.value.type == kind
    if model == "pricey":
        assert raised.value.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("model", ["failing", "failing-gpt", "cut", "cut-google"])
def test_a_broken_stream_raises(client: anthropic.Anthropic, model: str) -> None:
    seen: list[str] = []
    with client.messages.stream(model=model, max_tokens=50, messages=HI) as stream:
        with pytest.raises(anthropic.APIStatusError) as raised:
            seen.extend(stream.text_stream)
    assert TEXT.startswith("".join(seen).strip())
    assert "".join(seen) != TEXT
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["type"] == "error"


def test_a_request_that_cannot_be_read_names_the_field(client: anthropic.Anthropic) -> None:
    turns: Any = [{"role": "user", "content": [{"type": "text"}]}]
    with pytest.raises(anthropic.BadRequestError, match=r"messages\[0\]\.content\[0\]\.text"):
        client.messages.create(model="gpt", max_tokens=50, messages=turns)


def test_anthropics_bytes_come_as_they_are(server: RunningTriops, client: anthropic.Anthropic) -> None:
    """What the client does not know yet passes, both ways."""
    raw = client.messages.with_raw_response.create(
        model="claude", max_tokens=9, messages=HI, extra_body={"speed": None}
    )
    assert raw.http_response.json()["usage"]["service_tier"] == "standard"
    with client.messages.with_streaming_response.create(model="claude", max_tokens=9, messages=HI, stream=True) as kept:
        assert "event: ping" in "".join(kept.iter_text())


def test_answers_and_errors_name_their_call(client: anthropic.Anthropic) -> None:
    raw = client.messages.with_raw_response.create(model="gpt", max_tokens=5, messages=HI)
    assert raw.parse()._request_id == raw.headers["x-triops-call"]
    with pytest.raises(anthropic.RateLimitError) as limited:
        client.messages.create(model="limited", max_tokens=5, messages=HI)
    assert limited.value.request_id == limited.value.response.headers["x-triops-call"]
    with pytest.raises(anthropic.NotFoundError) as unknown:
        client.messages.create(model="nobody-has-it", max_tokens=5, messages=HI)
    assert unknown.value.body["request_id"] == unknown.value.response.headers["x-triops-call"]


def test_what_cannot_be_read_is_refused_in_its_words(server: RunningTriops) -> None:
    answer = httpx.post(f"{server.url}/v1/messages", headers={"content-encoding": "gzip"}, content=b"x")
    assert answer.status_code == 415
    assert (answer.json()["type"], answer.json()["error"]["type"]) == ("error", "invalid_request_error")
