"""Endpoints of runs and of what is logged to them; their search is in `search`, histories are in `metrics`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from triops.edges.mlflow.fields import (
    KEY_VALUE,
    anything,
    enum,
    integer,
    message,
    messages,
    missing,
    number,
    text,
)
from triops.edges.mlflow.logged import points_of, texts_of
from triops.edges.mlflow.router import Answer, Call, Endpoint
from triops.edges.mlflow.shapes import run_info, run_message
from triops.kernel.errors import Invalid
from triops.kernel.run import Dataset, Input, MetricPoints, ModelOutput, RunStatus
from triops.kernel.tenant import Right
from triops.ledger.runs.log import ParamChanged
from triops.lenses.mlops.tracking import Tracking, limits
from triops.web.body import off_loop

_TEST = "tests/conformance/test_mlflow_tracking.py"
_STATUSES = {"RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5}
_RUN = text(required=True)
_ROW_BYTES = 128  # about what a point of a batch is; far too many are refused, but not read on the event loop
_MODEL_FIELDS = {"artifact_path", "flavors", "utc_time_created", "run_id"}
_DATASET = {
    "name": text(),
    "digest": text(),
    "source_type": text(),
    "source": text(),
    "schema": text(default=""),
    "profile": text(default=""),
}


def run_endpoints(tracking: Tracking) -> Sequence[Endpoint]:
    async def create(call: Call) -> Answer:
        body = call.body
        run = await tracking.create_run(
            call.project,
            body["experiment_id"],
            name=body["run_name"],
            user=body["user_id"],
            start_ms=body["start_time"],
            tags={tag["key"]: tag["value"] for tag in body["tags"]},
        )
        return {"run": run_message(run)}

    async def get(call: Call) -> Answer:
        return {"run": run_message(*await tracking.linked_run(call.project, call.body["run_id"]))}

    async def update(call: Call) -> Answer:
        body = call.body
        status = body["status"] and RunStatus(body["status"])
        run = await tracking.update_run(
            call.project, body["run_id"], status=status, end_ms=body["end_time"], name=body["run_name"]
        )
        return {"run_info": run_info(run)}

    async def delete(call: Call) -> Answer:
        await tracking.delete_run(call.project, call.body["run_id"])
        return {}

    async def restore(call: Call) -> Answer:
        await tracking.restore_run(call.project, call.body["run_id"])
        return {}

    async def log_metric(call: Call) -> Answer:
        points = _point(call.body)
        limits.check_points(points, "")
        await tracking.log(call.project, call.body["run_id"], points=points)
        return {}

    async def log_parameter(call: Call) -> Answer:
        params = limits.check_params({call.body["key"]: call.body["value"]}, ["key"])
        try:
            await tracking.log(call.project, call.body["run_id"], params=params)
        except ParamChanged as error:
            key, old, new = error.changed[0]
            raise Invalid(
                f"Changing param values is not allowed. Param with key='{key}' was already logged with value='{old}'"
                f" for run ID='{error.run}'. Attempted logging new value '{new}'."
            ) from None
        return {}

    async def set_tag(call: Call) -> Answer:
        key = call.body["key"]
        value = limits.check_tag(key, call.body["value"])
        await tracking.log(call.project, call.body["run_id"], tags={key: value})
        return {}

    async def delete_tag(call: Call) -> Answer:
        await tracking.delete_tag(call.project, call.body["run_id"], call.body["key"])
        return {}

    async def log_batch(call: Call) -> Answer:
        body = call.body
        rows = len(body["metrics"]) if isinstance(body["metrics"], list) else 0
        points = await off_loop(_ROW_BYTES * rows, points_of, body["metrics"])
        params, tags = texts_of(body["params"], "params"), texts_of(body["tags"], "tags")
        limits.check_run_id(body["run_id"])
        limits.check_points(points)
        checked = limits.check_params(dict(params), [f"params[{at}].key" for at in _first_places(params)])
        tagged = {key: limits.check_tag(key, value, f"tags[{at}]") for at, (key, value) in enumerate(tags)}
        limits.check_batch(len(points), len(params), len(tags))
        _refuse_twice(params)
        await tracking.log(call.project, body["run_id"], points=points, params=checked, tags=tagged)
        return {}

    async def log_model(call: Call) -> Answer:
        given = call.body["model_json"]
        try:
            model = json.loads(given)
        except (ValueError, RecursionError):
            raise Invalid(f"Malformed model info. \n {given} \n is not a valid JSON.", field="model_json") from None
        absent = _MODEL_FIELDS - set(model) if isinstance(model, dict) else _MODEL_FIELDS
        if absent:
            raise Invalid(f"Model json is missing mandatory fields: {absent}", field="model_json")
        await tracking.record_model(call.project, call.body["run_id"], _model_tag(model))
        return {}

    async def log_inputs(call: Call) -> Answer:
        inputs = [_input(one) for one in call.body["datasets"]]
        models = [one["model_id"] for one in call.body["models"]]
        await tracking.add_inputs(call.project, call.body["run_id"], inputs, models)
        return {}

    async def log_outputs(call: Call) -> Answer:
        outputs = [ModelOutput(one["model_id"], one["step"]) for one in call.body["models"]]
        await tracking.add_outputs(call.project, call.body["run_id"], outputs)
        return {}

    def post(name: str, handler: Any, **fields: Any) -> Endpoint:
        """A training job's key may only send: that is enough to log, and not to delete."""
        right = Right.WRITE if name in ("delete", "restore", "delete-tag") else Right.SEND
        return Endpoint("POST", f"2.0/mlflow/runs/{name}", handler, right, fields, _TEST)

    key = text(required=True)
    return [
        post(
            "create",
            create,
            experiment_id=text(),
            user_id=text(),
            start_time=integer(default=0),
            tags=messages(KEY_VALUE),
            run_name=text(),
        ),
        Endpoint("GET", "2.0/mlflow/runs/get", get, Right.READ, {"run_id": _RUN}, _TEST),
        post("update", update, run_id=_RUN, status=enum(_STATUSES), end_time=integer(), run_name=text()),
        post("delete", delete, run_id=_RUN),
        post("restore", restore, run_id=_RUN),
        post(
            "log-metric",
            log_metric,
            run_id=_RUN,
            key=key,
            value=number(required=True),
            timestamp=integer(required=True),
            step=integer(default=0),
            model_id=text(),
            dataset_name=text(),
            dataset_digest=text(),
        ),
        post("log-parameter", log_parameter, run_id=_RUN, key=key, value=text()),
        post("set-tag", set_tag, run_id=_RUN, key=key, value=text()),
        post("delete-tag", delete_tag, run_id=_RUN, key=key),
        post("log-batch", log_batch, run_id=_RUN, metrics=anything(), params=anything(), tags=anything()),
        post("log-model", log_model, run_id=_RUN, model_json=text(required=True)),
        post(
            "log-inputs",
            log_inputs,
            run_id=_RUN,
            datasets=messages({"tags": messages(KEY_VALUE), "dataset": message(_DATASET)}),
            models=messages({"model_id": text()}),
        ),
        post(
            "outputs",
            log_outputs,
            run_id=_RUN,
            models=messages({"model_id": text(), "step": integer(default=0)}, required=True),
        ),
    ]


