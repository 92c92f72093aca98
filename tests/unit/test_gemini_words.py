"""Gemini's words beside what the matrix shows: thinking by generation, signatures, safety, errors, embeddings."""

from typing import Any

import orjson
import pytest

from triops.adapters.providers.gemini import GeminiProvider
from triops.kernel.completion import Ask, Chat, Delta, Embed, Embedded, Format, Message, Part, Reply, Tool, Usage
from triops.kernel.errors import Invalid
from triops.ports.providers import Fault, Target

PROVIDER = GeminiProvider()
HI = (Message("user", (Part("text", text="hi"),)),)
ASK = Ask("openai.chat", "chat", "m", {}, 1)


def written(chat: Chat, model: str = "gemini-3.8-flash", **target: Any) -> tuple[Any, tuple[str, ...]]:
    outgoing = PROVIDER.request(ASK, chat, Target("p", model, **target))
    return orjson.loads(outgoing.body), outgoing.dropped


def read(**answer: Any) -> Reply:
    reply = PROVIDER.reply(ASK, 200, {}, orjson.dumps(answer))
    assert isinstance(reply, Reply)
    return reply


@pytest.mark.parametrize(
    ("model", "effort", "budget", "config", "dropped"),
    [
        ("gemini-2.5-flash", "low", None, {"thinkingBudget": 1024, "includeThoughts": True}, ()),
        ("gemini-2.5-flash", "none", None, {"thinkingBudget": 0, "includeThoughts": False}, ()),
        ("gemini-3.8-flash", "high", None, {"thinkingLevel": "HIGH", "includeThoughts": True}, ()),
        ("gemini-3.8-flash", "none", None, {"thinkingLevel": "MINIMAL"}, ("reasoning_effort",)),
        ("gemini-3-pro", "none", None, {"thinkingLevel": "LOW"}, ("reasoning_effort",)),
        ("gemini-3-pro", "", 500, {"thinkingBudget": 500, "includeThoughts": True}, ()),
        ("gemini-3-pro", "minimal", None, {"thinkingLevel": "LOW", "includeThoughts": True}, ("reasoning_effort",)),
        ("gemini-3.8-flash", "xhigh", None, {"thinkingLevel": "HIGH", "includeThoughts": True}, ("reasoning_effort",)),
        ("gemini-2.5-pro", "none", None, {"thinkingBudget": 128}, ("reasoning_effort",)),
        ("gemini-2.0-flash", "high", None, None, ("reasoning_effort",)),
        ("gemini-2.0-flash", "", 500, None, ("thinking_tokens",)),
    ],
)
def test_thinking(model: str, effort: str, budget: Any, config: Any, dropped: Any) -> None:
    tree, left = written(Chat(HI, reasoning_effort=effort, thinking_tokens=budget), model)
    assert tree.get("generationConfig", {}).get("thinkingConfig") == config
    assert left == dropped


def test_every_setting_has_its_word() -> None:
    schema = {"type": "object"}
    chat = Chat(
        HI, top_p=0.5, top_k=3, seed=4, n=2, logprobs=True, top_logprobs=2, presence_penalty=0.1, frequency_penalty=0.2,
        stop=("a",), max_tokens=9, format=Format(schema), tools=(Tool("f"),), tool_choice="tool:f", user="ann",
    )  # fmt: skip
    tree, left = written(chat)
    assert tree["generationConfig"] == {
        "topP": 0.5,
        "topK": 3,
        "candidateCount": 2,
        "maxOutputTokens": 9,
        "stopSequences": ["a"],
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "seed": 4,
        "responseLogprobs": True,
        "logprobs": 2,
        "responseMimeType": "application/json",
        "responseJsonSchema": schema,
    }
    assert tree["toolConfig"] == {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}
    assert left == ("user",)
    assert written(Chat(HI), cap=33)[0]["generationConfig"]["maxOutputTokens"] == 33
    assert written(Chat(HI, seed=1 << 40))[1] == ("seed",)


@pytest.mark.parametrize(
    ("chat", "field"),
    [
        (Chat(HI, tools=(Tool("f"),), parallel_tool_calls=False), "parallel_tool_calls"),
        (Chat(HI, extra={"web_search_options": {}}), "web_search_options"),
        (Chat((Message("user", (Part("file", name="search_result", text="{}"),)),)), "messages[0]"),
        (Chat(()), "messages"),
    ],
)
def test_what_changes_the_answer_is_refused(chat: Chat, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        written(chat)
    assert refused.value.details["field"] == field


def test_a_call_comes_back_with_its_signature() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}
    other = {"functionCall": {"name": "g", "args": {}}}
    content = {"role": "model", "parts": [call, other]}
    reply = read(candidates=[{"content": content, "finishReason": "STOP"}], responseId="r1")
    first, second = reply.choices[0].parts
    assert (first.signature, second.signature, reply.choices[0].finish) == ("c2ln", "", "tool_calls")
    assert first.id != second.id != ""
    results = tuple(Part("tool_result", id=part.id, parts=(Part("text", text="7"),)) for part in (first, second))
    tree, _ = written(Chat((*HI, Message("assistant", (first, second)), Message("tool", results))))
    assert [part.get("thoughtSignature") for part in tree["contents"][1]["parts"]] == ["c2ln", None]
    answers = [part["functionResponse"] for part in tree["contents"][2]["parts"]]
    assert [(one["id"], one["name"], one["response"]) for one in answers] == [
        (first.id, "f", {"output": "7"}),
        (second.id, "g", {"output": "7"}),
    ]


