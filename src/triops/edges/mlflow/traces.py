"""Traces: said, read, searched, tagged, linked, deleted. Assessments of them are `assessments`, spans arrive by
`spans_intake`."""

import re
from collections.abc import Callable
from typing import Any

import orjson
from starlette.responses import Response

from triops.edges.mlflow.attachments import attachment
from triops.edges.mlflow.fields import Fields, anything, at_most, boolean, integer, text, texts
from triops.edges.mlflow.router import Answer, Call, Endpoint
from triops.edges.mlflow.trace_access import TraceAccess
from triops.edges.mlflow.trace_artifact import spans_json
from triops.edges.mlflow.trace_json import said_trace, shown_info, shown_v2, shown_whole, whole_json
from triops.kernel.errors import Invalid
from triops.kernel.tenant import Right
from triops.lenses.mlops.artifacts import Places
from triops.lenses.mlops.genai_traces import TraceService
from triops.web.body import off_loop

_TEST = "tests/conformance/test_mlflow_traces.py"
_KEY: Fields = {"key": text(required=True), "value": text()}
_SEARCH: Fields = {
    "filter": text(),
    "max_results": integer(default=100, check=at_most(500)),
    "order_by": texts(),
    "page_token": text(),
}
_ATTACHMENT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_STATUSES = ("TRACE_STATUS_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS")


def trace_endpoints(
    traces: TraceService, access: TraceAccess, places: Places, now_ms: Callable[[], int]
) -> list[Endpoint]:
    def offer(method: str, path: str, handler: Any, right: Right, fields: Fields) -> Endpoint:
        return Endpoint(method, path, handler, right, fields, _TEST)

    handlers = _Handlers(traces, access, places, now_ms)
    read, write, send = Right.READ, Right.WRITE, Right.SEND
    ids: Fields = {"trace_ids": texts(required=True), "experiment_ids": texts()}
    delete: Fields = {
        "experiment_id": text(required=True),
        "max_timestamp_millis": integer(),
        "max_traces": integer(),
        "request_ids": texts(),
    }
    search_v2: Fields = {**_SEARCH, "experiment_ids": texts(required=True)}
    v2: Fields = {"request_metadata": anything(), "tags": anything(), "timestamp_ms": integer(default=0)}
    links: Fields = {"trace_ids": texts(required=True), "run_id": text(required=True)}
    prompts: Fields = {"trace_id": text(required=True), "prompt_versions": anything(required=True)}
    correlation: Fields = {
        "experiment_ids": texts(required=True),
        "filter_string1": text(required=True),
        "filter_string2": text(required=True),
        "base_filter": text(),
    }
    three, two = "3.0/mlflow/traces", "2.0/mlflow/traces"
    return [
        offer("POST", three, handlers.say, send, {"trace": anything(required=True)}),
        offer(
            "GET", f"{three}/get", handlers.whole, read, {"trace_id": text(required=True), "allow_partial": boolean()}
        ),
        offer("GET", f"{three}/batchGet", handlers.wholes, read, ids),
        offer("POST", f"{three}/batchGetInfos", handlers.some, read, ids),
        offer("POST", f"{three}/calculate-filter-correlation", handlers.correlation, read, correlation),
        offer("POST", f"{three}/search", handlers.search, read, {**_SEARCH, "locations": anything(required=True)}),
        offer("GET", f"{three}/{{trace_id}}", handlers.get, read, {}),
        *(
            endpoint
            for root in (three, two)
            for endpoint in (
                offer("POST", f"{root}/delete-traces", handlers.delete, write, delete),
                offer("PATCH", f"{root}/{{trace_id}}/tags", handlers.set_tag, write, _KEY),
                offer("DELETE", f"{root}/{{trace_id}}/tags", handlers.delete_tag, write, _KEY),
            )
        ),
        offer("POST", f"{two}/link-to-run", handlers.link_to_run, write, links),
        offer("POST", f"{two}/link-prompts", handlers.link_prompts, write, prompts),
        offer("POST", two, handlers.begin_v2, send, {**v2, "experiment_id": text()}),
        offer("GET", two, handlers.search_v2, read, search_v2),
        offer("PATCH", f"{two}/{{trace_id}}", handlers.end_v2, send, {**v2, "status": anything()}),
        offer("GET", f"{two}/{{trace_id}}/info", handlers.get_v2, read, {}),
        offer("GET", "2.0/mlflow/get-trace-artifact", handlers.artifact, read, {"request_id": text(), "path": text()}),
    ]


