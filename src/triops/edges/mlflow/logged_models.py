"""Endpoints of logged models; their artifacts are in `artifacts`."""

from collections.abc import Sequence
from typing import Any

from triops.edges.mlflow.fields import (
    KEY_VALUE,
    boolean,
    enum,
    integer,
    messages,
    text,
    texts,
)
from triops.edges.mlflow.router import Answer, Call, Endpoint
from triops.edges.mlflow.shapes import key_values, listed, number
from triops.kernel.logged_model import LoggedModel, ModelMetric, ModelStatus
from triops.kernel.tenant import Right
from triops.lenses.mlops.logged_models import DatasetAsked, Models, ModelSearch, OrderAsked

_TEST = "tests/conformance/test_mlflow_logged_models.py"
_STATUSES = {
    "LOGGED_MODEL_STATUS_UNSPECIFIED": 0,
    "LOGGED_MODEL_PENDING": 1,
    "LOGGED_MODEL_READY": 2,
    "LOGGED_MODEL_UPLOAD_FAILED": 3,
}
_SHOWN = dict(zip((status.value for status in ModelStatus), _STATUSES, strict=True))
_OF_NAME = {shown: ModelStatus(status) for status, shown in _SHOWN.items()}
_BASE = "2.0/mlflow/logged-models"


def logged_model_endpoints(models: Models, search: ModelSearch) -> Sequence[Endpoint]:
    async def create(call: Call) -> Answer:
        body = call.body
        model = await models.create(
            call.project,
            body["experiment_id"],
            body["name"],
            model_type=body["model_type"],
            run=body["source_run_id"],
            params=_mapping(body["params"]),
            tags=_mapping(body["tags"]),
        )
        return {"model": model_message(model)}

    async def get(call: Call) -> Answer:
        model = await models.book.get(call.project, call.path["model_id"], deleted=bool(call.body["allow_deleted"]))
        return {"model": model_message(model)}

    async def finalize(call: Call) -> Answer:
        model = await models.finalize(call.project, call.path["model_id"], _OF_NAME[call.body["status"]])
        return {"model": model_message(model)}

    async def delete(call: Call) -> Answer:
        await models.delete(call.project, call.path["model_id"])
        return {}

    async def log_params(call: Call) -> Answer:
        await models.add_params(call.project, call.path["model_id"], _mapping(call.body["params"]))
        return {}

    async def set_tags(call: Call) -> Answer:
        await models.set_tags(call.project, call.path["model_id"], _mapping(call.body["tags"]))
        return {}

    async def delete_tag(call: Call) -> Answer:
        await models.book.delete_tag(call.project, call.path["model_id"], call.path["tag_key"])
        return {}

    async def find(call: Call) -> Answer:
        body = call.body
        found, token = await search.find(
            call.project,
            body["experiment_ids"],
            filter=body["filter"],
            datasets=[DatasetAsked(one["dataset_name"], one["dataset_digest"] or None) for one in body["datasets"]],
            order_by=[
                OrderAsked(
                    one["field_name"],
                    one["ascending"] is not False,
                    one["dataset_name"] or None,
                    one["dataset_digest"] or None,
                )
                for one in body["order_by"]
            ],
            most=body["max_results"],
            token=body["page_token"],
        )
        answer = listed("models", [model_message(model) for model in found])
        return answer | ({"next_page_token": token} if token else {})

    of_dataset = {"dataset_name": text(), "dataset_digest": text()}
    asked = {
        "experiment_ids": texts(required=True),
        "filter": text(),
        "datasets": messages(of_dataset),
        "max_results": integer(default=0),
        "order_by": messages({"field_name": text(), "ascending": boolean(), **of_dataset}),
        "page_token": text(),
    }
    made = {
        "experiment_id": text(required=True),
        "name": text(),
        "model_type": text(),
        "source_run_id": text(),
        "params": messages(KEY_VALUE),
        "tags": messages(KEY_VALUE),
    }
    status = {"model_id": text(required=True), "status": enum(_STATUSES, required=True)}
    one, write = f"{_BASE}/{{model_id}}", Right.WRITE
    return [
        Endpoint("POST", _BASE, create, write, made, _TEST),
        Endpoint("POST", f"{_BASE}/search", find, Right.READ, asked, _TEST),
        Endpoint("GET", one, get, Right.READ, {"allow_deleted": boolean()}, _TEST),
        Endpoint("PATCH", one, finalize, write, status, _TEST),
        Endpoint("DELETE", one, delete, write, {}, _TEST),
        Endpoint("POST", f"{one}/params", log_params, write, {"params": messages(KEY_VALUE)}, _TEST),
        Endpoint("PATCH", f"{one}/tags", set_tags, write, {"tags": messages(KEY_VALUE)}, _TEST),
        Endpoint("DELETE", f"{one}/tags/{{tag_key}}", delete_tag, write, {}, _TEST),
    ]


def model_message(model: LoggedModel) -> dict[str, Any]:
    info: dict[str, Any] = {
        "model_id": model.id,
        "experiment_id": model.experiment,
        "name": model.name,
        "creation_timestamp_ms": model.created_ms,
        "last_updated_timestamp_ms": model.updated_ms,
        "artifact_uri": model.artifact_location,
        "status": _SHOWN[model.status],
        "model_type": model.model_type,
        "source_run_id": model.run,
        **listed("tags", key_values(model.tags)),
    }
    data = {
        **listed("params", key_values(model.params)),
        **listed("metrics", [_metric(model.id, metric) for metric in model.metrics]),
    }
    return {"info": info, "data": data}


def _metric(model: str, metric: ModelMetric) -> dict[str, Any]:
    message = {
        "key": metric.key,
        "value": number(metric.value),
        "timestamp": metric.time_ms,
        "step": metric.step,
        "model_id": model,
        "run_id": metric.run,
    }
    if metric.dataset_name:
        message |= {"dataset_name": metric.dataset_name, "dataset_digest": metric.dataset_digest}
    return message


def _mapping(pairs: Sequence[dict[str, str]]) -> dict[str, str]:
    return {pair["key"]: pair["value"] for pair in pairs}
