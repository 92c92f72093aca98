"""What spans of several conventions say, what lists show of it, and what a trace used."""

import json
from typing import Any

import pytest

from triops.kernel.clause import Clause
from triops.kernel.errors import Invalid
from triops.kernel.genai import meaning
from triops.ledger.traces.usage import cost_text, tokens_text, total_cost, total_tokens
from triops.lenses.mlops.genai_traces import law
from triops.lenses.mlops.genai_traces.correlation import Correlation
from triops.lenses.mlops.genai_traces.gather import SpanSaid, gather
from triops.lenses.mlops.genai_traces.looking import SpanView, like, looker
from triops.lenses.mlops.genai_traces.preview import preview


@pytest.mark.parametrize(
    ("attributes", "type_", "usage"),
    [
        ({"mlflow.spanType": "TOOL", "openinference.span.kind": "LLM"}, "TOOL", None),
        ({"mlflow.spanType": '"CHAIN"', "mlflow.chat.tokenUsage": '{"input_tokens": 1}'}, "CHAIN", {"input_tokens": 1}),
        (
            {"openinference.span.kind": "RETRIEVER", "llm.token_count.prompt": 3, "llm.token_count.total": 9},
            "RETRIEVER",
            {"input_tokens": 3, "total_tokens": 9},
        ),
        (
            {
                "mlflow.spanType": "UNKNOWN",
                "gen_ai.operation.name": "embeddings",
                "gen_ai.usage.input_tokens": "4",
                "gen_ai.usage.output_tokens": 2,
                "gen_ai.usage.cache_read.input_tokens": 1,
            },
            "EMBEDDING",
            {"input_tokens": 4, "output_tokens": 2, "total_tokens": 6, "cache_read_input_tokens": 1},
        ),
        (
            {"traceloop.span.kind": "workflow", "gen_ai.usage.prompt_tokens": 1, "llm.usage.total_tokens": 2},
            "WORKFLOW",
            {"input_tokens": 1, "total_tokens": 2},
        ),
        ({"ai.operationId": "ai.embed.doEmbed"}, "EMBEDDING", None),
        (
            {"span.type": "llm", "entity.type": "agent", "usage.prompt_tokens": 1, "usage.completion_tokens": 2},
            "LLM",
            {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        ),
        ({"entity.type": "agent", "llm.usage.total_tokens": 5}, "AGENT", {"total_tokens": 5}),
        ({"span.type": "claude_code.interaction"}, "AGENT", None),
        ({"gen_ai.request.model": "m"}, "LLM", None),
        ({"lmnr.span.type": "PIPELINE"}, "CHAIN", None),
        ({"langfuse.observation.type": "generation"}, "LLM", None),
        ({"gen_ai.operation.name": ["x"], "gen_ai.usage.input_tokens": True}, None, None),
        ({}, None, None),
    ],
)
def test_types_and_tokens(attributes: dict[str, Any], type_: str | None, usage: Any) -> None:
    assert meaning.span_type(attributes.get) == type_
    assert meaning.usage(attributes.get) == usage


@pytest.mark.parametrize(
    ("sent", "name", "said"),
    [
        ({"ai.toolCall.args": '{"a": 1}', "ai.prompt": ""}, "mlflow.spanInputs", {"a": 1}),
        ({"ai.response.text": "Yes."}, "mlflow.spanOutputs", "Yes."),
        ({"agent.messages": '[{"role": "user"}]', "input": "x"}, "mlflow.spanInputs", [{"role": "user"}]),
        ({"lk.response.text": "Hello"}, "mlflow.spanOutputs", "Hello"),
        ({"gen_ai.tool.definitions": '[{"name": "f"}]'}, "mlflow.chat.tools", [{"name": "f"}]),
    ],
)
def test_where_conventions_say_it(sent: dict[str, Any], name: str, said: Any) -> None:
    assert meaning.translated(sent)[name] == said


def test_the_rest_is_said_in_one_convention_too() -> None:
    said = meaning.translated(
        {
            "input.value": '{"q": 1}',
            "output.value": "plain",
            "llm.model_name": "m",
            "llm.provider": "p",
            "number": "1",
            "quoted": '"x"',
            "broken": '{"x',
        }
    )
    assert said["mlflow.spanInputs"] == {"q": 1}
    assert said["mlflow.spanOutputs"] == "plain"
    assert (said["mlflow.llm.model"], said["mlflow.llm.provider"]) == ("m", "p")
    assert (said["number"], said["quoted"], said["broken"]) == ("1", "x", '{"x')
    texts = meaning.texts({"mlflow.spanType": "UNKNOWN", "input.value": '{"q":1}', "plain": "x", "number": 1})
    assert texts == {
        "mlflow.spanType": '"UNKNOWN"',
        "input.value": '{"q":1}',
        "mlflow.spanInputs": '{"q":1}',
        "plain": '"x"',
        "number": "1",
    }
    assert meaning.texts({"openinference.span.kind": "LLM"})["mlflow.spanType"] == '"LLM"'
    assert meaning.texts({"mlflow.spanType": "UNKNOWN", "openinference.span.kind": "LLM"})["mlflow.spanType"] == '"LLM"'
    assert meaning.translated({"mlflow.spanInputs": {"model": "in"}})["mlflow.llm.model"] == "in"
    deep = "[" * 33 + "]" * 33
    assert meaning.opened(deep) == deep
    assert meaning.opened(deep[1:-1]) == json.loads(deep[1:-1])
    assert meaning.session({"gen_ai.conversation.id": "c"}.get) == "c"
    assert meaning.user({"user.id": 7}.get) == "7"
    assert meaning.cost({"mlflow.llm.cost": '{"total_cost": 1}'}.get) == {"total_cost": 1}


@pytest.mark.parametrize(
    ("said", "role", "shown"),
    [
        ({"x": 1}, "user", '{"x": 1}'),
        ("text", "user", '"text"'),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, "user", "a"),
        ({"messages": [{"role": "system", "content": "only"}]}, "user", "only"),
        ({"choices": [{"message": {"role": "assistant", "content": "c"}}]}, "assistant", "c"),
        ({"input": [{"role": "user", "content": [{"type": "text", "text": "parts"}]}]}, "user", "parts"),
        ({"request": {"output": [{"role": "assistant", "content": ["first"]}]}}, "assistant", "first"),
        ({"messages": [{"role": "user"}]}, "user", '{"messages": [{"role": "user"}]}'),
        ({"messages": [{"role": "user", "content": "a" * 2000}]}, "user", "a" * 997 + "..."),
    ],
)
def test_previews(said: Any, role: str, shown: str) -> None:
    assert preview(json.dumps(said), role) == shown


