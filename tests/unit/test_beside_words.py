"""What stands beside the text of messages and answers, between families' words: images of a model's, blocks of its
provider's tools, citations, members that have no word of ours."""

from typing import Any

import orjson
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from triops.adapters.providers.anthropic import AnthropicProvider
from triops.adapters.providers.gemini import GeminiProvider
from triops.adapters.providers.ollama import OllamaProvider
from triops.adapters.providers.openai import OpenAIProvider
from triops.adapters.providers.sse import MOST_EVENT, Splitter
from triops.edges.anthropic import Messages
from triops.edges.ollama import OllamaGenerate
from triops.edges.openai import ChatDialect, ModerationsDialect, ResponsesDialect
from triops.kernel.completion import ANTHROPIC_BLOCK, Ask, Choice, Citation, Delta, Part, Reply, Usage
from triops.kernel.errors import Invalid
from triops.lenses.llmops.gateway.said import Heard, deltas_of
from triops.lenses.llmops.guards import Guarding
from triops.ports.providers import Fault, Target

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
DRAWN = [
    {"role": "user", "content": "Draw a town"},
    {"role": "assistant", "content": "Here:", "images": [IMAGE]},
    {"role": "user", "content": "With a river"},
]
SEARCH = {
    "type": "web_search_call",
    "id": "ws_1",
    "status": "completed",
    "action": {"type": "search", "query": "towns"},
}
MODERN = OpenAIProvider(responses=True)


def asked(dialect: Any, body: Any) -> Ask:
    ask: Ask = dialect.ask(orjson.dumps({"model": "m", **body}), {})
    return ask


def written(dialect: Any, body: Any, provider: Any, model: str = "m") -> Any:
    """The request as it is sent where it cannot go on as it came."""
    ask = asked(dialect, body)
    return orjson.loads(provider.request(ask, dialect.content(ask), Target("p", model)).body)


# Images that a model made, in the next turn's request


def test_an_image_goes_back_to_gemini_as_the_models_own() -> None:
    for model, sealed in (("gemini-3-pro-image", {"thoughtSignature": "skip_thought_signature_validator"}),
                          ("gemini-2.5-flash-image", {})):  # fmt: skip
        body = {"messages": DRAWN, "modalities": ["image", "text"], "image_config": {"aspect_ratio": "16:9"}}
        tree = written(ChatDialect(), body, GeminiProvider(), model)
        image = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}, **sealed}
        assert tree["contents"][1] == {"role": "model", "parts": [{"text": "Here:"}, image]}
        assert tree["generationConfig"]["responseModalities"] == ["IMAGE", "TEXT"]
        assert tree["generationConfig"]["imageConfig"] == {"aspectRatio": "16:9"}


def test_an_image_goes_back_to_chat_completions_as_it_came() -> None:
    tree = written(ChatDialect(), {"messages": DRAWN}, OpenAIProvider())
    assert tree["messages"] == DRAWN


