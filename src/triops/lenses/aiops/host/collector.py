"""One reading of the host as one batch."""

from dataclasses import dataclass, field

from triops.kernel.signal import MetricBatch
from triops.lenses.aiops.host.machine import Machine
from triops.lenses.aiops.host.points import Points
from triops.lenses.aiops.host.processes import Processes
from triops.lenses.aiops.host.resource import host_resource


@dataclass
class HostCollector:
    """`collect` blocks for some milliseconds (it reads files of the kernel): call it on a thread."""

    resource: dict[str, str] = field(default_factory=host_resource)
    machine: Machine = field(default_factory=Machine)
    processes: Processes = field(default_factory=Processes)
    _points: Points = field(init=False)

    def __post_init__(self) -> None:
        self._points = Points(self.resource)

    def collect(self, now: float) -> MetricBatch:
        """`now`: unix seconds, the time of every point. Utilisations appear from the second call on."""
        self.machine.read(self._points, now)
        self.processes.read(self._points, now)
        return self._points.take(now)
