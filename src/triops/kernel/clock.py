"""Time as a value: parsing what callers send and the one format that we return."""

import math
import re
from datetime import UTC, datetime

from triops.kernel.errors import Invalid

NS = 1_000_000_000
DAY_S = 86_400
DAY_NS = DAY_S * NS


def day_of(time_ns: int) -> str:
    """The UTC day of a time, as `2026-11-21`: the name of a partition."""
    return datetime.fromtimestamp(time_ns // NS, UTC).strftime("%Y-%m-%d")


def rfc3339(at_s: float) -> str:
    """Milliseconds, UTC: `2026-11-21T03:33:00.000Z`."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str, *, field: str = "time", now_s: float | None = None) -> float:
    """Unix seconds, RFC 3339, or (when `now_s` is given) `now`, `-15m`, `-2h`, `-1d`; answers unix seconds.

    Raises: Invalid for anything else, and for times before 1970 or after 2200.
    """
    text = text.strip()
    try:
        if now_s is not None and text == "now":
            return now_s
        if now_s is not None and _BEFORE.fullmatch(text):
            value = now_s - float(text[1:-1]) * _UNITS[text[-1]]
        elif _NUMBER.fullmatch(text):
            value = float(text)
        else:
            stamp = datetime.fromisoformat(text)
            value = (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        value = math.nan
    if not 0 <= value < 7_258_118_400:
        raise Invalid("not a time", field=field, got=text, expected="unix seconds or RFC 3339")
    return value


_NUMBER = re.compile(r"\+?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_BEFORE = re.compile(r"-[0-9]+(\.[0-9]*)?[smhdw]")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": DAY_S, "w": 7 * DAY_S}
