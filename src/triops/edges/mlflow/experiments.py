"""Endpoints of experiments; their search is in `search`."""

from collections.abc import Sequence

from triops.edges.mlflow.fields import KEY_VALUE, messages, text
from triops.edges.mlflow.router import Answer, Call, Endpoint
from triops.edges.mlflow.shapes import experiment_message
from triops.kernel.tenant import Right
from triops.lenses.mlops.tracking import Tracking

_TEST = "tests/conformance/test_mlflow_tracking.py"
_ID = {"experiment_id": text(required=True)}


def experiment_endpoints(tracking: Tracking) -> Sequence[Endpoint]:
    async def create(call: Call) -> Answer:
        body = call.body
        tags = {tag["key"]: tag["value"] for tag in body["tags"]}
        id = await tracking.create_experiment(call.project, body["name"], body["artifact_location"], tags)
        return {"experiment_id": id}

    async def get(call: Call) -> Answer:
        return {"experiment": experiment_message(await tracking.experiment(call.project, call.body["experiment_id"]))}

    async def get_by_name(call: Call) -> Answer:
        found = await tracking.experiment_named(call.project, call.body["experiment_name"])
        return {"experiment": experiment_message(found)}

    async def delete(call: Call) -> Answer:
        await tracking.delete_experiment(call.project, call.body["experiment_id"])
        return {}

    async def restore(call: Call) -> Answer:
        await tracking.restore_experiment(call.project, call.body["experiment_id"])
        return {}

    async def update(call: Call) -> Answer:
        await tracking.rename_experiment(call.project, call.body["experiment_id"], call.body["new_name"])
        return {}

    async def set_tag(call: Call) -> Answer:
        body = call.body
        await tracking.set_experiment_tag(call.project, body["experiment_id"], body["key"], body["value"])
        return {}

    async def delete_tag(call: Call) -> Answer:
        await tracking.delete_experiment_tag(call.project, call.body["experiment_id"], call.body["key"])
        return {}

    path = "2.0/mlflow/experiments/"
    create_fields = {"name": text(required=True), "artifact_location": text(), "tags": messages(KEY_VALUE)}
    name = {"experiment_name": text(required=True)}
    tag = {"experiment_id": text(required=True), "key": text(required=True)}
    return [
        Endpoint("POST", path + "create", create, Right.WRITE, create_fields, _TEST),
        Endpoint("GET", path + "get", get, Right.READ, _ID, _TEST),
        Endpoint("GET", path + "get-by-name", get_by_name, Right.READ, name, _TEST),
        Endpoint("POST", path + "delete", delete, Right.WRITE, _ID, _TEST),
        Endpoint("POST", path + "restore", restore, Right.WRITE, _ID, _TEST),
        Endpoint("POST", path + "update", update, Right.WRITE, {**_ID, "new_name": text(required=True)}, _TEST),
        Endpoint("POST", path + "set-experiment-tag", set_tag, Right.WRITE, {**tag, "value": text()}, _TEST),
        Endpoint("POST", path + "delete-experiment-tag", delete_tag, Right.WRITE, tag, _TEST),
    ]
