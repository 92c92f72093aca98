"""What a provider said in words of its own, judged by guards: whole answers, streams, requests."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from triops.edges.anthropic import Messages
from triops.kernel.completion import ANTHROPIC_BLOCK, CHAT_MEMBER, RESPONSES_ITEM, Choice, Citation, Delta, Part, Reply
from triops.kernel.errors import GuardBlocked
from triops.lenses.llmops.guards import Guarding

MAIL, MARK = "ann@example.com", "[EMAIL_ADDRESS]"
EMAIL: Any = {"pii": {"types": ["EMAIL_ADDRESS"], "action": "redact"}}
REDACT = Guarding({"careful": EMAIL})
WORDS = {"anthropic": ANTHROPIC_BLOCK, "responses": RESPONSES_ITEM, "chat": CHAT_MEMBER}


def block(tree: Any, words: str = "anthropic") -> Part:
    return Part("block", orjson.dumps(tree).decode(), name="some", media_type=WORDS[words])


def judged(part: Part, guarding: Guarding = REDACT) -> Part:
    verdict = guarding.output(Reply("r", "m", (Choice(0, (part,)),)))
    assert verdict.blocked is None
    part = verdict.content.choices[0].parts[0]
    return part


@pytest.mark.parametrize(
    ("tree", "shown"),
    [
        (
            {"type": "web_search_tool_result", "content": [{"title": f"Of {MAIL}", "url": f"https://a.org/?q={MAIL}"}]},
            {"type": "web_search_tool_result", "content": [{"title": f"Of {MARK}", "url": f"https://a.org/?q={MARK}"}]},
        ),
        ({"type": "server_tool_use", "input": {"to": MAIL}}, {"type": "server_tool_use", "input": {"to": MARK}}),
        ({"type": "x", "content": {"stdout": f"{MAIL}\n"}}, {"type": "x", "content": {"stdout": f"{MARK}\n"}}),
        (
            {"type": "mcp_call", "arguments": f'{{"a":"{MAIL}"}}'},
            {"type": "mcp_call", "arguments": f'{{"a":"{MARK}"}}'},
        ),
        ({"type": "custom_tool_call", "input": f"to {MAIL}"}, {"type": "custom_tool_call", "input": f"to {MARK}"}),
        (
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": f"By {MAIL}"}},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": f"By {MARK}"}},
        ),
        ({"transcript": f"I am {MAIL}", "data": "YW5u"}, {"transcript": f"I am {MARK}", "data": "YW5u"}),
        ([f"also {MAIL}", 7], [f"also {MARK}", 7]),
        (f"just {MAIL}", f"just {MARK}"),
    ],
)
def test_its_texts_are_redacted(tree: Any, shown: Any) -> None:
    assert orjson.loads(judged(block(tree)).text) == shown


@pytest.mark.parametrize(
    "tree",
    [
        {"type": "web_search_tool_result", "tool_use_id": MAIL, "content": [{"encrypted_content": MAIL}]},
        {"type": "image_generation_call", "result": MAIL},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": MAIL}},
        {"type": "computer_call_output", "output": {"image_url": f"data:image/png;base64,{MAIL}"}},
        {"type": "reasoning.encrypted", "data": MAIL, "signature": MAIL, "id": MAIL},
        7,
        None,
    ],
)
def test_what_only_its_provider_reads_passes(tree: Any) -> None:
    part = block(tree)
    assert judged(part) is part


def test_a_block_that_must_not_pass_ends_the_answer() -> None:
    strict = Guarding({"strict": {"pii": {"types": ["EMAIL_ADDRESS"], "action": "block"}}})
    part = block({"type": "web_search_tool_result", "content": [{"title": MAIL}]})
    assert strict.output(Reply("r", "m", (Choice(0, (part,)),))).blocked is not None
    with pytest.raises(GuardBlocked):
        strict.stream().feed([Delta("whole", item=part)])


def test_a_rule_that_flags_changes_nothing_and_counts_once() -> None:
    flags = Guarding({"watch": {"pii": {"types": ["EMAIL_ADDRESS"], "action": "flag"}}})
    cited = Citation("openai", {"type": "url_citation", "title": MAIL}, title=MAIL)
    deltas = [Delta("whole", item=block({"title": MAIL})), Delta("text", text="x"), Delta("citation", item=cited)]
    out, findings = flags.stream().feed(deltas)
    assert out == deltas
    assert [(finding.type, finding.count) for finding in findings] == [("EMAIL_ADDRESS", 2)]


def test_the_texts_of_blocks_count_as_size() -> None:
    small = Guarding({"small": {"size": {"max_chars": 20}}})
    fits, long = block({"title": "x" * 20, "encrypted_content": "y" * 99}), block({"title": "x" * 21})
    assert judged(fits, small) is fits
    with pytest.raises(GuardBlocked):
        small.stream().feed([Delta("whole", item=long)])


@pytest.mark.parametrize("cut", [1, 3, 400])
def test_places_of_citations_move_with_what_was_replaced(cut: int) -> None:
    text = f"Ask {MAIL} or see the towns, or {MAIL} again."
    start = text.index("the towns")
    own = {"type": "url_citation", "url": "https://a.org", "title": MAIL, "start_index": start, "end_index": start + 9}
    cited = Citation("openai", own, "https://a.org", MAIL, "", start, start + 9)
    whole = judged(Part("text", text, citations=(cited,)))
    guard = REDACT.stream()
    deltas = [Delta("text", text=text[at : at + cut]) for at in range(0, len(text), cut)]
    deltas.insert(1, Delta("citation", item=cited))
    out, _ = guard.feed([*deltas, Delta("finish")])
    streamed = [delta.item for delta in out if delta.kind == "citation"]
    assert out[-2].kind == "citation"
    assert streamed == list(whole.citations)
    (moved,) = whole.citations
    assert whole.text[moved.start : moved.end] == "the towns"
    assert (moved.title, moved.own["title"]) == (MARK, MARK)


def test_a_text_ends_where_a_block_comes_and_where_another_begins() -> None:
    """Each keeps its own citations, and its place among the others."""
    first, second = (Citation("anthropic", {"cited_text": text}, text=text) for text in ("one", "two"))
    part = block({"type": "web_search_tool_result"})
    given = [
        Delta("text", text="Some words "),
        Delta("citation", item=first),
        Delta("whole", item=part),
        Delta("citation", part=1, item=second),
        Delta("text", text="and more", part=1),
        Delta("finish"),
    ]
    out, _ = REDACT.stream().feed(given)
    assert out == [given[0], given[1], given[2], given[4], given[3], given[5]]


def test_a_document_to_be_cited_is_read_before_it_is_sent() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": f"By {MAIL}"}
    document = {"type": "document", "source": source, "citations": {"enabled": True}}
    text = {"type": "text", "text": "Earlier", "citations": [{"type": "char_location", "cited_text": MAIL}]}
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": [document]}, {"role": "assistant", "content": [text]}],
    }
    dialect = Messages()
    content: Any = REDACT.input(dialect.content(dialect.ask(orjson.dumps(body), {}))).content
    ((asked,), (said,)) = (message.parts for message in content.messages)
    assert orjson.loads(asked.text)["source"]["data"] == f"By {MARK}"
    assert said.citations[0].own["cited_text"] == MARK


def test_a_seal_is_left_out_of_what_was_changed_and_only_there() -> None:
    for text, kept in ((f"Of {MAIL}", ""), ("Of her", "seal")):
        part = Part("thinking", text, signature="seal")
        assert judged(part).signature == kept
        out, _ = REDACT.stream().feed([Delta("thinking", text=text), Delta("thinking", signature="seal")])
        assert out[-1].signature == kept
    sealed = Part("thinking", data=MAIL)
    assert judged(sealed) is sealed
    assert replace(sealed, data="") != sealed
