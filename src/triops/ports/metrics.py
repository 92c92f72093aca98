"""The store of metric points. See `telemetry` for the promises that all three stores share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from triops.kernel.ids import ProjectId
from triops.kernel.selector import Selector
from triops.kernel.signal import F64, I64, U64, MetricBatch
from triops.ports.telemetry import Appended, Retained

Aggregate = Literal["auto", "avg", "min", "max", "sum", "last", "rate"]


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """`labels`: the point attributes and those of the resource (point attributes win), all text."""

    id: int
    name: str
    type: str
    unit: str
    labels: Mapping[str, str]
    resource: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PointTable:
    """Rows sorted by series, then time. With a step, `time_ns` is the start of each step; empty steps have no row."""

    series_id: U64
    time_ns: I64
    value: F64


class Metrics(Retained, Protocol):
    async def append(self, project: ProjectId, batch: MetricBatch, digest: bytes | None = None) -> Appended: ...

    async def series(
        self, project: ProjectId, selector: Selector | None, start_ns: int, end_ns: int, limit: int = 1000
    ) -> Sequence[SeriesInfo]:
        """The series that match and have been written to on a day of [start, end), ordered by name and labels."""
        ...

    async def points(
        self,
        project: ProjectId,
        series_ids: Sequence[int],
        start_ns: int,
        end_ns: int,
        step_ns: int | None = None,
        aggregate: Aggregate = "auto",
    ) -> PointTable:
        """Points in [start, end). Of points with equal series and time the last written counts. Without a step: as
        stored, at most 1,000,000 rows (else TooLarge). `auto`: last for counters and histograms' parts, else avg.
        `rate`: increase per second within and between steps, resets taken into account. NaN is left out of
        aggregates."""
        ...

    async def since(self, project: ProjectId, start_ns: int, end_ns: int) -> PointTable:
        """Every point of every series in [start, end), what the bus tells as it comes: at most the newest 5,000,000."""
        ...

    async def label_values(
        self, project: ProjectId, label: str, start_ns: int, end_ns: int, limit: int = 1000
    ) -> Sequence[str]:
        """Distinct values, sorted; label `__name__` gives metric names."""
        ...
