from typing import Any

import orjson
import pytest

from triops.kernel.document import Document
from triops.kernel.errors import Invalid
from triops.lenses.llmops.redaction.kind import redaction_kind
from triops.lenses.llmops.redaction.rule import rule_of
from triops.lenses.llmops.traces.redaction import logs_kept, spans_kept
from triops.testing.batches import Log, Span, logs, spans

MESSAGES = '[{"role":"user","parts":[{"type":"text","content":"Write to ada@example.org please"}]}]'
EVENT = {"name": "gen_ai.user.message", "time_ns": 1, "attributes": {"content": "I am ada@example.org"}}
SPANS = spans(
    Span(1, 1, 1, attributes={"http.route": "/x", "enduser.phone": "1", "enduser.name": "A"}),
    Span(
        1, 2, 2, events=(EVENT,), status_message="ada@example.org has no credit",
        attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "small", "user.id": "ada@example.org",
                    "gen_ai.input.messages": MESSAGES, "gen_ai.usage.input_tokens": 3},
    ),
    Span(1, 3, 3, attributes={"openinference.span.kind": "TOOL", "input.value": "ada@example.org", "session.id": "s"}),
)  # fmt: skip


def rule(*specs: dict[str, Any]) -> Any:
    documents = [Document("Redaction", f"r{n}", spec, 1, 0.0) for n, spec in enumerate(specs)]
    return rule_of(documents)


def after(*specs: dict[str, Any]) -> list[dict[str, Any]]:
    return [orjson.loads(text) for text in spans_kept(rule(*specs), SPANS).attributes]


def test_personal_data_in_what_is_said_is_replaced_and_names_stay() -> None:
    batch = spans_kept(rule({"pii": []}), SPANS)
    http, call, tool = (orjson.loads(text) for text in batch.attributes)
    assert http == orjson.loads(SPANS.attributes[0])
    assert "ada@" not in call["gen_ai.input.messages"]
    assert "Write to [" in orjson.loads(call["gen_ai.input.messages"])[0]["parts"][0]["content"]
    assert (call["user.id"], call["gen_ai.request.model"]) == ("ada@example.org", "small")  # not what was said
    assert "ada@" not in tool["input.value"]
    assert "ada@" not in batch.events[1]
    assert "ada@" not in batch.status_message[1]
    assert "has no credit" in batch.status_message[1]


def test_content_goes_whole_or_but_for_messages() -> None:
    _, call, tool = after({"keep": "none"})
    assert "gen_ai.input.messages" not in call
    assert tool == {"openinference.span.kind": "TOOL", "session.id": "s"}
    assert call["gen_ai.usage.input_tokens"] == 3
    kept = spans_kept(rule({"keep": "none"}), SPANS)
    assert orjson.loads(kept.events[1])[0]["attributes"] == {}
    assert list(kept.status_message) == ["", "", ""]
    plain = spans(Span(1, 1, 1, attributes={"a": 1}, status_message="of ada's order"))
    assert list(spans_kept(rule({"keep": "messages"}), plain).status_message) == [""]
    assert list(spans_kept(rule({"attributes": ["b"]}), plain).status_message) == ["of ada's order"]
    _, call, tool = after({"keep": "messages"}, {"keep": "all"})
    assert call["gen_ai.input.messages"] == MESSAGES
    assert "input.value" not in tool


def test_attributes_go_by_name_of_any_span() -> None:
    http, call, tool = after({"attributes": ["enduser.*", "session.id"]})
    assert http == {"http.route": "/x"}
    assert "session.id" not in tool
    assert call["user.id"] == "ada@example.org"


def test_without_documents_or_without_cause_nothing_is_touched() -> None:
    assert rule_of([]) is None
    plain = spans(Span(1, 1, 1, attributes={"a": 1}))
    assert spans_kept(rule({"keep": "none", "attributes": ["x"]}), plain) is plain


def test_secrets() -> None:
    key = "sk-proj-" + "Qm7xVb2KdT9wRzL4nYp8HsJc3FgA6uE1oXiZ5vNt"
    said = spans(Span(1, 1, 1, attributes={"gen_ai.operation.name": "chat", "gen_ai.tool.call.result": f"key {key}"}))
    (text,) = spans_kept(rule({"secrets": True}), said).attributes
    assert key not in text


def test_messages_that_come_as_logs() -> None:
    said = Log(1, '{"content":"I am ada@example.org"}', attributes={"event.name": "gen_ai.user.message"})
    batch = logs(said, Log(2, "ada@example.org logged in"))
    first, second = logs_kept(rule({"pii": ["EMAIL_ADDRESS"]}), batch).body
    assert "ada@" not in first
    assert second == "ada@example.org logged in"  # no message of a model's
    assert list(logs_kept(rule({"keep": "none"}), batch).body) == ["", second]


def test_an_unknown_type_is_refused() -> None:
    kind = redaction_kind()
    assert kind.check is not None
    with pytest.raises(Invalid):
        kind.check(Document("Redaction", "r", {"pii": ["nonsense"]}, 1, 0.0))


def test_a_text_that_was_encoded_once_more_is_read_all_the_same() -> None:
    escaped = '"' + "".join(f"\\u{ord(letter):04x}" for letter in "ada@example.org") + '"'
    given = spans(Span(1, 1, 1, attributes={"openinference.span.kind": "TOOL", "input.value": escaped}))
    (text,) = spans_kept(rule({"pii": []}), given).attributes
    assert orjson.loads(text)["input.value"] == '"[EMAIL_ADDRESS]"'


def test_what_earlier_conventions_called_prompt_and_completion_goes_too() -> None:
    given = spans(Span(1, 1, 1, attributes={"gen_ai.system": "x", "gen_ai.prompt": "a", "gen_ai.completion": "b"}))
    (text,) = spans_kept(rule({"keep": "none"}), given).attributes
    assert orjson.loads(text) == {"gen_ai.system": "x"}
