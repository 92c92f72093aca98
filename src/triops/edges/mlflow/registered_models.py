"""Registered models, 2.0, which prompts are too: create, rename, update, delete, read, search, tags."""

from typing import Any

from triops.edges.mlflow.fields import KEY_VALUE, Fields, at_most, integer, messages, text, texts
from triops.edges.mlflow.model_versions import tags_json, version_json
from triops.edges.mlflow.router import Call, Endpoint
from triops.kernel.errors import Invalid
from triops.kernel.tenant import Right
from triops.kernel.version import RegisteredModel
from triops.lenses.mlops.registry.service import Registry

JSON = dict[str, Any]
_TEST = "tests/conformance/test_mlflow_registry.py"
_NAMED: Fields = {"name": text(required=True)}


def model_json(model: RegisteredModel) -> JSON:
    shown: JSON = {
        "name": model.name,
        "creation_timestamp": model.created_ms,
        "last_updated_timestamp": model.updated_ms,
    }
    if model.description:
        shown["description"] = model.description
    if model.latest:
        shown["latest_versions"] = [version_json(version) for version in model.latest]
    if model.tags:
        shown["tags"] = tags_json(model.tags)
    if model.aliases:
        shown["aliases"] = [{"alias": alias, "version": str(number)} for alias, number in model.aliases.items()]
    return shown


class RegisteredModels:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def endpoints(self) -> list[Endpoint]:
        def on(method: str, path: str, handler: Any, fields: Fields, right: Right | None = None) -> Endpoint:
            right = right or (Right.READ if method == "GET" else Right.WRITE)
            return Endpoint(method, f"2.0/mlflow/registered-models/{path}", handler, right, fields, _TEST)

        searched: Fields = {
            "filter": text(),
            "max_results": integer(default=100, check=at_most(1000)),
            "order_by": texts(),
            "page_token": text(),
        }
        latest: Fields = {**_NAMED, "stages": texts()}
        key: Fields = {"key": text(required=True)}
        return [
            on("POST", "create", self.create, {**_NAMED, "tags": messages(KEY_VALUE), "description": text()}),
            on("POST", "rename", self.rename, {**_NAMED, "new_name": text(required=True)}),
            on("PATCH", "update", self.update, {**_NAMED, "description": text()}),
            on("DELETE", "delete", self.delete, _NAMED),
            on("GET", "get", self.get, _NAMED),
            on("GET", "search", self.search, searched),
            on("POST", "get-latest-versions", self.latest, latest, Right.READ),
            on("GET", "get-latest-versions", self.latest, latest),
            on("POST", "set-tag", self.set_tag, {**_NAMED, **key, "value": text()}),
            on("DELETE", "delete-tag", self.delete_tag, {**_NAMED, **key}),
        ]

    async def create(self, call: Call) -> JSON:
        given = call.body
        model = await self._registry.create_model(call.principal, given["name"], given["tags"], given["description"])
        return {"registered_model": model_json(model)}

    async def rename(self, call: Call) -> JSON:
        model = await self._registry.rename_model(call.principal, call.body["name"], call.body["new_name"])
        return {"registered_model": model_json(model)}

    async def update(self, call: Call) -> JSON:
        model = await self._registry.describe_model(call.principal, call.body["name"], call.body["description"])
        return {"registered_model": model_json(model)}

    async def delete(self, call: Call) -> JSON:
        await self._registry.delete_model(call.principal, call.body["name"])
        return {}

    async def get(self, call: Call) -> JSON:
        return {"registered_model": model_json(await self._registry.model(call.project, call.body["name"]))}

    async def search(self, call: Call) -> JSON:
        given = call.body
        if given["max_results"] < 0:
            raise Invalid(
                f"Invalid value for max_results. It must be a positive integer, but got {given['max_results']}",
                field="max_results",
            )
        found, token = await self._registry.search_models(
            call.project, given["filter"], given["order_by"], given["max_results"], given["page_token"]
        )
        shown: JSON = {"registered_models": [model_json(model) for model in found]} if found else {}
        return {**shown, "next_page_token": token} if token else shown

    async def latest(self, call: Call) -> JSON:
        found = await self._registry.latest(call.project, call.body["name"], call.body["stages"])
        return {"model_versions": [version_json(version) for version in found]} if found else {}

    async def set_tag(self, call: Call) -> JSON:
        given = call.body
        await self._registry.set_model_tag(call.principal, given["name"], given["key"], given["value"])
        return {}

    async def delete_tag(self, call: Call) -> JSON:
        await self._registry.delete_model_tag(call.principal, call.body["name"], call.body["key"])
        return {}
