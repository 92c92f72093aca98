"""What stands beside an answer's text (blocks of a provider's own tools, what a text cites, sealed thinking, images) in
the unmodified clients: through guards, from the cache, and where another family's provider answers."""

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import ollama
import openai
import pytest

from triops.testing.server import RunningTriops
from triops.testing.upstream import LoopbackProvider
from triops.testing.upstream.searched import IMAGE_TOKENS, PAGE, PIXEL

PROVIDERS = {
    "anthropic": "dialect: anthropic, base_url: '{url}'",
    "openai": "dialect: openai, base_url: '{url}/v1'",
    "native": "dialect: openai, base_url: '{url}/v1', responses: native",
    "gemini": "dialect: gemini, base_url: '{url}'",
}
MODELS = {
    "claude": ("anthropic", "m!search=1,echo=1,think=2"),
    "gpt": ("openai", "m!search=1,echo=1"),
    "own": ("native", "m!search=1,echo=1,think=2"),
    "router": ("openai", "m!images=1"),
    "drawing": ("gemini", "gemini-3-pro-image!images=1"),
}
WAYS = {"": "", "-guarded": ", guards: [careful]", "-kept": ", cache: {ttl_s: 600}"}
GUARD = "kind: Guard\nname: careful\nspec: {pii: {types: [EMAIL_ADDRESS], action: redact}, on: [output]}"
ASKED = "Write to ann@example.com about the towns"
SHOWN = {"": ASKED, "-guarded": "Write to [EMAIL_ADDRESS] about the towns", "-kept": ASKED}
ways = pytest.mark.parametrize("way", WAYS)
DATA_URL = f"data:image/png;base64,{PIXEL}"


@pytest.fixture(scope="module")
def upstream() -> Iterator[LoopbackProvider]:
    with LoopbackProvider() as provider:
        yield provider


@pytest.fixture(scope="module")
def server(upstream: LoopbackProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    folder = tmp_path_factory.mktemp("beside")
    documents = [GUARD]
    for name, spec in PROVIDERS.items():
        documents.append(
            f"kind: Provider\nname: {name}\nspec: {{{spec.format(url=upstream.url)}, allow_private: true}}"
        )
    for name, (provider, model) in MODELS.items():
        for way, more in WAYS.items():
            targets = f"targets: [{{provider: {provider}, model: '{model}'}}]"
            documents.append(f"kind: Route\nname: {name}{way}\nspec: {{{targets}, retries: 0{more}}}")
    (folder / "gateway.yaml").write_text("\n---\n".join(documents))
    with RunningTriops(folder / "data", "--config", str(folder / "gateway.yaml")) as running:
        yield running


@pytest.fixture(scope="module")
def claude(server: RunningTriops) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=server.url, api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def gpt(server: RunningTriops) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def times(way: str) -> range:
    """A kept answer is asked for twice: the second comes from the cache."""
    return range(2 if way == "-kept" else 1)


def message(client: anthropic.Anthropic, model: str, streamed: bool, asked: str) -> anthropic.types.Message:
    said: Any = [{"role": "user", "content": asked}]
    if not streamed:
        return client.messages.create(model=model, max_tokens=500, messages=said)
    with client.messages.stream(model=model, max_tokens=500, messages=said) as stream:
        return stream.get_final_message()


def spoken(answer: anthropic.types.Message) -> Any:
    return [{name: value for name, value in one.items() if value is not None} for one in answer.to_dict()["content"]]  # type: ignore[attr-defined]


def searched(shown: str) -> list[dict[str, Any]]:
    place = {"url": PAGE, "title": shown}
    found = {"type": "web_search_result", **place, "encrypted_content": "c2VhbGVk", "page_age": None}
    cited = {"type": "web_search_result_location", "cited_text": shown, **place, "encrypted_index": "aW5kZXg="}
    call = {"type": "server_tool_use", "id": "srvtoolu_0", "name": "web_search", "input": {"query": shown}}
    return [
        call,
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_0",
            "content": [found],
            "caller": {"type": "direct"},
        },
        {"type": "text", "text": shown, "citations": [cited]},
        {"type": "text", "text": " That is all."},
    ]


