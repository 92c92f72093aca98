"""JSON bodies and events, to a provider and from one."""

from collections.abc import Mapping
from typing import Any

import orjson

from triops.adapters.providers.faults import MOST_BODY
from triops.kernel.errors import Invalid
from triops.ports.providers import Fault, Target

_MOST_TOKENS = 1 << 40


def written(tree: Mapping[str, Any]) -> bytes:
    """Raises: Invalid for what is deeper than can be written."""
    try:
        return orjson.dumps(tree)
    except orjson.JSONEncodeError:
        raise Invalid("nested too deep", field="body", expected="at most 250 levels") from None


def tree_of(body: bytes) -> dict[str, Any]:
    """Raises: Fault (garbage)."""
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Fault("garbage", "an answer that is not JSON", body=body[:MOST_BODY]) from None
    if not isinstance(tree, dict):
        raise Fault("garbage", "an answer that is not an object", body=body[:MOST_BODY])
    return tree


def event_of(data: bytes) -> dict[str, Any]:
    """Of a stream. Raises: Fault (garbage)."""
    try:
        tree = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise Fault("garbage", "an event that is not JSON", body=data[:MOST_BODY]) from None
    if not isinstance(tree, dict):
        raise Fault("garbage", "an event that is not an object", body=data[:MOST_BODY])
    return tree


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def count_of(value: Any) -> int | None:
    """Of tokens, which some servers write as 7.0; None for what is no whole number from 0, or more than any answer
    has."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < _MOST_TOKENS else None


def as_count(value: Any) -> int:
    """0 for what is no count."""
    return count_of(value) or 0


def headers_of(own: tuple[tuple[str, str], ...], target: Target) -> tuple[tuple[str, str], ...]:
    """`own` beside the content type; the target's headers win."""
    headers = (("content-type", "application/json"), *own)
    if not target.headers:
        return headers
    names = {name for name, _ in target.headers}
    return (*(one for one in headers if one[0] not in names), *target.headers)
