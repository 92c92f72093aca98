"""Endpoints that search experiments, runs, and the data sets that runs read."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from triops.edges.mlflow.fields import at_most, enum, integer, text, texts
from triops.edges.mlflow.router import ITEM_BYTES, Answer, Call, Endpoint
from triops.edges.mlflow.shapes import experiment_message, links_message, listed
from triops.kernel.errors import Invalid
from triops.kernel.run import Links, Stage
from triops.kernel.tenant import Right
from triops.ledger.json_text import one_list
from triops.ledger.runs.contents import Contents, Shape
from triops.ledger.runs.runs import RunRow
from triops.lenses.mlops.search import Search
from triops.lenses.mlops.tracking import Tracking
from triops.web.body import off_loop

_TEST = "tests/conformance/test_mlflow_search.py"
_VIEWS: Final = {"ACTIVE_ONLY": 1, "DELETED_ONLY": 2, "ALL": 3}
_STAGES: Final = {
    "ACTIVE_ONLY": (Stage.ACTIVE,),
    "DELETED_ONLY": (Stage.DELETED,),
    "ALL": (Stage.ACTIVE, Stage.DELETED),
}
_MOST_EXPERIMENTS: Final = 20  # whose data sets are asked for at once
_NOTHING: Final = Links()


def search_endpoints(search: Search, tracking: Tracking) -> Sequence[Endpoint]:
    async def runs(call: Call) -> Answer:
        body = call.body
        found = await search.runs(
            call.project,
            body["experiment_ids"],
            Shape.PAIRS,
            run_messages,
            filter=body["filter"],
            order_by=body["order_by"],
            stages=_STAGES[body["run_view_type"]],
            limit=body["max_results"],
            token=body["page_token"],
        )
        if not found.parts:
            return b"{}"
        token = b',"next_page_token":' + orjson.dumps(found.token) if found.token else b""
        return b"".join((b'{"runs":', one_list(found.parts), token, b"}"))

    async def experiments(call: Call) -> Answer:
        body = call.body
        await tracking.begin(call.project)
        found = await search.experiments(
            call.project,
            filter=body["filter"],
            order_by=body["order_by"],
            stages=_STAGES[body["view_type"]],
            limit=body["max_results"],
            token=body["page_token"],
        )
        messages = await off_loop(
            ITEM_BYTES * len(found.parts), lambda: [experiment_message(one) for one in found.parts]
        )
        answer = listed("experiments", messages)
        return answer | ({"next_page_token": found.token} if found.token else {})

    async def datasets(call: Call) -> Answer:
        ids = call.body["experiment_ids"]
        if not ids:
            raise Invalid("SearchDatasets request must specify at least one experiment_id.", field="experiment_ids")
        if len(ids) > _MOST_EXPERIMENTS:
            raise Invalid(
                f"SearchDatasets request cannot specify more than {_MOST_EXPERIMENTS} experiment_ids. "
                f"Received {len(ids)} experiment_ids.",
                field="experiment_ids",
            )
        found = await search.datasets(call.project, ids)
        return listed(
            "dataset_summaries",
            [
                {"experiment_id": one.experiment, "name": one.name, "digest": one.digest}
                | ({"context": one.context} if one.context else {})
                for one in found
            ],
        )

    paged = {"filter": text(), "order_by": texts(), "page_token": text()}
    run_fields = {
        **paged,
        "experiment_ids": texts(),
        "run_view_type": enum(_VIEWS, default="ACTIVE_ONLY"),
        "max_results": integer(default=1000, check=at_most(50_000)),
    }
    experiment_fields = {**paged, "view_type": enum(_VIEWS, default="ACTIVE_ONLY"), "max_results": integer(default=0)}
    dataset_fields = {"experiment_ids": texts()}
    path = "2.0/mlflow/experiments/"
    return [
        Endpoint("POST", "2.0/mlflow/runs/search", runs, Right.READ, run_fields, _TEST),
        Endpoint("POST", path + "search", experiments, Right.READ, experiment_fields, _TEST),
        Endpoint("GET", path + "search", experiments, Right.READ, experiment_fields, _TEST),
        Endpoint("POST", path + "search-datasets", datasets, Right.READ, dataset_fields, _TEST),
    ]


def run_messages(rows: Sequence[RunRow], contents: Contents) -> bytes:
    """A list of the messages of runs."""
    messages: list[dict[str, Any]] = []
    for row in rows:
        info: dict[str, Any] = {
            "run_id": row.id,
            "run_uuid": row.id,
            "run_name": row.name,
            "experiment_id": str(row.experiment),
            "user_id": row.user,
            "status": row.status,
            "start_time": row.start_ms,
            "artifact_uri": row.artifact_uri,
            "lifecycle_stage": row.stage,
        }
        if row.end_ms:
            info["end_time"] = row.end_ms
        data: dict[str, Any] = {}
        if metrics := contents.metrics.get(row.no):
            data["metrics"] = orjson.Fragment(metrics)
        if params := contents.params.get(row.no):
            data["params"] = orjson.Fragment(params)
        if tags := contents.tags.get(row.no):
            data["tags"] = orjson.Fragment(tags)
        messages.append({"info": info, "data": data, **links_message(contents.links.get(row.no, _NOTHING))})
    return orjson.dumps(messages)
