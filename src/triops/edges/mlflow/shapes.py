"""Experiments, runs and metrics as MLflow's messages have them: what is empty is left out, as protobuf's JSON does."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from triops.kernel.run import Dataset, Experiment, Latest, Links, Run
from triops.ledger.runs.points import Columns

_LARGEST = 1.7976931348623157e308  # what MLflow's stores make of an infinity


def number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return _LARGEST if value > 0 else -_LARGEST


def key_values(mapping: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in mapping.items()]


def experiment_message(experiment: Experiment) -> dict[str, Any]:
    message: dict[str, Any] = {
        "experiment_id": experiment.id,
        "name": experiment.name,
        "artifact_location": experiment.artifact_location,
        "lifecycle_stage": experiment.stage.value,
        "last_update_time": experiment.updated_ms,
        "creation_time": experiment.created_ms,
    }
    if experiment.tags:
        message["tags"] = key_values(experiment.tags)
    return message


def run_info(run: Run) -> dict[str, Any]:
    message: dict[str, Any] = {
        "run_id": run.id,
        "run_uuid": run.id,
        "run_name": run.name,
        "experiment_id": run.experiment,
        "user_id": run.user,
        "status": run.status.value,
        "start_time": run.start_ms,
        "artifact_uri": run.artifact_uri,
        "lifecycle_stage": run.stage.value,
    }
    if run.end_ms:
        message["end_time"] = run.end_ms
    return message


def run_message(run: Run, links: Links | None = None) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if run.metrics:
        data["metrics"] = [_latest(key, latest) for key, latest in run.metrics.items()]
    if run.params:
        data["params"] = key_values(run.params)
    if run.tags:
        data["tags"] = key_values(run.tags)
    message: dict[str, Any] = {"info": run_info(run), "data": data, "inputs": {}}
    return message if links is None else message | links_message(links)


def links_message(links: Links) -> dict[str, Any]:
    inputs: dict[str, Any] = {}
    if links.inputs:
        inputs["dataset_inputs"] = [
            ({"tags": key_values(dict(sorted(one.tags.items())))} if one.tags else {})  # clients get a list of them
            | {"dataset": dataset_message(one.dataset)}
            for one in links.inputs
        ]
    if links.model_inputs:
        inputs["model_inputs"] = [{"model_id": model} for model in links.model_inputs]
    outputs: dict[str, Any] = {}
    if links.outputs:
        outputs["model_outputs"] = [{"model_id": output.model_id, "step": output.step} for output in links.outputs]
    return {"inputs": inputs, "outputs": outputs}


def dataset_message(dataset: Dataset) -> dict[str, str]:
    message = {
        "name": dataset.name,
        "digest": dataset.digest,
        "source_type": dataset.source_type,
        "source": dataset.source,
    }
    if dataset.schema:
        message["schema"] = dataset.schema
    if dataset.profile:
        message["profile"] = dataset.profile
    return message


def metric_messages(key: str, columns: Columns, run: str = "") -> list[dict[str, Any]]:
    time_ms, step, value = (column.tolist() for column in columns)
    if run:
        return [
            {"key": key, "value": number(v), "timestamp": t, "step": s, "run_id": run}
            for t, s, v in zip(time_ms, step, value, strict=True)
        ]
    return [
        {"key": key, "value": number(v), "timestamp": t, "step": s}
        for t, s, v in zip(time_ms, step, value, strict=True)
    ]


def _latest(key: str, latest: Latest) -> dict[str, Any]:
    return {"key": key, "value": number(latest.value), "timestamp": latest.time_ms, "step": latest.step}


def listed(name: str, items: Sequence[Any]) -> dict[str, Any]:
    return {name: items} if items else {}
