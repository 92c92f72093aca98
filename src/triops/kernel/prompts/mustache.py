"""`{{name}}` templates, by the rules that MLflow's and Langfuse's clients share.

A variable is an identifier, or several joined by dots, with spaces around it or none; anything else between braces is
text, as are single braces. There is no escaping: of `{{{name}}}` the outer braces stay. A value is inserted once and
never read as a template. `a.b` is the variable of that name, else the member `b` of the object `a`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from triops.kernel.errors import Invalid

_VARIABLE: Final = re.compile(r"\{\{\s*([a-zA-Z_][a-zA-Z0-9_]*(?:\.[a-zA-Z_][a-zA-Z0-9_]*)*)\s*\}\}")

Parts = Sequence[tuple[str, str]]  # text, then the variable that follows it ("" at the end)


def parts_of(text: str) -> Parts:
    parts, at = [], 0
    for match in _VARIABLE.finditer(text):
        parts.append((text[at : match.start()], match[1]))
        at = match.end()
    if at < len(text) or not parts:
        parts.append((text[at:], ""))
    return tuple(parts)


def names_in(parts: Parts) -> list[str]:
    return list(dict.fromkeys(name for _, name in parts if name))


def filled(parts: Parts, values: Mapping[str, Any]) -> str:
    """Raises: Invalid for a member that is not there."""
    if len(parts) == 1 and not parts[0][1]:
        return parts[0][0]
    made = []
    for text, name in parts:
        made.append(text)
        if name:
            made.append(shown(_value(name, values)))
    return "".join(made)


def shown(value: Any) -> str:
    """As both clients insert it, but for arrays and objects, which are JSON here and Python's own notation there."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _value(name: str, values: Mapping[str, Any]) -> Any:
    if name in values:
        return values[name]
    root, *members = name.split(".")
    value = values.get(root)  # a variable that need not be given renders as nothing
    for member in members:
        if value is None:
            return None
        if not isinstance(value, Mapping) or member not in value:
            raise Invalid(f"missing variable: {name}", field=f"variables.{name}"[:200])
        value = value[member]
    return value
