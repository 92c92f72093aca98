"""What is looked for in one direction of one route, and what is done with what is found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triops.lenses.llmops.guards.cuts import plain_cuts
from triops.lenses.llmops.guards.model import STRENGTH, Act, Finding, Span
from triops.lenses.llmops.guards.pii import TYPES, Pii, Reading
from triops.lenses.llmops.guards.secrets import secrets_in
from triops.lenses.llmops.guards.topics import Topics

TOKEN_CHARS = 4  # of a token, roughly


@dataclass(frozen=True, slots=True)
class Hit:
    span: Span
    rule: str
    action: Act

    def finding(self, where: str) -> Finding:
        return Finding(self.rule, self.span.type, where, self.action)


@dataclass(frozen=True, slots=True)
class Size:
    rule: str
    max_chars: int
    action: Act


class Screen:
    """The rules of several guards, for texts that go the way of `where` (`input` or `output`)."""

    def __init__(self, specs: Mapping[str, Mapping[str, Any]], where: str) -> None:
        self.where = where
        self.sizes: list[Size] = []
        self._finders: list[tuple[str, Act, Callable[[str, int], list[Span]]]] = []
        self._margin = 0
        pii: dict[str, tuple[str, Act]] = {}
        for name, spec in specs.items():
            if where not in spec.get("on", ("input", "output")):
                continue
            if "secrets" in spec:
                action = spec["secrets"].get("action", "redact")
                self._finders.append((f"{name}.secrets", action, secrets_in))
            if "topics" in spec:
                topics = Topics(spec["topics"]["deny"])
                self._margin = max(self._margin, topics.longest)
                self._finders.append((f"{name}.topics", spec["topics"].get("action", "block"), topics.spans))
            if "size" in spec:
                self.sizes.append(_size(name, spec["size"]))
            for type_ in spec["pii"].get("types") or TYPES if "pii" in spec else ():
                action = spec["pii"].get("action", "redact")
                if type_ not in pii or STRENGTH[action] > STRENGTH[pii[type_][1]]:
                    pii[type_] = (f"{name}.pii", action)
        self._finders.sort(key=lambda finder: -STRENGTH[finder[1]])
        self._types = pii
        self._pii = Pii(tuple(pii)) if pii else None
        actions = {action for _, action, _ in self._finders} | {action for _, action in pii.values()}
        self.reads = bool(actions)
        self.holds = bool(actions - {"flag"})

    def __bool__(self) -> bool:
        return self.reads or bool(self.sizes)

    def look(self, text: str, start: int = 0, before: tuple[str, ...] = ()) -> "Look":
        """At what begins at `start` or later. `before`: as the look at what was before it says."""
        every = [Hit(span, rule, action) for rule, action, find in self._finders for span in find(text, start)]
        reading = Reading([])
        if self._pii is not None:
            reading = self._pii.read(text, start, before)
            every += [Hit(span, *self._types[span.type]) for span in reading.spans]
        return Look(text, start, _disjoint(text, every), reading, self._margin)


@dataclass(frozen=True, slots=True)
class Look:
    """`hits`: sorted and disjoint. Of two that overlap, the stronger stays whole, and what the other has beside it."""

    text: str
    start: int
    hits: list[Hit]
    _reading: Reading
    _margin: int

    def cut(self) -> int:
        """The last place up to which all is decided, whatever follows; `start` where there is none."""
        limit = len(self.text) - self._margin
        places = [place for place in plain_cuts(self.text, self.start) if place <= limit]
        if not places:
            return self.start
        decided = self._reading.decided(places[-1])
        for place in reversed(places):
            if decided(place) and not any(hit.span.start < place < hit.span.end for hit in self.hits):
                return place
        return self.start

    def before(self, cut: int) -> tuple[str, ...]:
        """What the look from `cut` on must be given."""
        return self._reading.before(cut)


def _disjoint(text: str, hits: list[Hit]) -> list[Hit]:
    if len(hits) < 2:
        return hits
    hits.sort(key=lambda hit: -STRENGTH[hit.action])  # stable: of equals in the order that they were looked for
    kept: list[Hit] = []
    for hit in hits:
        kept += _beside(text, hit, kept)
    kept.sort(key=lambda hit: hit.span.start)
    return kept


def _size(name: str, spec: Mapping[str, Any]) -> Size:
    bounds = [spec["max_chars"]] if "max_chars" in spec else []
    bounds += [spec["max_tokens"] * TOKEN_CHARS] if "max_tokens" in spec else []
    return Size(f"{name}.size", min(bounds), spec.get("action", "block"))


def _beside(text: str, hit: Hit, others: Sequence[Hit]) -> list[Hit]:
    """What of a hit no other covers, where that still says something."""
    pieces = [hit.span]
    for other in others:
        covered = other.span
        if covered.start < hit.span.end and hit.span.start < covered.end:
            pieces = [
                Span(begin, end, hit.span.type)
                for piece in pieces
                for begin, end in (
                    (piece.start, min(piece.end, covered.start)),
                    (max(piece.start, covered.end), piece.end),
                )
                if begin < end and any(map(str.isalnum, text[begin:end]))
            ]
    return [Hit(piece, hit.rule, hit.action) if piece is not hit.span else hit for piece in pieces]