def test_who_sums_up_for_its_children_is_counted_once() -> None:
    def said(count: int) -> str:
        return json.dumps({"input_tokens": count, "total_tokens": count, "cache_read_input_tokens": 1})

    nodes = [(1, None, said(10)), (2, 1, said(4)), (3, 2, said(6)), (4, 99, said(1)), (5, 4, None), (6, 5, said(9))]
    assert json.loads(total_tokens(nodes) or "") == {
        "input_tokens": 11,
        "output_tokens": 0,
        "total_tokens": 11,
        "cache_read_input_tokens": 2,
    }
    assert total_tokens([(1, None, None)]) is None
    assert total_cost([(1, None, '{"total_cost": 0.5}'), (2, 1, '{"total_cost": 0.5}')]) == (
        '{"input_cost": 0.0, "output_cost": 0.0, "total_cost": 0.5}'
    )
    assert total_tokens([(1, 1, said(1)), (2, 3, said(1)), (3, 2, said(1))]) is None  # circles have no root


def test_tokens_and_costs_have_one_form() -> None:
    assert (
        tokens_text('{"input_tokens":"3","output_tokens":1.5,"other":1,"total_tokens":true}') == '{"input_tokens": 3}'
    )
    assert tokens_text("nonsense") is tokens_text("[1]") is tokens_text('{"x": 1}') is None
    assert cost_text({"total_cost": "0.5", "input_cost": float("inf")}) == '{"total_cost": 0.5}'
    metadata = law.said_metadata({"mlflow.trace.tokenUsage": "x", "mlflow.trace.cost": '{"total_cost":1}', "a": "b"})
    assert metadata == {"mlflow.trace.cost": '{"total_cost": 1.0}', "a": "b"}


def test_tags_that_cannot_be_tags_are_left_to_the_spans() -> None:
    root = SpanSaid(
        "tr-1", 1, None, "r", "ERROR", 1, 2,
        {"mlflow.traceTag.ok": "1", "mlflow.traceTag.bad:#": "2", "mlflow.traceTag.mlflow.traceName": '"n"'},
        {"service.name": "s", "telemetry.sdk.name": "x", "mlflow.x": "y", "list": [1], "k" * 300: "long"}, b"",
    )  # fmt: skip
    [one] = gather([root])
    assert (one.name, one.tags) == ("n", {"service.name": "s", "list": "[1]", "ok": "1"})
    assert one.state == "ERROR"


