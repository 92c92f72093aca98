"""Points of one host, gathered by name and labels and handed out as one columnar batch."""

from dataclasses import dataclass, field

import numpy as np

from triops.kernel.clock import NS
from triops.kernel.signal import MetricBatch, Resources, Series, fingerprint
from triops.lenses.aiops.host.resource import canonical

_SERIES_BOUND = 4096


@dataclass
class Points:
    """Series are described once and remembered; over the bound all are forgotten and described anew."""

    resource: dict[str, str]
    _known: dict[tuple[str, tuple[str, ...]], tuple[int, str]] = field(default_factory=dict)
    _rows: dict[int, tuple[str, str, str, str, float]] = field(default_factory=dict)

    def gauge(self, name: str, unit: str, value: float, **labels: str) -> None:
        self._add(name, "gauge", unit, value, labels)

    def counter(self, name: str, unit: str, value: float, **labels: str) -> None:
        """Cumulative since the host started."""
        self._add(name, "counter", unit, value, labels)

    def take(self, now: float) -> MetricBatch:
        """Everything since the last take, all at `now` (unix seconds)."""
        rows, self._rows = self._rows, {}
        attributes = canonical(self.resource)
        resource = fingerprint(attributes)
        ids = np.fromiter(rows, np.uint64, len(rows))
        columns = list(zip(*rows.values(), strict=True)) or [(), (), (), (), ()]
        names, labels, types, units, values = columns
        return MetricBatch(
            resources=Resources(np.array([resource], np.uint64), np.array([attributes], object)),
            series=Series(
                id=ids,
                resource=np.full(len(rows), resource, np.uint64),
                name=np.array(names, object),
                labels=np.array(labels, object),
                type=np.array(types, object),
                unit=np.array(units, object),
            ),
            series_id=ids,
            time_ns=np.full(len(rows), int(now * NS), np.int64),
            value=np.array(values, np.float64),
        )

    def _add(self, name: str, type_: str, unit: str, value: float, labels: dict[str, str]) -> None:
        """Labels are given with `_` for each dot of the attribute's name and `__` for an underscore."""
        key = (name, tuple(part for pair in labels.items() for part in pair))
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _SERIES_BOUND:
                self._known.clear()
            text = canonical({_dotted(label): given for label, given in labels.items()})
            resource = fingerprint(canonical(self.resource))
            known = self._known[key] = (fingerprint(f"{resource}\0{name}\0{text}"), text)
        self._rows[known[0]] = (name, known[1], type_, unit, float(value))


def _dotted(label: str) -> str:
    return label.replace("__", "\0").replace("_", ".").replace("\0", "_")
