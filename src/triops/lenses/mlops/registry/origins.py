"""What the registry asks of the rest of the lens: which run and which logged model a version comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from triops.kernel.ids import ProjectId


@dataclass(frozen=True, slots=True)
class Data:
    """A data set that a run read, as far as a lineage shows it."""

    name: str
    digest: str
    context: str = ""  # training, validation, ...


@dataclass(frozen=True, slots=True)
class RunOrigin:
    id: str
    name: str
    experiment: str
    artifact_uri: str
    user: str = ""
    status: str = ""
    start_ms: int = 0
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    data: Sequence[Data] = ()


@dataclass(frozen=True, slots=True)
class ModelOrigin:
    """A logged model. `flavours` and `signature` are what its own description says, "" where it says nothing."""

    id: str
    name: str
    artifact_location: str
    run: str
    model_type: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class Origins(Protocol):
    async def run(self, project: ProjectId, id: str) -> RunOrigin | None: ...

    async def logged_model(self, project: ProjectId, id: str) -> ModelOrigin | None: ...

    async def registered(self, project: ProjectId, model_id: str, name: str, version: int) -> None:
        """Tell a logged model that it became a version."""
        ...
