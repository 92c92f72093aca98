"""Traces, evaluation data sets, scorers and webhooks out of MLflow's SQLite database."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from sqlite3 import Row
from typing import Any

from triops.kernel.trace import ARTIFACTS_TAG, COST, NAME_TAG, SESSION, USAGE
from triops.kernel.transfer import (
    MovedDataset,
    MovedExample,
    MovedScorer,
    MovedScorerVersion,
    MovedTrace,
    MovedWebhook,
)
from triops.sdk.importing.source import Problems, SourceError
from triops.sdk.importing.spans import encoded
from triops.sdk.importing.trace_info import info_of, normal, shown_duration, shown_time, value_of
from triops.sdk.importing.values import as_text, json_text, members, whole

JSON = Mapping[str, Any]
_PAGE = 200
_OUTPUTS = "mlflow_wrapped"
_DELETED = "deleted_timestamp"
_TOKENS = ("input_tokens", "output_tokens", "total_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_COUNTED = {
    USAGE: (*_TOKENS, "cache_creation_input_tokens_above_1hr"),
    COST: ("input_cost", "output_cost", "total_cost"),
}  # columns of metadata that newer servers do not keep as such


class SqliteEvaluations:
    """`rows`: of a table, a WHERE clause and its values; none where there is no such table. `spans_file`: what lies in
    a trace's artifacts, where its spans are in no table."""

    def __init__(
        self,
        rows: Callable[..., list[Row]],
        problems: Problems,
        spans_file: Callable[[str], Sequence[JSON]],
    ) -> None:
        self._rows = rows
        self._problems = problems
        self._spans_file = spans_file

    def traces(self, experiment: str) -> Iterator[MovedTrace]:
        after = ""
        where = f"WHERE experiment_id = ? AND request_id > ? ORDER BY request_id LIMIT {_PAGE}"
        while page := self._rows("trace_info", where, int(experiment), after):
            after = page[-1]["request_id"]
            for row in page:
                try:
                    yield self._trace(row, experiment)
                except (SourceError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
                    self._problems.add(f"trace {row['request_id']} is left out: {error}")

    def datasets(self) -> Iterator[MovedDataset]:
        for row in self._rows("evaluation_datasets", "ORDER BY dataset_id"):
            id = row["dataset_id"]
            of = (
                "WHERE source_type = 'evaluation_dataset' AND destination_type = 'experiment' AND source_id = ?"
                " ORDER BY rowid"
            )
            tags = self._rows("evaluation_dataset_tags", "WHERE dataset_id = ?", id)
            yield MovedDataset(
                id,
                row["name"],
                as_text(row["digest"]),
                row["created_time"] or 0,
                row["last_update_time"] or 0,
                row["created_by"] or None,
                row["last_updated_by"] or None,
                row["schema"] or None,
                row["profile"] or None,
                {tag["key"]: as_text(tag["value"]) for tag in tags},
                tuple(one["destination_id"] for one in self._rows("entity_associations", of, id)),
            )

    def examples(self, dataset: str) -> Iterator[MovedExample]:
        after = ""
        where = f"WHERE dataset_id = ? AND dataset_record_id > ? ORDER BY dataset_record_id LIMIT {_PAGE}"
        while page := self._rows("evaluation_dataset_records", where, dataset, after):
            after = page[-1]["dataset_record_id"]
            for row in page:
                outputs = _opened(row["outputs"])
                yield MovedExample(
                    row["dataset_record_id"],
                    row["inputs"],
                    row["created_time"] or 0,
                    row["last_update_time"] or 0,
                    json_text(outputs.get(_OUTPUTS) if isinstance(outputs, dict) else outputs),
                    members(_opened(row["expectations"])),
                    members(_opened(row["tags"])),
                    members(_opened(row["source"])),
                    row["created_by"] or None,
                    row["last_updated_by"] or None,
                )

    def scorers(self, experiment: str) -> Iterator[MovedScorer]:
        for row in self._rows("scorers", "WHERE experiment_id = ? ORDER BY scorer_name", int(experiment)):
            versions = self._rows("scorer_versions", "WHERE scorer_id = ? ORDER BY scorer_version", row["scorer_id"])
            if versions:
                yield MovedScorer(
                    row["scorer_id"],
                    row["scorer_name"],
                    tuple(
                        MovedScorerVersion(one["scorer_version"], one["serialized_scorer"], whole(one["creation_time"]))
                        for one in versions
                    ),
                )

    def webhooks(self) -> Iterator[MovedWebhook]:
        for row in self._rows("webhooks", f"WHERE {_DELETED} IS NULL ORDER BY webhook_id"):
            events = self._rows("webhook_events", "WHERE webhook_id = ?", row["webhook_id"])
            yield MovedWebhook(
                row["webhook_id"],
                row["name"],
                row["url"],
                tuple(f"{one['entity']}.{one['action']}".lower() for one in events),
                row["status"],
                row["creation_timestamp"] or 0,
                row["last_updated_timestamp"] or row["creation_timestamp"] or 0,
                row["description"] or None,
            )

    def _trace(self, row: Row, experiment: str) -> MovedTrace:
        id = row["request_id"]
        of = ("WHERE request_id = ?", id)
        columns = set(row.keys())
        tags = {tag["key"]: as_text(tag["value"]) for tag in self._rows("trace_tags", *of)}
        if "trace_name" in columns and row["trace_name"] is not None:
            tags[NAME_TAG] = row["trace_name"]
        metadata = {one["key"]: as_text(one["value"]) for one in self._rows("trace_request_metadata", *of)}
        for key, names in _COUNTED.items():
            counted = {name: row[name] for name in names if name in columns and row[name] is not None}
            if counted:
                metadata[key] = json.dumps(counted)
        if "session_id" in columns and row["session_id"] is not None:
            metadata[SESSION] = row["session_id"]
        took = row["execution_time_ms"]
        given = {
            "trace_id": id,
            "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}},
            "request_time": shown_time(row["timestamp_ms"]),
            "execution_duration": None if took is None else shown_duration(took),
            "state": row["status"],
            **{
                name: row[name] if name in columns else None
                for name in ("client_request_id", "request_preview", "response_preview")
            },
        }
        assessments = self._rows("assessments", "WHERE trace_id = ? ORDER BY created_timestamp, rowid", id)
        info = info_of(given, tags, metadata, map(_assessment, assessments))
        contents = self._rows("spans", "WHERE trace_id = ? ORDER BY start_time_unix_nano", id)
        where = tags.get(ARTIFACTS_TAG, "")
        spans = [json.loads(one["content"]) for one in contents if one["content"]] or self._spans_file(where)
        return MovedTrace(id, where, normal(info), encoded(spans))


def _assessment(row: Row) -> dict[str, Any]:
    error = _opened(row["error"])
    return {
        "assessment_id": row["assessment_id"],
        "assessment_name": row["name"],
        "trace_id": row["trace_id"],
        "span_id": row["span_id"],
        "source": {
            "source_type": row["source_type"],
            **({"source_id": row["source_id"]} if row["source_id"] else {}),
        },
        "create_time": shown_time(row["created_timestamp"]),
        "last_update_time": shown_time(row["last_updated_timestamp"]),
        **value_of(row["assessment_type"], json.loads(row["value"]), error),
        "rationale": row["rationale"],
        "metadata": _opened(row["assessment_metadata"]),
        "overrides": row["overrides"],
        "valid": bool(row["valid"]),
    }


def _opened(text: str | None) -> Any:
    return None if text is None else json.loads(text)
