"""Texts that are about to be stored, without what must not be."""

from collections.abc import Sequence

from triops.lenses.llmops.guards.passage import LOOK_AHEAD, Passage
from triops.lenses.llmops.guards.screen import Screen
from triops.lenses.llmops.guards.texts import StepsTo, drained

_PIECE = 2048  # characters
_LEAST = 256  # characters that a look at fewer costs as much as


class Redactor:
    """Replaces personal data of these types (empty: all; None: none) and secrets by their types in brackets. It keeps
    nothing between texts. Raises: Invalid for an unknown type."""

    def __init__(self, types: Sequence[str] | None, secrets: bool = True) -> None:
        spec: dict[str, object] = {"on": ["output"]}
        if types is not None:
            spec["pii"] = {"types": list(types), "action": "redact"}
        if secrets:
            spec["secrets"] = {"action": "redact"}
        self._screen = Screen({"redaction": spec}, "output")

    def __call__(self, text: str) -> str:
        """At once."""
        return drained(self.steps(text))

    def steps(self, text: str, cut: bool = False) -> StepsTo[str]:
        """In turns of 2 kB. `cut`: it went on where it ends, so its last words, which may be the beginning of anything,
        go too."""
        if not self._screen.reads:
            return text
        passage = Passage(self._screen, look_ahead=_PIECE, batch=1)
        if len(text) <= _PIECE and not cut:
            whole = passage.whole(text)[0]
            yield max(len(text), _LEAST)
            return whole if passage.changed else text
        out: list[str] = []
        for at in range(0, len(text), _PIECE):
            out.append(passage.feed(text[at : at + _PIECE])[0])
            yield _PIECE
        rest = passage.end()[0]
        out.append(rest[:-LOOK_AHEAD] if cut else rest)
        return "".join(out) if passage.changed or cut else text
