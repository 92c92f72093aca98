"""Points of metrics as columns of JSON, in pieces that one request carries. JSON has no NaN: such values are text."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from triops.sdk.importing.source import Point

POINTS = 20_000  # of one request
JSON = dict[str, Any]


def pieces(points: Iterable[Point], most: int = POINTS) -> Iterator[JSON]:
    """At least one piece, perhaps an empty one."""
    keys: dict[str, int] = {}
    columns: JSON = _empty(keys)
    for point in points:
        if len(columns["key"]) == most:
            yield {**columns, "keys": list(keys)}
            keys = {}
            columns = _empty(keys)
        columns["key"].append(keys.setdefault(point.key, len(keys)))
        columns["value"].append(point.value if math.isfinite(point.value) else str(point.value))
        columns["time_ms"].append(point.time_ms)
        columns["step"].append(point.step)
    yield {**columns, "keys": list(keys)}


def _empty(keys: dict[str, int]) -> JSON:
    return {"keys": list(keys), "key": [], "value": [], "time_ms": [], "step": []}
