"""Which JSON Schemas OpenAI can hold an answer to (`strict`): every object closed, every member required, and no word
but those that it has always known. Other families hold answers to any schema without being asked."""

from collections.abc import Mapping
from typing import Any

_WORDS = frozenset(
    {
        "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs",
        "definitions", "description", "title",
    }
)  # fmt: skip
_BY_NAME = ("properties", "$defs", "definitions")
_DEEPEST = 5  # levels of objects and lists, of OpenAI's ten: `$ref` may add some


def can_be_strict(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "object" and _fits(schema, 0)


def _fits(schema: Any, depth: int) -> bool:
    if not isinstance(schema, Mapping) or depth > _DEEPEST or not _WORDS.issuperset(schema):
        return False
    if schema.get("type") == "object" or "properties" in schema:
        members, required = schema.get("properties", {}), schema.get("required", [])
        if not isinstance(members, Mapping) or not isinstance(required, list):
            return False
        if schema.get("additionalProperties") is not False or not all(name in required for name in members):
            return False
    variants = schema.get("anyOf", [])
    if not isinstance(variants, list):
        return False
    inner = [*variants, *[one for name in _BY_NAME for one in _values(schema.get(name))]]
    if "items" in schema:
        inner.append(schema["items"])
    return all(_fits(one, depth + 1) for one in inner)


def _values(named: Any) -> list[Any]:
    return list(named.values()) if isinstance(named, Mapping) else []