def test_an_image_of_a_response_goes_back() -> None:
    item = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "QUJD"}
    body = {"input": [{"role": "user", "content": "Draw"}, item, {"role": "user", "content": "Again"}]}
    assert written(ResponsesDialect(), body, MODERN)["input"][1] == item
    tree = written(ResponsesDialect(), body, GeminiProvider(), "gemini-2.5-flash-image")
    assert tree["contents"][1]["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "QUJD"}}]
    chat = written(ResponsesDialect(), body, OpenAIProvider())
    assert chat["messages"][1]["images"] == [IMAGE]


def test_the_tool_of_responses_that_draws_asks_gemini_for_images() -> None:
    tools = [{"type": "image_generation", "quality": "low"}]
    ask = asked(ResponsesDialect(), {"input": "A town", "tools": tools})
    sent = GeminiProvider().request(ask, ResponsesDialect().content(ask), Target("p", "gemini-2.5-flash-image"))
    tree = orjson.loads(sent.body)
    assert tree["generationConfig"]["responseModalities"] == ["TEXT", "IMAGE"]
    assert "tools" not in tree
    assert sent.dropped == ("tools[0].quality",)


def test_an_image_of_ollamas_stays() -> None:
    ask = asked(OllamaGenerate(), {"prompt": "A town", "stream": True})
    lines = [{"model": "m", "completed": 1, "total": 2, "done": False}, {"response": "", "image": "QUJD", "done": True}]
    whole = OllamaProvider().reply(ask, 200, {}, orjson.dumps(lines[1]))
    assert orjson.loads(OllamaGenerate().reply(ask, whole))["image"] == "QUJD"
    decoder, encoder = OllamaProvider().decoder(ask), OllamaGenerate().encoder(ask)
    data = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    out = b"".join(encoder.feed(event.deltas) for event in decoder.feed(data)) + encoder.end()
    assert [one["image"] for one in map(orjson.loads, out.splitlines()) if "image" in one] == ["QUJD"]


def test_anthropic_takes_no_image_of_the_assistants() -> None:
    with pytest.raises(Invalid, match="no word"):
        written(ChatDialect(), {"messages": DRAWN}, AnthropicProvider(), "claude-opus-5")


@pytest.mark.parametrize(
    "body",
    [{"modalities": "image"}, {"modalities": [1]}, {"modalities": ["video"]}, {"image_config": 1},
     {"image_config": {"x": 1}}],
)  # fmt: skip
def test_images_that_gemini_cannot_be_asked_for(body: Any) -> None:
    with pytest.raises(Invalid) as refused:
        written(ChatDialect(), {"messages": DRAWN, **body}, GeminiProvider())
    assert refused.value.details["field"].startswith(next(iter(body)))


# A request that was changed on the way, and goes on to whoever said what is in it


def test_blocks_and_citations_go_back_to_anthropic() -> None:
    cited = {"type": "web_search_result_location", "url": "https://a.org", "encrypted_index": "eA==", "cited_text": "x"}
    foreign = {**cited, "encrypted_index": ""}  # as another provider's source was told
    content = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "towns"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "text", "text": "So.", "citations": [cited, foreign]},
    ]
    body = {"max_tokens": 9, "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": content}]}
    tree = written(Messages(), body, AnthropicProvider(), "claude-opus-5")
    assert tree["messages"][1]["content"] == [*content[:2], {**content[2], "citations": [cited]}]


@pytest.mark.parametrize("provider", [OpenAIProvider(), GeminiProvider(), OllamaProvider()])
def test_blocks_go_to_nobody_else(provider: Any) -> None:
    block = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    body = {"max_tokens": 9, "messages": [{"role": "user", "content": [block]}]}
    with pytest.raises(Invalid) as refused:
        written(Messages(), body, provider)
    assert "web_search_tool_result" in str(refused.value.details["got"])


def test_items_of_a_providers_tools_go_back_to_it_and_to_nobody_else() -> None:
    body = {"input": [{"role": "user", "content": "?"}, SEARCH, {"role": "user", "content": "And?"}]}
    assert written(ResponsesDialect(), body, MODERN)["input"][1] == SEARCH
    for provider in (OpenAIProvider(), GeminiProvider(), AnthropicProvider()):
        with pytest.raises(Invalid) as refused:
            written(ResponsesDialect(), body, provider)
        assert "web_search_call" in str(refused.value.details["got"])


