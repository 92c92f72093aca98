"""Metric points as bytes: a request's points in one row (`metric_batches`), a metric's in another (`metric_chunks`).

A batch is a head, the table of keys (and of origins) as JSON, then the columns as they lie in memory, little-endian.
A chunk is a head and the columns of one metric, steps and times as differences, deflated: what trainings log shrinks
to a few bytes a point.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from triops.kernel.run import MetricPoints

_BATCH = struct.Struct("<BBII")  # version, flags, points, bytes of JSON
_CHUNK = struct.Struct("<BI")  # version, points
_VERSION = 1
_ORIGINS = 1  # flag: the batch tells origins
_ONE_KEY = 2  # flag: every point is of the first key
_LEVEL = 1

Columns = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]  # time_ms, step, value


def pack(points: MetricPoints) -> bytes:
    one_key = len(points.keys) == 1
    flags = (_ORIGINS if points.origins is not None else 0) | (_ONE_KEY if one_key else 0)
    tables = orjson.dumps([list(points.keys), [list(row) for row in points.origin_rows]])
    parts = [_BATCH.pack(_VERSION, flags, len(points), len(tables)), tables]
    if not one_key:
        parts.append(points.key.astype("<u4", copy=False).tobytes())
    parts.append(points.time_ms.astype("<i8", copy=False).tobytes())
    parts.append(points.step.astype("<i8", copy=False).tobytes())
    parts.append(points.value.astype("<f8", copy=False).tobytes())
    if points.origins is not None:
        parts.append(points.origins.astype("<i4", copy=False).tobytes())
    return b"".join(parts)


def unpack(body: bytes) -> MetricPoints:
    """What `pack` made; the columns are views of `body`."""
    _, flags, count, size = _BATCH.unpack_from(body)
    at = _BATCH.size
    keys, origin_rows = orjson.loads(body[at : at + size])
    at += size

    def column(kind: str) -> npt.NDArray[Any]:
        nonlocal at
        values = np.frombuffer(body, kind, count, at)
        at += values.nbytes
        return values

    key = np.zeros(count, np.uint32) if flags & _ONE_KEY else column("<u4")
    time_ms, step, value = column("<i8"), column("<i8"), column("<f8")
    origins = column("<i4") if flags & _ORIGINS else None
    return MetricPoints(keys, key, time_ms, step, value, origins, [tuple(row) for row in origin_rows])


def keys_of(body: bytes) -> Sequence[str]:
    """The metrics of a batch, without its columns."""
    _, _, _, size = _BATCH.unpack_from(body)
    keys: list[str] = orjson.loads(body[_BATCH.size : _BATCH.size + size])[0]
    return keys


def pack_chunk(columns: Columns) -> bytes:
    time_ms, step, value = columns
    zero = np.zeros(1, np.int64)
    deltas = [np.diff(column.astype("<i8", copy=False), prepend=zero) for column in (time_ms, step)]
    raw = b"".join(column.tobytes() for column in deltas) + value.astype("<f8", copy=False).tobytes()
    return _CHUNK.pack(_VERSION, len(value)) + zlib.compress(raw, _LEVEL)


def unpack_chunk(body: bytes) -> Columns:
    _, count = _CHUNK.unpack_from(body)
    raw = zlib.decompress(body[_CHUNK.size :])
    time_ms = np.cumsum(np.frombuffer(raw, "<i8", count, 0), dtype=np.int64)
    step = np.cumsum(np.frombuffer(raw, "<i8", count, 8 * count), dtype=np.int64)
    return time_ms, step, np.frombuffer(raw, "<f8", count, 16 * count)


def ordered(columns: Columns, *, by_step: bool = False) -> Columns:
    """By time, step, value (or by step, time, value), every point once. NaN counts as 0, as its row has it."""
    time_ms, step, value = columns
    nan = np.isnan(value)
    compared = np.where(nan, 0.0, value)
    first, second = (step, time_ms) if by_step else (time_ms, step)
    order = np.lexsort((nan, compared, second, first))
    time_ms, step, value = time_ms[order], step[order], value[order]
    nan, compared = nan[order], compared[order]
    if len(value) > 1:
        same = (
            (time_ms[1:] == time_ms[:-1])
            & (step[1:] == step[:-1])
            & (compared[1:] == compared[:-1])
            & (nan[1:] == nan[:-1])
        )
        if same.any():
            kept = np.concatenate(([True], ~same))
            return time_ms[kept], step[kept], value[kept]
    return time_ms, step, value


def latest(points: MetricPoints) -> npt.NDArray[np.intp]:
    """For each metric the index of its latest point: of the highest step, then time, then value (NaN as 0)."""
    if len(points.keys) == len(points):  # a point each
        return np.arange(len(points))
    compared = np.where(np.isnan(points.value), 0.0, points.value)
    order = np.lexsort((compared, points.time_ms, points.step, points.key))
    key = points.key[order]
    last = np.ones(len(key), bool)
    last[:-1] = key[1:] != key[:-1]
    return order[last]
