"""A text as words, runs of digits and signs. What is already known for something is one token of its type."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from triops.lenses.llmops.guards.model import Span

_TOKEN = re.compile(r"\n[\s]*|[^\W\d_]+(?:['’-](?!s\b)[^\W\d_]+)*|\d+|['’]s\b|[^\w\s]|_+")
KNOWN = "\x01"  # begins the word of a token that is known for something


@dataclass(frozen=True, slots=True)
class Tokens:
    """Columns of equal length: where each begins and ends, and its word."""

    starts: list[int]
    ends: list[int]
    words: list[str]


def tokens_of(text: str, start: int, known: Sequence[Span]) -> Tokens:
    """Of `text` from `start` on; `known`: sorted and disjoint."""
    starts: list[int] = []
    ends: list[int] = []
    words: list[str] = []
    at = start
    for span in (*known, None):
        stop = span.start if span is not None else len(text)
        for match in _TOKEN.finditer(text, at, stop):
            starts.append(match.start())
            ends.append(match.end())
            words.append(match[0])
        if span is not None:
            starts.append(span.start)
            ends.append(span.end)
            words.append(KNOWN + span.type)
            at = span.end
    return Tokens(starts, ends, words)
