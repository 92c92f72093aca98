"""A source that is MLflow's SQLite database, read without MLflow: `mlflow.db` and the folder of its artifacts."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

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
from triops.sdk.importing.paths import Folders, files_under, pieces_of
from triops.sdk.importing.source import ArtifactFile, Owner, Point, Problems, SourceError
from triops.sdk.importing.spans_file import SPANS_FILE, spans_in
from triops.sdk.importing.sqlite_evaluations import SqliteEvaluations
from triops.sdk.importing.values import as_text, unbounded

_STATUSES = {0: "LOGGED_MODEL_STATUS_UNSPECIFIED", 1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY"} | {
    3: "LOGGED_MODEL_UPLOAD_FAILED"
}
_ROWS = 500


class SqliteSource:
    """Opened read-only; a server may go on writing to it."""

    def __init__(self, path: Path, folders: Folders) -> None:
        self.name = str(path)
        self.problems = Problems()
        self._folders = folders
        self._evaluations = SqliteEvaluations(self._rows, self.problems, lambda uri: spans_in(folders.find(uri)))
        try:
            self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)
            self._db.row_factory = sqlite3.Row
            self._tables = {row[0] for row in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        except sqlite3.Error as error:
            raise SourceError(f"{path} is not a SQLite database that can be read: {error}") from error
        if not {"experiments", "runs", "metrics"} <= self._tables:
            raise SourceError(f"{path} is not a database of MLflow's: it has no tables of experiments and runs")

    def close(self) -> None:
        self._db.close()

    def experiments(self) -> Sequence[MovedExperiment]:
        tags: dict[Any, dict[str, str]] = defaultdict(dict)
        for row in self._rows("experiment_tags", ""):
            tags[row["experiment_id"]][row["key"]] = as_text(row["value"])
        return [
            MovedExperiment(
                str(row["experiment_id"]),
                row["name"],
                as_text(row["artifact_location"]),
                as_text(row["lifecycle_stage"]) or "active",
                _cell(row, "creation_time") or 0,
                _cell(row, "last_update_time") or 0,
                tags[row["experiment_id"]],
            )
            for row in self._rows("experiments", "ORDER BY experiment_id")
        ]

    def runs(self, experiment: MovedExperiment) -> Iterator[MovedRun]:
        rows = self._rows("runs", "WHERE experiment_id = ? ORDER BY run_uuid", int(experiment.id))
        while page := rows[:_ROWS]:
            rows = rows[_ROWS:]
            ids = [row["run_uuid"] for row in page]
            params, tags = self._by_run("params", ids), self._by_run("tags", ids)
            inputs, links = self._links(ids)
            for row in page:
                yield _run(row, params[row["run_uuid"]], tags[row["run_uuid"]], inputs, links)

    def points(self, run: MovedRun) -> Iterator[Point]:
        # `+ 0.0`: a column declared FLOAT may hold an integer
        statement = "SELECT key, value + 0.0, timestamp, step, is_nan FROM metrics WHERE run_uuid = ?"
        for key, value, time_ms, step, nan in self._execute(statement, run.id):
            yield Point(key, float("nan") if nan or value is None else unbounded(value), time_ms or 0, step or 0)

    def logged_models(self, experiment: MovedExperiment) -> Iterator[MovedLoggedModel]:
        where = "WHERE experiment_id = ? ORDER BY model_id"
        for row in self._rows("logged_models", where, int(experiment.id)):
            of = ("WHERE model_id = ?", row["model_id"])
            yield MovedLoggedModel(
                row["model_id"],
                experiment.id,
                row["name"],
                as_text(row["source_run_id"]),
                _STATUSES.get(row["status"], _STATUSES[0]),
                as_text(row["model_type"]),
                row["artifact_location"],
                row["creation_timestamp_ms"],
                row["last_updated_timestamp_ms"],
                as_text(row["status_message"]),
                {p["param_key"]: as_text(p["param_value"]) for p in self._rows("logged_model_params", *of)},
                {t["tag_key"]: as_text(t["tag_value"]) for t in self._rows("logged_model_tags", *of)},
                tuple(_model_metric(m) for m in self._rows("logged_model_metrics", *of)),
                as_text(row["lifecycle_stage"]) or "active",
            )

    def models(self) -> Iterator[MovedModel]:
        for row in self._rows("registered_models", "ORDER BY name"):
            of = ("WHERE name = ?", row["name"])
            tags: dict[int, dict[str, str]] = defaultdict(dict)
            for tag in self._rows("model_version_tags", *of):
                tags[tag["version"]][tag["key"]] = as_text(tag["value"])
            versions = self._rows("model_versions", "WHERE name = ? ORDER BY version", row["name"])
            yield MovedModel(
                row["name"],
                row["creation_time"] or 0,
                row["last_updated_time"] or row["creation_time"] or 0,
                as_text(row["description"]),
                {t["key"]: as_text(t["value"]) for t in self._rows("registered_model_tags", *of)},
                {a["alias"]: a["version"] for a in self._rows("registered_model_aliases", *of)},
                tuple(
                    _version(version, tags[version["version"]])
                    for version in versions
                    if version["current_stage"] != "Deleted_Internal"
                ),
            )

    def traces(self, experiment: MovedExperiment) -> Iterator[MovedTrace]:
        return self._evaluations.traces(experiment.id)

    def datasets(self) -> Iterator[MovedDataset]:
        return self._evaluations.datasets()

    def examples(self, dataset: MovedDataset) -> Iterator[MovedExample]:
        return self._evaluations.examples(dataset.id)

    def scorers(self, experiment: MovedExperiment) -> Iterator[MovedScorer]:
        return self._evaluations.scorers(experiment.id) if experiment.stage == "active" else iter(())

    def webhooks(self) -> Iterator[MovedWebhook]:
        return self._evaluations.webhooks()

    def artifacts(self, owner: Owner) -> Iterator[ArtifactFile] | None:
        folder = self._folders.find(owner.artifact_uri)
        if isinstance(owner, MovedTrace):
            files = files_under(folder, self.problems) if folder else iter(())
            return (file for file in files if file.path != SPANS_FILE)
        return files_under(folder, self.problems) if folder else None

    def open(self, owner: Owner, file: ArtifactFile) -> Iterator[bytes]:
        folder = self._folders.find(owner.artifact_uri)
        if folder is None:
            raise SourceError(f"{owner.artifact_uri} cannot be read")
        return pieces_of(folder, file)

    def _by_run(self, table: str, ids: Sequence[str]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for row in self._rows(table, f"WHERE run_uuid IN ({_marks(ids)})", *ids):
            found[row["run_uuid"]][row["key"]] = as_text(row["value"])
        return found

    def _links(self, ids: Sequence[str]) -> tuple[dict[str, list[MovedInput]], dict[str, list[MovedLink]]]:
        inputs: dict[str, list[MovedInput]] = defaultdict(list)
        links: dict[str, list[MovedLink]] = defaultdict(list)
        if "inputs" not in self._tables:
            return inputs, links
        where = f"WHERE destination_id IN ({_marks(ids)}) OR source_id IN ({_marks(ids)}) ORDER BY rowid"
        for row in self._rows("inputs", where, *ids, *ids):
            kinds = (row["source_type"], row["destination_type"])
            if kinds == ("DATASET", "RUN"):
                inputs[row["destination_id"]].extend(self._input(row))
            elif kinds == ("RUN_OUTPUT", "MODEL_OUTPUT"):
                links[row["source_id"]].append(MovedLink(row["destination_id"], "output", _cell(row, "step") or 0))
            elif kinds == ("RUN_INPUT", "MODEL_INPUT"):
                links[row["source_id"]].append(MovedLink(row["destination_id"], "input"))
        return inputs, links

    def _input(self, row: sqlite3.Row) -> Iterator[MovedInput]:
        tags = {t["name"]: t["value"] for t in self._rows("input_tags", "WHERE input_uuid = ?", row["input_uuid"])}
        for data in self._rows("datasets", "WHERE dataset_uuid = ?", row["source_id"]):
            yield MovedInput(
                data["name"],
                data["digest"],
                data["dataset_source_type"],
                data["dataset_source"],
                data["dataset_schema"],
                data["dataset_profile"],
                tags,
            )

    def _rows(self, table: str, where: str, *values: Any) -> list[sqlite3.Row]:
        if table not in self._tables:  # an older MLflow's
            return []
        return self._execute(f"SELECT * FROM {table} {where}", *values).fetchall()  # noqa: S608 - names of ours

    def _execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, values)
        except (sqlite3.Error, OverflowError) as error:
            raise SourceError(f"{self.name}: {error}") from error


def _marks(ids: Sequence[str]) -> str:
    return ",".join("?" * len(ids))


def _cell(row: sqlite3.Row, column: str) -> Any:
    """None for a column that an older MLflow did not have."""
    return row[column] if column in row.keys() else None  # noqa: SIM118 - a Row iterates over its values


def _run(
    row: sqlite3.Row,
    params: dict[str, str],
    tags: dict[str, str],
    inputs: dict[str, list[MovedInput]],
    links: dict[str, list[MovedLink]],
) -> MovedRun:
    id = row["run_uuid"]
    return MovedRun(
        id,
        str(row["experiment_id"]),
        as_text(row["name"]) or tags.get("mlflow.runName", ""),
        as_text(row["status"]) or "RUNNING",
        as_text(row["lifecycle_stage"]) or "active",
        as_text(row["user_id"]),
        row["start_time"] or 0,
        row["end_time"],
        as_text(row["artifact_uri"]),
        params,
        tags,
        tuple(inputs[id]),
        tuple(links[id]),
    )


def _model_metric(row: sqlite3.Row) -> MovedMetric:
    value = row["metric_value"]
    return MovedMetric(
        row["metric_name"],
        repr(unbounded(float("nan") if value is None else float(value))),
        row["metric_timestamp_ms"],
        row["metric_step"],
        row["run_id"],
        as_text(row["dataset_name"]),
        as_text(row["dataset_digest"]),
    )


def _version(row: sqlite3.Row, tags: dict[str, str]) -> MovedVersion:
    return MovedVersion(
        row["version"],
        row["creation_time"] or 0,
        row["last_updated_time"] or row["creation_time"] or 0,
        as_text(row["current_stage"]) or "None",
        as_text(row["source"]),
        as_text(row["status"]) or "READY",
        as_text(row["run_id"]),
        as_text(_cell(row, "run_link")),
        as_text(row["user_id"]),
        as_text(row["description"]),
        as_text(row["status_message"]),
        as_text(_cell(row, "storage_location")),
        tags,
    )
