"""Traces, evaluation data sets, scorers and webhooks, read by MLflow's REST API."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from triops.kernel.trace import ARTIFACTS_TAG
from triops.kernel.transfer import (
    MovedDataset,
    MovedExample,
    MovedScorer,
    MovedScorerVersion,
    MovedTrace,
    MovedWebhook,
)
from triops.sdk.importing.api import Api
from triops.sdk.importing.source import Problems, SourceError
from triops.sdk.importing.spans import encoded
from triops.sdk.importing.trace_info import normal
from triops.sdk.importing.values import json_text, members, whole

_PAGE = 500


class RestEvaluations:
    """An older server has none of these, and answers that there is no such page."""

    def __init__(self, api: Api, problems: Problems) -> None:
        self._api = api
        self._problems = problems

    def traces(self, experiment: str) -> Iterator[MovedTrace]:
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
        body = {"locations": [place], "max_results": _PAGE}
        for info in self._api.pages("POST", "3.0/mlflow/traces/search", "traces", body, {}):
            try:
                id = info["trace_id"]
                where = info.get("tags", {}).get(ARTIFACTS_TAG, "")
                yield MovedTrace(id, where, normal(info), encoded(self._spans(id)))
            except (SourceError, ValueError, KeyError, TypeError, AttributeError) as error:
                self._problems.add(f"trace {str(info.get('trace_id'))[:100]} is left out: {error}")

    def datasets(self) -> Iterator[MovedDataset]:
        body = {"max_results": _PAGE}
        for one in self._api.pages("POST", "3.0/mlflow/datasets/search", "datasets", body, {}):
            id = one["dataset_id"]
            of = self._api.call("GET", f"3.0/mlflow/datasets/{id}/experiment-ids", {}).get("experiment_ids", ())
            yield MovedDataset(
                id,
                one["name"],
                one.get("digest", ""),
                whole(one.get("created_time")),
                whole(one.get("last_update_time")),
                one.get("created_by") or None,
                one.get("last_updated_by") or None,
                one.get("schema") or None,
                one.get("profile") or None,
                {str(key): str(value) for key, value in json.loads(one.get("tags") or "{}").items()},
                tuple(str(each) for each in of),
            )

    def examples(self, dataset: str) -> Iterator[MovedExample]:
        token = ""
        while True:
            query = {"max_results": _PAGE, **({"page_token": token} if token else {})}
            answer = self._api.call("GET", f"3.0/mlflow/datasets/{dataset}/records", query)
            for one in json.loads(answer.get("records") or "[]"):
                yield MovedExample(
                    one["dataset_record_id"],
                    json.dumps(one["inputs"]),
                    whole(one.get("created_time")),
                    whole(one.get("last_update_time")),
                    json_text(one.get("outputs")),
                    members(one.get("expectations")),
                    members(one.get("tags")),
                    members(one.get("source")),
                    one.get("created_by") or None,
                    one.get("last_updated_by") or None,
                )
            following = answer.get("next_page_token") or ""
            if not following or following == token:
                return
            token = following

    def scorers(self, experiment: str) -> Iterator[MovedScorer]:
        query = {"experiment_id": experiment}
        for latest in self._api.call("GET", "3.0/mlflow/scorers/list", query, missing={}).get("scorers", ()):
            name = latest["scorer_name"]
            found = self._api.call("GET", "3.0/mlflow/scorers/versions", {**query, "name": name})["scorers"]
            versions = [
                MovedScorerVersion(
                    int(one["scorer_version"]), one["serialized_scorer"], whole(one.get("creation_time"))
                )
                for one in found
            ]
            yield MovedScorer(latest["scorer_id"], name, tuple(sorted(versions, key=lambda one: one.version)))

    def webhooks(self) -> Iterator[MovedWebhook]:
        """Where they may not be read they are left out and told: they are an administrator's."""
        try:
            yield from map(
                _webhook, self._api.pages("GET", "2.0/mlflow/webhooks", "webhooks", {"max_results": 100}, {})
            )
        except SourceError as error:
            self._problems.add(f"webhooks are left out: {error}")

    def _spans(self, trace: str) -> list[Mapping[str, Any]]:
        path, query = "2.0/mlflow/get-trace-artifact", {"request_id": trace}
        document = self._api.call("GET", path, query, missing={}, twin="ajax-api")
        found: list[Mapping[str, Any]] = document.get("spans", [])
        return found


def _webhook(one: Mapping[str, Any]) -> MovedWebhook:
    return MovedWebhook(
        one["webhook_id"],
        one["name"],
        one["url"],
        tuple(f"{event['entity']}.{event['action']}".lower() for event in one.get("events", ())),
        one.get("status", "ACTIVE"),
        whole(one.get("creation_timestamp")),
        whole(one.get("last_updated_timestamp")),
        one.get("description") or None,
    )