@ways
@pytest.mark.parametrize("streamed", [False, True])
def test_what_anthropic_searched_and_cites(claude: anthropic.Anthropic, way: str, streamed: bool) -> None:
    for _ in times(way):
        thought, *rest = spoken(message(claude, f"claude{way}", streamed, ASKED))
        assert rest == searched(SHOWN[way])
        assert (thought["type"], thought["signature"]) == ("thinking", "c2lnbmVk")


@pytest.mark.parametrize("kept_as", [False, True])
def test_a_kept_answer_is_the_same_whole_and_streamed(claude: anthropic.Anthropic, kept_as: bool) -> None:
    asked = f"Kept {'streamed' if kept_as else 'whole'}"
    first = spoken(message(claude, "claude-kept", kept_as, asked))
    again = spoken(message(claude, "claude-kept", not kept_as, asked))
    assert first[1:] == again[1:] == searched(asked)
    assert first[0] == again[0]


@ways
def test_what_a_chat_completion_cites(gpt: openai.OpenAI, way: str) -> None:
    said: Any = [{"role": "user", "content": ASKED}]
    shown = SHOWN[way]
    place = {"start_index": shown.rfind(" ") + 1, "end_index": len(shown), "title": shown, "url": PAGE}
    for _ in times(way):
        whole = gpt.chat.completions.create(model=f"gpt{way}", messages=said).choices[0].message
        assert whole.content == shown
        assert whole.annotations is not None
        assert [one.to_dict() for one in whole.annotations] == [{"type": "url_citation", "url_citation": place}]
        pieces: list[str] = []
        cited: list[Any] = []
        for chunk in gpt.chat.completions.create(model=f"gpt{way}", messages=said, stream=True):
            delta = chunk.choices[0].delta
            pieces.append(delta.content or "")
            cited += (delta.model_extra or {}).get("annotations") or []
        assert "".join(pieces) == shown
        assert cited == [{"type": "url_citation", "url_citation": place}]


@ways
@pytest.mark.parametrize("streamed", [False, True])
def test_what_a_response_searched_and_cites(gpt: openai.OpenAI, way: str, streamed: bool) -> None:
    shown = SHOWN[way]
    for _ in times(way):
        include: Any = ["reasoning.encrypted_content"]
        names: list[str] = []
        if streamed:
            with gpt.responses.stream(model=f"own{way}", input=ASKED, include=include) as stream:
                names = [event.type for event in stream]
                answer: Any = stream.get_final_response()
        else:
            answer = gpt.responses.create(model=f"own{way}", input=ASKED, include=include)
        thought, call, told = answer.output
        assert (thought.type, thought.encrypted_content) == ("reasoning", "c2VhbGVk")
        assert (call.type, call.status, call.action.query) == ("web_search_call", "completed", shown)
        assert answer.output_text == shown
        (cited,) = told.content[0].annotations
        assert (cited.type, cited.url, cited.title) == ("url_citation", PAGE, shown)
        assert shown[cited.start_index : cited.end_index] == "towns"
        if streamed:
            assert "response.web_search_call.completed" in names
            assert "response.output_text.annotation.added" in names


@ways
def test_anthropics_citations_are_annotations_for_openais_callers(gpt: openai.OpenAI, way: str) -> None:
    said: Any = [{"role": "user", "content": ASKED}]
    shown = SHOWN[way]
    expected = {"type": "url_citation", "url": PAGE, "title": shown, "start_index": 0, "end_index": len(shown)}
    nested = {name: value for name, value in expected.items() if name != "type"}
    for _ in times(way):
        whole = gpt.chat.completions.create(model=f"claude{way}", messages=said).choices[0].message
        assert whole.content == f"{shown} That is all."
        assert [one.url_citation.to_dict() for one in whole.annotations or ()] == [nested]
        chunks = list(gpt.chat.completions.create(model=f"claude{way}", messages=said, stream=True))
        extras = [chunk.choices[0].delta.model_extra or {} for chunk in chunks]
        assert [one["url_citation"] for extra in extras for one in extra.get("annotations", ())] == [nested]
        with gpt.responses.stream(model=f"claude{way}", input=ASKED) as stream:
            answer = stream.get_final_response()
        assert answer.output_text == f"{shown} That is all."
        content: Any = answer.output[-1]
        assert [one.to_dict() for one in content.content[0].annotations] == [expected]
        assert [item.type for item in answer.output] == ["reasoning", "message"]  # its tools' blocks have no form here


