"""Dollars and dates as people write them in documents."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from triops.kernel.clock import DAY_S
from triops.kernel.errors import Invalid
from triops.kernel.money import pico_of

_PLAIN = re.compile(r"[0-9]{1,10}(\.[0-9]{1,12})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[ Tt][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?")
_DECIMALS = 6


def dollars(value: object, field: str, *, per: int = 1) -> int:
    """Pico-dollars each. A text or a whole number; also a number such as 0.15 as it is written, where it has at most
    six decimals: YAML makes a float of an unquoted `5.00`, and its shortest form is what was written.

    Raises: Invalid.
    """
    if isinstance(value, float):
        text = repr(value)
        if not _PLAIN.fullmatch(text) or -int(Decimal(text).as_tuple().exponent) > _DECIMALS:
            raise Invalid("not an exact amount", field=field, got=value, expected=f'in quotes: "{value}"')
        value = text
    return pico_of(value, field, per=per)


def moment(value: object, field: str, *, end: bool = False) -> float:
    """Unix seconds of an RFC 3339 date-time, or of a UTC day's start (`end`: of its end, so that a last day counts).

    Raises: Invalid.
    """
    text = str(value).strip()
    try:
        written = _DATE.match(text)
        if written is None or (written.end() < len(text) and not _TIME.fullmatch(text, written.end())):
            raise ValueError
        stamp = datetime.fromisoformat(text.upper())
        at = (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()
        if at < 0:
            raise ValueError
    except (ValueError, OverflowError):
        raise Invalid("not a date", field=field, got=value, expected="2026-01-31, or RFC 3339; from 1970 on") from None
    return at + DAY_S if end and written.end() == len(text) else at


def optional(spec: Mapping[str, Any], name: str, default: int, field: str, *, per: int = 1) -> int:
    """`dollars` of a member that may be absent."""
    return dollars(spec[name], f"{field}.{name}", per=per) if spec.get(name) is not None else default
