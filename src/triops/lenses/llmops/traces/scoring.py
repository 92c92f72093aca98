"""Taking scores: what they must be, and where they go."""

import math
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.ledger.scores.scores import Score, Scores
from triops.ports.clock import Clock

_NAME, _TEXT, _COMMENT = 200, 2_000, 10_000
_SOURCES = ("api", "user", "annotation", "eval")
MOST = 1000  # of one request


Cleaner = Callable[[ProjectId], Awaitable[Callable[[str], str] | None]]


@dataclass(frozen=True, slots=True)
class Scoring:
    """`cleaner`: what of a project's texts may be stored; None: all."""

    scores: Scores
    clock: Clock
    cleaner: Cleaner

    async def add(self, project: ProjectId, given: Sequence[Mapping[str, Any]], author: str) -> Sequence[Score]:
        """All or none. Raises: Invalid that names the field."""
        if len(given) > MOST:
            raise Invalid("too many scores at once", field="scores", got=len(given), expected=f"at most {MOST}")
        scores = [self.score(one, author) for one in given]
        if (clean := await self.cleaner(project)) is not None:
            scores = [replace(s, string_value=clean(s.string_value), comment=clean(s.comment)) for s in scores]
        await self.scores.put(project, scores)
        return scores

    def score(self, given: Mapping[str, Any], author: str) -> Score:
        """Raises: Invalid that names the field."""
        trace, span = _hex(given, "trace", 32), _hex(given, "span", 16)
        session = _text(given, "session", 256)
        if not trace and not session:
            raise Invalid("a score is of a trace or of a session", field="trace", expected="32 hexadecimal digits")
        if span and not trace:
            raise Invalid("a span's score needs its trace", field="trace", expected="32 hexadecimal digits")
        value, text = given.get("value"), _text(given, "string_value", _TEXT)
        if isinstance(value, bool):
            value = float(value)
        if isinstance(value, str) and not text:
            value, text = None, _text(given, "value", _TEXT)
        if value is not None and not _finite(value):
            raise Invalid("not a score's value", field="value", got=value, expected="a number, a boolean or a text")
        if value is None and not text:
            raise Invalid("a score has a value", field="value", expected="a number, a boolean or a text")
        name = _text(given, "name", _NAME)
        if not name:
            raise Invalid("a score has a name", field="name", expected="a text")
        source = _text(given, "source", 40).lower() or "api"
        if source not in _SOURCES:
            raise Invalid("not a source", field="source", got=source, expected=", ".join(_SOURCES))
        at = given.get("at")
        if at is not None and (isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < 2**40):
            raise Invalid("not a time", field="at", got=at, expected="unix seconds")
        return Score(
            id=_text(given, "id", 200) or uuid.uuid4().hex,
            name=name,
            at=float(at) if at is not None else self.clock.now(),
            trace=trace,
            span=span,
            session=session,
            value=None if value is None else float(value),
            string_value=text,
            comment=_text(given, "comment", _COMMENT),
            source=source,
            author=author,
        )


def _finite(value: Any) -> bool:
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def _text(given: Mapping[str, Any], field: str, most: int) -> str:
    value = given.get(field)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > most:
        raise Invalid("not a text of this length", field=field, got=value, expected=f"at most {most} characters")
    return value.encode("utf-8", "replace").decode()


def _hex(given: Mapping[str, Any], field: str, digits: int) -> str:
    value = _text(given, field, 200).lower().replace("-", "")
    if value and (len(value) != digits or any(digit not in "0123456789abcdef" for digit in value)):
        raise Invalid("not an id", field=field, got=value, expected=f"{digits} hexadecimal digits")
    return value