@ways
@pytest.mark.parametrize("streamed", [False, True])
def test_openais_annotations_are_citations_for_anthropics_callers(
    claude: anthropic.Anthropic, way: str, streamed: bool
) -> None:
    for _ in times(way):
        (text,) = message(claude, f"gpt{way}", streamed, ASKED).content
        assert text.type == "text"
        assert text.text == SHOWN[way]
        assert text.citations is not None
        assert [
            (one.type, one.url, one.title) for one in text.citations if one.type == "web_search_result_location"
        ] == [("web_search_result_location", PAGE, SHOWN[way])]


@ways
@pytest.mark.parametrize("model", ["drawing", "router"])
def test_images_in_chat_completions(gpt: openai.OpenAI, model: str, way: str) -> None:
    said: Any = [{"role": "user", "content": f"A town by {model}"}]
    image = {"type": "image_url", "image_url": {"url": DATA_URL}}
    asked: Any = {"modalities": ["image", "text"]}
    for _ in times(way):
        answer = gpt.chat.completions.create(model=f"{model}{way}", messages=said, extra_body=asked)
        images = (answer.choices[0].message.model_extra or {})["images"]
        assert [{name: one[name] for name in image} for one in images] == [image]
        assert answer.usage is not None
        assert answer.usage.completion_tokens == IMAGE_TOKENS + 8
        chunks = gpt.chat.completions.create(model=f"{model}{way}", messages=said, stream=True, extra_body=asked)
        told = [(chunk.choices[0].delta.model_extra or {}).get("images", []) for chunk in chunks]
        assert [one["image_url"]["url"] for some in told for one in some] == [DATA_URL]


@ways
@pytest.mark.parametrize("streamed", [False, True])
def test_images_in_responses(gpt: openai.OpenAI, way: str, streamed: bool) -> None:
    for _ in times(way):
        if streamed:
            with gpt.responses.stream(model=f"drawing{way}", input="A town") as stream:
                answer: Any = stream.get_final_response()
        else:
            answer = gpt.responses.create(model=f"drawing{way}", input="A town")
        image = next(item for item in answer.output if item.type == "image_generation_call")
        assert (image.result, image.status, image.output_format) == (PIXEL, "completed", "png")
        assert answer.usage.output_tokens == IMAGE_TOKENS + 8


def test_images_in_ollamas_answers(server: RunningTriops) -> None:
    client = ollama.Client(host=server.url)
    assert client.generate(model="drawing", prompt="A town").image == PIXEL
    drawn = client.generate(model="drawing", prompt="A town", stream=True)
    assert [part.image for part in drawn if part.image] == [PIXEL]
    chat = client.chat(model="drawing", messages=[{"role": "user", "content": "A town"}])
    assert (chat.message.images, bool(chat.message.content)) == (None, True)  # its clients read none


def test_images_have_no_form_for_anthropics_callers(claude: anthropic.Anthropic) -> None:
    for streamed in (False, True):
        answer = message(claude, "drawing", streamed, "A town")
        assert [block.type for block in answer.content] == ["text"]
        assert answer.usage.output_tokens == IMAGE_TOKENS + 8


def test_what_was_kept_was_not_asked_for_again(server: RunningTriops, gpt: openai.OpenAI) -> None:
    body = {"model": "drawing-kept", "messages": [{"role": "user", "content": "Twice"}]}
    told = [httpx.post(f"{server.url}/v1/chat/completions", json=body).headers["x-triops-cache"] for _ in range(2)]
    assert told == ["miss", "hit"]