def test_a_result_may_hold_an_image_or_an_error() -> None:
    parts = (Part("text", text="broken"), Part("image", data="aa", media_type="image/png"))
    result = Message("tool", (Part("tool_result", id="c", name="f", parts=parts, error=True),))
    (response,) = written(Chat((*HI, result)))[0]["contents"][0]["parts"][1:]
    assert response["functionResponse"]["response"] == {"error": "broken"}
    assert response["functionResponse"]["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "aa"}}]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "error"),
    ],
)
def test_why_it_ended(reason: str, finish: str) -> None:
    assert read(candidates=[{"finishReason": reason}]).choices[0].finish == finish


def test_a_blocked_prompt_is_filtered() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}
    assert read(**blocked).choices[0].finish == "content_filter"
    decoder = PROVIDER.decoder(ASK)
    deltas = decoder.feed(b"data: " + orjson.dumps(blocked) + b"\r\n\r\n")[0].deltas
    assert [delta.kind for delta in deltas] == ["start", "finish"]
    assert decoder.end()[0].deltas == (Delta("usage", usage=Usage(4)),)
    with pytest.raises(Fault, match="candidates"):
        read()


def test_usage_and_log_probabilities() -> None:
    used = {
        "promptTokenCount": 10,
        "toolUsePromptTokenCount": 2,
        "cachedContentTokenCount": 6,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 3,
    }
    step = {"token": "a", "logProbability": -0.5}
    probable = {"chosenCandidates": [step], "topCandidates": [{"candidates": [step]}]}
    parts = [{"text": "hm", "thought": True}, {"text": "a"}, {"text": "b"}]
    candidate = {"content": {"parts": parts}, "finishReason": "STOP", "logprobsResult": probable}
    reply = read(candidates=[candidate], usageMetadata=used)
    assert reply.usage == Usage(12, 8, cached_input=6, reasoning=3)
    assert [(part.kind, part.text) for part in reply.choices[0].parts] == [("thinking", "hm"), ("text", "ab")]
    told = {"token": "a", "logprob": -0.5, "bytes": [97]}
    assert reply.choices[0].logprobs == [{**told, "top_logprobs": [told]}]


def test_embeddings() -> None:
    ask = Ask("openai.embeddings", "embeddings", "m", {}, 1)
    outgoing = PROVIDER.request(ask, Embed(("a", "b"), 4), Target("p", "embed-1", "/v1beta", "k"))
    assert outgoing.path == "/v1beta/models/embed-1:batchEmbedContents"
    assert dict(outgoing.headers)["x-goog-api-key"] == "k"
    one = {"model": "models/embed-1", "content": {"parts": [{"text": "a"}]}, "outputDimensionality": 4}
    assert orjson.loads(outgoing.body)["requests"][0] == one
    body = orjson.dumps({"embeddings": [{"values": [1, 0.5]}]})
    assert PROVIDER.reply(ask, 200, {}, body) == Embedded(((1.0, 0.5),), "")
    with pytest.raises(Invalid, match="no word"):
        PROVIDER.request(ask, Embed(((1, 2),)), Target("p", "embed-1"))


@pytest.mark.parametrize(
    ("model", "base", "path"),
    [
        ("gemini-3", "", "/v1beta/models/gemini-3:generateContent"),
        ("gemini-3", "/v1", "/v1/models/gemini-3:generateContent"),
        ("tunedModels/a", "/proxy", "/proxy/v1beta/tunedModels/a:generateContent"),
        ("a?b#c d", "", "/v1beta/models/a%3Fb%23c%20d:generateContent"),
    ],
)
def test_paths(model: str, base: str, path: str) -> None:
    assert PROVIDER.request(ASK, Chat(HI), Target("p", model, base)).path == path


@pytest.mark.parametrize("model", ["../files", "a/../b", "a//b", ".", "/a"])
def test_a_models_name_leads_nowhere_else(model: str) -> None:
    with pytest.raises(Invalid, match="model"):
        written(Chat(HI), model)


@pytest.mark.parametrize(
    ("status", "details", "kind", "wait"),
    [
        (429, [{"retryDelay": "34.5s"}], "rate_limited", 34.5),
        (400, [{"reason": "API_KEY_INVALID"}], "auth", 0),
        (400, [], "invalid", 0),
        (404, [], "not_found", 0),
        (503, [], "overloaded", 0),
        (500, ["odd", {"retryDelay": "soon"}], "server", 0),
    ],
)
def test_faults(status: int, details: Any, kind: str, wait: float) -> None:
    body = orjson.dumps({"error": {"code": status, "message": "so it is", "details": details}})
    with pytest.raises(Fault, match="so it is") as fault:
        PROVIDER.reply(ASK, status, {}, body)
    assert (fault.value.kind, fault.value.retry_after_s) == (kind, wait)
    with pytest.raises(Fault, match="so it is"):
        PROVIDER.decoder(ASK).feed(b"data: " + body + b"\n\n")
