"""JSON Schemas as Anthropic's structured outputs take them.

Every object is closed (`additionalProperties: false`), which only makes the answer narrower. Constraints that are not
enforced there (bounds, lengths, patterns of names) would be refused; they move into the description, where the model
reads them, as Anthropic's own clients do it.
"""

from collections.abc import Mapping
from typing import Any

_BOUNDS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "patternProperties",
    "propertyNames",
    "contains",
)
_BY_NAME = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_DEEPEST = 64


def closed(schema: Any, depth: int = 0) -> tuple[Any, bool]:
    """The schema, and whether a constraint became words."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return schema, False
    written: dict[str, Any] = {}
    told: list[str] = []
    moved = False
    for name, value in schema.items():
        if name in _BOUNDS and not (name == "minItems" and value in (0, 1)):
            told.append(f"{name}: {value}")
            continue
        if name in _BY_NAME and isinstance(value, Mapping):
            inner = {key: closed(one, depth + 1) for key, one in value.items()}
            written[name] = {key: one for key, (one, _) in inner.items()}
            moved = moved or any(was for _, was in inner.values())
        elif name in _LISTS and isinstance(value, list):
            variants = [closed(one, depth + 1) for one in value]
            written["anyOf" if name == "oneOf" else name] = [one for one, _ in variants]
            moved = moved or any(was for _, was in variants)
        elif name in ("items", "not"):
            written[name], was = closed(value, depth + 1)
            moved = moved or was
        else:
            written[name] = value
    if written.get("type") == "object" and written.get("additionalProperties", True) is True:
        written["additionalProperties"] = False
    if told:
        said = written.get("description")
        words = "{" + ", ".join(told) + "}"
        written["description"] = f"{said}\n\n{words}" if isinstance(said, str) and said else words
    return written, moved or bool(told)
