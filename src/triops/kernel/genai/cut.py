"""JSON of messages that somebody cut off at a length: what there is of it."""

import re
from collections.abc import Iterator
from typing import Any

import orjson

_DEPTH = 64
_LEAST = 100  # characters: nobody cuts shorter, and people write odd brackets
_CLOSING = {"{": "}", "[": "]"}
_MARK = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}"]', re.DOTALL)  # a whole text, a bracket, or where one begins to no end
_SAID = re.compile(r'"(?:[^"\\]|\\u[0-9a-fA-F]{4}|\\[^u])*')
_HALF = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}$")  # of a character


def loads_cut(text: str) -> Any:
    """The object or list, the text in which it was cut ended by "…". `text` itself where it is none, or is broken
    otherwise."""
    if len(text) < _LEAST:
        return text
    open_: list[str] = []
    whole = (0, 0)  # the last whole text
    for mark in _MARK.finditer(text):
        one = mark[0]
        if one in _CLOSING:
            open_.append(one)
        elif one in ("]", "}"):
            if _CLOSING[open_.pop()] != one:
                return text
        elif one == '"' and open_:
            text = _ended(text, mark.start(), open_[-1] == "{")
            break
        else:
            whole = mark.span()
        if not open_:
            return text
    if len(open_) > _DEPTH:
        return text
    closing = "".join(_CLOSING[one] for one in reversed(open_))
    for kept in _without_loose_ends(text, *whole):
        try:
            return orjson.loads(kept.rstrip().removesuffix(",") + closing)
        except orjson.JSONDecodeError:
            continue
    return text


def _ended(text: str, start: int, in_object: bool) -> str:
    before = text[:start].rstrip()
    if in_object and before[-1:] in ("{", ","):
        return before  # it was a name
    said = _SAID.match(text, start)
    return f'{_HALF.sub("", text[: said.end() if said else start])}…"'


def _without_loose_ends(text: str, start: int, end: int) -> Iterator[str]:
    """As it is; without a bare value at its end; without a name that has no value. `start`, `end`: of the last text."""
    yield text
    comma = text.rfind(",", end)
    if comma > 0:
        yield text[:comma]
    yield text[:start]
