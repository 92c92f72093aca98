"""Single values of attributes, read as what they should be. A wrong one is as if it were not said, never an error."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from triops.kernel.genai.cut import loads_cut
from triops.kernel.money import PICO

OPENING = frozenset(("{", "[", '"'))  # of JSON
UNKNOWN = -1
MOST = 2**62
MOST_TOKENS = 2**40  # of one call, so that sums of many are whole numbers of 64 bits
TEXT = 256  # characters of a name or an id
_TAGS = 20
_DEPTH = 64  # JSON in a text that is nested deeper stays a text
_AMOUNT = frozenset("0123456789.eE+-")


def opened(value: Any) -> Any:
    """A text that is a JSON object, list or text as that, also where a sender's limit or ours cut it off."""
    if isinstance(value, str) and value[:1] in OPENING:
        try:
            inner = orjson.loads(value)
        except orjson.JSONDecodeError:
            return loads_cut(value)
        return inner if value.count("{") + value.count("[") <= _DEPTH or _within(inner, _DEPTH) else value
    return value


def _within(value: Any, depth: int) -> bool:
    """Whether nothing in it is nested deeper, so that it can be shown again."""
    level = [value]
    for _ in range(depth):
        inner = [one.values() if type(one) is dict else one for one in level]
        level = [one for many in inner for one in many if type(one) in (dict, list)]
        if not level:
            return True
    return False


def tokens(value: Any) -> int:
    """A count, or -1."""
    if type(value) is int:
        return value if 0 <= value < MOST else UNKNOWN
    if isinstance(value, str) and value.isdecimal() and len(value) < 18:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST else UNKNOWN


def pico(value: Any) -> int:
    """Dollars, as a sender wrote them, in pico-dollars to the nearest; -1 for what is no amount."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return UNKNOWN
    if isinstance(value, str) and not _AMOUNT.issuperset(
        value
    ):  # `Decimal` takes spaces, `1_0` and digits of any script
        return UNKNOWN
    try:
        amount = Decimal(str(value)) * PICO
        return int(amount.to_integral_value()) if amount.is_finite() and 0 <= amount < MOST else UNKNOWN
    except InvalidOperation:
        return UNKNOWN


def short(value: Any) -> str:
    """A name or an id, cut to 256 characters; "" for what is none."""
    if type(value) is str:
        if value[:1] != '"':
            return value[:TEXT]
        inner = opened(value)
        return (inner if isinstance(inner, str) else value)[:TEXT]
    return str(value)[:TEXT] if isinstance(value, int | float) else ""


def tags(value: Any) -> Sequence[str]:
    value = opened(value)
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return ()
    return [tag.strip()[:TEXT] for tag in value[:_TAGS] if isinstance(tag, str) and tag.strip()]
