"""What the bus carries."""

from collections.abc import Sequence
from dataclasses import dataclass

from triops.kernel.change import Change
from triops.kernel.genai.heard import Heard
from triops.kernel.ids import ActionId, ExperimentId, IncidentId, ProjectId, RunId
from triops.kernel.run import MetricPoints, RunStatus
from triops.kernel.signal import LogBatch, MetricBatch, SpanBatch


@dataclass(frozen=True, slots=True)
class MetricsReceived:
    """After the batch is durable. `source` is one of `loop.sources.TITLES`."""

    project: ProjectId
    batch: MetricBatch
    source: str = "metrics"


@dataclass(frozen=True, slots=True)
class LogsReceived:
    project: ProjectId
    batch: LogBatch
    source: str = "logs"


@dataclass(frozen=True, slots=True)
class SpansReceived:
    """`heard`: what those of models' calls say."""

    project: ProjectId
    batch: SpanBatch
    source: str = "traces"
    heard: Sequence[Heard] = ()


@dataclass(frozen=True, slots=True)
class ChangeRecorded:
    """`source` is `changes`, or `events` for a CloudEvent."""

    project: ProjectId
    change: Change
    source: str = "changes"


@dataclass(frozen=True, slots=True)
class IncidentMoved:
    """An incident was opened or changed its status or severity: `transition` as `ports.notifiers.Notice` names it."""

    project: ProjectId
    incident: IncidentId
    transition: str
    at: float


@dataclass(frozen=True, slots=True)
class IncidentChanged:
    """Anything else about an incident: anomalies joined, another hypothesis, a line."""

    project: ProjectId
    incident: IncidentId


@dataclass(frozen=True, slots=True)
class ActionMoved:
    """An action was proposed, or changed its status."""

    project: ProjectId
    action: ActionId
    status: str
    at: float


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run was created, or went back to RUNNING. `at` is the server's time, unix seconds, here and below."""

    project: ProjectId
    run: RunId
    experiment: ExperimentId
    name: str
    at: float


@dataclass(frozen=True, slots=True)
class RunLogged:
    """Points were logged: all of a small request, a sample of a large one (the last point of each metric is in it)."""

    project: ProjectId
    run: RunId
    experiment: ExperimentId
    points: MetricPoints
    at: float


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run finished, failed or was killed."""

    project: ProjectId
    run: RunId
    experiment: ExperimentId
    status: RunStatus
    at: float
