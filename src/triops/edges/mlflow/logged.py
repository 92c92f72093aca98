"""What a batch logs, from JSON to columns. A well-formed batch is read a column at a time; one that is not, value by
value, to say which."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from triops.edges.mlflow.fields import Field, Misfit, integer, misfit, missing, number, text
from triops.kernel.errors import Invalid
from triops.kernel.run import MetricPoints

_NUMBERS = {float, int}
_WHOLE = {int}
_TEXT = {str}
_OBJECT = {dict}
_KEY, _VALUE, _TIME = itemgetter("key"), itemgetter("value"), itemgetter("timestamp")
_NO_ORIGIN = frozenset(("model_id", "dataset_name", "dataset_digest")).isdisjoint
_METRIC = {
    "value": number(),
    "timestamp": integer(),
    "step": integer(default=0),
    "model_id": text(),
    "dataset_name": text(),
    "dataset_digest": text(),
}


def points_of(given: Any, name: str = "metrics") -> MetricPoints:
    """Raises: Invalid, in MLflow's words."""
    rows = _listed(given, name)
    columns = _columns(rows)
    if columns is None:
        columns = _careful_columns(rows, name)
    keys, value, time_ms, step = columns
    table = dict.fromkeys(keys)
    origins, origin_rows = _origins(rows, name)
    return MetricPoints(list(table), _numbered(keys, list(table)), time_ms, step, value, origins, origin_rows)


def texts_of(given: Any, name: str) -> list[tuple[str, str]]:
    """Params or tags: (key, value). Raises: Invalid, in MLflow's words."""
    rows = _listed(given, name)
    try:
        pairs = [(row["key"], row.get("value", "")) for row in rows]
    except KeyError:
        pairs = [(row.get("key"), row.get("value", "")) for row in rows]
    for index, (key, value) in enumerate(pairs):
        if key is None or key == "":
            raise missing(f"{name}[{index}].key")
        if type(key) is not str or type(value) is not str:
            if value is None and type(key) is str:
                pairs[index] = (key, "")
                continue
            raise misfit(name, given)
    return pairs


def _numbered(keys: Sequence[str], table: Sequence[str]) -> npt.NDArray[np.uint32]:
    """Where each key stands in the table of those that there are, which is in the order of their first points."""
    if len(table) == len(keys):
        return np.arange(len(keys), dtype=np.uint32)
    if len(table) == 1:
        return np.zeros(len(keys), np.uint32)
    places = {key: index for index, key in enumerate(table)}
    return np.fromiter(map(places.__getitem__, keys), np.uint32, len(keys))


def _listed(given: Any, name: str) -> Sequence[dict[str, Any]]:
    if given is None:
        return ()
    if not isinstance(given, list) or not _OBJECT.issuperset(map(type, given)):
        raise misfit(name, given)
    return given


def _columns(rows: Sequence[dict[str, Any]]) -> tuple[list[str], Any, Any, Any] | None:
    """None: something is missing or needs converting."""
    try:
        keys = list(map(_KEY, rows))
        values = list(map(_VALUE, rows))
        times = list(map(_TIME, rows))
    except KeyError:
        return None
    steps = [row.get("step", 0) for row in rows]
    if not (
        _TEXT.issuperset(map(type, keys))
        and "" not in keys
        and _NUMBERS.issuperset(map(type, values))
        and _WHOLE.issuperset(map(type, times))
        and _WHOLE.issuperset(map(type, steps))
    ):
        return None
    try:
        return keys, np.array(values, np.float64), np.array(times, np.int64), np.array(steps, np.int64)
    except OverflowError:
        return None


def _careful_columns(rows: Sequence[dict[str, Any]], name: str) -> tuple[list[str], Any, Any, Any]:
    keys: list[str] = []
    values: list[tuple[float, int, int]] = []
    for index, row in enumerate(rows):
        for needed in ("key", "value", "timestamp"):
            if row.get(needed) is None or row[needed] == "":
                raise missing(f"{name}[{index}].{needed}")
        if type(row["key"]) is not str:
            raise misfit(f"{name}[{index}].key", row["key"])
        keys.append(row["key"])
        value, time_ms, step = (
            _converted(_METRIC[field], row, field, f"{name}[{index}]") for field in ("value", "timestamp", "step")
        )
        values.append((value, time_ms, step))
    value, time_ms, step = zip(*values, strict=True) if values else ((), (), ())
    return keys, np.array(value, np.float64), np.array(time_ms, np.int64), np.array(step, np.int64)


def _converted(field: Field, row: dict[str, Any], name: str, path: str) -> Any:
    value = row.get(name)
    if value is None:
        return field.default
    try:
        return field.convert(value)
    except Misfit:
        raise misfit(f"{path}.{name}", value) from None


def _origins(rows: Sequence[dict[str, Any]], name: str) -> tuple[Any, Sequence[tuple[str, str, str]]]:
    """Most points tell no origin; then there is no column of them."""
    if all(map(_NO_ORIGIN, rows)):
        return None, ()
    table: dict[tuple[str, str, str], int] = {("", "", ""): -1}
    origins = np.empty(len(rows), np.int32)
    for index, row in enumerate(rows):
        path = f"{name}[{index}]"
        model, dataset, digest = (
            _converted(_METRIC[field], row, field, path) for field in ("model_id", "dataset_name", "dataset_digest")
        )
        if bool(dataset) != bool(digest):
            raise Invalid("Both dataset_name and dataset_digest must be provided if one is provided", field=path)
        origins[index] = table.setdefault((model, dataset, digest), len(table) - 1)
    return origins, list(table)[1:]
