"""A source that is a running tracking server, read by MLflow's REST API: MLflow's own, or Triops itself (which is how
an import is verified)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

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
from triops.sdk.importing.api import Api
from triops.sdk.importing.paths import proxied_path, safe_path
from triops.sdk.importing.rest_evaluations import RestEvaluations
from triops.sdk.importing.source import ArtifactFile, Owner, Point, Problems, SourceError
from triops.sdk.importing.spans_file import SPANS_FILE
from triops.sdk.importing.values import as_text, number, whole

JSON = Mapping[str, Any]
_PAGE = 1000
_BULK_RUNS = 100
_BULK_POINTS = 25_000
_DEPTH = 64
_AHEAD = 100_000  # points read ahead
_LOGGED = "2.0/mlflow/logged-models/{}/artifacts"
_PROXY = "2.0/mlflow-artifacts/artifacts"


class RestSource:
    """`http` carries the address and who asks. Histories of many runs are asked at once: most have few points."""

    def __init__(self, http: httpx.Client) -> None:
        self.name = str(http.base_url).rstrip("/")
        self.problems = Problems()
        self._http = Api(http)
        self._evaluations = RestEvaluations(self._http, self.problems)
        self._keys: dict[str, list[str]] = {}
        self._ahead: dict[str, list[Point]] = {}

    def close(self) -> None:
        self._http.close()

    def experiments(self) -> Sequence[MovedExperiment]:
        body = {"view_type": "ALL", "max_results": _PAGE}
        found = [
            _experiment(one) for one in self._http.pages("POST", "2.0/mlflow/experiments/search", "experiments", body)
        ]
        return sorted(found, key=lambda experiment: int(experiment.id))

    def runs(self, experiment: MovedExperiment) -> Iterator[MovedRun]:
        body = {"experiment_ids": [experiment.id], "run_view_type": "ALL", "max_results": _BULK_RUNS}
        batch: list[JSON] = []
        for one in self._http.pages("POST", "2.0/mlflow/runs/search", "runs", body):
            batch.append(one)
            if len(batch) == _BULK_RUNS:
                yield from self._with_histories(batch)
                batch = []
        yield from self._with_histories(batch)

    def points(self, run: MovedRun) -> Iterator[Point]:
        yield from self._ahead.pop(run.id, ())
        for key in self._keys.pop(run.id, ()):
            query = {"run_id": run.id, "metric_key": key, "max_results": _BULK_POINTS}
            for one in self._http.pages("GET", "2.0/mlflow/metrics/get-history", "metrics", query):
                yield _point(key, one)

    def logged_models(self, experiment: MovedExperiment) -> Iterator[MovedLoggedModel]:
        body = {"experiment_ids": [experiment.id], "max_results": 50}
        for one in self._http.pages("POST", "2.0/mlflow/logged-models/search", "models", body, {}):
            yield _logged_model(one)

    def models(self) -> Iterator[MovedModel]:
        found: dict[str, JSON] = {}
        # a plain search leaves prompts out
        for wanted in ("", "tags.`mlflow.prompt.is_prompt` = 'true'"):
            plain = {"max_results": _PAGE}
            query: JSON = {**plain, "filter": wanted} if wanted else plain
            for one in self._http.pages("GET", "2.0/mlflow/registered-models/search", "registered_models", query, {}):
                found[one["name"]] = one
        for name in sorted(found):
            model = self._http.call("GET", "2.0/mlflow/registered-models/get", {"name": name})["registered_model"]
            query = {"filter": f"name = {_quoted(name)}", "max_results": _PAGE}
            versions = self._http.pages("GET", "2.0/mlflow/model-versions/search", "model_versions", query)
            yield _model(model, versions)

    def traces(self, experiment: MovedExperiment) -> Iterator[MovedTrace]:
        yield from self._evaluations.traces(experiment.id)

    def datasets(self) -> Iterator[MovedDataset]:
        yield from self._evaluations.datasets()

    def examples(self, dataset: MovedDataset) -> Iterator[MovedExample]:
        yield from self._evaluations.examples(dataset.id)

    def scorers(self, experiment: MovedExperiment) -> Iterator[MovedScorer]:
        if experiment.stage == "active":
            yield from self._evaluations.scorers(experiment.id)

    def webhooks(self) -> Iterator[MovedWebhook]:
        yield from self._evaluations.webhooks()

    def artifacts(self, owner: Owner) -> Iterator[ArtifactFile] | None:
        if isinstance(owner, MovedTrace):
            walked = self._walk(owner, "", 0) if proxied_path(owner.artifact_uri) else iter(())
            return (file for file in walked if file.path != SPANS_FILE)
        return self._walk(owner, "", 0)

    def open(self, owner: Owner, file: ArtifactFile) -> Iterator[bytes]:
        root = proxied_path(owner.artifact_uri)
        if root:
            path, query = f"/api/{_PROXY}/{quote(safe_path(f'{root}/{file.path}'))}", {}
        elif isinstance(owner, MovedLoggedModel):
            path, query = f"{_LOGGED.format(owner.id)}/files", {"artifact_file_path": file.path}
            path = f"/ajax-api/{path}"
        else:
            path, query = "/get-artifact", {"run_uuid": owner.id, "path": file.path}
        try:
            with self._http.http.stream("GET", path, params=query) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise SourceError(f"{self.name}{path}: HTTP {answer.status_code} {answer.text[:200]}")
                yield from answer.iter_bytes(1 << 20)
        except httpx.TransportError as error:
            raise SourceError(f"{self.name}{path}: {error}") from error

    def _walk(self, owner: Owner, folder: str, depth: int) -> Iterator[ArtifactFile]:
        if depth > _DEPTH:
            raise SourceError(f"{self.name}: artifacts of {owner.id} are nested deeper than {_DEPTH}")
        root = proxied_path(owner.artifact_uri)
        if root:
            path = f"{root}/{folder}" if folder else root
            files = self._http.call("GET", _PROXY, {"path": path}, missing={}).get("files", ())
            named = [(f"{folder}/{one['path']}" if folder else one["path"], one) for one in files]
        elif isinstance(owner, MovedLoggedModel):
            query = {"artifact_directory_path": folder} if folder else {}
            files = list(self._http.pages("GET", f"{_LOGGED.format(owner.id)}/directories", "files", query))
            named = [(one["path"], one) for one in files]
        else:
            query = {"run_id": owner.id, "path": folder} if folder else {"run_id": owner.id}
            files = list(self._http.pages("GET", "2.0/mlflow/artifacts/list", "files", query))
            named = [(one["path"], one) for one in files]
        for name, one in named:
            try:
                path = safe_path(name)
            except SourceError as error:
                self.problems.add(f"artifact of {owner.id}: {error}")
                continue
            if not path.startswith(f"{folder}/" if folder else ""):
                raise SourceError(f"{self.name} lists {path[:120]!r} under {folder[:120]!r}")
            if one.get("is_dir"):
                yield from self._walk(owner, path, depth + 1)
            else:
                yield ArtifactFile(path, whole(one["file_size"]) if "file_size" in one else -1)

    def _with_histories(self, batch: Sequence[JSON]) -> Iterator[MovedRun]:
        """The runs of a page, their histories read ahead where one question answers for all."""
        keys: dict[str, list[str]] = defaultdict(list)
        for one in batch:
            for metric in one.get("data", {}).get("metrics", ()):
                keys[metric["key"]].append(one["info"]["run_id"])
        self._ahead, self._keys = defaultdict(list), defaultdict(list)
        ahead = 0
        for key, ids in keys.items():
            many = self._bulk(key, ids) if len(ids) > 1 and ahead < _AHEAD else None
            for id in ids:
                if many is None or len(many[id]) >= _BULK_POINTS // len(ids):  # perhaps cut short
                    self._keys[id].append(key)
                else:
                    self._ahead[id].extend(many[id])
                    ahead += len(many[id])
        for one in batch:
            yield _run(one)

    def _bulk(self, key: str, ids: Sequence[str]) -> dict[str, list[Point]] | None:
        query = {"run_id": list(ids), "metric_key": key, "max_results": _BULK_POINTS}
        answer = self._http.call("GET", "2.0/mlflow/metrics/get-history-bulk", query, missing=None, twin="ajax-api")
        if answer is None or len(answer.get("metrics", ())) >= _BULK_POINTS:
            return None
        found: dict[str, list[Point]] = {id: [] for id in ids}
        for one in answer.get("metrics", ()):
            found[one["run_id"]].append(_point(key, one))
        return found


def _quoted(name: str) -> str:
    if "'" not in name:
        return f"'{name}'"
    if '"' not in name:
        return f'"{name}"'
    raise SourceError(f"the versions of a model whose name has both quotes cannot be asked for: {name[:100]}")


def _pairs(items: Any) -> dict[str, str]:
    return {one["key"]: one.get("value", "") for one in items or ()}


def _point(key: str, one: JSON) -> Point:
    return Point(key, number(one.get("value", 0)), whole(one.get("timestamp")), whole(one.get("step")))


def _experiment(one: JSON) -> MovedExperiment:
    return MovedExperiment(
        str(one["experiment_id"]),
        one["name"],
        one.get("artifact_location", ""),
        one.get("lifecycle_stage", "active"),
        whole(one.get("creation_time")),
        whole(one.get("last_update_time")),
        _pairs(one.get("tags")),
    )


def _run(one: JSON) -> MovedRun:
    info, data = one["info"], one.get("data", {})
    inputs, outputs = one.get("inputs", {}), one.get("outputs", {})
    links = [MovedLink(model["model_id"], "input") for model in inputs.get("model_inputs", ())]
    links += [
        MovedLink(model["model_id"], "output", whole(model.get("step"))) for model in outputs.get("model_outputs", ())
    ]
    return MovedRun(
        info["run_id"],
        str(info["experiment_id"]),
        info.get("run_name", ""),
        info.get("status", "RUNNING"),
        info.get("lifecycle_stage", "active"),
        info.get("user_id", ""),
        whole(info.get("start_time")),
        whole(info["end_time"]) if info.get("end_time") else None,
        info.get("artifact_uri", ""),
        _pairs(data.get("params")),
        _pairs(data.get("tags")),
        tuple(_input(dataset) for dataset in inputs.get("dataset_inputs", ())),
        tuple(links),
    )


def _input(one: JSON) -> MovedInput:
    data = one["dataset"]
    told = (data["name"], data["digest"], data.get("source_type", ""), data.get("source", ""))
    return MovedInput(*told, data.get("schema"), data.get("profile"), _pairs(one.get("tags")))


def _logged_model(one: JSON) -> MovedLoggedModel:
    info, data = one["info"], one.get("data", {})
    return MovedLoggedModel(
        info["model_id"],
        str(info["experiment_id"]),
        info["name"],
        info.get("source_run_id", ""),
        info.get("status", "LOGGED_MODEL_STATUS_UNSPECIFIED"),
        info.get("model_type", ""),
        info.get("artifact_uri", ""),
        whole(info.get("creation_timestamp_ms")),
        whole(info.get("last_updated_timestamp_ms")),
        as_text(info.get("status_message")),
        _pairs(data.get("params")),
        _pairs(info.get("tags")),
        tuple(
            MovedMetric(
                metric["key"],
                repr(number(metric.get("value", 0))),
                whole(metric.get("timestamp")),
                whole(metric.get("step")),
                metric.get("run_id", ""),
                metric.get("dataset_name", ""),
                metric.get("dataset_digest", ""),
            )
            for metric in data.get("metrics", ())
        ),
    )


def _model(model: JSON, versions: Iterator[JSON]) -> MovedModel:
    created = whole(model.get("creation_timestamp"))
    return MovedModel(
        model["name"],
        created,
        whole(model.get("last_updated_timestamp")) or created,
        model.get("description", ""),
        _pairs(model.get("tags")),
        {one["alias"]: int(one["version"]) for one in model.get("aliases", ())},
        tuple(sorted((_version(one) for one in versions), key=lambda version: version.version)),
    )


def _version(one: JSON) -> MovedVersion:
    created = whole(one.get("creation_timestamp"))
    return MovedVersion(
        int(one["version"]),
        created,
        whole(one.get("last_updated_timestamp")) or created,
        one.get("current_stage") or "None",
        one.get("source", ""),
        one.get("status", "READY"),
        one.get("run_id", ""),
        one.get("run_link", ""),
        one.get("user_id", ""),
        one.get("description", ""),
        one.get("status_message", ""),
        "",
        _pairs(one.get("tags")),
    )
