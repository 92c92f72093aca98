"""The words in a span, for searching: every text that a person could look for, none of the names around them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from triops.kernel.genai.values import OPENING

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


def is_searched(name: str) -> bool:
    """Whether the values of an attribute of that name hold words."""
    return name not in _SKIPPED and not name.endswith(".role")


def words(name: str, values: Iterable[Any], events: Sequence[Mapping[str, Any]], also: str = "") -> str:
    """A line a text. Each once, since frameworks repeat what the model was told. `values`: of the attributes that hold
    words."""
    found: dict[str, None] = {name: None}
    for value in values:
        kind = type(value)
        if kind is str and value[:1] not in OPENING:
            found[value] = None
        elif kind is not int and kind is not float:
            _walk(value, found, 0)
    for event in events:
        _walk(event.get("attributes"), found, 0)
    if also:
        found[also] = None
    return "\n".join(found)[:_MOST]


def _walk(value: Any, found: dict[str, None], depth: int) -> None:
    kind = type(value)
    if kind is str:
        if value[:1] in OPENING and depth < _DEPTH:
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
