"""Access to experiments and models, held at one place for every endpoint: what a call names is found by the names of
its fields, which mean the same all over the protocol.

An endpoint that answers a list leaves out what its caller may not look at, as MLflow's own authorisation does.
"""

from collections.abc import Mapping
from typing import Any

from triops.edges.mlflow.router import Answer, Call, Endpoint
from triops.kernel.errors import Forbidden, Invalid
from triops.kernel.tenant import Principal, Right
from triops.lenses.mlops.artifacts import safe_path
from triops.lenses.mlops.permissions import Level, Permissions
from triops.lenses.mlops.registry.sources import model_named

_LISTS = {  # where a list stands in an answer, and what its items are called by
    "experiments": ("experiment", "name"),
    "registered_models": ("model", "name"),
    "registered_models_databricks": ("model", "name"),
    "model_versions": ("model", "name"),
}
_REGISTRY = ("registered-models/", "model-versions/")
_RUNS = ("run_id", "run_uuid", "run_ids", "source_run_id")
_INTO_DEFAULT = ("runs/create", "2.0/mlflow/traces")  # what names no experiment goes into the default one


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
        proxied = "mlflow-artifacts/" in endpoint.path
        along = _path(given) if proxied else []
        registry = any(part in endpoint.path for part in _REGISTRY)
        if registry and (name := given.get("name")):
            await self._permissions.check(who, "model", [name, *_texts(given.get("new_name"))], level)
        if registry and (name := model_named(given.get("source"))):  # its files are read through the new version
            await self._permissions.check(who, "model", [name], Level.READ)
        if not registry and (name := given.get("experiment_name")):
            await self._permissions.check(who, "experiment", [name], level)
        if endpoint.path.endswith(("experiments/create", "experiments/update")):
            names = [*_texts(given.get("name")), *_texts(given.get("new_name"))]
            await self._permissions.check(who, "experiment", names, level)
        if "/search" in endpoint.path and _many(given.get("experiment_ids")):
            call.body["experiment_ids"] = await self._permissions.readable_experiments(who, given["experiment_ids"])
            given["experiment_ids"] = ()
        experiments = {
            *_texts(given.get("experiment_id")),
            *_texts(given.get("experiment_ids")),
            *(part for part in along[:1] if part.isdecimal()),
        }
        if endpoint.method == "POST" and endpoint.path.endswith(_INTO_DEFAULT) and not given.get("experiment_id"):
            experiments.add("")
        experiments |= await self._permissions.names.of_things(
            who.project,
            runs={*along, *(id for field in _RUNS for id in _texts(given.get(field)))},
            models={
                *along,
                *_texts(given.get("model_id")),
                *_texts(given.get("model_ids")),
                *(id for field in ("metrics", "models") for id in _nested(given.get(field), "model_id")),
            },
            traces={id for field in ("trace_id", "trace_ids", "request_id") for id in _texts(given.get(field))},
            datasets={*_texts(given.get("dataset_id"))},
        )
        if proxied and level is Level.MANAGE and not experiments:
            raise Forbidden(
                "Permission denied: what is deleted must lie in the folder of an experiment, a run or a model, so that "
                "it is known whose it is."
            )
        await self._permissions.check_ids(who, level, experiments=experiments)

    async def after(self, call: Call, answer: Answer) -> Answer:
        if not isinstance(answer, Mapping) or not await self._permissions.rules(call.principal):
            return answer  # lists of what has a name are never bytes
        shown: Mapping[str, Any] = answer
        for key, (thing, named) in _LISTS.items():
            items = shown.get(key)
            if isinstance(items, list):
                names = {item[named] for item in items if isinstance(item, Mapping) and named in item}
                readable = await self._permissions.readable(call.principal, thing, names)  # type: ignore[arg-type]
                shown = {**shown, key: [item for item in items if item.get(named) in readable]}
        return await self._of_open_experiments(call.principal, shown)

    async def _of_open_experiments(self, who: Principal, shown: Mapping[str, Any]) -> Mapping[str, Any]:
        """Scorers and evaluation data sets that may be looked at; a data set only where all its experiments may be."""
        if isinstance(scorers := shown.get("scorers"), list):
            ids = {str(one["experiment_id"]) for one in scorers}
            readable = set(await self._permissions.readable_experiments(who, ids))
            shown = {**shown, "scorers": [one for one in scorers if str(one["experiment_id"]) in readable]}
        if isinstance(datasets := shown.get("datasets"), list):
            linked = await self._permissions.names.of_datasets(who.project, {one["dataset_id"] for one in datasets})
            ids = {id for some in linked.values() for id in some}
            closed = ids - set(await self._permissions.readable_experiments(who, ids))
            kept = [one for one in datasets if closed.isdisjoint(linked.get(one["dataset_id"], ()))]
            shown = {**shown, "datasets": kept}
        return shown


def _level(endpoint: Endpoint) -> Level:
    if endpoint.right is Right.READ:
        return Level.READ
    forgets = endpoint.method == "DELETE" or endpoint.path.endswith(("/delete", "/restore", "delete-traces"))
    return Level.MANAGE if forgets and "tag" not in endpoint.path else Level.EDIT


def _nested(rows: Any, name: str) -> list[str]:
    return [id for row in rows if isinstance(row, dict) for id in _texts(row.get(name))] if _many(rows) else []


def _many(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [one for one in value if isinstance(one, str)] if _many(value) else []


def _path(given: Mapping[str, Any]) -> list[str]:
    """The parts of an artifact's path: through the proxy it begins with its experiment's id and goes on with its run's
    or its model's. Read as the proxy reads it, however it was written."""
    path = given.get("artifact_path") or given.get("path") or ""
    try:
        return safe_path(path, root=True).split("/") if isinstance(path, str) else []
    except Invalid:
        return []  # the call itself is refused
