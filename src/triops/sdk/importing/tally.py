"""What an import is verified by: of every kind how many there are, and a hash of all their content that does not depend
on their order. The same is computed of the source and of what arrived.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from triops.kernel.trace import ARTIFACTS_TAG, FINAL, SPANS_TAG
from triops.kernel.transfer import (
    MovedDataset,
    MovedExample,
    MovedExperiment,
    MovedLoggedModel,
    MovedModel,
    MovedRun,
    MovedScorer,
    MovedTrace,
    MovedVersion,
    MovedWebhook,
)
from triops.sdk.importing.source import Point
from triops.sdk.importing.spans import compared as compared_spans

KINDS = (
    "experiments",
    "runs",
    "params",
    "tags",
    "metric points",
    "inputs",
    "logged models",
    "deleted logged models",
    "registered models",
    "model versions",
    "traces",
    "spans",
    "assessments",
    "evaluation data sets",
    "examples",
    "scorers",
    "webhooks",
    "artifacts",
)
_OF_TRACE = (
    "request_time", "execution_duration", "state", "client_request_id", "request_preview", "response_preview"
)  # fmt: skip
_PLACES = (ARTIFACTS_TAG, SPANS_TAG)  # where a server keeps what is of a trace
_MASK = (1 << 128) - 1


@dataclass
class Total:
    count: int = 0
    size: int = 0  # bytes, of artifacts
    owners: dict[str, int] = field(default_factory=dict)  # a hash each

    @property
    def hash(self) -> str:
        return f"{sum(self.owners.values()) & _MASK:032x}"


class Tally:
    def __init__(self) -> None:
        self.kinds = {kind: Total() for kind in KINDS}

    def add(self, kind: str, owner: str, content: Any, count: int = 1, size: int = 0) -> None:
        """`owner`: what the content belongs to, which a difference is told by."""
        total = self.kinds[kind]
        text = json.dumps([owner, content], ensure_ascii=True, sort_keys=True, separators=(",", ":"))
        total.count += count
        total.size += size
        digest = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest())
        total.owners[owner] = (total.owners.get(owner, 0) + digest) & _MASK

    def experiment(self, experiment: MovedExperiment, *, merged: bool) -> None:
        """A merged one was here before, with its own times and tags."""
        own = {} if merged else {"stage": experiment.stage, "created": experiment.created_ms, "tags": experiment.tags}
        self.add("experiments", experiment.name, own)

    def run(self, run: MovedRun, experiment: str) -> None:
        """`experiment`: its name, since ids may differ."""
        info = [experiment, run.name, run.status, run.stage, run.user, run.start_ms, run.end_ms]
        self.add("runs", run.id, info)
        if run.params:
            self.add("params", run.id, run.params, len(run.params))
        if run.tags:
            self.add("tags", run.id, run.tags, len(run.tags))
        for one in (*map(asdict, run.inputs), *map(asdict, run.links)):
            self.add("inputs", run.id, one)

    def points(self, run: str, points: Iterable[Point]) -> Iterator[Point]:
        """Counts them as they pass by."""
        total = self.kinds["metric points"]
        for point in points:
            told = f"{run}\0{point.key}\0{point.step}\0{point.time_ms}\0{_shown(point.value)}"
            total.count += 1
            digest = int.from_bytes(hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).digest())
            total.owners[run] = (total.owners.get(run, 0) + digest) & _MASK
            yield point

    def logged_model(self, model: MovedLoggedModel, experiment: str) -> None:
        if model.stage == "deleted":  # no client can look at it: that it is there is all that can be compared
            self.add("deleted logged models", model.id, "")
            return
        info = [
            experiment,
            model.name,
            model.run,
            model.status,
            model.model_type,
            model.created_ms,
        ]
        latest: dict[tuple[str, str, str], tuple[int, int, float, str]] = {}
        for metric in model.metrics:
            value = float(metric.value)
            of = (metric.key, metric.dataset_name, metric.dataset_digest)
            one = (metric.step, metric.time_ms, 0.0 if math.isnan(value) else value, _shown(value))
            latest[of] = max(latest.get(of, one), one)
        metrics = sorted([*of, one[0], one[1], one[3]] for of, one in latest.items())
        self.add("logged models", model.id, [info, model.params, model.tags, metrics])

    def model(self, model: MovedModel, versions: set[int] | None = None) -> None:
        """`versions`: of these only (others were here before)."""
        self.add("registered models", model.name, [model.description, model.tags, model.aliases])
        for version in model.versions:
            if versions is None or version.version in versions:
                self.add("model versions", f"{model.name}/{version.version}", _version(version))

    def trace(self, trace: MovedTrace, experiment: str) -> None:
        info = trace.info
        own = [info.get(name) for name in _OF_TRACE]
        tags = {key: value for key, value in info.get("tags", {}).items() if key not in _PLACES}
        metadata = {key: _meant(value) for key, value in info.get("trace_metadata", {}).items() if key != FINAL}
        self.add("traces", trace.id, [experiment, *own, tags, metadata])
        for one in compared_spans(trace.spans):
            self.add("spans", trace.id, one)
        for assessment in info.get("assessments", ()):
            self.add("assessments", trace.id, assessment)

    def dataset(self, dataset: MovedDataset, experiments: Sequence[str]) -> None:
        """`experiments`: names of those that came along."""
        told = asdict(dataset) | {"experiments": sorted(experiments)}
        for name in ("schema", "profile"):
            told[name] = _meant(told[name])
        self.add("evaluation data sets", dataset.id, told)

    def example(self, dataset: MovedDataset, example: MovedExample) -> None:
        told = asdict(example)
        for name in ("inputs", "outputs", "expectations", "tags", "source"):
            told[name] = _meant(told[name])
        self.add("examples", dataset.id, told)

    def scorer(self, scorer: MovedScorer, experiment: str) -> None:
        """Its id may be another here: scorers are known by their names."""
        self.add(
            "scorers",
            f"{experiment}/{scorer.name}",
            sorted([one.version, one.serialized, one.created_ms] for one in scorer.versions),
        )

    def webhook(self, webhook: MovedWebhook) -> None:
        """But whether it is on: it arrives switched off."""
        told = asdict(webhook) | {"events": sorted(webhook.events)}
        del told["status"]
        self.add("webhooks", webhook.id, told)

    def artifact(self, owner: str, path: str, size: int, sha256: str) -> None:
        self.add("artifacts", owner, [path, size, sha256], 1, size)


def _version(version: MovedVersion) -> list[Any]:
    times = [version.created_ms, version.updated_ms]
    told = [version.stage, version.run, version.run_link, version.description, version.status, version.status_message]
    return [*times, *told, version.source, version.tags]


def _meant(text: str | None) -> Any:
    """JSON in a text, however its writer spaced it."""
    try:
        return json.loads(text) if text is not None else None
    except (ValueError, RecursionError):
        return text


def _shown(value: float) -> str:
    return repr(value + 0.0)  # no -0.0: databases lose its sign


@dataclass(frozen=True, slots=True)
class Compared:
    """One line of the table. `differ`: the first owners whose content is not the same."""

    kind: str
    there: int
    here: int
    there_hash: str
    here_hash: str
    size: int
    differ: tuple[str, ...]

    @property
    def equal(self) -> bool:
        return self.there == self.here and self.there_hash == self.here_hash


def compared(source: Tally, arrived: Tally) -> list[Compared]:
    lines = []
    for kind in KINDS:
        there, here = source.kinds[kind], arrived.kinds[kind]
        differ = [
            owner for owner in {**there.owners, **here.owners} if there.owners.get(owner) != here.owners.get(owner)
        ]
        lines.append(
            Compared(kind, there.count, here.count, there.hash, here.hash, there.size, tuple(sorted(differ)[:10]))
        )
    return lines
