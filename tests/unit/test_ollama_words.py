"""Ollama's words, in and out, beside what the matrix shows: options, thinking, calls without ids, prompts, lookups,
errors."""

from typing import Any

import orjson
import pytest

from triops.adapters.providers.ollama import OllamaProvider
from triops.edges.ollama import OllamaChat, OllamaEmbed, OllamaEmbeddings, OllamaGenerate, Show, Tags
from triops.kernel import errors
from triops.kernel.completion import (
    Ask,
    Chat,
    Choice,
    Delta,
    Embed,
    Embedded,
    Format,
    Message,
    Part,
    PromptRef,
    Reply,
    Tool,
    Usage,
)
from triops.kernel.errors import Invalid
from triops.ports.providers import Fault, Target
from triops.web.dialects import Problem, Served

PROVIDER = OllamaProvider()
HI = (Message("user", (Part("text", text="hi"),)),)
TURN = {"role": "user", "content": "hi"}
ASK = Ask("openai.chat", "chat", "m", {}, 1)
TARGET = Target("p", "small-1", "", "key")


def chatted(**more: Any) -> tuple[Ask, Chat]:
    dialect = OllamaChat()
    ask = dialect.ask(orjson.dumps({"model": "m", "messages": [TURN], **more}), {})
    content = dialect.content(ask)
    assert isinstance(content, Chat)
    return ask, content


def written(chat: Chat, ask: Ask = ASK, target: Target = TARGET) -> tuple[Any, tuple[str, ...]]:
    outgoing = PROVIDER.request(ask, chat, target)
    return orjson.loads(outgoing.body), outgoing.dropped


def test_it_streams_unless_told_not_to() -> None:
    assert chatted()[0].stream is True
    assert chatted(stream=False)[0].stream is False


def test_options_have_their_fields_and_the_rest_its_name() -> None:
    options = {"num_predict": 7.0, "seed": 3, "stop": "END", "top_p": 0.5, "num_ctx": 4096, "repeat_penalty": 1.1}
    ask, chat = chatted(options=options, keep_alive="5m", think=False, format="json")
    assert (ask.max_tokens, chat.max_tokens, chat.seed, chat.stop, chat.top_p) == (7, 7, 3, ("END",), 0.5)
    assert chat.format == Format()
    assert chat.extra == {
        "think": False,
        "keep_alive": "5m",
        "options.num_ctx": 4096,
        "options.repeat_penalty": 1.1,
    }
    tree, left = written(chat, ask)
    assert tree["options"] == {**options, "num_predict": 7, "stop": ["END"]}
    assert (tree["keep_alive"], tree["think"], tree["format"], tree["stream"]) == ("5m", False, "json", True)
    assert left == ()


def test_no_bound_is_no_bound_until_a_budget_needs_one() -> None:
    ask, chat = chatted(options={"num_predict": -1})
    assert (ask.max_tokens, chat.max_tokens) == (None, None)
    capped = Target("p", "small-1", cap=50)
    assert written(chat, ask, capped)[0]["options"]["num_predict"] == 50
    native = PROVIDER.request(ask, None, capped)
    assert orjson.loads(native.body)["options"] == {"num_predict": 50}


def test_a_native_request_is_sent_as_it_came() -> None:
    ask, _ = chatted(novel=[1], metadata={"session": "s1"}, user="ann")
    assert (ask.user, ask.session) == ("ann", "s1")
    outgoing = PROVIDER.request(ask, None, Target("p", "small-1", "/api", "key"))
    assert outgoing.path == "/api/chat"
    assert orjson.loads(outgoing.body) == {"model": "small-1", "messages": [TURN], "novel": [1]}
    assert dict(outgoing.headers)["authorization"] == "Bearer key"


@pytest.mark.parametrize(("think", "effort"), [(True, "medium"), ("high", "high"), (False, ""), (None, "")])
def test_think(think: Any, effort: str) -> None:
    assert chatted(think=think)[1].reasoning_effort == effort


@pytest.mark.parametrize(
    ("model", "effort", "think"),
    [
        ("gpt-oss:20b", "minimal", "low"),
        ("gpt-oss:20b", "high", "high"),
        ("qwen3", "high", True),
        ("qwen3", "none", False),
    ],
)
def test_effort_is_a_level_where_the_model_has_levels(model: str, effort: str, think: Any) -> None:
    assert written(Chat(HI, reasoning_effort=effort), target=Target("p", model))[0]["think"] == think


