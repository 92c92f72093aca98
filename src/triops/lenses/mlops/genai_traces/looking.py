"""Whether a trace has a span of which all clauses about spans are true."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from triops.kernel.clause import Clause, Value
from triops.kernel.selector import check_regex
from triops.lenses.mlops.genai_traces.needles import may_hold, needles

_ATTRIBUTE = "attributes."


@dataclass(frozen=True, slots=True)
class SpanView:
    """A span as filters see it: its attributes as JSON texts, and the whole of it as one."""

    name: str
    type: str | None
    status: str
    attributes: Mapping[str, str]
    text: Callable[[], str]


Views = Callable[[str, Sequence[bytes]], Sequence[SpanView]]  # of a trace's id and its spans' bytes


def looker(clauses: Sequence[Clause], views: Views) -> Callable[[str, Sequence[bytes]], bool]:
    """Raises: Invalid for a pattern that could hold the process."""
    own = [clause for clause in clauses if clause.kind == "span"]
    for clause in own:
        if clause.comparator == "RLIKE":
            check_regex(str(clause.value))

    wanted = needles(own)

    def looks(trace: str, bodies: Sequence[bytes]) -> bool:
        if wanted and not any(may_hold(body, wanted) for body in bodies):
            return False
        return any(all(_true(clause, view) for clause in own) for view in views(trace, bodies))

    return looks


def _true(clause: Clause, view: SpanView) -> bool:
    key = clause.key
    if key == "content":
        return _compared(view.text(), clause.comparator, clause.value)
    if not key.startswith(_ATTRIBUTE):
        found = {"name": view.name, "type": view.type, "status": view.status}.get(key)
        return found is not None and _compared(found, clause.comparator, clause.value)
    name = key.removeprefix(_ATTRIBUTE).strip("`")
    text = view.attributes.get(name)
    if text is None:
        return False
    plain = _plain(text)
    if clause.comparator in ("!=", "NOT IN"):
        return _compared(text, clause.comparator, clause.value) and _compared(plain, clause.comparator, clause.value)
    return _compared(plain, clause.comparator, clause.value) or _compared(text, clause.comparator, clause.value)


def _plain(text: str) -> str:
    """A text without the quotes of JSON."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str) else text


def _compared(found: str, comparator: str, value: Value) -> bool:
    if comparator in ("IN", "NOT IN"):
        return (found in (value if isinstance(value, tuple) else ())) == (comparator == "IN")
    wanted = str(value)
    if comparator == "=":
        return found == wanted
    if comparator == "!=":
        return found != wanted
    if comparator == "RLIKE":
        return re.search(wanted, found) is not None
    return like(wanted, found, folds=comparator == "ILIKE")


def like(pattern: str, text: str, *, folds: bool) -> bool:
    """SQL's LIKE: `%` is anything, `_` one character. Each piece between `%` is looked for once, from where the last
    one ended, so that no pattern takes long."""
    pieces, open_end = _pieces(pattern, folds), pattern.endswith("%")
    at = 0
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        if number == 0:
            match = piece.match(text)
            if match is not None and last and not open_end and match.end() != len(text):
                match = None
        elif last and not open_end:
            size = piece.length
            match = piece.match(text, len(text) - size) if len(text) - size >= at else None
        else:
            match = piece.search(text, at)
        if match is None:
            return False
        at = match.end()
    return True


@dataclass(frozen=True, slots=True)
class _Piece:
    pattern: re.Pattern[str]
    length: int  # of what it matches

    def match(self, text: str, at: int = 0) -> re.Match[str] | None:
        return self.pattern.match(text, at)

    def search(self, text: str, at: int) -> re.Match[str] | None:
        return self.pattern.search(text, at)


@lru_cache(maxsize=64)
def _pieces(pattern: str, folds: bool) -> tuple[_Piece, ...]:
    flags = re.DOTALL | (re.IGNORECASE if folds else 0)
    return tuple(
        _Piece(re.compile("".join("." if c == "_" else re.escape(c) for c in piece), flags), len(piece))
        for piece in re.split("%+", pattern)
    )