def test_a_signature_of_geminis_survives_a_chat_completion() -> None:
    call = {"functionCall": {"id": "c", "name": "f", "args": {}}, "thoughtSignature": "c2VhbA=="}
    answer = {"candidates": [{"content": {"parts": [call]}, "finishReason": "STOP"}]}
    ask = asked(ChatDialect(), {"messages": [{"role": "user", "content": "?"}]})
    reply = GeminiProvider().reply(ask, 200, {}, orjson.dumps(answer))
    message = orjson.loads(ChatDialect().reply(ask, reply))["choices"][0]["message"]
    assert message["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "c2VhbA=="}}
    decoder, encoder = GeminiProvider().decoder(ask), ChatDialect().encoder(ask)
    events = decoder.feed(b"data: " + orjson.dumps(answer) + b"\n\n")
    told = encoder.feed([delta for event in events for delta in event.deltas])
    assert b'"extra_content":{"google":{"thought_signature":"c2VhbA=="}}' in told
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "ok"}
    body = {"messages": [{"role": "user", "content": "?"}, message, result]}
    back = written(ChatDialect(), body, GeminiProvider(), "gemini-3-flash")
    assert back["contents"][1]["parts"][0]["thoughtSignature"] == "c2VhbA=="


# Answers


def test_members_of_a_message_that_have_no_word_here_reach_callers_of_the_dialect() -> None:
    audio = {"id": "a", "data": "QUJD", "expires_at": 7, "transcript": "Hello you"}
    details = [
        {"type": "reasoning.text", "index": 0, "text": "One two"},
        {"type": "reasoning.text", "index": 1, "text": "x"},
    ]
    whole = {"role": "assistant", "content": None, "audio": audio, "reasoning_details": details, "name": None}
    ask = asked(ChatDialect(), {"messages": [{"role": "user", "content": "?"}]})
    body = orjson.dumps({"id": "x", "choices": [{"message": whole, "finish_reason": "stop"}]})
    message = orjson.loads(ChatDialect().reply(ask, OpenAIProvider().reply(ask, 200, {}, body)))["choices"][0][
        "message"
    ]
    assert (message["audio"], message["reasoning_details"]) == (audio, details)
    assert "name" not in message

    deltas: list[Any] = [
        {
            "role": "assistant",
            "audio": {"id": "a", "transcript": "Hello "},
            "reasoning_details": [{**details[0], "text": "One"}],
        },
        {"audio": {"data": "QU"}, "reasoning_details": [{**details[0], "text": " two"}, details[1]]},
        {"audio": {"data": "JD", "transcript": "you"}},
        {"audio": {"expires_at": 7}},
    ]
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    data = b"".join(b"data: " + orjson.dumps({"id": "x", **chunk}) + b"\n\n" for chunk in chunks)
    decoder, encoder = OpenAIProvider().decoder(ask), ChatDialect().encoder(ask)
    out = b"".join(encoder.feed(event.deltas) for event in [*decoder.feed(data), *decoder.end()])
    said = [orjson.loads(line[6:])["choices"][0] for line in out.split(b"\n\n") if line]
    assert [one["delta"] for one in said if one["delta"].keys() & {"audio", "reasoning_details"}] == [
        {"audio": audio}, {"reasoning_details": details}
    ]  # fmt: skip
    assert said[-1]["finish_reason"] == "stop"


def test_what_stands_beside_anthropics_content_stays() -> None:
    """A turn that paused must be told apart from one that ended."""
    ask = asked(Messages(), {"max_tokens": 9, "messages": [{"role": "user", "content": "?"}], "stream": True})
    container = {"id": "container_1", "expires_at": "2026-11-21T00:00:00Z"}
    end = {"stop_reason": "pause_turn", "stop_sequence": None, "container": container, "stop_details": None}
    counted = {"web_search_requests": 2, "web_fetch_requests": 0}
    usage = {"input_tokens": 3, "output_tokens": 2, "server_tool_use": counted}
    message = {"id": "x", "model": "m", "content": [], "role": "assistant", "type": "message"}
    body = orjson.dumps({**message, **end, "usage": usage})
    whole = orjson.loads(Messages().reply(ask, AnthropicProvider().reply(ask, 200, {}, body)))
    assert (whole["stop_reason"], whole["container"]) == ("pause_turn", container)
    assert (whole["usage"]["server_tool_use"], whole["content"]) == (counted, [])

    events = [
        {"type": "message_start", "message": {**message, "usage": {"input_tokens": 3, "output_tokens": 1}}},
        {"type": "message_delta", "delta": end, "usage": usage, "context_management": {"applied_edits": []}},
        {"type": "message_stop"},
    ]
    decoder, encoder = AnthropicProvider().decoder(ask), Messages().encoder(ask)
    for event in decoder.feed(b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events)):
        assert encoder.feed(event.deltas) is not None
    last = orjson.loads(encoder.end().split(b"\n\n")[0].partition(b"data: ")[2])
    assert last["delta"] == {"stop_reason": "pause_turn", "stop_sequence": None, "container": container}
    assert last["usage"]["server_tool_use"] == counted
    assert last["context_management"] == {"applied_edits": []}


