"""What the loopback provider says: deterministic words, tokens counted by a simple rule, JSON that fits a schema."""

from collections.abc import Mapping, Sequence
from typing import Any

from triops.testing.upstream.orders import Orders

_WORDS = ("The ", "answer ", "is ", "seven ", "and ", "it ", "holds ", "well. ")


def words(count: int) -> list[str]:
    """So many words, each one token; the last without its space."""
    said = [_WORDS[i % 8] for i in range(count)]
    if said:
        said[-1] = said[-1].rstrip()
    return said


def spoken(orders: Orders, last: str, most: int | None, stop: Sequence[str]) -> tuple[list[str], str]:
    """The pieces of an answer and why it ended (`stop` or `length`)."""
    pieces = pieces_of(last) if orders.echo else words(orders.words)
    finish = "stop"
    if stop:
        text = "".join(pieces)
        at = min((place for place in (text.find(one) for one in stop if one) if place >= 0), default=-1)
        if at >= 0:
            pieces = pieces_of(text[:at])
    if most is not None and len(pieces) > most:
        pieces, finish = pieces[:most], "length"
    return pieces, finish


def pieces_of(text: str) -> list[str]:
    """Cut after each space: what is joined is the text again."""
    pieces = text.split(" ")
    return [piece + " " for piece in pieces[:-1]] + pieces[-1:] if text else []


def tokens_of(text: str) -> int:
    """A token for each four bytes begun."""
    return (len(text.encode()) + 3) // 4


def instance(schema: Any, root: Mapping[str, Any] | None = None, depth: int = 0) -> Any:
    """The plainest JSON value that fits a JSON Schema (the part of it that structured outputs allow)."""
    if not isinstance(schema, Mapping) or depth > 16:
        return None
    root = schema if root is None else root
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    if reference := schema.get("$ref"):
        found: Any = root
        for step in str(reference).removeprefix("#").strip("/").split("/"):
            found = found.get(step, {}) if step and isinstance(found, Mapping) else found
        return instance(found, root, depth + 1)
    for name in ("anyOf", "oneOf", "allOf"):
        if schema.get(name):
            return instance(schema[name][0], root, depth + 1)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object" or (kind is None and "properties" in schema):
        members = schema.get("properties") or {}
        return {name: instance(member, root, depth + 1) for name, member in members.items()}
    if kind == "array":
        return [instance(schema.get("items") or {}, root, depth + 1)] * max(1, schema.get("minItems", 1))
    return {"string": "seven", "integer": 7, "number": 7.5, "boolean": True}.get(str(kind))
