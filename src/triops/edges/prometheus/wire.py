"""Prometheus remote write 1.0 (prometheus.WriteRequest) → MetricBatch. Pure; snappy is undone before.

`job` and `instance` make the resource, `__name__` the name, all others the labels. A sample whose value is the stale
marker is no measurement and is left out. Native histograms are refused; exemplars are skipped.

Most series come with one sample, and then their last 18 bytes (9 where the value is zero) are that sample. What stands
before them are the labels, byte for byte the same in every request, so they are looked up and not decoded again.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import orjson

from triops.kernel.errors import TooLarge
from triops.kernel.limits import Limits
from triops.kernel.signal import F64, I64, MetricBatch, fingerprint
from triops.web.body import MESSAGE_BYTES
from triops.web.columns import Decoded, SeriesRow, metric_batch, series_row
from triops.web.protobuf import DecodeError, field_bytes, message_classes

_SERIES = 100_000  # remembered label sets; at the bound all are forgotten
_KEY_BYTES = 8192  # longer label sets are not remembered
_FAMILIES = 20_000  # metric families whose type is remembered; at the bound new ones are not
_STALE = np.uint64(0x7FF0000000000002)
_MOST_MS = np.int64((2**63 - 1) // 1_000_000)
_TYPES = {1: "counter", 2: "gauge", 3: "histogram", 5: "summary"}
_ZERO = b"\x09" + bytes(8)
_FIRST, _SECOND = b"\x12\x10\x09", b"\x12\x07\x10"
_BROKEN = "series not decodable as protobuf"


@dataclass
class Known:
    """What one project's senders have said before: label sets by their bytes, and types by metric family."""

    series: dict[bytes, tuple[SeriesRow, str]] = field(default_factory=dict)  # with its resource's attributes
    types: dict[str, str] = field(default_factory=dict)

    def type_of(self, name: str, labels: dict[str, str]) -> str:
        """As the metadata said, else as the naming conventions have it, else unknown."""
        if found := self.types.get(name):
            return found
        if name == "up" or name.startswith("scrape_"):  # Prometheus' own, which have no metadata
            return "gauge"
        stem, _, suffix = name.rpartition("_")
        if suffix in ("bucket", "count", "sum") and (found := self.types.get(stem)) in ("histogram", "summary"):
            return found or ""
        if suffix == "total":
            return "counter"
        return "histogram" if suffix == "bucket" and "le" in labels else "unknown"

    def learn(self, family: str, type_: str) -> None:
        if self.types.get(family) != type_ and (family in self.types or len(self.types) < _FAMILIES):
            self.types[family] = type_
            self.series.clear()


class _Refused(Exception):
    pass