def test_reasoning_stays_in_the_member_that_it_came_in() -> None:
    ask = asked(ChatDialect(), {"messages": [{"role": "user", "content": "?"}]})
    for member in ("reasoning", "reasoning_content"):
        said = {"role": "assistant", "content": "So.", member: "Hm"}
        whole = {"id": "x", "choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}
        reply = OpenAIProvider().reply(ask, 200, {}, orjson.dumps(whole))
        assert orjson.loads(ChatDialect().reply(ask, reply))["choices"][0]["message"][member] == "Hm"
        chunk = {"id": "x", "choices": [{"index": 0, "delta": said, "finish_reason": "stop"}]}
        heard = Heard(1000)
        for event in OpenAIProvider().decoder(ask).feed(b"data: " + orjson.dumps(chunk) + b"\n\n"):
            heard.hear(event.deltas)
        told = ChatDialect().encoder(ask).feed(deltas_of(heard.reply()))
        assert orjson.dumps({member: "Hm"}) in told


def test_summaries_of_reasoning_are_apart_streamed_as_whole() -> None:
    parts = [{"type": "summary_text", "text": text} for text in ("One.", "Two.")]
    item = {"id": "rs", "type": "reasoning", "summary": parts}
    ask = asked(ResponsesDialect(), {"input": "?"})
    response = {"id": "resp_1", "model": "m", "status": "completed", "output": [item]}
    whole = MODERN.reply(ask, 200, {}, orjson.dumps(response))
    events = [
        {"type": "response.created", "response": {**response, "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "summary": []}},
        *(
            {"type": f"response.reasoning_summary_{kind}", "summary_index": i, **more}
            for i, part in enumerate(parts)
            for kind, more in (("part.added", {"part": part}), ("text.delta", {"delta": part["text"]}))
        ),
        {"type": "response.completed", "response": response},
    ]
    heard = Heard(1000)
    for event in MODERN.decoder(ask).feed(b"".join(b"data: " + orjson.dumps(one) + b"\n\n" for one in events)):
        heard.hear(event.deltas)
    assert heard.reply().choices[0].parts[0].text == whole.choices[0].parts[0].text == "One.\nTwo."


def test_a_custom_tools_call_stays_one() -> None:
    """Whose input is no JSON: a text that is redacted like any."""
    guard = Guarding({"careful": {"pii": {"types": ["EMAIL_ADDRESS"], "action": "redact"}}})
    ask = asked(ChatDialect(), {"messages": [{"role": "user", "content": "?"}]})
    call = {"id": "c", "type": "custom", "custom": {"name": "mail", "input": "to ann@example.com, now"}}
    shown = {**call, "custom": {"name": "mail", "input": "to [EMAIL_ADDRESS], now"}}
    whole = {"id": "x", "choices": [{"message": {"role": "assistant", "tool_calls": [call]}, "finish_reason": "stop"}]}
    reply = guard.output(OpenAIProvider().reply(ask, 200, {}, orjson.dumps(whole))).content
    choice = orjson.loads(ChatDialect().reply(ask, reply))["choices"][0]
    assert (choice["message"]["tool_calls"], choice["finish_reason"]) == ([shown], "tool_calls")

    begun = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "mail", "input": ""}}
    more = [{"index": 0, "custom": {"input": piece}} for piece in ("to ann@exam", "ple.com, now")]
    deltas = [{"role": "assistant", "tool_calls": [begun]}, *({"tool_calls": [one]} for one in more)]
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    data = b"".join(b"data: " + orjson.dumps({"id": "x", **chunk}) + b"\n\n" for chunk in chunks)
    decoder, stream, heard = OpenAIProvider().decoder(ask), guard.stream(), Heard(1000)
    out = [delta for event in decoder.feed(data) for delta in stream.feed(event.deltas)[0]]
    heard.hear(out)
    assert heard.reply().choices[0].parts == reply.choices[0].parts
    for told in (out, deltas_of(heard.reply())):
        lines = ChatDialect().encoder(ask).feed(told).split(b"\n\n")
        calls = [
            one for line in lines if line for one in orjson.loads(line[6:])["choices"][0]["delta"].get("tool_calls", ())
        ]
        assert calls[0] == begun
        assert "".join(one["custom"]["input"] for one in calls) == "to [EMAIL_ADDRESS], now"

    body = {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "tool_calls": [call]}]}
    assert written(ChatDialect(), body, OpenAIProvider())["messages"][1]["tool_calls"] == [call]


