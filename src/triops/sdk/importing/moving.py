"""One import: everything of a source sent to a Triops, in an order in which what is referred to is there first.

It may be stopped at any point and run again: what the receiver has whole is not sent anew, a run that came in part is
sent from its beginning, and a file that has the right bytes stays.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain

from triops.kernel.transfer import MovedExperiment, MovedLoggedModel, MovedModel, MovedRun, MovedVersion
from triops.sdk.importing.columns import JSON, pieces
from triops.sdk.importing.evaluations import EvaluationsMove
from triops.sdk.importing.receiver import Receiver
from triops.sdk.importing.sending import each, some, within
from triops.sdk.importing.source import Problems, Progress, Source
from triops.sdk.importing.tally import Tally
from triops.sdk.importing.uploading import Uploads

_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_RUNS = 50  # of one request
_VERSIONS = 100


class Import:
    """`tally` is of what was read at the source. What is here of it is told by `experiments`, `runs`, `logged` and
    `versions`: the source's ids, and where they are now."""

    def __init__(self, source: Source, receiver: Receiver, progress: Progress) -> None:
        self._source = source
        self._receiver = receiver
        self._progress = progress
        self.problems = Problems()
        self.tally = Tally()
        self.experiments: dict[str, JSON] = {}  # as the receiver answered
        self.runs: dict[str, str] = {}  # where their artifacts lie
        self.logged: dict[str, str] = {}
        self.deleted_logged: list[str] = []
        self.versions: dict[str, set[int]] = {}
        self.present = 0  # runs that were here already
        self._places: dict[str, str] = {}  # where artifacts were, and where they are
        self._uploads = Uploads(source, receiver, self.problems, self.tally, progress)
        self.evaluations = EvaluationsMove(source, receiver, self.problems, self.tally, self._uploads, progress)

    def move(self) -> None:
        """Raises: SourceError, ApiError, Unreachable; what is wrong with a part alone is told in `problems`."""
        found = self._source.experiments()
        items = [asdict(one) for one in found]
        sent = each(self.problems, self._begin, items, lambda item: f"experiment {item['name'][:200]}")
        self.experiments = {item["id"]: answer for item, answer in sent}
        with self._uploads:
            for experiment in found:
                if experiment.id not in self.experiments:
                    continue
                merged = self.experiments[experiment.id]["state"] != "created"
                self.tally.experiment(experiment, merged=merged)
                self._progress("experiments", 1)
                for runs in some(self._source.runs(experiment), _RUNS):
                    self._move_runs(experiment, runs)
                for models in some(self._source.logged_models(experiment), _RUNS):
                    self._move_logged_models(experiment, models)
                self.evaluations.of_experiment(experiment, self.experiments[experiment.id]["to"])
        self.evaluations.rest(self.experiments)
        for model in self._source.models():
            self._move_model(model)

    def notes(self) -> list[str]:
        """What whoever imports has to do now."""
        webhooks = len(self.evaluations.webhooks)
        if not webhooks:
            return []
        return [
            f"{webhooks} webhooks came without their secrets, which no server tells, and are DISABLED: set a secret, "
            "then the status ACTIVE"
        ]

    def _begin(self, items: Sequence[JSON]) -> list[JSON]:
        return self._receiver.experiments(self._source.name, items)

    def _move_runs(self, experiment: MovedExperiment, found: Sequence[MovedRun]) -> None:
        to = self.experiments[experiment.id]
        runs = [run for run in found if _ID.fullmatch(run.id)]
        for run in found:
            if not _ID.fullmatch(run.id):
                self.problems.add(f"run {run.id[:100]!r} is left out: that is no run's id")
        known = self._receiver.known(runs=[run.id for run in runs])
        self.present += len(known)
        batch: list[JSON] = []
        for run in runs:
            self.tally.run(run, experiment.name)
            columns = pieces(self.tally.points(run.id, self._source.points(run)))
            first, second = next(columns), next(columns, None)
            item = {"run": asdict(run), "to": to["to"], "points": first, "more": second is not None}
            if run.id in known:
                batch.append({**item, "points": None, "more": False})  # answers where it is
            elif second is None:
                batch.append(item)
                continue
            elif self._send_runs([item]):
                self._send_points(run.id, chain([second], columns))
            for _ in columns:  # what is not sent is counted all the same
                pass
        for few in within(batch):
            self._send_runs(few)
        self._progress("runs", len(runs))
        self._uploads.add([(run, self.runs[run.id]) for run in runs if run.id in self.runs])

    def _send_points(self, run: str, columns: Iterator[JSON]) -> None:
        """The last one says that it is the last."""
        piece = next(columns, None)
        while piece is not None:
            following = next(columns, None)
            self._receiver.points(run, piece, more=following is not None)
            piece = following

    def _send_runs(self, items: Sequence[JSON]) -> bool:
        answers = each(self.problems, self._receiver.runs, items, lambda item: f"run {item['run']['id']}")
        for item, answer in answers:
            self.runs[answer["id"]] = answer["artifact_uri"]
            self._moved(item["run"]["artifact_uri"], answer["artifact_uri"])
        return len(answers) == len(items)

    def _move_logged_models(self, experiment: MovedExperiment, models: Sequence[MovedLoggedModel]) -> None:
        to = self.experiments[experiment.id]["to"]
        for model in models:
            self.tally.logged_model(model, experiment.name)
        items = [{"model": asdict(model), "to": to} for model in models]
        for few in within(items):
            sent = each(
                self.problems, self._receiver.logged_models, few, lambda item: f"logged model {item['model']['id']}"
            )
            for item, answer in sent:
                self.logged[answer["id"]] = answer["artifact_uri"]
                if item["model"]["stage"] == "deleted":
                    self.deleted_logged.append(answer["id"])
                self._moved(item["model"]["artifact_uri"], answer["artifact_uri"])
        self._progress("logged models", len(models))
        self._uploads.add([(model, self.logged[model.id]) for model in models if model.id in self.logged])

    def _move_model(self, model: MovedModel) -> None:
        """Its versions by the hundred, its aliases with the last of them."""
        model = replace(model, versions=tuple(self._placed(version) for version in model.versions))
        self.tally.model(model)
        self.versions[model.name] = {version.version for version in model.versions}
        parts = list(some(model.versions, _VERSIONS)) or [[]]
        for at, versions in enumerate(parts, 1):
            aliases = model.aliases if at == len(parts) else {}
            part = {"model": asdict(replace(model, versions=tuple(versions), aliases=aliases))}
            each(self.problems, self._receiver.models, [part], lambda item: f"model {item['model']['name']}")
        self._progress("registered models", 1)
        self._progress("model versions", len(model.versions))

    def _placed(self, version: MovedVersion) -> MovedVersion:
        """Its source as it is here, where its artifacts were moved."""
        return replace(
            version, source=self._place(version.source), storage_location=self._place(version.storage_location)
        )

    def _moved(self, before: str, now: str) -> None:
        if before:
            self._places[_plain(before)] = now

    def _place(self, uri: str) -> str:
        head, tail = _plain(uri), ""
        while head:
            if head in self._places:
                return self._places[head] + tail
            head, slash, last = head.rpartition("/")
            tail = f"{slash}{last}{tail}"
        return uri


def _plain(uri: str) -> str:
    return uri.removeprefix("file://").rstrip("/")
