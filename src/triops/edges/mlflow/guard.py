"""Access to experiments and models, held at one place for every endpoint: what a call names is found by the names of
its fields, which mean the same all over the protocol.

An endpoint that answers a list leaves out what its caller may not look at, as MLflow's own authorisation does.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

import orjson

from triops.edges.mlflow.router import Answer, Call, Endpoint
from triops.kernel.errors import Invalid
from triops.kernel.tenant import Principal, Right
from triops.lenses.mlops.artifacts import safe_path
from triops.lenses.mlops.permissions import Level, Permissions

_MODEL_URI = re.compile(r"models:/([^/@]+)")
_LISTS = {  # where a list stands in an answer, and what its items are called by
    "experiments": ("experiment", "name"),
    "registered_models": ("model", "name"),
    "registered_models_databricks": ("model", "name"),
    "model_versions": ("model", "name"),
}
_LISTED = tuple(f'{{"{key}"'.encode() for key in _LISTS)
_REGISTRY = ("registered-models/", "model-versions/")
_RUN = re.compile(r"[0-9a-f]{32}")
_MODEL = re.compile(r"m-[0-9a-f]{32}")


class Guard:
    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions

    async def before(self, call: Call, endpoint: Endpoint) -> None:
        """Raises: Forbidden. Narrows the experiments of a search to those that may be read."""
        if not await self._permissions.rules(call.principal):
            return
        given, who, level = {**call.body, **call.path}, call.principal, _level(endpoint)
        if endpoint.fields is None:  # what a streamed body belongs to is in the query
            given = {**call.request.query_params, **given}
        along = _path(given)
        registry = any(part in endpoint.path for part in _REGISTRY)
        if registry and (name := given.get("name")):
            await self._permissions.check(who, "model", [name, *_texts(given.get("new_name"))], level)
        if not registry and (name := given.get("experiment_name")):
            await self._permissions.check(who, "experiment", [name], level)
        if endpoint.path.endswith(("experiments/create", "experiments/update")):
            names = [*_texts(given.get("name")), *_texts(given.get("new_name"))]
            await self._permissions.check(who, "experiment", names, level)
        if "/search" in endpoint.path and isinstance(given.get("experiment_ids"), list | tuple):
            call.body["experiment_ids"] = await self._narrowed(who, given["experiment_ids"])
            given["experiment_ids"] = ()
        await self._permissions.check_ids(
            who,
            level,
            experiments={
                *_texts(given.get("experiment_id")),
                *_texts(given.get("experiment_ids")),
                *(part for part in along[:1] if part.isdecimal()),
            },
            runs={
                *(
                    id
                    for field in ("run_id", "run_uuid", "run_ids", "source_run_id")
                    for id in _texts(given.get(field))
                ),
                *(part for part in along if _RUN.fullmatch(part)),
            },
            models={
                *_texts(given.get("model_id")),
                *_texts(given.get("model_ids")),
                *(part for part in along if _MODEL.fullmatch(part)),
            },
            traces={*_texts(given.get("trace_id")), *_texts(given.get("trace_ids")), *_texts(given.get("request_id"))},
        )

    async def after(self, call: Call, answer: Answer) -> Answer:
        if not isinstance(answer, Mapping | bytes) or not await self._permissions.rules(call.principal):
            return answer
        if isinstance(answer, bytes) and not answer.startswith(_LISTED):
            return answer  # a page of runs, say: megabytes that hold none of the lists
        shown: Mapping[str, Any] = orjson.loads(answer) if isinstance(answer, bytes) else answer
        for key, (thing, named) in _LISTS.items():
            items = shown.get(key)
            if isinstance(items, list):
                names = {item[named] for item in items if isinstance(item, Mapping) and named in item}
                readable = await self._permissions.readable(call.principal, thing, names)  # type: ignore[arg-type]
                shown = {**shown, key: [item for item in items if item.get(named) in readable]}
        return shown

    async def _narrowed(self, who: Principal, ids: Collection[str]) -> list[str]:
        names = await self._permissions.names.experiment_names(who.project, ids)
        readable = await self._permissions.readable(who, "experiment", set(names.values()))
        return [id for id in ids if id not in names or names[id] in readable]


def _level(endpoint: Endpoint) -> Level:
    if endpoint.right is Right.READ:
        return Level.READ
    forgets = endpoint.method == "DELETE" or endpoint.path.endswith(("/delete", "/restore", "delete-traces"))
    return Level.MANAGE if forgets and "tag" not in endpoint.path else Level.EDIT


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [one for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else []


def _path(given: Mapping[str, Any]) -> list[str]:
    """The parts of an artifact's path: through the proxy it begins with its experiment's id and goes on with its run's
    or its model's. Read as the proxy reads it, however it was written."""
    path = given.get("artifact_path") or given.get("path") or ""
    try:
        return safe_path(path, root=True).split("/") if isinstance(path, str) else []
    except Invalid:
        return []  # the call itself is refused
