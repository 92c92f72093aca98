"""What a provider said in words of its own (`Part` of kind `block`, `Citation.own`) on its way through a screen.

Each text in such a tree is judged by itself, wherever it stands; objects of arguments are judged as the JSON that they
are, since a name says what its value is. What only the provider can read passes: ids, kinds, what is sealed or signed,
pictures and other files in base64.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from triops.lenses.llmops.guards.model import Finding
from triops.lenses.llmops.guards.screen import Screen
from triops.lenses.llmops.guards.texts import Steps, judged_text

_SEALED = frozenset({"type", "id", "status", "signature", "media_type", "role", "object", "error_code", "format"})
_ARGUMENTS = frozenset({"input", "arguments", "action"})


def judged_block(screen: Screen, text: str, findings: list[Finding]) -> Steps:
    """The very text where nothing was replaced. Raises: GuardBlocked."""
    box = [orjson.loads(text)]
    changed = yield from _judged(screen, box, findings)
    return orjson.dumps(box[0]).decode() if changed else text


def judged_tree(screen: Screen, tree: Mapping[str, Any], findings: list[Finding]) -> Steps:
    """The very tree where nothing was replaced. Raises: GuardBlocked."""
    box = [orjson.loads(orjson.dumps(tree))]
    changed = yield from _judged(screen, box, findings)
    return box[0] if changed else tree


def block_size(text: str) -> int:
    """Characters of the texts in a block that are judged."""
    return sum(len(held[at]) if isinstance(held[at], str) else 0 for held, at in _texts([orjson.loads(text)]))


def _judged(screen: Screen, box: list[Any], findings: list[Finding]) -> Steps:
    """Whether what is in the box was changed."""
    changed = False
    for held, at in list(_texts(box)):
        given = held[at]
        if isinstance(given, str):
            new, passage = yield from judged_text(screen, given, at in _ARGUMENTS and _is_json(given), findings)
        else:
            new, passage = yield from judged_text(screen, orjson.dumps(given).decode(), True, findings)
            new = orjson.loads(new) if passage.changed else given
        if passage.changed:
            held[at], changed = new, True
    return changed


def _texts(box: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Where a text or an object of arguments stands: in what, and under which name or place."""
    waiting: list[Any] = [box]
    while waiting:
        held = waiting.pop()
        for at, value in held.items() if isinstance(held, dict) else enumerate(held):
            if isinstance(value, dict) and at in _ARGUMENTS:
                yield held, at
            elif isinstance(value, dict | list):
                waiting.append(value)
            elif isinstance(value, str) and value and not _is_sealed(held, at, value, held is box[0]):
                yield held, at


def _is_json(text: str) -> bool:
    """Whether it is an object or a list; else it is a plain text (a custom tool's input)."""
    try:
        return isinstance(orjson.loads(text), dict | list)
    except orjson.JSONDecodeError:
        return False


def _is_sealed(held: Any, at: Any, value: str, top: bool) -> bool:
    if value.startswith("data:") and ";base64," in value[:100]:
        return True
    if not isinstance(at, str):
        return False
    if at in _SEALED or at.endswith("_id") or at.startswith("encrypted_") or (at == "name" and top):
        return True
    kind = held.get("type")
    return (at == "data" and kind != "text") or (at == "result" and kind == "image_generation_call")
