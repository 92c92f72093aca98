"""JSON as a text in which names and numbers can be found, and from which they can be taken so that JSON is left."""

import re
from collections.abc import Iterator

_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.S)
_NUMBER = frozenset("0123456789.+-eE")


class JsonText:
    """`text` from `begin` on, which is not inside an escape. `seen`: of the same length, with letters for escaped
    letters and spaces for what else is escaped. `quoted`: whether `begin` is within a string."""

    def __init__(self, text: str, begin: int, quoted: bool) -> None:
        self._text = text
        self._inner: set[int] = set()  # places inside an escape
        self._at = begin
        self.quoted = quoted
        self.seen = text[:begin] + _ESCAPE.sub(self._shown, text[begin:]) if "\\" in text else text
        self._inner = {begin + place for place in self._inner}

    def _shown(self, match: re.Match[str]) -> str:
        start, end = match.span()
        self._inner.update(range(start + 1, end))
        letter = end - start > 2 and chr(int(match[0][2:], 16)).isalpha()
        return ("x" if letter else " ") * (end - start)

    def outside(self, place: int) -> int:
        """The place, or the one before the escape that it is in."""
        while place in self._inner:
            place -= 1
        return place

    def replaceable(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """What of a span can be replaced: parts within one string, and whole numbers (True: the mark needs quotation
        marks of its own). Spans are asked for in order."""
        start = self.outside(start)
        while end in self._inner:
            end += 1
        for begin, stop in self._between_quotes(start, end):
            self._pass(begin)
            if self.quoted:
                yield begin, stop, False
            elif _NUMBER.issuperset(self._text[begin:stop]):
                while begin > 0 and self._text[begin - 1] in _NUMBER:
                    begin -= 1
                while stop < len(self._text) and self._text[stop] in _NUMBER:
                    stop += 1
                yield begin, stop, True

    def _between_quotes(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        begin = start
        while begin < end:
            quote = self.seen.find('"', begin, end)
            stop = end if quote < 0 else quote
            if any(map(str.isalnum, self.seen[begin:stop])):
                yield begin, stop
            begin = stop + 1

    def _pass(self, place: int) -> None:
        if place > self._at:
            self.quoted ^= self.seen.count('"', self._at, place) % 2 == 1
            self._at = place

    def quoted_at(self, place: int) -> bool:
        """Whether a place after all that was asked for is within a string."""
        self._pass(place)
        return self.quoted
