"""Which ways of sending have been used: what the Start page ticks off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from triops.kernel.ids import ProjectId

TITLES = {
    "traces": "Traces by OTLP",
    "metrics": "Metrics by OTLP",
    "logs": "Logs by OTLP",
    "remote_write": "Prometheus remote write",
    "alertmanager": "Alertmanager",
    "events": "CloudEvents",
    "changes": "Changes",
    "host": "This host",
}


@dataclass
class Sources:
    """Since this start of the server; what earlier runs stored is marked by `restore`."""

    _seen: dict[tuple[ProjectId, str], tuple[float, int]] = field(default_factory=dict)

    def saw(self, project: ProjectId, source: str, rows: int, at: float) -> None:
        first, count = self._seen.get((project, source), (at, 0))
        self._seen[project, source] = (first, count + rows)

    def restore(self, project: ProjectId, source: str, first: float) -> None:
        self._seen.setdefault((project, source), (first, 0))

    def list(self, project: ProjectId) -> Sequence[Mapping[str, Any]]:
        shown = []
        for id_, title in TITLES.items():
            first, rows = self._seen.get((project, id_), (None, 0))
            shown.append({"id": id_, "title": title, "first_seen": first, "rows": rows})
        return shown
