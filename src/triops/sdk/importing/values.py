"""Values as MLflow's stores hold them, made one: what is absent, and what its databases cannot say."""

import json
import math
import sys
from typing import Any


def as_text(value: Any) -> str:
    """ "" for none."""
    return "" if value is None else str(value)


def unbounded(value: float) -> float:
    """MLflow's databases hold an infinity as the largest double."""
    return math.copysign(math.inf, value) if abs(value) == sys.float_info.max else value


def whole(value: Any) -> int:
    """0 for none; JSON of protobuf has 64-bit integers as text. Raises: ValueError, TypeError."""
    return 0 if value in (None, "") else int(value)


def number(value: Any) -> float:
    """A number, or the text of NaN and the infinities. Raises: ValueError, TypeError."""
    return unbounded(float(value))


def json_text(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def members(value: Any) -> str | None:
    """The same of an object; one without members is as good as none, and servers tell them as they like."""
    return json_text(value or None)
