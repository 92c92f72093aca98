"""What applications are evaluated with: data sets of examples, and scorers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from triops.kernel.ids import ExperimentId


@dataclass(frozen=True, slots=True)
class EvaluationDataset:
    """`digest` changes with every change of the records. `schema` and `profile` are JSON, or None before there are
    records. Times are unix milliseconds."""

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
    experiments: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """One example. Everything but ids, people and times is JSON as it is stored; None: was not given."""

    id: str
    dataset: str
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
class ScorerVersion:
    """`serialized` is the client's JSON; nothing of it is ever run here."""

    id: str
    experiment: ExperimentId
    name: str
    version: int
    serialized: str
    created_ms: int
