"""Endpoints of evaluation data sets and their records."""

import json
from collections.abc import Sequence
from typing import Any

from triops.edges.mlflow.fields import integer, text, texts
from triops.edges.mlflow.router import Answer, Call, Endpoint
from triops.edges.mlflow.shapes import listed
from triops.kernel.evaluation import EvaluationDataset, EvaluationRecord
from triops.kernel.tenant import Right
from triops.lenses.mlops.evaluation import Datasets
from triops.lenses.mlops.evaluation.examples import batch_of, parsed
from triops.web.body import off_loop

_TEST = "tests/conformance/test_mlflow_evaluation.py"
_BASE = "3.0/mlflow/datasets"


def evaluation_dataset_endpoints(datasets: Datasets) -> Sequence[Endpoint]:
    async def create(call: Call) -> Answer:
        body = call.body
        tags = parsed(body["tags"], "tags") if body["tags"] else {}
        dataset = await datasets.create(call.project, body["name"], tags or {}, body["experiment_ids"])
        return {"dataset": dataset_message(dataset)}

    async def get(call: Call) -> Answer:
        return {"dataset": dataset_message(await datasets.book.get(call.project, call.path["dataset_id"]))}

    async def delete(call: Call) -> Answer:
        await datasets.book.delete(call.project, call.path["dataset_id"])
        return {}

    async def find(call: Call) -> Answer:
        body = call.body
        found, token = await datasets.find(
            call.project,
            body["experiment_ids"],
            body["filter_string"],
            body["order_by"],
            body["max_results"],
            body["page_token"],
        )
        answer = listed("datasets", [dataset_message(dataset) for dataset in found])
        return answer | ({"next_page_token": token} if token else {})

    async def set_tags(call: Call) -> Answer:
        await datasets.set_tags(call.project, call.path["dataset_id"], parsed(call.body["tags"], "tags"))
        return {}

    async def delete_tag(call: Call) -> Answer:
        await datasets.book.delete_tag(call.project, call.path["dataset_id"], call.path["key"])
        return {}

    async def experiments(call: Call) -> Answer:
        return listed("experiment_ids", await datasets.book.experiments(call.project, call.path["dataset_id"]))

    async def link(call: Call) -> Answer:
        dataset = await datasets.link(call.project, call.path["dataset_id"], call.body["experiment_ids"])
        return {"dataset": dataset_message(dataset)}

    async def unlink(call: Call) -> Answer:
        dataset = await datasets.unlink(call.project, call.path["dataset_id"], call.body["experiment_ids"])
        return {"dataset": dataset_message(dataset)}

    async def records(call: Call) -> Answer:
        found, token = await datasets.page(
            call.project, call.path["dataset_id"], call.body["max_results"], call.body["page_token"]
        )
        size = sum(len(record.inputs) + len(record.outputs or "") for record in found)
        answer = {"records": await off_loop(size, _shown, found)}
        return answer | ({"next_page_token": token} if token else {})

    async def merge(call: Call) -> Answer:
        given = call.body["records"]
        batch = await off_loop(len(given), batch_of, given)
        new, updated = await datasets.merge(call.project, call.path["dataset_id"], batch)
        return {"inserted_count": new, "updated_count": updated}

    async def delete_records(call: Call) -> Answer:
        ids = call.body["dataset_record_ids"]
        return {"deleted_count": await datasets.examples.delete(call.project, call.path["dataset_id"], ids)}

    one, read, write = f"{_BASE}/{{dataset_id}}", Right.READ, Right.WRITE
    ids = texts()
    asked = {
        "experiment_ids": ids,
        "filter_string": text(),
        "max_results": integer(default=1000),
        "order_by": ids,
        "page_token": text(),
    }
    made = {"name": text(required=True), "experiment_ids": ids, "tags": text()}
    page = {"max_results": integer(default=1000), "page_token": text()}
    return [
        Endpoint("POST", f"{_BASE}/create", create, write, made, _TEST),
        Endpoint("POST", f"{_BASE}/search", find, read, asked, _TEST),
        Endpoint("GET", f"{_BASE}/search", find, read, asked, _TEST),
        Endpoint("GET", one, get, read, {}, _TEST),
        Endpoint("DELETE", one, delete, write, {}, _TEST),
        Endpoint("PATCH", f"{one}/tags", set_tags, write, {"tags": text(required=True)}, _TEST),
        Endpoint("DELETE", f"{one}/tags/{{key}}", delete_tag, write, {}, _TEST),
        Endpoint("GET", f"{one}/experiment-ids", experiments, read, {}, _TEST),
        Endpoint("POST", f"{one}/add-experiments", link, write, {"experiment_ids": ids}, _TEST),
        Endpoint("POST", f"{one}/remove-experiments", unlink, write, {"experiment_ids": ids}, _TEST),
        Endpoint("GET", f"{one}/records", records, read, page, _TEST),
        Endpoint("POST", f"{one}/records", merge, write, {"records": text(required=True)}, _TEST),
        Endpoint("DELETE", f"{one}/records", delete_records, write, {"dataset_record_ids": ids}, _TEST),
    ]


def dataset_message(dataset: EvaluationDataset) -> dict[str, Any]:
    message: dict[str, Any] = {
        "dataset_id": dataset.id,
        "name": dataset.name,
        "tags": json.dumps(dict(dataset.tags)),
        "digest": dataset.digest,
        "created_time": dataset.created_ms,
        "last_update_time": dataset.updated_ms,
        **listed("experiment_ids", list(dataset.experiments)),
    }
    maybe = {
        "schema": dataset.schema,
        "profile": dataset.profile,
        "created_by": dataset.created_by,
        "last_updated_by": dataset.updated_by,
    }
    return message | {name: value for name, value in maybe.items() if value is not None}


def _shown(records: Sequence[EvaluationRecord]) -> str:
    return json.dumps([_record(record) for record in records])


def _record(record: EvaluationRecord) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "dataset_record_id": record.id,
        "dataset_id": record.dataset,
        "inputs": json.loads(record.inputs),
        "created_time": record.created_ms,
        "last_update_time": record.updated_ms,
    }
    for name in ("outputs", "expectations", "tags", "source"):
        if (value := getattr(record, name)) is not None:
            shown[name] = json.loads(value)
    if source := shown.get("source"):
        shown["source_type"] = source["source_type"]
        id = source["source_data"].get("trace_id" if source["source_type"] == "TRACE" else "source_id")
        if id:
            shown["source_id"] = str(id)
    if record.created_by is not None:
        shown["created_by"] = record.created_by
    if record.updated_by is not None:
        shown["last_updated_by"] = record.updated_by
    return shown
