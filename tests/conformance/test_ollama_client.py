"""The unmodified `ollama` client through a real `triops up`: to Ollama's wire on loopback (natively) and to
Anthropic's, Gemini's and OpenAI's (translated)."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import ollama
import pytest

from tests.gateway_server import gateway, spent
from triops.testing.server import RunningTriops

ROUTES = {
    "llama": ("ollama", "small-1"),
    "claude": ("anthropic", "claude-opus-5"),
    "gpt": ("openai", "small-1"),
    "google": ("gemini", "gemini-3-flash"),
    "twice": ("ollama", "m!calls=2"),
    "twice-claude": ("anthropic", "m!calls=2"),
    "thinking": ("ollama", "m!think=2"),
    "thinking-claude": ("anthropic", "m!think=2"),
    "embedding": ("ollama", "embed-1"),
    "embedding-google": ("gemini", "embed-1"),
    "embedding-gpt": ("openai", "embed-1"),
    "broken": ("ollama", "m!status=500"),
    "failing": ("ollama", "m!error_after=4"),
    "failing-claude": ("anthropic", "m!error_after=4"),
    "cut": ("ollama", "m!cut_after=3"),
    "pricey": ("ollama", "pricey"),
}
TEXT = "The answer is seven and it holds well."
HI: Any = [{"role": "user", "content": "hello there"}]
TOWN = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["name", "people"],
    "additionalProperties": False,
}
EVERYWHERE = pytest.mark.parametrize("model", ["llama", "claude", "gpt", "google"])


def weather(city: str) -> str:
    """
    Of a city

    Args:
      city: its name
    """
    return f"sunny in {city}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with gateway(tmp_path_factory.mktemp("ollama"), ROUTES, spent("ollama")) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningTriops) -> Iterator[ollama.Client]:
    given = ollama.Client(host=server.url)
    yield given
    given.close()


@EVERYWHERE
def test_a_chat(client: ollama.Client, model: str) -> None:
    answer = client.chat(model=model, messages=[{"role": "system", "content": "Be brief."}, *HI], keep_alive="5m")
    assert answer.message.content == TEXT
    assert (answer.done, answer.done_reason, answer.eval_count) == (True, "stop", 8)
    assert (answer.prompt_eval_count or 0) > 0


@EVERYWHERE
def test_a_stream_of_lines(client: ollama.Client, model: str) -> None:
    lines = list(client.chat(model=model, messages=HI, stream=True, options={"num_predict": 3}))
    assert "".join(line.message.content or "" for line in lines).strip() == "The answer is"
    assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True]
    assert (lines[-1].done_reason, lines[-1].eval_count) == ("length", 3)
    assert (lines[-1].total_duration or 0) > 0


async def test_the_async_client(server: RunningTriops) -> None:
    client = ollama.AsyncClient(host=server.url)
    answer = await client.chat(model="claude", messages=HI)
    pieces = [line.message.content or "" async for line in await client.chat(model="llama", messages=HI, stream=True)]
    await client.close()
    assert answer.message.content == "".join(pieces) == TEXT


@EVERYWHERE
def test_a_prompt_is_answered(client: ollama.Client, model: str) -> None:
    assert client.generate(model=model, prompt="hello", system="Be brief.").response == TEXT
    assert "".join(line.response or "" for line in client.generate(model=model, prompt="hello", stream=True)) == TEXT


@EVERYWHERE
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_tool_is_called_and_its_result_read(client: ollama.Client, model: str, stream: bool) -> None:
    if stream:
        lines = client.chat(model=model, messages=HI, tools=[weather], stream=True)
        message = next(line.message for line in lines if line.message.tool_calls)
    else:
        message = client.chat(model=model, messages=HI, tools=[weather]).message
    assert message.tool_calls is not None
    call = message.tool_calls[0].function
    assert (call.name, dict(call.arguments)) == ("weather", {"city": "seven"})
    result = {"role": "tool", "tool_name": call.name, "content": weather(**call.arguments)}
    after = client.chat(model=model, messages=[*HI, message, result], tools=[weather])
    assert after.message.content == TEXT


@pytest.mark.parametrize("model", ["twice", "twice-claude"])
def test_tools_are_called_at_once(client: ollama.Client, model: str) -> None:
    clock = {"type": "function", "function": {"name": "clock", "description": "The hour"}}
    message = client.chat(model=model, messages=HI, tools=[weather, clock]).message
    assert [call.function.name for call in message.tool_calls or ()] == ["weather", "clock"]


@EVERYWHERE
def test_an_answer_by_a_schema(client: ollama.Client, model: str) -> None:
    answer = client.chat(model=model, messages=HI, format=TOWN)
    assert answer.message.content == '{"name":"seven","people":7}'
    any_json = client.chat(model=model, messages=HI, format="json").message.content
    assert isinstance(json.loads(any_json or ""), dict)


@pytest.mark.parametrize("model", ["thinking", "thinking-claude"])
def test_thinking(client: ollama.Client, model: str) -> None:
    message = client.chat(model=model, messages=HI, think=True).message
    lines = list(client.chat(model=model, messages=HI, think=True, stream=True))
    assert message.thinking == "".join(line.message.thinking or "" for line in lines) == "The answer"
    assert client.chat(model=model, messages=HI, think=False).message.content == TEXT


@pytest.mark.parametrize("model", ["embedding", "embedding-google", "embedding-gpt"])
def test_embeddings(client: ollama.Client, model: str) -> None:
    answer = client.embed(model=model, input=["one", "two"])
    assert len(answer.embeddings) == 2
    assert (answer.prompt_eval_count or 0) > 0
    assert client.embed(model=model, input="one", dimensions=4).embeddings[0] != answer.embeddings[0]
    assert list(client.embeddings(model=model, prompt="one").embedding) == list(answer.embeddings[0])


def test_what_there_is(client: ollama.Client, server: RunningTriops) -> None:
    assert {model.model for model in client.list().models} >= set(ROUTES)
    assert client.show("llama").capabilities == ["completion", "tools"]
    assert list(client.ps().models) == []
    assert httpx.get(f"{server.url}/api/version").json()["version"]
    with pytest.raises(ollama.ResponseError, match="not found") as raised:
        client.show("nothing")
    assert raised.value.status_code == 404


@pytest.mark.parametrize(
    ("model", "status", "words"), [("broken", 502, "500"), ("nowhere", 404, "nowhere"), ("pricey", 429, "pricey")]
)
def test_errors(client: ollama.Client, model: str, status: int, words: str) -> None:
    with pytest.raises(ollama.ResponseError, match=words) as raised:
        client.chat(model=model, messages=HI)
    assert raised.value.status_code == status


def test_a_spent_budget_says_its_type(server: RunningTriops) -> None:
    answer = httpx.post(f"{server.url}/api/chat", json={"model": "pricey", "messages": HI})
    assert answer.status_code == 429
    assert answer.json()["type"] == "budget_exceeded"


@pytest.mark.parametrize("model", ["failing", "failing-claude", "cut"])
def test_a_broken_stream_raises(client: ollama.Client, model: str) -> None:
    lines = client.chat(model=model, messages=HI, stream=True)
    seen: list[str] = []
    with pytest.raises(ollama.ResponseError):
        seen.extend(line.message.content or "" for line in lines)
    assert "".join(seen) != TEXT


def test_what_cannot_be_read_or_said_names_the_field(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="suffix"):
        client.generate(model="claude", prompt="a", suffix="b")
    with pytest.raises(ollama.ResponseError, match=r"options\.temperature"):
        client.chat(model="gpt", messages=HI, options={"temperature": "warm"})


def test_what_cannot_be_read_is_refused_in_its_words(server: RunningTriops) -> None:
    answer = httpx.post(f"{server.url}/api/chat", headers={"content-encoding": "gzip"}, content=b"x")
    assert (answer.status_code, answer.json()["type"]) == (415, "unsupported")
    assert "content-encoding" in answer.json()["error"]