def test_a_moderation_that_tells_its_usage_is_counted() -> None:
    ask = asked(ModerationsDialect(), {"input": "?"})
    told = {"id": "m", "model": "m", "results": [{"categories": {}}], "usage": {"prompt_tokens": 9, "total_tokens": 9}}
    answer = OpenAIProvider().reply(ask, 200, {}, orjson.dumps(told))
    assert answer.usage == Usage(9, 0)
    for garbage in ({}, {"results": []}):
        with pytest.raises(Fault):
            OpenAIProvider().reply(ask, 200, {}, orjson.dumps(garbage))


def test_openais_clients_put_together_what_stands_beside_a_stream() -> None:
    """They join lists of several chunks by `index` alone, and know none of annotations."""
    ask = asked(ChatDialect(), {"messages": [{"role": "user", "content": "?"}], "stream": True})
    own = Citation("openai", {"type": "url_citation", "url": "https://a.org", "title": "", "start_index": 1,
                              "end_index": 2}, "https://a.org", "", "", 1, 2)  # fmt: skip
    page = Citation("anthropic", {"type": "web_search_result_location"}, "https://b.org", "B")
    images = tuple(Part("image", data=data, media_type="image/png") for data in ("QUJD", "REVG"))
    texts = (Part("text", "One", citations=(page,)), Part("text", " and two", citations=(page, own)))
    reply = Reply("r", "m", (Choice(0, (*texts, *images)), Choice(1, (Part("text", "Else", citations=(own,)),))))
    whole = orjson.loads(ChatDialect().reply(ask, reply))["choices"]
    state = ChatCompletionStreamState()
    for line in ChatDialect().encoder(ask).feed(deltas_of(reply)).split(b"\n\n"):
        if line:
            state.handle_chunk(ChatCompletionChunk.model_validate(orjson.loads(line[6:])))
    for told, choice in zip(state.get_final_completion().to_dict()["choices"], whole, strict=True):  # type: ignore[call-overload]
        message, expected = told["message"], choice["message"]
        assert (message["content"], message["annotations"]) == (expected["content"], expected["annotations"])
        shown = [{"type": one["type"], "image_url": one["image_url"]} for one in message.get("images", ())]
        assert shown == expected.get("images", [])


