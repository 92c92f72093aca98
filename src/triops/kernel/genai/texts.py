"""The words in a span, for searching: every text that a person could look for, none of the names around them."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

_MOST = 64 << 10  # characters of one span that can be found
_DEPTH = 16
_NAMES = frozenset(
    ("role", "type", "kind", "finish_reason", "mime_type", "data", "b64_json", "object", "encoding", "index")
)
_SKIPPED = frozenset(
    (
        "gen_ai.operation.name", "openinference.span.kind", "langfuse.observation.type", "input.mime_type",
        "output.mime_type", "traceloop.span.kind", "mlflow.spanType", "gen_ai.output.type",
    )
)  # fmt: skip


def words(name: str, attributes: Mapping[str, Any], events: Sequence[Mapping[str, Any]], also: str = "") -> str:
    """A line a text. Each once, since frameworks repeat what the model was told."""
    found: dict[str, None] = {name: None}
    for key, value in attributes.items():
        if key in _SKIPPED or key.endswith(".role"):
            continue
        if type(value) is str:
            if value[:1] in ("{", "[", '"'):
                _walk(value, found, 0)
            else:
                found[value] = None
        elif type(value) is list or type(value) is dict:
            _walk(value, found, 0)
    for event in events:
        _walk(event.get("attributes"), found, 0)
    if also:
        found[also] = None
    return "\n".join(found)[:_MOST]


def _walk(value: Any, found: dict[str, None], depth: int) -> None:
    kind = type(value)
    if kind is str:
        if value[:1] in ("{", "[", '"') and depth < _DEPTH:
            try:
                inner = orjson.loads(value)
            except orjson.JSONDecodeError:
                found[value] = None
            else:
                _walk(inner, found, depth + 1)
        elif value and value[:5] != "data:":
            found[value] = None
    elif depth >= _DEPTH:
        return
    elif kind is dict:
        for key, inner in value.items():
            if key not in _NAMES:
                _walk(inner, found, depth + 1)
    elif kind is list and value and type(value[0]) not in (int, float):
        for inner in value:
            _walk(inner, found, depth + 1)