class WriteDecoder:
    """Safe to call from several threads."""

    def __init__(self, limits: Limits) -> None:
        classes = message_classes(
            "triops.prometheus",
            {
                "TimeSeries": {
                    "labels": (1, "repeated bytes"),
                    "samples": (2, "repeated bytes"),
                    "histograms": (4, "repeated bytes"),
                },
                "Label": {"name": (1, "bytes"), "value": (2, "bytes")},
                "Sample": {"value": (1, "double"), "timestamp": (2, "int64")},
                "Metadata": {"type": (1, "int32"), "family": (2, "bytes")},
            },
        )
        self._limits = limits
        self._time_series = classes["TimeSeries"].FromString
        self._label = classes["Label"].FromString
        self._sample = classes["Sample"].FromString
        self._metadata = classes["Metadata"].FromString

    def decode(self, body: bytes, known: Known) -> Decoded[MetricBatch]:
        """Raises: Invalid when the request's frame is broken, TooLarge over `rows_per_request`."""
        for raw in islice(field_bytes(body, 3, "WriteRequest"), _FAMILIES):
            self._learn(raw, known)
        refused: Counter[str] = Counter()
        rows: list[SeriesRow] = []
        resources: dict[int, str] = {}
        tails: list[bytes] = []
        raws: list[bytes] = []
        others: list[bytes] = []
        find = known.series.get
        room = self._limits.rows_per_request
        for raw in field_bytes(body, 1, "WriteRequest"):
            room -= 1
            if room < 0:
                raise self._too_many()
            if raw[-18:-15] == _FIRST:
                key, tail = raw[:-18], raw[-16:]
            elif raw[-9:-6] == _SECOND:
                key, tail = raw[:-9], _ZERO + raw[-7:]
            else:
                others.append(raw)
                continue
            found = find(key) or self._only_labels(key, known)
            if found is None:
                others.append(raw)
                continue
            row = found[0]
            if row[1] not in resources:
                resources[row[1]] = found[1]
            rows.append(row)
            tails.append(tail)
            raws.append(raw)
        fits, time_ms, value = _samples(tails)
        if not fits.all():  # what looked like a sample was not: read it the long way
            others += [raws[i] for i in np.flatnonzero(~fits)]
            rows = [rows[i] for i in np.flatnonzero(fits)]
            time_ms, value = time_ms[fits], value[fits]
        more_ms: list[int] = []
        more: list[float] = []
        for raw in others:
            self._one_by_one(raw, known, resources, rows, more_ms, more, refused)
            if len(rows) > self._limits.rows_per_request:
                raise self._too_many()
        if more:
            time_ms = np.concatenate([time_ms, np.array(more_ms, dtype=np.int64)])
            value = np.concatenate([value, np.array(more, dtype=np.float64)])
        keep = value.view(np.uint64) != _STALE
        ids = np.array([row[0] for row in rows], dtype=np.uint64)
        time_ns = np.clip(time_ms, 0, _MOST_MS) * 1_000_000
        series = {row[0]: row for row in rows}
        return Decoded(metric_batch(resources, series.values(), ids[keep], time_ns[keep], value[keep]), dict(refused))

    def _too_many(self) -> TooLarge:
        return TooLarge(f"more than {self._limits.rows_per_request} samples in one request")

    def _only_labels(self, key: bytes, known: Known) -> tuple[SeriesRow, str] | None:
        """The series of these bytes when they are labels, good ones, and nothing else."""
        if len(key) > _KEY_BYTES:
            return None
        try:
            message = self._time_series(key)
            if message.samples or message.histograms:
                return None
            found = self._series(message.labels, known)
        except (DecodeError, _Refused):
            return None
        if len(known.series) >= _SERIES:
            known.series.clear()
        known.series[key] = found
        return found

    def _one_by_one(
        self,
        raw: bytes,
        known: Known,
        resources: dict[int, str],
        rows: list[SeriesRow],
        time_ms: list[int],
        value: list[float],
        refused: Counter[str],
    ) -> None:
        if len(raw) > MESSAGE_BYTES:
            refused["larger than one series may be"] += 1
            return
        try:
            message = self._time_series(raw)
        except DecodeError:
            refused[_BROKEN] += 1
            return
        if message.histograms:
            refused["native histograms are not stored"] += len(message.histograms)
        if not message.samples:
            return
        try:
            row, attributes = self._series(message.labels, known)
            samples = [self._sample(sample) for sample in message.samples[: self._limits.rows_per_request + 1]]
        except DecodeError:
            refused[_BROKEN] += 1
            return
        except _Refused as error:
            refused[str(error)] += len(message.samples)
            return
        resources[row[1]] = attributes
        rows.extend([row] * len(samples))
        time_ms.extend([sample.timestamp for sample in samples])
        value.extend([sample.value for sample in samples])

    def _series(self, raws: Sequence[bytes], known: Known) -> tuple[SeriesRow, str]:
        bound = self._limits.label_count
        if len(raws) > bound + 3:  # the name, job and instance are not counted
            raise _Refused(f"more than {bound} labels")
        labels = {}
        for raw in raws:
            key, value = _short_label(raw) or self._long_label(raw)
            if value:  # an empty label is one that is not there
                labels[key.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        name = labels.pop("__name__", "")
        if not name:
            raise _Refused("a series without a name")
        type_ = known.type_of(name, labels)
        resource = _json({key: labels.pop(key) for key in ("instance", "job") if key in labels})
        return series_row(fingerprint(resource), name, _json(labels), type_, ""), resource

    def _long_label(self, raw: bytes) -> tuple[bytes, bytes]:
        label = self._label(raw)
        return label.name[:1024], label.value[: self._limits.attribute_bytes]

    def _learn(self, raw: bytes, known: Known) -> None:
        try:
            metadata = self._metadata(raw)
        except DecodeError:
            return  # a hint only
        if type_ := _TYPES.get(metadata.type):
            known.learn(metadata.family[:1024].decode("utf-8", "replace"), type_)


def _short_label(raw: bytes) -> tuple[bytes, bytes] | None:
    """Name and value read without a parser: at most 128 bytes, `0a` name, `12` value, and nothing else."""
    size = len(raw)
    if not 4 <= size <= 128 or raw[0] != 0x0A:
        return None
    at = 2 + raw[1]
    if size < at + 2 or raw[at] != 0x12 or raw[at + 1] != size - at - 2:
        return None
    return raw[2:at], raw[at + 2 :]


def _samples(tails: list[bytes]) -> tuple[Any, I64, F64]:
    """16 bytes each: `09`, a double, `10`, a varint of six bytes (the milliseconds of 2004 to 2109). Answers which of
    them are that, and their times and values."""
    table = np.frombuffer(b"".join(tails), dtype=np.uint8).reshape(-1, 16)
    fits = (table[:, 0] == 0x09) & (table[:, 9] == 0x10) & (table[:, 10:15] >= 128).all(axis=1) & (table[:, 15] < 128)
    groups = (table[:, 10:16] & 127).astype(np.int64)
    time_ms = (groups << np.arange(0, 42, 7, dtype=np.int64)).sum(axis=1)
    return fits, time_ms, np.ascontiguousarray(table[:, 1:9]).view("<f8").reshape(-1)


def _json(labels: dict[str, str]) -> str:
    return orjson.dumps(dict(sorted(labels.items()))).decode()
