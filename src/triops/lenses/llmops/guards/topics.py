"""Words and phrases that must not be spoken of. No regular expressions of users: one could take for ever to evaluate.

A phrase is words with white space between them; `*` in a word stands for any of its letters, at most twice: each more
would take thirty times as long. Case does not count.
"""

import re
from collections.abc import Sequence

from triops.kernel.errors import Invalid
from triops.lenses.llmops.guards.model import Span

PHRASES = 500
LENGTH = 100  # characters of a phrase
_ANY = 30  # letters that a `*` stands for
_STARS = 2  # of one word
_WORD = re.compile(r"\w+")
_PIECE = re.compile(r"\*+|\w+|[^\w\s*]+|\s+")


class Topics:
    """`longest`: the most characters that a match can have."""

    def __init__(self, phrases: Sequence[str]) -> None:
        if len(phrases) > PHRASES:
            raise Invalid("too many phrases", field="topics.deny", got=len(phrases), expected=f"at most {PHRASES}")
        self._by_word: dict[str, list[re.Pattern[str]]] = {}
        self._wild: list[re.Pattern[str]] = []
        self.longest = 0
        for number, phrase in enumerate(phrases):
            text = phrase.strip()
            if len(text) > LENGTH or not _WORD.search(text):
                expected = f"words, at most {LENGTH} characters"
                raise Invalid("not a phrase", field=f"topics.deny[{number}]", got=phrase, expected=expected)
            if any(len(re.findall(r"\*+", word)) > _STARS for word in text.split()):
                expected = f"at most {_STARS} * in a word"
                raise Invalid("too many *", field=f"topics.deny[{number}]", got=phrase, expected=expected)
            pattern = re.compile(r"(?<!\w)" + "".join(map(_part, _PIECE.findall(text))) + r"(?!\w)", re.I)
            first = _WORD.match(text)
            if first is None or text[first.end() : first.end() + 1] == "*":
                self._wild.append(pattern)
            else:
                self._by_word.setdefault(first[0].lower(), []).append(pattern)
            self.longest = max(self.longest, len(text) + text.count("*") * _ANY + text.count(" ") * 3)

    def spans(self, text: str, start: int = 0) -> list[Span]:
        """Disjoint and sorted, of those that begin at `start` or later."""
        found = [match.span() for pattern in self._wild for match in pattern.finditer(text, start)]
        if self._by_word and not self._by_word.keys().isdisjoint(_WORD.findall(text.lower(), start)):
            for word in _WORD.finditer(text, start):
                for pattern in self._by_word.get(word[0].lower(), ()):
                    match = pattern.match(text, word.start())
                    if match is not None:
                        found.append(match.span())
        spans: list[Span] = []
        for begin, end in sorted(found):
            if spans and begin < spans[-1].end:
                spans[-1] = Span(spans[-1].start, max(end, spans[-1].end), "TOPIC")
            else:
                spans.append(Span(begin, end, "TOPIC"))
        return spans


def _part(piece: str) -> str:
    if piece[0] == "*":
        return rf"\w{{0,{_ANY}}}"
    return r"\s{1,4}" if piece.isspace() else re.escape(piece)
