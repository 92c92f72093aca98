"""ExportMetricsServiceRequest → MetricBatch: what each kind of metric becomes as plain series.

gauge, non-monotonic sum → gauge; cumulative monotonic sum → counter. A histogram becomes `<name>_count`, `<name>_sum`
and `<name>_bucket` with the label `le` and counts that include all lower buckets, as Prometheus has them; a summary
`<name>_count`, `<name>_sum` and `<name>` with the label `quantile`. Whatever has delta temporality is of type gauge:
its value is the amount of one interval, and adding such amounts up here would count a repeated request twice.
Points that say "no recorded value" are skipped; exemplars, minima and maxima are not kept.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from triops.edges.otlp.attributes import TOO_LARGE, Attributes, Pair, broken
from triops.edges.otlp.buckets import bound_text, explicit_buckets, exponential_buckets
from triops.edges.otlp.schema import otlp_classes
from triops.kernel.errors import TooLarge
from triops.kernel.limits import Limits
from triops.kernel.signal import MetricBatch
from triops.web.columns import Decoded, SeriesRow, metric_batch, series_row, times
from triops.web.protobuf import DecodeError, field_bytes

_KNOWN = 50_000  # series remembered by their bytes; at the bound all are forgotten
_DELTA = 1
_NO_VALUE = 1
_QUANTILES = 64
_POINT_BYTES = 1 << 20  # a larger data point is refused


class MetricDecoder:
    """Keeps its caches between requests; safe to call from several threads."""

    def __init__(self, limits: Limits) -> None:
        self._classes = otlp_classes()
        self._limits = limits
        self._attributes = Attributes(self._classes, limits)
        self._known: dict[Any, SeriesRow] = {}

    def decode(self, body: bytes) -> Decoded[MetricBatch]:
        """Raises: Invalid when the request's frame is broken, TooLarge over `rows_per_request`."""
        return _Request(self._classes, self._attributes, self._limits, self._known).decode(body)


