"""One page of a list, and the opaque cursor to the next."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

from triops.kernel.errors import Invalid

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: Sequence[T]
    next: str | None = None


def encode_cursor(*key: Any) -> str:
    """The sort key of the last row of a page."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def decode_cursor(cursor: str, *types: type) -> tuple[Any, ...]:
    """Raises: Invalid unless it holds values of just these types (an int is a float too)."""
    try:
        key = orjson.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, UnicodeEncodeError):
        key = None
    if not isinstance(key, list) or len(key) != len(types):
        raise Invalid("not a cursor that a list gave", field="cursor", got=cursor)
    for value, type_ in zip(key, types, strict=True):
        accepted = (int, float) if type_ is float else (type_,)
        if not isinstance(value, accepted) or isinstance(value, bool):
            raise Invalid("not a cursor that a list gave", field="cursor", got=cursor)
    return tuple(key)
