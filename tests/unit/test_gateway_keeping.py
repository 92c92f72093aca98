"""What the gateway may write of a call into its journal where its project has a rule of redaction."""

import asyncio
from typing import Any

import orjson
import pytest

from tests.unit.gateway import project
from triops.kernel.completion import Delta
from triops.kernel.document import Document
from triops.lenses.llmops.gateway.keeping import input_kept, message_kept, output_kept, settings_kept
from triops.lenses.llmops.gateway.said import Heard, plain_text
from triops.lenses.llmops.guards.texts import drained, in_turns
from triops.lenses.llmops.redaction.rule import Rule, rule_of

MAIL = "ada.lovelace@example.org"


def rule(**spec: Any) -> Rule:
    found = rule_of([Document("Redaction", "care", spec, 1, 0.0)])
    assert found is not None
    return found


def said(*texts: str, most: int = 10_000) -> str:
    found = plain_text({"messages": [{"role": "user", "content": text} for text in texts]}, most)
    assert found is not None
    return found


def test_a_rule_without_texts_to_redact_drops_what_it_names() -> None:
    text, settings = said("hello"), {"temperature": 1, "stop": ["x"], "logit": True}
    for given, kept, left in (
        ({"keep": "messages"}, text, settings),
        ({"keep": "none"}, "", {"temperature": 1, "logit": True}),
        ({"attributes": ["gen_ai.input.*", "gen_ai.request.stop_sequences"]}, text, {"temperature": 1, "logit": True}),
        ({"attributes": ["gen_ai.*"]}, "", {}),
    ):
        found = rule(**given)
        assert drained(settings_kept(found, settings)) == left
        assert drained(input_kept(found, text, 10_000)) == ("" if given.get("attributes") else kept)
        assert drained(output_kept(found, text, 10_000)) == kept


def test_texts_in_every_place_are_redacted_and_the_rest_stays() -> None:
    parts = [
        {"kind": "tool_call", "name": "mail", "id": "call_1", "text": orjson.dumps({"to": MAIL, "n": 2}).decode()},
        {"kind": "tool_result", "id": "call_1", "parts": [{"kind": "text", "text": orjson.dumps({MAIL: 1}).decode()}]},
        {"kind": "image", "url": f"https://example.org/?of={MAIL}"},
    ]
    given = orjson.dumps([{"role": f"as {MAIL}", "parts": parts}, {"parts": [], "finish": "stop"}]).decode()
    kept = drained(input_kept(rule(pii=["EMAIL_ADDRESS"]), given, 10_000))
    assert MAIL not in kept
    assert kept.count("[EMAIL_ADDRESS]") == 4
    first, last = orjson.loads(kept)
    assert orjson.loads(first["parts"][0].pop("text")) == {"to": "[EMAIL_ADDRESS]", "n": 2}
    assert first["parts"][0] == {"kind": "tool_call", "name": "mail", "id": "call_1"}
    assert last == {"parts": [], "finish": "stop"}


@pytest.mark.parametrize("most", range(1000, 1040))
def test_what_the_bound_cut_in_two_is_not_kept_in_part(most: int) -> None:
    text = f"so please do write it to {MAIL} or else to nobody " * 40
    mailed = rule(pii=["EMAIL_ADDRESS"], secrets=True)
    kept = drained(input_kept(mailed, said(text, most=most), most))
    heard = Heard(most)
    heard.hear([Delta("text", text=text), Delta("text", 1, text=text), Delta("finish", 1, finish="stop")])
    answered = drained(output_kept(mailed, heard.text(most), most))
    for found in (kept, answered):
        assert "ada" not in found
        assert "[EMAIL_ADDRESS]" in found
        assert "…" in found
    assert "ada" not in message_kept(mailed, text, most)


@pytest.mark.parametrize("at", range(10, 60))
def test_an_answer_that_has_no_end_is_not_kept_to_its_last_letter(at: int) -> None:
    text = f"please write it to {MAIL} at once"
    heard = Heard(10_000)
    heard.hear([Delta("text", text=text[:at])])
    answered = drained(output_kept(rule(pii=["EMAIL_ADDRESS"]), heard.text(10_000), 10_000))
    (choice,) = orjson.loads(answered)
    assert "ada" not in answered
    assert choice["finish"] == "error"
    assert choice["parts"][0]["text"].startswith("please"[: at - 10])
    assert choice["parts"][0]["text"].endswith("…")


def test_errors_quote_what_was_sent() -> None:
    assert message_kept(rule(pii=[]), f"up: no such user {MAIL}", 500) == "up: no such user [EMAIL_ADDRESS]"
    assert message_kept(rule(keep="none"), f"up: no such user {MAIL}", 500) == ""
    assert message_kept(rule(attributes=["x"]), "long", 2) == "lo"


async def test_long_texts_let_others_run() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    mailed = rule(pii=["EMAIL_ADDRESS"])
    running = asyncio.create_task(other())
    for text in (said("word " * 20_000, most=100_000), said(*["a word"] * 400, most=100_000)):
        turns = 0
        await in_turns(input_kept(mailed, text, 1_000_000))
        assert turns >= 40
    running.cancel()


def test_a_rule_that_cannot_be_read_keeps_nothing_and_is_told() -> None:
    found = project('kind: Redaction\nname: care\nspec: {pii: ["OF_ANOTHER_VERSION"]}')
    assert found.redaction is not None
    assert found.redaction.keep == "none"
    assert any("Redaction" in problem for problem in found.problems)
    assert project().redaction is None
