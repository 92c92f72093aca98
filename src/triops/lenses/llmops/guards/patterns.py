"""One thing that a regular expression finds, what else must hold of it, and where it ends.

Patterns hold two promises that streams stand on: a match never crosses white space that follows a plain lower-case
word (`cuts.py`), and it looks at most `LOOK_BEHIND` characters behind its start. Their quantifiers are bounded, so that
a text is read in time linear in its length.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from triops.lenses.llmops.guards.model import Span

LOOK_BEHIND = 64  # characters
Check = Callable[[str, int, int], int]  # (text, start, end) → where it ends, 0 where it is none
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """`needs`: strings of which one must be in the text, or it is not searched at all; `hints`: the same, in lower
    case, whatever case the text is in. `context`: lower-case words of which one must stand in the `LOOK_BEHIND`
    characters before. `group`: what of the match is the thing. `gate`: is found faster, and
    in every match.

    An expression that begins with a set of characters is searched for several times faster than one that begins with a
    look behind, so these look behind after their first character.
    """

    type: str
    regex: re.Pattern[str]
    check: Check | None = None
    needs: Words = ()
    context: Words = ()
    hints: Words = ()
    group: int = 0
    gate: re.Pattern[str] | None = None


def near(text: str, start: int, words: Words) -> bool:
    """Whether one of the words stands shortly before."""
    before = text[max(0, start - LOOK_BEHIND) : start].lower()
    return any(word in before for word in words)


def matches(patterns: Sequence[Pattern], text: str, start: int, types: Collection[str] | None) -> list[Span]:
    """Spans from `start` on, sorted and disjoint; where two overlap, the one of the earlier pattern stays."""
    found: list[Span] = []
    lower = text.lower()
    there: dict[Words, bool] = {(): True}  # what several patterns need is looked for once
    for pattern in patterns:
        if types is not None and pattern.type not in types:
            continue
        if not _any(pattern.needs, text, there) or not _any(pattern.hints or pattern.context, lower, there):
            continue
        if pattern.gate is not None and not pattern.gate.search(text, start):
            continue
        for span in _found(pattern, text, start):
            if not any(span.start < other.end and other.start < span.end for other in found):
                found.append(span)
    if len(found) > 1:
        found.sort(key=lambda span: span.start)
    return found


def _any(words: Words, text: str, there: dict[Words, bool]) -> bool:
    known = there.get(words)
    if known is None:
        known = there[words] = any(word in text for word in words)
    return known


def _found(pattern: Pattern, text: str, start: int) -> Iterator[Span]:
    for match in pattern.regex.finditer(text, start):
        begin, end = match.span(pattern.group)
        if pattern.context and not near(text, begin, pattern.context):
            continue
        if pattern.check is not None:
            end = pattern.check(text, begin, end)
        if end > begin:
            yield Span(begin, end, pattern.type)
