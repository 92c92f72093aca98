"""Rows that decoders gather, turned into the columns of a batch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from triops.kernel.signal import (
    F64,
    I64,
    U64,
    LogBatch,
    MetricBatch,
    Resources,
    Series,
    SpanBatch,
    fingerprint,
    text_column,
)

B = TypeVar("B", MetricBatch, LogBatch, SpanBatch)
SeriesRow = tuple[int, int, str, str, str, str]  # id, resource, name, labels, type, unit
MAX_NS = 2**63 - 1


@dataclass(frozen=True)
class Decoded(Generic[B]):
    """A batch and what is not in it: `refused` rows by reason, and `cut` parts (an attribute, an event) of rows that
    were kept. `timed`: every row came with its own time, so that equal bytes are a repeated request."""

    batch: B
    refused: dict[str, int] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    timed: bool = True


def ids(values: Sequence[bytes]) -> U64:
    """Eight big-endian bytes each."""
    return np.frombuffer(b"".join(values), dtype=">u8").astype(np.uint64)


def times(values: Sequence[int]) -> I64:
    """Unsigned 64-bit nanoseconds; what int64 cannot hold becomes its greatest value (and is refused as future)."""
    return np.minimum(np.array(values, dtype=np.uint64), np.uint64(MAX_NS)).astype(np.int64)


def resources(attributes: Mapping[int, str]) -> Resources:
    """By fingerprint."""
    return Resources(np.array(list(attributes), dtype=np.uint64), text_column(list(attributes.values())))


def series_row(resource: int, name: str, labels: str, type_: str, unit: str) -> SeriesRow:
    return (fingerprint(f"{resource}\0{name}\0{labels}"), resource, name, labels, type_, unit)


def series(rows: Iterable[SeriesRow]) -> Series:
    """Each id must come once."""
    columns = list(zip(*rows, strict=True)) or [()] * 6
    return Series(
        id=np.array(columns[0], dtype=np.uint64),
        resource=np.array(columns[1], dtype=np.uint64),
        name=text_column(columns[2]),
        labels=text_column(columns[3]),
        type=text_column(columns[4]),
        unit=text_column(columns[5]),
    )


def metric_batch(
    resource_attributes: Mapping[int, str], rows: Iterable[SeriesRow], series_id: U64, time_ns: I64, value: F64
) -> MetricBatch:
    return MetricBatch(resources(resource_attributes), series(rows), series_id, time_ns, value)
