"""Values redacted in turns: every text within them, also where JSON is in a text."""

from typing import Any, Final, Protocol

import orjson

from triops.lenses.llmops.guards.texts import Steps, StepsTo

CUT: Final = "…"
_DEPTH: Final = 16
_NAME: Final = 24  # characters of a member's name that needs no look where it is a plain word


class Redact(Protocol):
    def __call__(self, text: str) -> str: ...

    def steps(self, text: str, cut: bool = False) -> StepsTo[str]: ...


def cleaned(value: Any, redact: Redact, *, cut: bool = False, depth: int = 0) -> Steps:
    """`value` itself, or an equal one, where nothing goes. `cut`: texts that end in an ellipsis may have been cut."""
    if isinstance(value, str):
        return (yield from _text(value, redact, cut, depth))
    if not isinstance(value, list | dict):
        return value
    if depth >= _DEPTH:
        return None
    if isinstance(value, list):
        some: list[Any] = []
        for one in value:
            some.append((yield from cleaned(one, redact, cut=cut, depth=depth + 1)))
        return some
    members: dict[str, Any] = {}
    for name, one in value.items():
        if not (len(name) <= _NAME and name.isidentifier()):
            name = redact(name)
        members[name] = yield from cleaned(one, redact, cut=cut, depth=depth + 1)
    return members


def _text(text: str, redact: Redact, cut: bool, depth: int) -> Steps:
    if text[:1] in ("{", "[", '"') and depth < _DEPTH:
        try:
            inner = orjson.loads(text)
        except orjson.JSONDecodeError:
            pass
        else:
            clean = yield from cleaned(inner, redact, cut=cut, depth=depth + 1)
            return text if clean == inner else orjson.dumps(clean).decode()
    if cut and text.endswith(CUT):
        return (yield from redact.steps(text[: -len(CUT)], True)) + CUT
    return (yield from redact.steps(text))
