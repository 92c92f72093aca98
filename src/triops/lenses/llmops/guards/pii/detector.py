"""Personal data of chosen types, and up to where of a growing text that is decided."""

from collections.abc import Collection

from triops.kernel.errors import Invalid
from triops.lenses.llmops.guards.model import Span
from triops.lenses.llmops.guards.patterns import matches
from triops.lenses.llmops.guards.pii.dates import DATES
from triops.lenses.llmops.guards.pii.internet import INTERNET
from triops.lenses.llmops.guards.pii.numbers import OFFICIAL, POSTAL, TELEPHONES

_STRUCTURED = (*INTERNET, *OFFICIAL, *DATES, *TELEPHONES, *POSTAL)
TYPES = tuple(dict.fromkeys(pattern.type for pattern in _STRUCTURED))


class Pii:
    """`types` empty: all. Raises: Invalid for a type that is not known."""

    def __init__(self, types: Collection[str] = ()) -> None:
        unknown = sorted(set(types) - set(TYPES))
        if unknown:
            raise Invalid("no such type of personal data", field="types", got=unknown[0], expected=", ".join(TYPES))
        self.types = frozenset(types) or frozenset(TYPES)

    def spans(self, text: str, start: int = 0) -> list[Span]:
        """Sorted and disjoint, of those that begin at `start` or later."""
        found = matches(_STRUCTURED, text, start, None)
        return [span for span in found if span.type in self.types]
