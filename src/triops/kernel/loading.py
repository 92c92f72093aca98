"""JSON texts out of the store, where what is broken counts as empty."""

from typing import Any

import orjson


def loads_object(text: str) -> dict[str, Any]:
    """A JSON object, or an empty one where the text is none."""
    try:
        value = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def loads_array(text: str) -> list[dict[str, Any]]:
    """The objects of a JSON array."""
    try:
        value = orjson.loads(text) if text else []
    except orjson.JSONDecodeError:
        return []
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