def _point(body: Mapping[str, Any]) -> MetricPoints:
    origin = (body["model_id"], body["dataset_name"], body["dataset_digest"])
    if bool(origin[1]) != bool(origin[2]):
        raise Invalid("Both dataset_name and dataset_digest must be provided if one is provided")
    told = any(origin)
    return MetricPoints(
        [body["key"]],
        np.zeros(1, np.uint32),
        np.array([body["timestamp"]], np.int64),
        np.array([body["step"]], np.int64),
        np.array([body["value"]], np.float64),
        np.zeros(1, np.int32) if told else None,
        [origin] if told else (),
    )


def _first_places(pairs: Sequence[tuple[str, str]]) -> list[int]:
    first: dict[str, int] = {}
    for at, (key, _) in enumerate(pairs):
        first.setdefault(key, at)
    return list(first.values())


def _refuse_twice(params: Sequence[tuple[str, str]]) -> None:
    seen: set[str] = set()
    twice = [key for key, _ in params if key in seen or seen.add(key)]  # type: ignore[func-returns-value]
    if twice:
        raise Invalid(
            f"Duplicate parameter keys have been submitted: {twice}. Please ensure the request contains only one param"
            " value per param key.",
            field="params",
        )


def _input(given: Mapping[str, Any]) -> Input:
    data = given["dataset"]
    if data is None:
        raise missing("dataset")
    dataset = Dataset(
        data["name"],
        data["digest"],
        data["source_type"],
        data["source"],
        data["schema"] or None,
        data["profile"] or None,
    )
    return Input(dataset, {tag["key"]: tag["value"] for tag in given["tags"]})


def _model_tag(model: Mapping[str, Any]) -> dict[str, Any]:
    """What the run's tag tells of a model: not the flavors' settings."""
    flavors = model["flavors"]
    told = {key: model[key] for key in ("run_id", "artifact_path", "utc_time_created", "model_uuid") if key in model}
    if isinstance(flavors, Mapping):
        told["flavors"] = {
            name: {key: value for key, value in settings.items() if key != "config"}
            if isinstance(settings, Mapping)
            else settings
            for name, settings in flavors.items()
        }
    return told
