"""Addresses by their parts: one that stands in lines of its own (a label, a record) is street, place and code apart, as
each line is a field there. In a sentence, or as the value of a label ("Address: …"), it is one thing.
"""

import re
from collections.abc import Callable, Iterator

from triops.lenses.llmops.guards.model import Span
from triops.lenses.llmops.guards.patterns import LOOK_BEHIND
from triops.lenses.llmops.guards.pii.gazetteer import COUNTRY, STATE, STREET

_WORD = re.compile(r"[^\W\d_]+")
_PLACE = re.compile(r"[^\W_](?:[^,\n]*[^\W_)])?")
_LINE = re.compile(r"[^\W_](?:[^\n]*[^\W_.)])?\.?")
_UNIT = re.compile(r"(?i)\b(?:ap(?:t|artment)|su?i?te|unit|fl(?:at|oor)|room|building|bldg|box|lot|block)\b|#|º|°")
_CODE = (
    r"(?:\d{5}(?:-\d{3,4})?|\d{4}(?: ?[A-Z]{2})?|\d{3}[ -]\d{2,4}|\d{2}-\d{3}|\d{6}"
    r"|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|[A-Z]\d{2} ?[A-Z\d]{4})"
)
_ONLY_CODE = re.compile(_CODE)
_CODE_FIRST = re.compile(rf"({_CODE})[ ,]+(?=\D+$)")
_CODE_LAST = re.compile(rf"(?<=[ ,.])({_CODE})$")


_BREAK = re.compile(r"[.,;]?[ \t]*\n[ \t]*")  # within an address, after a street that is shortened ("St.")


def goes_on(text: str, end: int, start: int) -> bool:
    """Whether what begins at `start` is the next line of the address that ends at `end`."""
    return _BREAK.fullmatch(text, end, start) is not None


def parts(text: str, address: Span, lists: Callable[[str], int]) -> list[Span]:
    """The findings that an address makes: several where it begins a line. `lists`: of a word, as a Gazetteer says."""
    if not _begins_line(text, address.start):
        return [address]
    lines = [match.span() for match in _LINE.finditer(text, address.start, address.end)]
    found = [part for n, (start, end) in enumerate(lines) for part in _of_line(text, start, end, n == 0, lists)]
    return found or [address]


def _begins_line(text: str, start: int) -> bool:
    """Whether nothing but signs is before it, and no label in the line before."""
    before = text[max(0, start - LOOK_BEHIND) : start]
    head, _, line = before.rpartition("\n")
    return not any(map(str.isalnum, line)) and not (head + line).rstrip().endswith(":")


def _of_line(text: str, start: int, end: int, first: bool, lists: Callable[[str], int]) -> Iterator[Span]:
    line = text[start:end]
    if _ONLY_CODE.fullmatch(line) and not first:
        yield Span(start, end, "ZIP_CODE")
        return
    code = _CODE_FIRST.match(line) or _CODE_LAST.search(line)
    begin, stop = code.span(1) if code else (len(line), len(line))
    place = (line[stop:] if begin == 0 else line[:begin]).strip()
    if not _is_place(place, first, bool(code), lists):
        yield Span(start, end, "STREET_ADDRESS")
        return
    if code and begin == 0:
        yield Span(start, start + stop, "ZIP_CODE")
    after = start + stop if begin == 0 else start
    until = end if begin == 0 else start + begin
    yield from (Span(*match.span(), "GPE") for match in _PLACE.finditer(text, after, until))
    if code and begin > 0:
        yield Span(start + begin, end, "ZIP_CODE")


def _is_place(name: str, first: bool, code: bool, lists: Callable[[str], int]) -> bool:
    words = _WORD.findall(name)
    if not words or any(map(str.isdecimal, name)) or _UNIT.search(name):
        return False
    if first:  # where a street is, but for a country or a state alone
        return all(lists(word) & (COUNTRY | STATE) for word in words)
    return not (code and lists(words[-1]) & STREET and not lists(words[-1]) & (COUNTRY | STATE))
