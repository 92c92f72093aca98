"""A source that is a running tracking server, read by MLflow's REST API: MLflow's own, or Triops itself (which is how
an import is verified)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from triops.kernel.transfer import (
    MovedExperiment,
    MovedInput,
    MovedLink,
    MovedLoggedModel,
    MovedMetric,
    MovedModel,
    MovedRun,
    MovedVersion,
)
from triops.sdk.importing.paths import proxied_path, safe_path, scheme_of
from triops.sdk.importing.source import ArtifactFile, Point, Problems, SourceError
from triops.sdk.importing.values import as_text, number, whole

JSON = Mapping[str, Any]
_PAGE = 1000
_BULK_RUNS = 100
_BULK_POINTS = 25_000
_DEPTH = 64
_PROXY = "2.0/mlflow-artifacts/artifacts"


class RestSource:
    """`http` carries the address and who asks. Histories of many runs are asked at once: most have few points."""

    def __init__(self, http: httpx.Client) -> None:
        self.name = str(http.base_url).rstrip("/")
        self.problems = Problems()
        self._http = http
        self._keys: dict[str, list[str]] = {}
        self._ahead: dict[str, list[Point]] = {}

    def close(self) -> None:
        self._http.close()

    def experiments(self) -> Sequence[MovedExperiment]:
        body = {"view_type": "ALL", "max_results": _PAGE}
        found = [_experiment(one) for one in self._pages("POST", "2.0/mlflow/experiments/search", "experiments", body)]
        return sorted(found, key=lambda experiment: int(experiment.id))

    def runs(self, experiment: MovedExperiment) -> Iterator[MovedRun]:
        body = {"experiment_ids": [experiment.id], "run_view_type": "ALL", "max_results": _BULK_RUNS}
        batch: list[JSON] = []
        for one in self._pages("POST", "2.0/mlflow/runs/search", "runs", body):
            batch.append(one)
            if len(batch) == _BULK_RUNS:
                yield from self._with_histories(batch)
                batch = []
        yield from self._with_histories(batch)

    def points(self, run: MovedRun) -> Iterator[Point]:
        yield from self._ahead.pop(run.id, ())
        for key in self._keys.pop(run.id, ()):
            query = {"run_id": run.id, "metric_key": key, "max_results": _BULK_POINTS}
            for one in self._pages("GET", "2.0/mlflow/metrics/get-history", "metrics", query):
                yield _point(key, one)

    def logged_models(self, experiment: MovedExperiment) -> Iterator[MovedLoggedModel]:
        body = {"experiment_ids": [experiment.id], "max_results": 50}
        for one in self._pages("POST", "2.0/mlflow/logged-models/search", "models", body, {}):
            yield _logged_model(one)

    def models(self) -> Iterator[MovedModel]:
        found: dict[str, JSON] = {}
        # a plain search leaves prompts out
        for wanted in ("", "tags.`mlflow.prompt.is_prompt` = 'true'"):
            plain = {"max_results": _PAGE}
            query: JSON = {**plain, "filter": wanted} if wanted else plain
            for one in self._pages("GET", "2.0/mlflow/registered-models/search", "registered_models", query, {}):
                found[one["name"]] = one
        for name in sorted(found):
            model = self._call("GET", "2.0/mlflow/registered-models/get", {"name": name})["registered_model"]
            query = {"filter": f"name = {_quoted(name)}", "max_results": _PAGE}
            versions = self._pages("GET", "2.0/mlflow/model-versions/search", "model_versions", query)
            yield _model(model, versions)

    def artifacts(self, owner: MovedRun | MovedLoggedModel) -> Iterator[ArtifactFile] | None:
        if scheme_of(owner.artifact_uri) == "mlflow-artifacts" or isinstance(owner, MovedRun):
            return self._walk(owner, "", 0)
        return None

    def open(self, owner: MovedRun | MovedLoggedModel, file: ArtifactFile) -> Iterator[bytes]:
        root = proxied_path(owner.artifact_uri)
        if root:
            path, query = f"/api/{_PROXY}/{quote(safe_path(f'{root}/{file.path}'))}", {}
        else:
            path, query = "/get-artifact", {"run_uuid": owner.id, "path": file.path}
        try:
            with self._http.stream("GET", path, params=query) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise SourceError(f"{self.name}{path}: HTTP {answer.status_code} {answer.text[:200]}")
                yield from answer.iter_bytes(1 << 20)
        except httpx.TransportError as error:
            raise SourceError(f"{self.name}{path}: {error}") from error

    def _walk(self, owner: MovedRun | MovedLoggedModel, folder: str, depth: int) -> Iterator[ArtifactFile]:
        if depth > _DEPTH:
            raise SourceError(f"{self.name}: artifacts of {owner.id} are nested deeper than {_DEPTH}")
        root = proxied_path(owner.artifact_uri)
        if root:
            path = f"{root}/{folder}" if folder else root
            files = self._call("GET", _PROXY, {"path": path}, missing={}).get("files", ())
            named = [(f"{folder}/{one['path']}" if folder else one["path"], one) for one in files]
        else:
            query = {"run_id": owner.id, "path": folder} if folder else {"run_id": owner.id}
            files = list(self._pages("GET", "2.0/mlflow/artifacts/list", "files", query))
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
        for key, ids in keys.items():
            many = self._bulk(key, ids) if len(ids) > 1 else None
            for id in ids:
                if many is None or len(many[id]) >= _BULK_POINTS // len(ids):  # perhaps cut short
                    self._keys[id].append(key)
                else:
                    self._ahead[id].extend(many[id])
        for one in batch:
            yield _run(one)

    def _bulk(self, key: str, ids: Sequence[str]) -> dict[str, list[Point]] | None:
        query = {"run_id": list(ids), "metric_key": key, "max_results": _BULK_POINTS}
        answer = self._call("GET", "2.0/mlflow/metrics/get-history-bulk", query, missing=None, twin="ajax-api")
        if answer is None or len(answer.get("metrics", ())) >= _BULK_POINTS:
            return None
        found: dict[str, list[Point]] = {id: [] for id in ids}
        for one in answer.get("metrics", ()):
            found[one["run_id"]].append(_point(key, one))
        return found

    def _pages(self, method: str, path: str, name: str, given: JSON, missing: Any = ...) -> Iterator[JSON]:
        token = ""
        while True:
            # an older server has no logged models, or no registry
            answer = self._call(method, path, {**given, **({"page_token": token} if token else {})}, missing=missing)
            items = answer.get(name, ())
            try:
                yield from items
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                raise SourceError(f"{self.name}: {path} answered what no tracking server does: {error}") from error
            following = answer.get("next_page_token") or ""
            if not following or following == token:
                return
            token = following

    def _call(self, method: str, path: str, given: JSON, *, missing: Any = ..., twin: str = "api") -> Any:
        """`missing`: what a 404 answers, if that is no error."""
        try:
            if method == "GET":
                answer = self._http.get(f"/{twin}/{path}", params=given)
            else:
                answer = self._http.request(method, f"/{twin}/{path}", json=given)
        except httpx.HTTPError as error:
            raise SourceError(f"{self.name}: {error}") from error
        if missing is not ... and answer.status_code in (404, 405, 501):
            return missing
        try:
            body = answer.json()
        except ValueError:
            body = None
        if answer.status_code >= 400 or not isinstance(body, dict):
            told = body.get("message", "") if isinstance(body, dict) else answer.text
            raise SourceError(f"{self.name}: {path}: HTTP {answer.status_code} {str(told)[:300]}")
        return body


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
