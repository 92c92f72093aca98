"""A batch on its way into day files: checked columns, cut at midnight."""

from dataclasses import dataclass, field, fields
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from triops.adapters.embedded.layout import DTYPES, Layout
from triops.kernel.clock import DAY_NS, day_of
from triops.kernel.errors import Invalid, TriopsError
from triops.kernel.genai.heard import Heard
from triops.kernel.ids import ProjectId
from triops.kernel.signal import Resources, fingerprint

Columns = dict[str, npt.NDArray[Any]]
_LONG_TEXTS = ("attributes", "body", "events", "links")


@dataclass
class Request:
    """`error` or `stored` is set by the writer for each day part."""

    project: int
    columns: Columns
    resources: Columns
    series: Columns | None
    digest: tuple[int, int] | None
    rows: int
    bytes: int
    stored: int = 0
    error: TriopsError | None = None
    parts: list["Part"] = field(default_factory=list)


@dataclass
class Part:
    """The rows of one request for one day. Set by the writer: `beside`, rows of the tables beside them, before the
    transaction; `heard`, what spans of models' calls say, within it."""

    request: Request
    day: str
    columns: Columns
    rows: int
    beside: "Prepared | None" = None
    heard: Heard | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """Empty where nothing is kept beside."""

    columns: Columns | None = None
    heard: Heard | None = None


def request_of(layout: Layout, project: ProjectId, batch: Any, digest: bytes | None) -> Request:
    """Raises: Invalid for columns of different lengths or the wrong type."""
    columns = _checked(batch, layout.columns, len(batch.time_ns), "")
    resources: Resources = batch.resources
    resource_columns = _checked(
        resources, {"fingerprint": "UBIGINT", "attributes": "VARCHAR"}, len(resources.fingerprint), "resources."
    )
    series = _checked(batch.series, layout.series, len(batch.series.id), "series.") if layout.series else None
    size = sum(column.nbytes for column in columns.values())
    try:
        size += sum(sum(map(len, columns[name])) for name in _LONG_TEXTS if name in columns)
    except TypeError as error:
        raise Invalid("a text column holds something else", field="batch", expected="text") from error
    key: tuple[int, int] | None = None
    if digest is not None:
        raw = blake2b(digest, digest_size=16).digest()
        key = int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:], "big")
    rows = len(batch.time_ns)
    request = Request(fingerprint(project), columns, resource_columns, series, key, rows, size)
    request.parts = _parts(request)
    return request


def cleaned(columns: Columns) -> Columns:
    """Text that is not valid Unicode (lone surrogates) with `?` in its place."""
    return {name: _clean(column) if column.dtype == object else column for name, column in columns.items()}


def _clean(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    out = np.empty(len(column), dtype=object)
    out[:] = [text.encode("utf-8", "replace").decode() if isinstance(text, str) else text for text in column]
    return out


def _checked(source: Any, layout: Any, rows: int, prefix: str) -> Columns:
    known = {item.name for item in fields(source)}
    columns: Columns = {}
    for name, sql_type in layout.items():
        if name not in known:
            raise Invalid("a column is missing", field=prefix + name)
        column = getattr(source, name)
        if not isinstance(column, np.ndarray) or column.ndim != 1 or len(column) != rows:
            raise Invalid("columns must be arrays of one length", field=prefix + name, expected=rows)
        if column.dtype != DTYPES[sql_type]:
            raise Invalid("wrong type", field=prefix + name, got=str(column.dtype), expected=DTYPES[sql_type])
        columns[name] = column
    return columns


def _parts(request: Request) -> list[Part]:
    times = request.columns["time_ns"]
    if not len(times):
        return []
    first, last = int(times.min()) // DAY_NS, int(times.max()) // DAY_NS
    if first < 0:
        raise Invalid("a time before 1970", field="time_ns", got=int(times.min()))
    if first == last:
        return [Part(request, day_of(first * DAY_NS), request.columns, request.rows)]
    days = times // DAY_NS
    parts = []
    for day in np.unique(days).tolist():
        mine = days == day
        columns = {name: column[mine] for name, column in request.columns.items()}
        parts.append(Part(request, day_of(day * DAY_NS), columns, int(mine.sum())))
    return parts
