"""A recorded execution: training, evaluation, pipeline, runbook. Runs belong to experiments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from triops.kernel.ids import ExperimentId, RunId


class RunStatus(StrEnum):
    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    @property
    def ended(self) -> bool:
        return self in (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED)


class Stage(StrEnum):
    """Deleted things can be restored until the `gc` job frees them."""

    ACTIVE = "active"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Experiment:
    """Times are unix milliseconds, as every client of runs has them. `artifact_location`: a URI under which its runs'
    artifacts lie."""

    id: ExperimentId
    name: str
    artifact_location: str
    stage: Stage
    created_ms: int
    updated_ms: int
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Latest:
    """A metric's latest value: of the highest step, then time, then value."""

    value: float
    time_ms: int
    step: int
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    id: RunId
    experiment: ExperimentId
    name: str
    status: RunStatus
    stage: Stage
    user: str
    start_ms: int
    end_ms: int | None
    artifact_uri: str
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Latest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetricPoints:
    """Points of several metrics of one run, as columns of equal length: `keys[key[i]]` was `value[i]` at `step[i]`.

    `origins`, where given, tells per point the model and data set that it was measured on, by index (-1: none) into
    `origin_rows` of (model id, dataset name, dataset digest).
    """

    keys: Sequence[str]
    key: npt.NDArray[np.uint32]
    time_ms: npt.NDArray[np.int64]
    step: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    origins: npt.NDArray[np.int32] | None = None
    origin_rows: Sequence[tuple[str, str, str]] = ()

    def __len__(self) -> int:
        return len(self.value)


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a run read: a version by content (`digest`). `schema` and `profile` are the client's JSON."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class Input:
    dataset: Dataset
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """A logged model that a run made, at a step."""

    model_id: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class Links:
    """What a run read and made."""

    inputs: Sequence[Input] = ()
    model_inputs: Sequence[str] = ()
    outputs: Sequence[ModelOutput] = ()
