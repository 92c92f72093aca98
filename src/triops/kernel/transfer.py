"""What moves from another tracking server into this one: nouns as they were there, with their own ids and times.

Times are unix milliseconds. `artifact_uri` and `source` are the sender's words; whoever receives decides what they mean
here. Points of metrics travel beside these, as columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class MovedExperiment:
    id: str
    name: str
    artifact_location: str
    stage: str
    created_ms: int
    updated_ms: int
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MovedInput:
    """A data set that a run read."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MovedLink:
    """A logged model that a run read (`input`) or made (`output`)."""

    model_id: str
    role: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class MovedRun:
    id: str
    experiment: str  # the sender's id
    name: str
    status: str
    stage: str
    user: str
    start_ms: int
    end_ms: int | None
    artifact_uri: str
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[MovedInput, ...] = ()
    links: tuple[MovedLink, ...] = ()


@dataclass(frozen=True, slots=True)
class MovedMetric:
    """A value measured on a logged model. `value` is decimal text, `nan`, `inf` or `-inf`, since JSON
    has no word for the latter."""

    key: str
    value: str
    time_ms: int
    step: int
    run: str
    dataset_name: str = ""
    dataset_digest: str = ""


@dataclass(frozen=True, slots=True)
class MovedLoggedModel:
    id: str
    experiment: str
    name: str
    run: str
    status: str
    model_type: str
    artifact_uri: str
    created_ms: int
    updated_ms: int
    status_message: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[MovedMetric, ...] = ()
    stage: str = "active"


@dataclass(frozen=True, slots=True)
class MovedVersion:
    version: int
    created_ms: int
    updated_ms: int
    stage: str
    source: str
    status: str
    run: str = ""
    run_link: str = ""
    user: str = ""
    description: str = ""
    status_message: str = ""
    storage_location: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MovedModel:
    """A registered model with its versions."""

    name: str
    created_ms: int
    updated_ms: int
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    versions: tuple[MovedVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class MovedTrace:
    """`info`: as MLflow's API tells a trace, its assessments with it. `spans`: each the bytes of an OTLP span, in
    base64."""

    id: str
    artifact_uri: str
    info: Mapping[str, Any]
    spans: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MovedExample:
    """Of an evaluation data set. All but ids, people and times is JSON as text; None: was not given."""

    id: str
    inputs: str
    created_ms: int
    updated_ms: int
    outputs: str | None = None
    expectations: str | None = None
    tags: str | None = None
    source: str | None = None
    created_by: str | None = None
    updated_by: str | None = None


@dataclass(frozen=True, slots=True)
class MovedDataset:
    """An evaluation data set, its examples beside it. `schema` and `profile` are JSON as text."""

    id: str
    name: str
    digest: str
    created_ms: int
    updated_ms: int
    created_by: str | None = None
    updated_by: str | None = None
    schema: str | None = None
    profile: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    experiments: tuple[str, ...] = ()  # the sender's ids


@dataclass(frozen=True, slots=True)
class MovedScorerVersion:
    version: int
    serialized: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class MovedScorer:
    id: str
    name: str
    versions: tuple[MovedScorerVersion, ...]


@dataclass(frozen=True, slots=True)
class MovedWebhook:
    """Without its secret, which no server tells. `events` are `<entity>.<action>`."""

    id: str
    name: str
    url: str
    events: tuple[str, ...]
    status: str
    created_ms: int
    updated_ms: int
    description: str | None = None