class _Handlers:
    def __init__(self, traces: TraceService, access: TraceAccess, places: Places, now_ms: Callable[[], int]) -> None:
        self._traces = traces
        self._places = places
        self._access = access
        self._now_ms = now_ms

    async def say(self, call: Call) -> Answer:
        given = call.body["trace"]
        info = given.get("trace_info", given.get("traceInfo", {})) if isinstance(given, dict) else None
        if not isinstance(info, dict):
            raise Invalid("trace.trace_info must be an object", field="trace")
        said = said_trace(info, self._now_ms())
        await self._access.may_write(call.principal, said.experiment, [said.id])
        trace = await self._traces.say(call.project, said)
        return {"trace": {"trace_info": shown_info(trace)}}

    async def get(self, call: Call) -> Answer:
        return {"trace": {"trace_info": shown_info(await self._traces.get(call.project, call.path["trace_id"]))}}

    async def whole(self, call: Call) -> Answer:
        partial = bool(call.body["allow_partial"])
        trace, bodies = await self._traces.whole(call.project, call.body["trace_id"], partial=partial)
        size = sum(map(len, bodies))
        return await off_loop(8 * size, lambda: orjson.dumps({"trace": shown_whole(trace, bodies)}))

    async def wholes(self, call: Call) -> Answer:
        within = call.body["experiment_ids"] if "experiment_ids" in call.given else None
        found = await self._traces.wholes(call.project, call.body["trace_ids"], within)
        size = sum(len(body) for _, bodies in found for body in bodies)
        return await off_loop(8 * size, whole_json, found)

    async def some(self, call: Call) -> Answer:
        within = call.body["experiment_ids"] if "experiment_ids" in call.given else None
        found = await self._traces.some(call.project, call.body["trace_ids"], within)
        return {"trace_infos": [shown_info(trace) for trace in found]} if found else {}

    async def search(self, call: Call) -> Answer:
        body = call.body
        traces, token = await self._traces.search(
            call.project,
            await self._access.readable(call.principal, _experiments(body["locations"])),
            body["filter"],
            body["order_by"],
            body["max_results"],
            body["page_token"],
        )
        answer: dict[str, Any] = {"traces": [shown_info(trace) for trace in traces]} if traces else {}
        return {**answer, "next_page_token": token} if token else answer

    async def correlation(self, call: Call) -> Answer:
        body = call.body
        found = await self._traces.correlation(
            call.project, body["experiment_ids"], body["filter_string1"], body["filter_string2"], body["base_filter"]
        )
        shown = {"npmi": found.npmi, "npmi_smoothed": found.smoothed}
        return {
            **{key: value for key, value in shown.items() if value == value},  # NaN is not said
            "filter1_count": found.first,
            "filter2_count": found.second,
            "joint_count": found.both,
            "total_count": found.total,
        }

    async def search_v2(self, call: Call) -> Answer:
        body = call.body
        traces, token = await self._traces.search(
            call.project,
            body["experiment_ids"],
            body["filter"],
            body["order_by"],
            body["max_results"],
            body["page_token"],
        )
        answer: dict[str, Any] = {"traces": [shown_v2(trace) for trace in traces]} if traces else {}
        return {**answer, "next_page_token": token} if token else answer

    async def delete(self, call: Call) -> Answer:
        body = call.body
        count = await self._traces.delete(
            call.project, body["experiment_id"], body["request_ids"], body["max_timestamp_millis"], body["max_traces"]
        )
        return {"traces_deleted": count}

    async def set_tag(self, call: Call) -> Answer:
        await self._traces.set_tag(call.project, call.path["trace_id"], call.body["key"], call.body["value"])
        return {}

    async def delete_tag(self, call: Call) -> Answer:
        await self._traces.delete_tag(call.project, call.path["trace_id"], call.body["key"])
        return {}

    async def link_to_run(self, call: Call) -> Answer:
        await self._traces.link_to_run(call.project, call.body["trace_ids"], call.body["run_id"])
        return {}

    async def link_prompts(self, call: Call) -> Answer:
        given = call.body["prompt_versions"]
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise Invalid("prompt_versions must be a list of objects", field="prompt_versions")
        versions = [(str(one.get("name", "")), str(one.get("version", ""))) for one in given]
        await self._traces.link_prompts(call.project, call.body["trace_id"], versions)
        return {}

    async def begin_v2(self, call: Call) -> Answer:
        body = call.body
        trace = await self._traces.begin_v2(
            call.project,
            body["experiment_id"],
            body["timestamp_ms"],
            _pairs(body["tags"]),
            _pairs(body["request_metadata"]),
        )
        return {"trace_info": shown_v2(trace)}

    async def end_v2(self, call: Call) -> Answer:
        body = call.body
        status = body["status"]
        name = _STATUSES[status] if isinstance(status, int) and 0 <= status < len(_STATUSES) else status
        state = name if name in _STATUSES[1:] else "STATE_UNSPECIFIED"
        trace = await self._traces.end_v2(
            call.project,
            call.path["trace_id"],
            body["timestamp_ms"],
            state,
            _pairs(body["tags"]),
            _pairs(body["request_metadata"]),
        )
        return {"trace_info": shown_v2(trace)}

    async def get_v2(self, call: Call) -> Answer:
        return {"trace_info": shown_v2(await self._traces.get(call.project, call.path["trace_id"]))}

    async def artifact(self, call: Call) -> Answer:
        if not call.body["request_id"]:
            raise Invalid('Request must include the "request_id" query parameter.', field="request_id")
        if path := call.body["path"]:
            return await self._attachment(call, path)
        trace, bodies = await self._traces.whole(call.project, call.body["request_id"], partial=True)
        size = sum(map(len, bodies))
        raw = await off_loop(8 * size, spans_json, trace.id, bodies)
        headers = {"content-disposition": "attachment; filename=traces.json", "x-content-type-options": "nosniff"}
        return Response(raw, media_type="application/octet-stream", headers=headers)

    async def _attachment(self, call: Call, path: str) -> Answer:
        if not _ATTACHMENT.fullmatch(path):
            raise Invalid(
                f"Invalid attachment path: '{path[:200]}'. Attachment path must be a valid UUID.", field="path"
            )
        location = await self._traces.artifacts(call.project, call.body["request_id"])
        place = self._places.at(location, f"attachments/{path}")
        return await attachment(call.request, call.project, place)


def _experiments(locations: Any) -> list[str]:
    if not isinstance(locations, list):
        raise Invalid("locations must be a list", field="locations")
    found = []
    for one in locations:
        place = one.get("mlflow_experiment", one.get("mlflowExperiment")) if isinstance(one, dict) else None
        if isinstance(place, dict):
            found.append(str(place.get("experiment_id", place.get("experimentId", ""))))
    return found


def _pairs(given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, list) or not all(isinstance(one, dict) and one.get("key") for one in given):
        raise Invalid("Missing value for required parameter 'key'.", field="key")
    return {str(one["key"]): str(one.get("value", "")) for one in given}
