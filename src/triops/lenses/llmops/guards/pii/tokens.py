"""A text as words, runs of digits and signs. What is already known for something is one token of its type."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from triops.lenses.llmops.guards.model import Span

_TOKEN = re.compile(r"\n[\s]*|[^\W\d_]+(?:['’-](?!s\b)[^\W\d_]+)*|\d+|['’]s\b|[^\w\s]|_+")
REACH = 4  # words to each side that the tagger sees
NOTHING = 0  # the label of a token that is nothing
KNOWN = "\x01"  # begins the word of a token that is known for something


@dataclass(frozen=True, slots=True)
class Tokens:
    """Columns of equal length: where each begins and ends, and its word."""

    starts: list[int]
    ends: list[int]
    words: list[str]


def tokens_of(text: str, start: int, known: Sequence[Span]) -> Tokens:
    """Of `text` from `start` on; `known`: sorted and disjoint."""
    if not known:
        spans = [match.span() for match in _TOKEN.finditer(text, start)]
        return Tokens([a for a, _ in spans], [b for _, b in spans], [text[a:b] for a, b in spans])
    starts: list[int] = []
    ends: list[int] = []
    words: list[str] = []
    at = start
    for span in known:
        between = [match.span() for match in _TOKEN.finditer(text, at, span.start)]
        starts += [a for a, _ in between]
        ends += [b for _, b in between]
        words += [text[a:b] for a, b in between]
        starts.append(span.start)
        ends.append(span.end)
        words.append(KNOWN + span.type)
        at = span.end
    rest = tokens_of(text, at, ())
    return Tokens(starts + rest.starts, ends + rest.ends, words + rest.words)
