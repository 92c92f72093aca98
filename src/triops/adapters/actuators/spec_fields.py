"""Reading the fields of an effect's `spec`, alike in every actuator."""

from collections.abc import Mapping
from typing import Any

from triops.kernel.errors import Invalid

MAX_TIMEOUT_S = 60.0


def only(spec: Mapping[str, Any], *names: str) -> None:
    """Raises: Invalid for a field that the actuator does not know: a misspelt limit must not pass as none."""
    for name in spec:
        if name not in names:
            raise Invalid("unknown field", field=str(name), expected=", ".join(names))


def timeout_s(spec: Mapping[str, Any], default: float) -> float:
    """`timeout_s`: more than 0 and at most 60."""
    value = spec.get("timeout_s", default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_TIMEOUT_S:
        raise Invalid("not a time limit", field="timeout_s", got=value, expected=f"0 to {MAX_TIMEOUT_S:g} seconds")
    return float(value)


def tail(text: str, size: int = 4000) -> str:
    """The end of a text, where the error usually is: at most `size` bytes of UTF-8, well formed."""
    raw = text.encode("utf-8", "replace")
    return raw[-size:].decode("utf-8", "ignore")
