"""A model as a run logged it: not yet a version of a registered one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from triops.kernel.ids import ExperimentId
from triops.kernel.run import Stage


class ModelStatus(StrEnum):
    """Whether its files are all there."""

    UNSPECIFIED = "UNSPECIFIED"
    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class ModelMetric:
    """A point that was measured on the model, by `run`; the data set, where one was told."""

    key: str
    value: float
    time_ms: int
    step: int
    run: str
    dataset_name: str = ""
    dataset_digest: str = ""


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """`id` is `m-` and 32 hexadecimal digits. Times are unix milliseconds. `run`: who made it, "" for nobody."""

    id: str
    experiment: ExperimentId
    name: str
    artifact_location: str
    status: ModelStatus
    stage: Stage
    created_ms: int
    updated_ms: int
    model_type: str = ""
    run: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[ModelMetric] = ()
