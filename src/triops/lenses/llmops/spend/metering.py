"""Calls as metrics: counts, tokens, cost and times by application, route, provider, model and prompt version, so that
the Metrics page has them. Counters and histograms begin at zero with the server, as every exporter's do.
"""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import orjson

from triops.kernel.clock import NS
from triops.kernel.ids import ProjectId
from triops.kernel.money import PICO
from triops.kernel.signal import MetricBatch, Resources, Series, Text, fingerprint
from triops.ledger.calls.book import Charge
from triops.lenses.llmops.spend.applying import Applied
from triops.lenses.llmops.spend.journalled import Call
from triops.lenses.llmops.spend.recording import service_of_call

_GROUPS: Final = 500  # of a project; what more callers name counts as `other`
_FORGET_S: Final = 86_400.0  # a group without a call for so long makes room
_OTHER: Final = "other"
_QUIET_S: Final = 600.0  # a group without a call for so long is not sent again
_LABELS: Final = ("application", "route", "provider", "model", "prompt", "prompt_version")
# Bounds as OpenTelemetry's conventions for generative AI advise, in seconds and tokens.
_DURATION: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_FIRST: Final = (0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_TOKENS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)


class Metrics(Protocol):
    async def __call__(self, project: ProjectId, batch: MetricBatch) -> object: ...


class Histogram:
    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect.bisect_left(self.bounds, value)] += 1
        self.sum += value

    def parts(self) -> list[tuple[str, str, float]]:
        """Suffix, `le`, value: counts include all lower buckets, as Prometheus has them."""
        shown: list[tuple[str, str, float]] = []
        total = 0
        for bound, count in zip((*self.bounds, None), self.counts, strict=True):
            total += count
            shown.append(("_bucket", "+Inf" if bound is None else repr(bound).removesuffix(".0"), float(total)))
        return [("_count", "", float(total)), ("_sum", "", self.sum), *shown]


class _Group:
    def __init__(self) -> None:
        self.counters = dict.fromkeys(("requests", "errors", "cache_hits", "output_chars"), 0)
        self.cost = 0
        self.duration = Histogram(_DURATION)
        self.first = Histogram(_FIRST)
        self.input = Histogram(_TOKENS)
        self.output = Histogram(_TOKENS)
        self.at = 0.0


@dataclass
class Metering:
    send: Metrics
    _groups: dict[ProjectId, dict[tuple[str, ...], _Group]] = field(default_factory=dict)

    async def applied(self, applied: Applied, now: float) -> None:
        costs: dict[int, int] = {}
        last: dict[int, Charge] = {}
        for charge in applied.charges:
            costs[charge.seq] = costs.get(charge.seq, 0) + charge.cost
            last[charge.seq] = charge
        for project, calls in applied.calls.items():
            for call in calls:
                self._count(project, call, last[call.seq], costs[call.seq], now)

    async def tick(self, now: float) -> None:
        """Send what had calls lately."""
        for project, groups in list(self._groups.items()):
            for labels in [labels for labels, group in groups.items() if now - group.at > _FORGET_S]:
                del groups[labels]
            lately = [(labels, group) for labels, group in groups.items() if now - group.at <= _QUIET_S]
            if lately:
                await self.send(project, batch_of(lately, int(now * NS)))

    def _count(self, project: ProjectId, call: Call, charge: Charge, cost: int, now: float) -> None:
        intent, outcome = call.intent, call.outcome
        _, _, _, _, route, provider, model, prompt, version = charge.dims
        labels = (service_of_call(intent), route, provider, model, prompt, str(version or ""))
        groups = self._groups.setdefault(project, {})
        if labels not in groups and len(groups) >= _GROUPS:
            labels = (labels[0], route, provider, _OTHER, _OTHER, "")
        group = groups.get(labels)
        if group is None:
            group = groups[labels] = _Group()
        group.at = now
        requests, _, _, errors, _, hits, *_ = charge.counts
        counters = group.counters
        counters["requests"] += requests
        counters["errors"] += errors
        counters["cache_hits"] += hits
        counters["output_chars"] += int(outcome.get("output_bytes") or 0)
        group.cost += cost
        group.duration.add(max(int(outcome.get("ended_ns") or 0) - int(intent["at_ns"]), 0) / NS)
        if first := outcome.get("first_ns"):
            group.first.add(first / NS)
        given, made = charge.counts[8], charge.counts[9]
        if given or made:
            group.input.add(given)
            group.output.add(made)


def batch_of(groups: Sequence[tuple[tuple[str, ...], _Group]], at_ns: int) -> MetricBatch:
    rows = _Rows()
    for labels, group in groups:
        resource = rows.resource(labels[0])
        named = {name: value for name, value in zip(_LABELS, labels, strict=True) if value}
        for name, value in group.counters.items():
            rows.add(resource, f"triops.llm.{name}", named, "counter", "1", value)
        rows.add(resource, "triops.llm.cost_usd", named, "counter", "USD", group.cost / PICO)
        rows.histogram(resource, "gen_ai.client.operation.duration", named, "s", group.duration)
        rows.histogram(resource, "gen_ai.server.time_to_first_token", named, "s", group.first)
        for kind, tokens in (("input", group.input), ("output", group.output)):
            rows.histogram(
                resource, "gen_ai.client.token.usage", {**named, "gen_ai.token.type": kind}, "{token}", tokens
            )
    return rows.batch(at_ns)


class _Rows:
    def __init__(self) -> None:
        self._resources: dict[str, int] = {}
        self._series: list[tuple[int, int, str, str, str, str]] = []
        self._values: list[float] = []

    def resource(self, service: str) -> int:
        text = orjson.dumps({"service.name": service}).decode()
        return self._resources.setdefault(text, fingerprint(text))

    def add(self, resource: int, name: str, labels: Mapping[str, Any], type_: str, unit: str, value: float) -> None:
        text = orjson.dumps(labels, option=orjson.OPT_SORT_KEYS).decode()
        self._series.append((fingerprint(f"{resource}\0{name}\0{text}"), resource, name, text, type_, unit))
        self._values.append(value)

    def histogram(self, resource: int, name: str, labels: Mapping[str, Any], unit: str, of: Histogram) -> None:
        for suffix, bound, value in of.parts():
            named = {**labels, "le": bound} if bound else labels
            self.add(resource, name + suffix, named, "histogram", unit if suffix == "_sum" else "1", value)

    def batch(self, at_ns: int) -> MetricBatch:
        ids, owners, names, labels, types, units = zip(*self._series, strict=True)
        resources = Resources(np.array(list(self._resources.values()), np.uint64), _texts(list(self._resources)))
        series = Series(
            np.array(ids, np.uint64),
            np.array(owners, np.uint64),
            _texts(names),
            _texts(labels),
            _texts(types),
            _texts(units),
        )
        times = np.full(len(ids), at_ns, np.int64)
        return MetricBatch(resources, series, series.id.copy(), times, np.array(self._values, np.float64))


def _texts(values: Sequence[str]) -> Text:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
