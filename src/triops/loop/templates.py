"""Filling a runbook's effect with facts of an incident: strict look-ups, and values that stay data.

`{{entity.name}}`, `{{change.details.from}}`: dotted look-ups only. What is inserted is never read again as a template
(neither here nor by an actuator that has its own `{{env:NAME}}`), is percent-encoded within a URL, and cannot become an
option of a command. `{{env:NAME}}` that the author wrote is left for the actuator.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from triops.kernel.errors import Invalid

ROOTS = ("entity", "change", "incident")
_ANY = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_LOOKUP = re.compile(r"\s*([a-z]+(?:\.[A-Za-z0-9_-]{1,64}){1,6})\s*")
_ENV = re.compile(r"\s*env:[A-Za-z_][A-Za-z0-9_]*\s*")
_VALUE = 4096  # characters of one inserted value


def check(value: Any, field: str) -> None:
    """Whether every template in a spec can be understood. Raises: Invalid with the path."""
    for path, text in _texts(value, field):
        for match in _ANY.finditer(text):
            lookup = _LOOKUP.fullmatch(match[1])
            if not _ENV.fullmatch(match[1]) and (lookup is None or lookup[1].partition(".")[0] not in ROOTS):
                expected = "{{entity.…}}, {{change.…}}, {{incident.…}} or {{env:NAME}}"
                raise Invalid("not a template that is known", field=path, got=match[0], expected=expected)


def render(value: Any, facts: Mapping[str, Any], field: str = "effect", *, command: bool = False) -> Any:
    """`value` with its templates filled. A text that is one template alone takes the fact's own type (as text for a
    command). Raises: Invalid with the path, for a fact that is missing, no plain value, or not safe to insert."""
    if isinstance(value, str):
        return _filled(value, facts, field, command)
    if isinstance(value, Mapping):
        return {key: render(item, facts, f"{field}.{key}", command=command) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [render(item, facts, f"{field}[{n}]", command=command) for n, item in enumerate(value)]
    return value


def _filled(text: str, facts: Mapping[str, Any], field: str, command: bool) -> Any:
    whole = _ANY.fullmatch(text)
    if whole and (lookup := _LOOKUP.fullmatch(whole[1])):
        value = _fact(lookup[1], facts, field)
        if command:
            shown = str(value)
            if shown.startswith("-"):
                raise Invalid("a value that would be read as an option", field=field, got=shown)
            return shown
        return value
    in_url = re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", text) is not None

    def fill(match: re.Match[str]) -> str:
        lookup = _LOOKUP.fullmatch(match[1])
        if lookup is None:
            return match[0]  # the actuator's own
        shown = str(_fact(lookup[1], facts, field))
        return quote(shown, safe="") if in_url else shown

    filled = _ANY.sub(fill, text)
    if command and filled.startswith("-") and not text.startswith("-"):
        raise Invalid("a value that would be read as an option", field=field, got=filled)
    return filled


def _fact(path: str, facts: Mapping[str, Any], field: str) -> Any:
    value: Any = facts
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise Invalid(f"there is no {path}", field=field, got="{{" + path + "}}")
        value = value[name]
    if value is None or not isinstance(value, str | int | float | bool):
        raise Invalid(f"{path} is no plain value", field=field, got=type(value).__name__, expected="text or a number")
    if isinstance(value, str):
        if "{{" in value or "}}" in value:
            raise Invalid(f"{path} holds a template itself, which is never read", field=field, got=value)
        if len(value) > _VALUE or any(ord(c) < 32 or ord(c) == 127 for c in value):
            raise Invalid(f"{path} is not one line of at most {_VALUE} characters", field=field, got=value)
    return value


def _texts(value: Any, field: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{field}.{key}")
    elif isinstance(value, list | tuple):
        for n, item in enumerate(value):
            yield from _texts(item, f"{field}[{n}]")