def test_results_find_their_calls_by_name_and_order() -> None:
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    other = {"function": {"name": "g", "arguments": {}}}
    turns = [
        TURN,
        {"role": "assistant", "content": "", "tool_calls": [call, other, call]},
        {"role": "tool", "tool_name": "g", "content": "1"},
        {"role": "tool", "tool_name": "f", "content": "2"},
        {"role": "tool", "content": "3"},
    ]
    chat = chatted(messages=turns)[1]
    ids = [part.id for part in chat.messages[1].parts]
    assert len(set(ids)) == 3
    assert [message.parts[0].id for message in chat.messages[2:]] == [ids[1], ids[0], ids[2]]


@pytest.mark.parametrize(
    ("chat", "field"),
    [
        (Chat(HI, n=2), "n"),
        (Chat(HI, tools=(Tool("f"),), tool_choice="required"), "tool_choice"),
        (Chat(HI, tools=(Tool("f"),), parallel_tool_calls=False), "parallel_tool_calls"),
        (Chat((Message("user", (Part("image", url="https://a.example/b.png"),)),)), "messages[0]"),
        (Chat(HI, extra={"suffix": "x"}), "suffix"),
    ],
)
def test_what_changes_the_answer_is_refused(chat: Chat, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        written(chat)
    assert refused.value.details["field"] == field


def test_hints_are_dropped_and_named() -> None:
    chat = Chat(HI, user="ann", thinking_tokens=900, extra={"logit_bias": {}, "cache_control": {}})
    tree, left = written(chat)
    assert set(left) == {"user", "thinking_tokens", "logit_bias", "cache_control"}
    assert tree["think"] is True
    tree, left = written(Chat(HI, tools=(Tool("f"),), tool_choice="none"))
    assert "tools" not in tree
    assert left == ()


def test_a_prompt_stays_a_prompt_for_ollama() -> None:
    dialect = OllamaGenerate()
    body = {"model": "m", "prompt": "Why?", "system": "Be brief.", "suffix": "end", "images": ["iVBORw0KGgo="]}
    ask = dialect.ask(orjson.dumps(body), {})
    content = dialect.content(ask)
    outgoing = PROVIDER.request(ask, content, TARGET)
    assert outgoing.path == "/api/generate"
    assert orjson.loads(outgoing.body) == {**body, "model": "small-1", "stream": True}
    named = dialect.ask(b'{"model":"m","prompt":{"name":"support","version":2,"variables":{"a":"b"}}}', {})
    assert named.prompt == PromptRef("support", 2, None, {"a": "b"})
    assert "prompt" not in named.raw


def test_embeddings() -> None:
    ask = OllamaEmbed().ask(b'{"model":"m","input":"a","dimensions":3,"truncate":true}', {})
    content = OllamaEmbed().content(ask)
    assert content == Embed(("a",), 3, extra={"truncate": True})
    tree = orjson.loads(PROVIDER.request(ask, content, TARGET).body)
    assert tree == {"model": "small-1", "input": ["a"], "dimensions": 3, "truncate": True}
    named = OllamaEmbed().ask(b'{"model":"m","input":"a","user":"ann","metadata":{"session_id":"s"}}', {})
    assert (named.user, named.session, set(named.raw)) == ("ann", "s", {"model", "input"})
    old = OllamaEmbeddings()
    ask = old.ask(b'{"model":"m","prompt":"a"}', {})
    assert PROVIDER.request(ask, old.content(ask), TARGET).path == "/api/embed"
    reply = PROVIDER.reply(ask, 200, {}, b'{"model":"e","embeddings":[[1,2]],"prompt_eval_count":3}')
    assert reply == Embedded(((1.0, 2.0),), "e", Usage(3))
    assert orjson.loads(old.reply(ask, reply)) == {"embedding": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"stream": 1}, "stream"),
        ({"options": []}, "options"),
        ({"options": {"num_predict": "many"}}, "options.num_predict"),
        ({"options": {"temperature": "warm"}}, "options.temperature"),
        ({"think": 3}, "think"),
        ({"format": "xml"}, "format"),
        ({"messages": [{"role": "user", "content": ["hi"]}]}, "messages[0].content"),
        ({"tools": [{"type": "web"}]}, "tools[0].type"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "messages[0].tool_calls[0].function"),
    ],
)
def test_a_request_that_cannot_be_read(more: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        chatted(**more)
    assert refused.value.details["field"] == field


def test_an_answer_counts_what_was_cached() -> None:
    body = {
        "model": "m",
        "message": {"content": "a"},
        "done": True,
        "done_reason": "length",
        "created_at": "2026-01-01",
    }
    counts = {"prompt_eval_count": 9, "prompt_eval_cached_count": 4, "eval_count": 2}
    reply = PROVIDER.reply(ASK, 200, {}, orjson.dumps({**body, **counts}))
    assert isinstance(reply, Reply)
    assert (reply.usage, reply.choices[0].finish, reply.created) == (Usage(9, 2, 4), "length", 1767225600)
    told = orjson.loads(OllamaChat().reply(ASK, reply))
    assert {name: told[name] for name in counts} == counts
    assert PROVIDER.reply(ASK, 200, {}, orjson.dumps(body)).usage is None


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b'{"error":"model \\"m\\" not found"}', "not_found"),
        (500, b'{"error":"out of memory"}', "server"),
        (200, b'{"error":"out of memory"}', "server"),
        (200, b'{"done":true}', "garbage"),
        (200, b"<html>", "garbage"),
    ],
)
def test_faults(status: int, body: bytes, kind: str) -> None:
    with pytest.raises(Fault) as fault:
        PROVIDER.reply(ASK, status, {}, body)
    assert fault.value.kind == kind


