"""What every book can hold and every reader reads: JSON without the numbers and characters that only some can write."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from triops.kernel.errors import Invalid


def check_plain(value: Any, field: str, levels: int) -> None:
    """Raises: Invalid for what no schema sees: more than `levels` within each other, `.nan` and `.inf` of YAML (and
    1e400 of JSON), a NUL, half of a surrogate pair (JSON can escape one, and nobody can write it)."""
    if isinstance(value, str):
        if "\0" in value or not (value.isascii() or _is_unicode(value)):
            raise Invalid("a character that no text has", field=field[:200], got=value)
    elif isinstance(value, float):
        if not isfinite(value):
            raise Invalid("not a finite number", field=field[:200], got=value)
    elif isinstance(value, Mapping | list | tuple):
        if levels < 0:
            raise Invalid("nested too deep", field=field[:200])
        for name, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            if isinstance(name, str):
                check_plain(name, field, levels)
            check_plain(inner, f"{field}.{name}" if isinstance(name, str) else f"{field}[{name}]", levels - 1)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
