"""A place to import from: what every kind of source can tell, and how it says that it cannot."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from triops.kernel.transfer import (
    MovedDataset,
    MovedExample,
    MovedExperiment,
    MovedLoggedModel,
    MovedModel,
    MovedRun,
    MovedScorer,
    MovedTrace,
    MovedWebhook,
)

Owner = MovedRun | MovedLoggedModel | MovedTrace
"""What has artifacts."""
Progress = Callable[[str, int], None]
"""A kind of `tally.KINDS` and how many more of it are done."""


class SourceError(Exception):
    """The source cannot be read, or holds what no tracking server writes."""


class Problems:
    """What had to be left out, in words: the first hundred, and how many in all."""

    _SHOWN = 100

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.count = 0

    def add(self, text: str) -> None:
        self.count += 1
        if len(self.texts) < self._SHOWN:
            self.texts.append(text[:500])


@dataclass(frozen=True, slots=True)
class Point:
    key: str
    value: float
    time_ms: int
    step: int


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """`path`: relative to its root, with `/`, already checked (see `paths.safe_path`). `size` in bytes, -1 where the
    source does not tell."""

    path: str
    size: int


class Source(Protocol):
    """Reads only. What is broken or unsafe by itself is left out and told in `problems`; SourceError means that the
    source as a whole cannot be read on."""

    name: str
    problems: Problems

    def experiments(self) -> Sequence[MovedExperiment]:
        """All, deleted ones too."""

    def runs(self, experiment: MovedExperiment) -> Iterator[MovedRun]:
        """All of one experiment, deleted ones too."""

    def points(self, run: MovedRun) -> Iterator[Point]:
        """The whole history of every metric of a run, each point once."""

    def logged_models(self, experiment: MovedExperiment) -> Iterator[MovedLoggedModel]:
        """Deleted ones too, where the source tells of them."""

    def models(self) -> Iterator[MovedModel]:
        """Registered models with their versions."""

    def artifacts(self, owner: Owner) -> Iterator[ArtifactFile] | None:
        """Its files; None where this source cannot reach them (they lie in a store of their own)."""

    def open(self, owner: Owner, file: ArtifactFile) -> Iterator[bytes]:
        """A file's bytes, in pieces."""

    def traces(self, experiment: MovedExperiment) -> Iterator[MovedTrace]:
        """With their spans. Their artifacts leave the spans out."""

    def datasets(self) -> Iterator[MovedDataset]:
        """Evaluation data sets."""

    def examples(self, dataset: MovedDataset) -> Iterator[MovedExample]: ...

    def scorers(self, experiment: MovedExperiment) -> Iterator[MovedScorer]:
        """Of an experiment that is not deleted: no server tells of others."""

    def webhooks(self) -> Iterator[MovedWebhook]: ...

    def close(self) -> None: ...