@pytest.mark.parametrize("key", ["bad:#", "../up", "/root", "a//b", ".", "x" * 251])
def test_keys_of_tags(key: str) -> None:
    with pytest.raises(Invalid):
        law.tag(key, "v")


@pytest.mark.parametrize("id", ["", "..", "a/b", "../x", "a\\b", "a b", "é", "a%2e", "a?b", "x" * 251])
def test_ids_of_traces_are_names_of_folders(id: str) -> None:
    with pytest.raises(Invalid):
        law.trace_id(id)
    assert law.trace_id("tr-1.a:b_C") == "tr-1.a:b_C"


def test_long_values_are_cut() -> None:
    assert law.tag("k", "v" * 9000) == ("k", "v" * 8000)
    with pytest.raises(Invalid, match="Session ID"):
        law.session("s" * 251)


@pytest.mark.parametrize(
    ("pattern", "text", "folds", "expected"),
    [
        ("a%", "abc", False, True),
        ("%c", "abc", False, True),
        ("%b%", "abc", False, True),
        ("a_c", "abc", False, True),
        ("a_c", "abbc", False, False),
        ("A%", "abc", False, False),
        ("A%C", "abc", True, True),
        ("ab%bc", "abc", False, False),
        ("%", "", False, True),
        ("", "", False, True),
        ("", "x", False, False),
        ("%a%b%", "ba", False, False),
        ("a.c", "abc", False, False),
        ("%\n%", "a\nb", False, True),
    ],
)
def test_like(pattern: str, text: str, folds: bool, expected: bool) -> None:
    assert like(pattern, text, folds=folds) is expected


def test_clauses_of_spans_are_of_one_span() -> None:
    views = [
        SpanView("a", "LLM", "OK", {"m": '"gpt"', "n": "0.5"}, lambda: "whole a"),
        SpanView("b", "TOOL", "ERROR", {}, lambda: "whole b"),
    ]

    def looks(*clauses: tuple[str, str, Any]) -> bool:
        return looker([Clause("span", *clause) for clause in clauses], lambda trace, bodies: views)("tr", [b"whole"])

    assert looks(("attributes.m", "=", "gpt"), ("name", "=", "a"))
    assert not looks(("attributes.m", "=", "gpt"), ("name", "=", "b"))
    assert looks(("attributes.n", "IN", ("0.5", "1")))
    assert not looks(("attributes.m", "!=", "gpt"))
    assert looks(("content", "LIKE", "%whole b%"), ("status", "NOT IN", ("OK",)))
    with pytest.raises(Invalid):
        looks(("attributes.m", "RLIKE", "(a+)+$"))


def test_most_spans_are_told_off_by_their_bytes() -> None:
    asked: list[str] = []

    def views(trace: str, bodies: Any) -> list[SpanView]:
        asked.append(trace)
        return [SpanView("n", None, "OK", {"colour.deep": '"the Red one"'}, lambda: "the Red one")]

    def looks(key: str, comparator: str, value: str, body: bytes) -> bool:
        return looker([Clause("span", key, comparator, value)], views)("tr", [body])

    assert looks("content", "ILIKE", "%red%ONE%", b"anything")  # too short to tell
    assert looks("attributes.colour.deep", "LIKE", "%Red%", b"..COLOUR..deep..")
    assert looks("attributes.colour.deep", "=", "the Red one", b"colour deep")
    assert len(asked) == 3
    assert not looks("attributes.colour.deep", "LIKE", "%Red%", b"no such key")
    assert not looks("content", "LIKE", "%weather%", b"rain")
    assert len(asked) == 3
    assert not looks("content", "LIKE", "%STATUS_CODE_OK%", b"a number in the bytes")
    assert not looks("attributes.mlflow.spanInputs", "!=", "weather", b"in another convention")
    assert len(asked) == 5


def test_correlation_of_filters() -> None:
    assert Correlation(5, 5, 0, 10).npmi == -1.0
    assert Correlation(5, 5, 5, 10).npmi == 1.0
    assert Correlation(5, 4, 2, 10).npmi == pytest.approx(0.0)
    assert Correlation(0, 4, 0, 10).npmi != Correlation(0, 4, 0, 10).npmi
    assert Correlation(2, 2, 2, 2).smoothed == 1.0
    assert Correlation(1, 1, 1, 5).smoothed == pytest.approx(0.6264948572590445)
