"""A source that is MLflow's file store: the folder `mlruns`, wherever it lies now."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import yaml

from triops.kernel.trace import ARTIFACTS_TAG
from triops.kernel.transfer import (
    MovedDataset,
    MovedExample,
    MovedExperiment,
    MovedInput,
    MovedLink,
    MovedLoggedModel,
    MovedMetric,
    MovedModel,
    MovedRun,
    MovedScorer,
    MovedTrace,
    MovedVersion,
    MovedWebhook,
)
from triops.sdk.importing.distinct import distinct
from triops.sdk.importing.paths import Folders, files_under, pieces_of
from triops.sdk.importing.source import ArtifactFile, Owner, Point, Problems, SourceError
from triops.sdk.importing.spans import encoded
from triops.sdk.importing.spans_file import SPANS_FILE, spans_in
from triops.sdk.importing.trace_info import info_of, normal
from triops.sdk.importing.values import as_text, whole

N = TypeVar("N")
_META = "meta.yaml"
_TRACE_META = "trace_info.yaml"
_RUN_ID = 32  # characters
_META_BYTES = 16 << 20
_TRASH = ".trash"
_MODELS = "models"
_RUN_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_MODEL_STATUSES = {1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY", 3: "LOGGED_MODEL_UPLOAD_FAILED"}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class FilesSource:
    def __init__(self, root: Path, folders: Folders) -> None:
        self.name = str(root)
        self.problems = Problems()
        self._root = root.resolve()
        self._folders = folders
        self._where: dict[str, Path] = {}  # experiment, run, logged model: its folder
        if not self._root.is_dir():
            raise SourceError(f"{root} is no folder")

    def close(self) -> None:
        pass

    def experiments(self) -> Sequence[MovedExperiment]:
        found = []
        for folder in (*_folders(self._root), *_folders(self._root / _TRASH)):
            if folder.name != _MODELS and (folder / _META).is_file():
                found += self._read(folder, _experiment)
        if not found:
            raise SourceError(f"{self._root} holds no experiment: it is not a folder of MLflow's file store")
        self._where |= {experiment.id: folder for experiment, folder in found}
        return [experiment for experiment, _ in found]

    def runs(self, experiment: MovedExperiment) -> Iterator[MovedRun]:
        for folder in _folders(self._where[experiment.id]):
            if len(folder.name) == _RUN_ID and (folder / _META).is_file():
                for run, _ in self._read(folder, _run):
                    self._where[run.id] = folder
                    yield replace(run, experiment=experiment.id)

    def points(self, run: MovedRun) -> Iterator[Point]:
        folder = self._where[run.id] / "metrics"
        for key in _keys(folder):
            yield from distinct(self._points(folder, key))

    def _points(self, folder: Path, key: str) -> Iterator[Point]:
        for at, line in enumerate(_lines(folder / key)):
            try:
                point = Point(key, float(line[1]), int(line[0]), int(line[2]) if len(line) > 2 else 0)
                if max(abs(point.time_ms), abs(point.step)) >= 1 << 63:
                    raise ValueError
                yield point
            except (ValueError, IndexError):
                self.problems.add(f"{folder / key}, line {at + 1} is not a point of a metric")

    def traces(self, experiment: MovedExperiment) -> Iterator[MovedTrace]:
        for folder in _folders(self._where[experiment.id] / "traces"):
            if (folder / _TRACE_META).is_file():
                try:
                    trace = self._trace(folder)
                except (SourceError, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
                    self.problems.add(f"{folder} is left out: {type(error).__name__} {error}")
                else:
                    self._where[trace.id] = folder
                    yield trace

    def datasets(self) -> Iterator[MovedDataset]:
        """A file store has none, nor what follows."""
        return iter(())

    def examples(self, dataset: MovedDataset) -> Iterator[MovedExample]:
        return iter(())

    def scorers(self, experiment: MovedExperiment) -> Iterator[MovedScorer]:
        return iter(())

    def webhooks(self) -> Iterator[MovedWebhook]:
        return iter(())

    def logged_models(self, experiment: MovedExperiment) -> Iterator[MovedLoggedModel]:
        for folder in _folders(self._where[experiment.id] / _MODELS):
            for model, _ in self._read(folder, _logged_model):
                self._where[model.id] = folder
                yield replace(model, experiment=experiment.id)

    def models(self) -> Iterator[MovedModel]:
        for folder in _folders(self._root / _MODELS):
            for model, _ in self._read(folder, _model):
                yield model

    def _trace(self, folder: Path) -> MovedTrace:
        info = _meta(folder, _TRACE_META)
        tags, metadata = _texts(folder / "tags"), _texts(folder / "request_metadata")
        assessments = [
            _meta(folder / "assessments", name) for name in _keys(folder / "assessments") if name.endswith(".yaml")
        ]
        where = tags.get(ARTIFACTS_TAG, "")
        beside = folder / "artifacts"
        spans = spans_in(beside if beside.is_dir() else self._folders.find(where))
        told = info_of(info, tags, metadata, sorted(assessments, key=lambda one: str(one.get("create_time"))))
        return MovedTrace(str(info["trace_id"]), where, normal(told), encoded(spans))

    def _read(self, folder: Path, read: Callable[[Path, Mapping[str, Any]], N | None]) -> list[tuple[N, Path]]:
        """One noun, or none where its files are broken or it was deleted."""
        try:
            noun = read(folder, _meta(folder))
        except (SourceError, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
            self.problems.add(f"{folder} is left out: {type(error).__name__} {error}")
            return []
        return [] if noun is None else [(noun, folder)]

    def artifacts(self, owner: Owner) -> Iterator[ArtifactFile] | None:
        folder = self._artifacts_of(owner)
        if isinstance(owner, MovedTrace):
            files = files_under(folder, self.problems) if folder else iter(())
            return (file for file in files if file.path != SPANS_FILE)
        return files_under(folder, self.problems) if folder else None

    def open(self, owner: Owner, file: ArtifactFile) -> Iterator[bytes]:
        folder = self._artifacts_of(owner)
        if folder is None:
            raise SourceError(f"{owner.artifact_uri} cannot be read")
        return pieces_of(folder, file)

    def _artifacts_of(self, owner: Owner) -> Path | None:
        """Beside the owner's metadata, where the file store puts them (the folder may have moved since); elsewhere only
        where reading is allowed."""
        beside = self._where[owner.id] / "artifacts"
        if beside.is_dir() and not beside.is_symlink() and any(beside.iterdir()):
            return beside
        own = beside.is_dir() or owner.artifact_uri.rstrip("/").endswith("/".join(beside.parts[-3:]))  # nothing written
        return self._folders.find(owner.artifact_uri) or (beside if own else None)


def _experiment(folder: Path, meta: Mapping[str, Any]) -> MovedExperiment:
    return MovedExperiment(
        str(meta.get("experiment_id", folder.name)),
        str(meta["name"]),
        as_text(meta.get("artifact_location")),
        as_text(meta.get("lifecycle_stage")) or "active",
        whole(meta.get("creation_time")),
        whole(meta.get("last_update_time")),
        _texts(folder / "tags"),
    )


def _run(folder: Path, meta: Mapping[str, Any]) -> MovedRun:
    tags = _texts(folder / "tags")
    status = meta.get("status", 1)
    return MovedRun(
        str(meta.get("run_id") or meta["run_uuid"]),
        "",
        as_text(meta.get("run_name") or meta.get("name")) or tags.get("mlflow.runName", ""),
        status if isinstance(status, str) else _RUN_STATUSES.get(status, "RUNNING"),
        as_text(meta.get("lifecycle_stage")) or "active",
        as_text(meta.get("user_id")),
        whole(meta.get("start_time")),
        None if meta.get("end_time") is None else whole(meta["end_time"]),
        as_text(meta.get("artifact_uri")),
        _texts(folder / "params"),
        tags,
        tuple(_inputs(folder)),
        tuple(_links(folder)),
    )


def _inputs(run: Path) -> Iterator[MovedInput]:
    for folder in _folders(run / "inputs"):
        link = _meta(folder)
        data = run.parent / "datasets" / str(link["source_id"])
        if link.get("source_type") != "DATASET" or data.parent.name != "datasets" or not (data / _META).is_file():
            continue
        meta = _meta(data)
        yield MovedInput(
            str(meta["name"]),
            str(meta["digest"]),
            as_text(meta.get("source_type")),
            as_text(meta.get("source")),
            meta.get("schema"),
            meta.get("profile"),
            {str(k): as_text(v) for k, v in (link.get("tags") or {}).items()},
        )


def _links(run: Path) -> Iterator[MovedLink]:
    for folder in _folders(run / "inputs"):
        meta = _meta(folder)
        if meta.get("source_type") == "MODEL":
            yield MovedLink(str(meta["source_id"]), "input")
    for folder in _folders(run / "outputs"):
        meta = _meta(folder)
        yield MovedLink(str(meta["destination_id"]), "output", whole(meta.get("step")))


def _logged_model(folder: Path, meta: Mapping[str, Any]) -> MovedLoggedModel:
    status = meta.get("status", 0)
    return MovedLoggedModel(
        str(meta["model_id"]),
        "",
        str(meta["name"]),
        as_text(meta.get("source_run_id")),
        status if isinstance(status, str) else _MODEL_STATUSES.get(status, "LOGGED_MODEL_STATUS_UNSPECIFIED"),
        as_text(meta.get("model_type")),
        as_text(meta.get("artifact_location")),
        whole(meta.get("creation_timestamp")),
        whole(meta.get("last_updated_timestamp")),
        as_text(meta.get("status_message")),
        _texts(folder / "params"),
        _texts(folder / "tags"),
        tuple(_model_metrics(folder / "metrics")),
        as_text(meta.get("lifecycle_stage")) or "active",
    )


def _model_metrics(folder: Path) -> Iterator[MovedMetric]:
    for key in _keys(folder):
        for time_ms, value, step, run, *dataset in _lines(folder / key):
            name, digest = dataset or ("", "")
            yield MovedMetric(key, repr(float(value)), int(time_ms), int(step), run, name, digest)


def _model(folder: Path, meta: Mapping[str, Any]) -> MovedModel:
    created = whole(meta.get("creation_timestamp"))
    aliases = {key: int(value) for key, value in _texts(folder / "aliases").items()}
    versions = [_version(one, _meta(one)) for one in _folders(folder) if one.name.startswith("version-")]
    return MovedModel(
        str(meta["name"]),
        created,
        whole(meta.get("last_updated_timestamp")) or created,
        as_text(meta.get("description")),
        _texts(folder / "tags"),
        aliases,
        tuple(sorted((v for v in versions if v.stage != "Deleted_Internal"), key=lambda v: v.version)),
    )


def _version(folder: Path, meta: Mapping[str, Any]) -> MovedVersion:
    created = whole(meta.get("creation_timestamp"))
    return MovedVersion(
        int(meta["version"]),
        created,
        whole(meta.get("last_updated_timestamp")) or created,
        as_text(meta.get("current_stage")) or "None",
        as_text(meta.get("source")),
        as_text(meta.get("status")) or "READY",
        as_text(meta.get("run_id")),
        as_text(meta.get("run_link")),
        as_text(meta.get("user_id")),
        as_text(meta.get("description")),
        as_text(meta.get("status_message")),
        as_text(meta.get("storage_location")),
        _texts(folder / "tags"),
    )


def _folders(root: Path) -> list[Path]:
    """Sorted; links are left out."""
    try:
        with os.scandir(root) as found:
            return sorted(Path(one.path) for one in found if one.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []


def _keys(folder: Path) -> list[str]:
    """Keys are paths of files: one with a slash lies in a folder."""
    return [file.path for file in files_under(folder)] if folder.is_dir() else []


def _texts(folder: Path) -> dict[str, str]:
    return {key: _read(folder / key) for key in _keys(folder)}


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _META_BYTES:
            raise SourceError(f"{path} is larger than {_META_BYTES >> 20} MB")
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: {error}") from error


def _lines(path: Path) -> Iterator[list[str]]:
    """The words of each line; a history may be long, so line by line."""
    with path.open(encoding="utf-8", errors="replace") as opened:
        for line in opened:
            if words := line.split():
                yield words


def _meta(folder: Path, name: str = _META) -> dict[str, Any]:
    text = _read(folder / name)
    try:
        meta = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SourceError(f"{folder / name} is not YAML: {str(error)[:200]}") from error
    if not isinstance(meta, dict):
        raise SourceError(f"{folder / name} is not a mapping")
    return meta
