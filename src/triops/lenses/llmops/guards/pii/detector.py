"""Personal data of chosen types in a text, and which of its words are decided whatever follows them."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from triops.kernel.errors import Invalid
from triops.lenses.llmops.guards.model import Span
from triops.lenses.llmops.guards.patterns import matches
from triops.lenses.llmops.guards.pii.addresses import goes_on, parts
from triops.lenses.llmops.guards.pii.known import DOUBTFUL, STRUCTURED
from triops.lenses.llmops.guards.pii.tokens import KNOWN, NOTHING, REACH, Tokens, tokens_of

if TYPE_CHECKING:
    from triops.lenses.llmops.guards.pii.gazetteer import Gazetteer
    from triops.lenses.llmops.guards.pii.tagger import Tagged, Tagger

ADDRESS = "STREET_ADDRESS"
NAMED = ("PERSON", ADDRESS, "GPE", "ORGANIZATION", "TITLE", "NRP", "AGE")
_BY_MODEL = frozenset((*NAMED, *DOUBTFUL))
_PHONE_DIGITS = 6
_SHORTENED = ("n't", "'ll", "'re", "'ve", "'m")  # ends of words that are nobody's name, however they begin ("Don't")
TYPES = tuple(dict.fromkeys((*NAMED, *(pattern.type for pattern in STRUCTURED))))


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in a text from some place on; sorted and disjoint. `tokens` is None where no names were looked
    for, so that nothing depends on neighbours. `sure`: which tokens are nothing whatever their neighbours are."""

    spans: list[Span]
    tokens: Tokens | None = None
    sure: Sequence[bool] = ()
    preceding: tuple[str, ...] = ()  # the words before the first token

    def before(self, cut: int) -> tuple[str, ...]:
        """The words that stand before a place: what reading on from there must be given."""
        if self.tokens is None:
            return ()
        words = [word for word, end in zip(self.tokens.words, self.tokens.ends, strict=True) if end <= cut]
        return (*self.preceding, *words)[-REACH:]

    def decided(self, settled: int) -> Callable[[int], bool]:
        """Whether a word ends at a place that is nothing for sure: whatever follows `settled`, up to where the tokens
        will stay as they are."""
        if self.tokens is None:
            return lambda place: True
        count = sum(1 for end in self.tokens.ends if end <= settled) - REACH - 1
        nothing = {self.tokens.ends[at] for at in range(max(0, count)) if self.sure[at]}
        return nothing.__contains__


class Pii:
    """`types` empty: all. Raises: Invalid for a type that is not known."""

    def __init__(self, types: Collection[str] = ()) -> None:
        unknown = sorted(set(types) - set(TYPES))
        if unknown:
            raise Invalid("no such type of personal data", field="types", got=unknown[0], expected=", ".join(TYPES))
        self.types = frozenset(types) or frozenset(TYPES)
        self._tagger = shipped() if needs_model(self.types) else None

    def read(self, text: str, start: int = 0, before: tuple[str, ...] = ()) -> Reading:
        """Of what begins at `start` or later. `before`: the words before it, the last of which was nothing."""
        known = matches(STRUCTURED, text, start, None)
        if self._tagger is None:
            return Reading([span for span in known if span.type in self.types])
        tokens = tokens_of(text, start, known)
        tagged = self._tagger.tag(tokens, before)
        spans = [
            span
            for span in self._by_parts(text, _joined(text, tokens, tagged, self._tagger.labels), self._tagger.gazetteer)
            if span.type in self.types and _sensible(span.type, text[span.start : span.end])
        ]
        return Reading(spans, tokens, tagged.sure, before)

    def _by_parts(self, text: str, spans: list[Span], gazetteer: "Gazetteer") -> Iterator[Span]:
        """A part of an address is of a type of its own where that is looked for."""
        for span in spans:
            for part in parts(text, span, gazetteer) if span.type == ADDRESS else (span,):
                yield part if part.type in self.types else Span(part.start, part.end, span.type)


def needs_model(types: Collection[str]) -> bool:
    """Whether any of these (empty: all) is found by the model of names."""
    return not types or not _BY_MODEL.isdisjoint(types)


@lru_cache(maxsize=1)
def shipped() -> "Tagger":
    """One for the whole process: it is some MB, and what it remembers of words serves all. Loaded, with numpy, when a
    guard first looks for names."""
    from triops.lenses.llmops.guards.pii.tagger import Tagger

    return Tagger.load()


def _sensible(type_: str, found: str) -> bool:
    """Whether it has what such a thing cannot be without."""
    if type_ == "PHONE_NUMBER":
        return sum(map(str.isdecimal, found)) >= _PHONE_DIGITS
    return type_ not in NAMED or type_ == "AGE" or any(map(str.isalpha, found))


def _stays(known: str, seen: str) -> bool:
    """Whether what is known of a token goes before what the tagger sees in it."""
    return not seen or known not in DOUBTFUL or (known == "TITLE" and seen == "PERSON")


def _shortened(word: str) -> bool:
    return not word.isalpha() and word.replace("’", "'").lower().endswith(_SHORTENED)


def _joined(text: str, tokens: Tokens, tagged: "Tagged", labels: Sequence[str]) -> list[Span]:
    """Runs of one label on one line (of an address: on several), with what is known for certain kept apart, and what
    only looks like something kept where the tagger sees nothing in it."""
    found: list[Span] = []
    last = ""
    for start, end, word, label in zip(tokens.starts, tokens.ends, tokens.words, tagged.labels, strict=True):
        type_ = labels[label]
        if (label == NOTHING and word[0] != KNOWN) or _shortened(word) or (word[0] == "\n" and type_ != ADDRESS):
            last = ""
            continue
        if word[0] == KNOWN and _stays(word[1:], type_):
            type_ = word[1:]
        if found and (type_ == last or (type_ == ADDRESS == found[-1].type and goes_on(text, found[-1].end, start))):
            found[-1] = Span(found[-1].start, end, type_)
        else:
            found.append(Span(start, end, type_))
        last = "" if word[0] == KNOWN and word[1:] not in DOUBTFUL else type_
    return found