class _Request:
    """What one request has gathered so far."""

    def __init__(
        self,
        classes: dict[str, Any],
        attributes: Attributes,
        limits: Limits,
        known: dict[Any, SeriesRow],
    ) -> None:
        self._of = classes
        self._attributes = attributes
        self._limits = limits
        self._known = known
        self.refused: Counter[str] = Counter()
        self.cut: Counter[str] = Counter()
        self._resources: dict[int, str] = {}
        self._series: dict[int, SeriesRow] = {}
        self._ids: list[int] = []
        self._times: list[int] = []
        self._values: list[float] = []
        self._room = limits.rows_per_request
        self._resource = 0
        self._name = self._unit = ""

    def decode(self, body: bytes) -> Decoded[MetricBatch]:
        for group in field_bytes(body, 1, "ExportMetricsServiceRequest"):
            self._spend(1)  # an empty group costs work too
            try:
                resource = self._attributes.resource(self._of["ResourceGroup"].FromString(group).resource, self.cut)
            except DecodeError:
                resource = None
            if resource:
                self._resource = resource[0]
                self._resources[resource[0]] = resource[1]
            for scope_group in field_bytes(group, 2, "ResourceMetrics"):
                self._spend(1)
                for raw in field_bytes(scope_group, 2, "ScopeMetrics"):
                    self._spend(1)
                    if resource is None:
                        self.refused["resource " + broken()] += 1
                        continue
                    self._metric(raw)
        batch = metric_batch(
            self._resources,
            self._series.values(),
            np.array(self._ids, dtype=np.uint64),
            times(self._times),
            np.array(self._values, dtype=np.float64),
        )
        return Decoded(batch, dict(self.refused), dict(self.cut))

    def _spend(self, rows: int) -> None:
        self._room -= rows
        if self._room < 0:
            raise TooLarge(f"more than {self._limits.rows_per_request} points in one request")

    def _metric(self, raw: bytes) -> None:
        try:
            metric = self._of["Metric"].FromString(raw)
            which = metric.WhichOneof("data")
            if which is None:
                return
            data = getattr(metric, which)
            points = self._of["Points"].FromString(data)
        except DecodeError:
            self.refused["metric " + broken()] += 1
            return
        self._name = metric.name[:1024].decode("utf-8", "replace")
        self._unit = metric.unit[:64].decode("utf-8", "replace")
        if not self._name:
            self.refused["a metric without a name"] += 1
            return
        delta = points.temporality == _DELTA
        match which:
            case "gauge" | "sum":
                self._numbers(data, "counter" if which == "sum" and points.monotonic and not delta else "gauge")
                return
            case "histogram":
                each, message, type_ = self._histogram, "HistogramPoint", "gauge" if delta else "histogram"
            case "exponential_histogram":
                each, message, type_ = self._exponential, "ExponentialPoint", "gauge" if delta else "histogram"
            case _:
                each, message, type_ = self._summary, "SummaryPoint", "summary"
        parse = self._of[message].FromString
        for raw_point in field_bytes(data, 1, which):
            self._spend(1)
            if len(raw_point) > _POINT_BYTES:
                self.refused[TOO_LARGE] += 1
                continue
            try:
                point = parse(raw_point)
                if point.flags & _NO_VALUE:
                    continue
                if (reason := self._unfit(point)) or (reason := each(point, type_)):
                    self.refused[reason] += 1
            except DecodeError:
                self.refused["data point " + broken()] += 1

    def _numbers(self, data: bytes, type_: str) -> None:
        parse, known = self._of["NumberPoint"].FromString, self._known
        resource, name, unit, bound = self._resource, self._name, self._unit, self._limits.label_count
        for raw in field_bytes(data, 1, "data points"):
            self._spend(1)
            if len(raw) > _POINT_BYTES:
                self.refused[TOO_LARGE] += 1
                continue
            try:
                point = parse(raw)
                attributes = point.attributes
                which = point.WhichOneof("value")
                if which is None or point.flags & _NO_VALUE:
                    continue
                if len(attributes) > bound:
                    self.refused[f"more than {bound} labels"] += 1
                    continue
                raws = attributes[:]
                key = (resource, name, unit, type_, *raws)
                row = known.get(key)
                if row is None:
                    row = self._remember(key, series_row(resource, name, self._labels(raws), type_, unit))
            except DecodeError:
                self.refused["data point " + broken()] += 1
                continue
            self._series[row[0]] = row
            self._ids.append(row[0])
            self._times.append(point.time)
            self._values.append(point.as_int if which == "as_int" else point.as_double)

    def _unfit(self, point: Any) -> str:
        bound = self._limits.label_count
        return f"more than {bound} labels" if len(point.attributes) > bound else ""

    def _histogram(self, point: Any, type_: str) -> str:
        buckets = explicit_buckets(point.bounds[:4096], point.buckets[:4096])
        if isinstance(buckets, str):
            return buckets
        return self._parts(point, type_, buckets)

    def _exponential(self, point: Any, type_: str) -> str:
        halves = []
        for raw in (point.positive, point.negative):
            half = self._of["Buckets"].FromString(raw)
            halves.append((half.offset, half.counts[:4096]))
        buckets = exponential_buckets(point.scale, point.zero_count, point.zero_threshold, *halves)
        if isinstance(buckets, str):
            return buckets
        return self._parts(point, type_, buckets)

    def _parts(self, point: Any, type_: str, buckets: Sequence[tuple[float, int]]) -> str:
        raws = point.attributes[:]
        self._spend(len(buckets) + 1)
        self._part(point, "_count", raws, type_, float(point.count))
        if point.HasField("sum"):
            self._part(point, "_sum", raws, type_, point.sum)
        for bound, count in buckets:
            self._part(point, "_bucket", raws, type_, float(count), "le", bound)
        return ""

    def _summary(self, point: Any, type_: str) -> str:
        if len(point.quantiles) > _QUANTILES:
            return f"more than {_QUANTILES} quantiles"
        raws = point.attributes[:]
        quantiles = [self._of["Quantile"].FromString(raw) for raw in point.quantiles]
        self._spend(len(quantiles) + 1)
        self._part(point, "_count", raws, type_, float(point.count))
        self._part(point, "_sum", raws, type_, point.sum)
        for quantile in quantiles:
            self._part(point, "", raws, type_, quantile.value, "quantile", quantile.quantile)
        return ""

    def _part(
        self, point: Any, suffix: str, raws: list[bytes], type_: str, value: float, label: str = "", bound: float = 0.0
    ) -> None:
        key = (self._resource, self._name, self._unit, type_, suffix, label, bound, *raws)
        row = self._known.get(key)
        if row is None:
            extra = (label, bound_text(bound)) if label else None
            labels = self._labels(raws, extra)
            row = self._remember(key, series_row(self._resource, self._name + suffix, labels, type_, self._unit))
        self._series[row[0]] = row
        self._ids.append(row[0])
        self._times.append(point.time)
        self._values.append(value)

    def _labels(self, raws: list[bytes], extra: tuple[str, str] | None = None) -> str:
        labels = {pair[0]: label_text(pair) for pair in self._attributes.pairs(raws, self.cut)}
        if extra:
            labels[extra[0]] = extra[1]
        return orjson.dumps(dict(sorted(labels.items()))).decode()

    def _remember(self, key: Any, row: SeriesRow) -> SeriesRow:
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[key] = row
        return row


def label_text(pair: Pair) -> str:
    """A label's value is text: numbers and booleans as in JSON, nested values as JSON."""
    value = pair[2]
    return value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()