def test_errors_in_ollamas_shape() -> None:
    problem = OllamaChat().problem(errors.BudgetExceeded("no room", retry_after_s=5))
    assert problem.status == 429
    assert orjson.loads(problem.body) == {"error": "no room", "type": "budget_exceeded"}
    assert dict(problem.headers) == {"retry-after": "5", "x-should-retry": "false"}
    assert OllamaChat().encoder(ASK).fail(problem) == problem.body + b"\n"


def test_lookups_show_what_is_served() -> None:
    served = [Served("fast", "upstream", 1767225600)]
    (model,) = orjson.loads(Tags().answer(b"", {}, "", served))["models"]
    assert (model["name"], model["model"], model["modified_at"]) == ("fast", "fast", "2026-01-01T00:00:00Z")
    assert orjson.loads(Show().answer(b'{"model":"fast:latest"}', {}, "", served))["details"]["family"] == "upstream"
    with pytest.raises(errors.NotFound):
        Show().answer(b'{"name":"slow"}', {}, "", served)
    with pytest.raises(Invalid):
        Show().answer(b"{", {}, "", served)


TOOK = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")


def test_answers_tell_how_long_they_took() -> None:
    ticks = iter(range(100, 200, 10))
    chat, embed = OllamaChat(lambda: next(ticks)), OllamaEmbed(lambda: next(ticks))
    reply = Reply("", "m", (Choice(0, (Part("text", text="hi"),)),), Usage(1, 2))
    body = orjson.dumps({"model": "m", "messages": [TURN]})
    told = orjson.loads(chat.reply(chat.ask(body, {}), reply))
    assert [told[name] for name in TOOK] == [10, 0, 0, 10]
    encoder = chat.encoder(chat.ask(body, {}))
    encoder.feed([Delta("text", text="h"), Delta("text", text="i"), Delta("finish")])
    told = orjson.loads(encoder.end())
    assert [told[name] for name in TOOK] == [20, 0, 10, 10]  # since it was asked, not since it was answered
    asked = embed.ask(orjson.dumps({"model": "m", "input": "hi"}), {})
    assert orjson.loads(embed.reply(asked, Embedded(((1.0,),), "m")))["total_duration"] == 10


def test_a_providers_words_on_many_lines_are_one_line() -> None:
    failed = OllamaChat().encoder(chatted()[0]).fail(Problem(500, b'{\n  "error": "no"\n}'))
    assert (failed.count(b"\n"), orjson.loads(failed)) == (1, {"error": "no"})
