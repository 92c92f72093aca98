"""Texts that are about to be stored, without what must not be."""

from collections.abc import Callable, Sequence

from triops.lenses.llmops.guards.passage import Passage
from triops.lenses.llmops.guards.screen import Screen

_PIECE = 2048  # characters


def redactor(types: Sequence[str] | None, secrets: bool = True) -> Callable[[str], str]:
    """A function that replaces personal data of these types (empty: all; None: none) and secrets by their types in
    brackets. It keeps nothing between calls. Raises: Invalid for an unknown type."""
    spec: dict[str, object] = {"on": ["output"]}
    if types is not None:
        spec["pii"] = {"types": list(types), "action": "redact"}
    if secrets:
        spec["secrets"] = {"action": "redact"}
    screen = Screen({"redaction": spec}, "output")

    def redact(text: str) -> str:
        if not screen.reads:
            return text
        passage = Passage(screen, look_ahead=_PIECE, batch=1)
        if len(text) <= _PIECE:
            whole = passage.whole(text)[0]
            return whole if passage.changed else text
        out = [passage.feed(text[at : at + _PIECE])[0] for at in range(0, len(text), _PIECE)]
        out.append(passage.end()[0])
        return "".join(out) if passage.changed else text

    return redact