def test_who_but_the_model_called_a_tool_is_told() -> None:
    """Code of its provider's that waits for the result: the caller's answer must name it again."""
    caller = {"type": "code_execution_20260120", "tool_id": "srvtoolu_1"}
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}, "caller": caller}
    plain = {"type": "tool_use", "id": "u", "name": "g", "input": {}, "caller": {"type": "direct"}}
    shown = [call, {name: value for name, value in plain.items() if name != "caller"}]
    asked_first = {"role": "user", "content": "?"}
    ask = asked(Messages(), {"max_tokens": 9, "messages": [asked_first], "stream": True})
    whole = orjson.dumps({"id": "x", "model": "m", "content": [call, plain], "stop_reason": "tool_use"})
    reply: Any = AnthropicProvider().reply(ask, 200, {}, whole)
    assert orjson.loads(Messages().reply(ask, reply))["content"] == shown
    events: list[Any] = [{"type": "message_start", "message": {"id": "x", "model": "m"}}]
    for index, block in enumerate((call, plain)):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events.append({"type": "content_block_stop", "index": index})
    heard = Heard(1000)
    data = b"".join(b"data: " + orjson.dumps(one) + b"\n\n" for one in events)
    for event in AnthropicProvider().decoder(ask).feed(data):
        heard.hear(event.deltas)
    assert heard.reply().choices[0].parts == reply.choices[0].parts
    told = Messages().encoder(ask).feed(deltas_of(heard.reply()))
    begun = [orjson.loads(one.partition(b"data: ")[2]) for one in told.split(b"\n\n") if b"block_start" in one]
    assert [one["content_block"].get("caller") for one in begun] == [caller, None]
    body = {"max_tokens": 9, "messages": [asked_first, {"role": "assistant", "content": shown}]}
    assert written(Messages(), body, AnthropicProvider(), "claude-opus-5")["messages"][1]["content"] == shown


CITED = Citation("anthropic", {"type": "char_location", "cited_text": "x"}, text="x")
PARTS = (
    Part("thinking", "First", id="rs_1", signature="seal"),
    Part("text", "I look."),
    Part("block", '{"type":"server_tool_use"}', name="server_tool_use", media_type=ANTHROPIC_BLOCK),
    Part("thinking", data="sealed"),
    Part("thinking", "Then", signature="another"),
    Part("text", "So it is", citations=(CITED, CITED)),
    Part("text", " there."),
    Part("image", data="QUJD", media_type="image/png"),
    Part("tool_call", "{}", id="c1", name="f", signature="c2VhbA=="),
    Part("tool_call", '{"a":1}', id="c2", name="g"),
)
WHOLE = Reply("r", "m", (Choice(0, PARTS, "tool_calls"), Choice(1, (Part("refusal", "No."),), "refusal")), Usage(1, 2))


def test_an_answer_is_the_same_after_it_was_streamed() -> None:
    heard = Heard(10_000)
    for delta in deltas_of(WHOLE):
        heard.hear([delta])
    assert heard.reply() == WHOLE
    assert heard.whole


def test_what_has_no_room_is_named_and_not_kept() -> None:
    heard = Heard(100)
    heard.hear([Delta("whole", item=Part("image", data="x" * 100, media_type="image/png")), Delta("finish")])
    assert heard.reply().choices[0].parts == (Part("image", media_type="image/png"),)
    assert not heard.whole


@pytest.mark.parametrize("size", [100, 70_000])
def test_an_event_of_any_length_is_one(size: int) -> None:
    event = b'data: {"x":"' + b"y" * (3 << 20) + b'"}'
    data = b"data: 1\n\n" + event + b"\n\ndata: 2\r\n\r\n" + event + b"\n\n"
    splitter = Splitter()
    pieces = [data[at : at + size] for at in range(0, len(data), size)] if size > 100 else [data[:-100], data[-100:]]
    found = [sent.data for piece in pieces for sent in splitter.feed(piece)]
    assert found == [b"1", event[6:], b"2", event[6:]]
    assert splitter.end() == []


def test_an_event_has_a_bound() -> None:
    splitter = Splitter()
    splitter.feed(b"data: 1\n\ndata: ")
    for _ in range(MOST_EVENT // (1 << 20) - 1):
        splitter.feed(b"x" * (1 << 20))
    with pytest.raises(Fault):
        splitter.feed(b"x" * (2 << 20))
