"""Long events, wide members and deep values of providers' answers: what they cost, and where they end."""

from typing import Any

import orjson
import pytest

from triops.adapters.providers.openai_beside import merged
from triops.adapters.providers.openai_chat import reply_of
from triops.adapters.providers.sse import MOST_EVENT, Splitter
from triops.edges.anthropic import blocks
from triops.kernel.errors import Invalid
from triops.ports.providers import Fault

DEEP: Any = orjson.loads("[" * 400 + "]" * 400)


@pytest.mark.parametrize("size", [100, 70_000])
def test_an_event_of_any_length_is_one(size: int) -> None:
    event = b'data: {"x":"' + b"y" * (3 << 20) + b'"}'
    data = b"data: 1\n\n" + event + b"\n\ndata: 2\r\n\r\n" + event + b"\n\n"
    splitter = Splitter()
    pieces = [data[at : at + size] for at in range(0, len(data), size)] if size > 100 else [data[:-100], data[-100:]]
    found = [sent.data for piece in pieces for sent in splitter.feed(piece)]
    assert found == [b"1", event[6:], b"2", event[6:]]
    assert splitter.end() == []


def test_an_event_of_many_lines_is_put_together_once() -> None:
    lines = [b"data: " + b"%07d" % i * 100 + ending for i, ending in enumerate([b"\r", b"\r\n", b"\n"] * 100)]
    for end in (b"\n", b"\r\n", b"\r"):
        splitter, found, joined = Splitter(), [], 0
        for line in [*lines, end, b"data: 2\n\n"]:
            before = splitter._rest  # another one once it is joined with what came
            found += splitter.feed(line)
            joined += splitter._rest is not before
        assert [sent.data for sent in found] == [b"\n".join(line[6:].rstrip() for line in lines), b"2"]
        assert joined < 110


def test_members_with_many_names_are_put_together() -> None:
    pieces = [{"id": "a", f"n{i}": i, "text": "x"} for i in range(5000)]
    assert merged(pieces) == {"id": "a", **{f"n{i}": i for i in range(5000)}, "text": "x" * 5000}


@pytest.mark.parametrize("member", ["annotations", "tool_calls"])
def test_what_is_too_deep_to_be_written_is_garbage(member: str) -> None:
    held = {
        "annotations": [{"type": "url_citation", "url_citation": {"x": DEEP}}],
        "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {"x": DEEP}}}],
    }
    with pytest.raises(Fault, match="nested too deep"):
        reply_of({"choices": [{"message": {"role": "assistant", "content": "x", member: held[member]}}]})


def test_citations_that_come_back_too_deep_are_refused_by_their_place() -> None:
    said = [{"type": "text", "text": "x", "citations": [{"type": "y", "z": DEEP}]}]
    with pytest.raises(Invalid) as refused:
        blocks.parts_of(said, "messages.0.content")
    assert refused.value.details["field"] == "messages.0.content[0].citations"


def test_an_event_has_a_bound() -> None:
    splitter = Splitter()
    splitter.feed(b"data: 1\n\ndata: ")
    for _ in range(MOST_EVENT // (1 << 20) - 1):
        splitter.feed(b"x" * (1 << 20))
    with pytest.raises(Fault):
        splitter.feed(b"x" * (2 << 20))
