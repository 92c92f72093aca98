"""Model versions, 2.0: create, update, stages, delete, read, search, tags, aliases."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from triops.edges.mlflow.fields import (
    KEY_VALUE,
    Fields,
    at_most,
    boolean,
    integer,
    messages,
    text,
    texts,
)
from triops.edges.mlflow.router import ITEM_BYTES, Call, Endpoint
from triops.kernel.errors import Forbidden
from triops.kernel.tenant import Right
from triops.kernel.version import ModelVersion
from triops.lenses.mlops.registry.promotions import Move, Promotions
from triops.lenses.mlops.registry.service import Registry
from triops.web.body import off_loop

JSON = dict[str, Any]
_TEST = "tests/conformance/test_mlflow_registry.py"
_NAMED: Fields = {"name": text(required=True)}
_VERSION: Fields = {**_NAMED, "version": text(required=True)}
_ALIAS: Fields = {**_NAMED, "alias": text(required=True)}


def version_json(version: ModelVersion) -> JSON:
    shown: JSON = {
        "name": version.name,
        "version": str(version.version),
        "creation_timestamp": version.created_ms,
        "last_updated_timestamp": version.updated_ms,
        "current_stage": version.stage,
        "source": version.source,
        "run_id": version.run,
        "status": version.status,
        "run_link": version.run_link,
    }
    if version.status_message:
        shown["status_message"] = version.status_message
    if version.description is not None:
        shown["description"] = version.description
    if version.tags:
        shown["tags"] = tags_json(version.tags)
    if version.aliases:
        shown["aliases"] = list(version.aliases)
    return shown


def tags_json(tags: Mapping[str, str]) -> list[JSON]:
    return [{"key": key, "value": value} for key, value in tags.items()]


class ModelVersions:
    """`where` says to a person where a promotion is approved: `{pages}` stands for models or prompts, `{name}` for the
    one, `{id}` for the request."""

    def __init__(self, registry: Registry, promotions: Promotions, where: str) -> None:
        self._registry = registry
        self._promotions = promotions
        self._where = where

    def endpoints(self) -> list[Endpoint]:
        def on(method: str, path: str, handler: Any, fields: Fields) -> Endpoint:
            right = Right.READ if method == "GET" else Right.WRITE
            return Endpoint(method, f"2.0/mlflow/{path}", handler, right, fields, _TEST)

        created: Fields = {
            **_NAMED,
            "source": text(required=True),
            "run_id": text(),
            "tags": messages(KEY_VALUE),
            "run_link": text(),
            "description": text(),
            "model_id": text(),
        }
        searched: Fields = {
            "filter": text(),
            "max_results": integer(default=200_000, check=at_most(200_000)),
            "order_by": texts(),
            "page_token": text(),
        }
        staged: Fields = {
            **_VERSION,
            "stage": text(required=True),
            "archive_existing_versions": boolean(default=False),
        }
        key: Fields = {"key": text(required=True)}
        return [
            on("POST", "model-versions/create", self.create, created),
            on("PATCH", "model-versions/update", self.update, {**_VERSION, "description": text()}),
            on("POST", "model-versions/transition-stage", self.transition, staged),
            on("DELETE", "model-versions/delete", self.delete, _VERSION),
            on("GET", "model-versions/get", self.get, _VERSION),
            on("GET", "model-versions/search", self.search, searched),
            on("GET", "model-versions/get-download-uri", self.download_uri, {"name": text(), "version": text()}),
            on("POST", "model-versions/set-tag", self.set_tag, {**_VERSION, **key, "value": text()}),
            on("DELETE", "model-versions/delete-tag", self.delete_tag, {**_VERSION, **key}),
            on("POST", "registered-models/alias", self.set_alias, {**_ALIAS, "version": text(required=True)}),
            on("DELETE", "registered-models/alias", self.delete_alias, _ALIAS),
            on("GET", "registered-models/alias", self.get_by_alias, _ALIAS),
        ]

    async def create(self, call: Call) -> JSON:
        given = call.body
        version = await self._registry.create_version(
            call.principal,
            given["name"],
            given["source"],
            run=given["run_id"] if _has(call, "run_id", "runId") else None,
            model_id=given["model_id"] if _has(call, "model_id", "modelId") else None,
            run_link=given["run_link"],
            description=given["description"],
            tags=given["tags"],
        )
        return {"model_version": version_json(version)}

    async def update(self, call: Call) -> JSON:
        given = call.body
        description = given["description"] if _has(call, "description") else None
        version = await self._registry.describe_version(call.principal, given["name"], given["version"], description)
        return {"model_version": version_json(version)}

    async def transition(self, call: Call) -> JSON:
        given = call.body
        archive = bool(given["archive_existing_versions"])
        version = await self._registry.move_stage(
            call.principal, given["name"], given["version"], given["stage"], archive=archive
        )
        return {"model_version": version_json(version)}

    async def delete(self, call: Call) -> JSON:
        await self._registry.delete_version(call.principal, call.body["name"], call.body["version"])
        return {}

    async def get(self, call: Call) -> JSON:
        version = await self._registry.version(call.project, call.body["name"], call.body["version"])
        return {"model_version": version_json(version)}

    async def search(self, call: Call) -> JSON:
        given = call.body
        found, token = await self._registry.search_versions(
            call.project, given["filter"], given["order_by"], given["max_results"], given["page_token"]
        )
        listed = await off_loop(ITEM_BYTES * len(found), lambda: [version_json(version) for version in found])
        shown: JSON = {"model_versions": listed} if found else {}
        return {**shown, "next_page_token": token} if token else shown

    async def download_uri(self, call: Call) -> JSON:
        version = await self._registry.version(call.project, call.body["name"], call.body["version"])
        return {"artifact_uri": version.storage or version.source}

    async def set_tag(self, call: Call) -> JSON:
        given = call.body
        await self._registry.set_version_tag(
            call.principal, given["name"], given["version"], given["key"], given["value"]
        )
        return {}

    async def delete_tag(self, call: Call) -> JSON:
        given = call.body
        await self._registry.delete_version_tag(call.principal, given["name"], given["version"], given["key"])
        return {}

    async def set_alias(self, call: Call) -> JSON:
        given = call.body
        move = await self._promotions.move(call.principal, given["name"], given["alias"], given["version"])
        return self._moved(given["name"], move)

    async def delete_alias(self, call: Call) -> JSON:
        move = await self._promotions.move(call.principal, call.body["name"], call.body["alias"], None)
        return self._moved(call.body["name"], move)

    async def get_by_alias(self, call: Call) -> JSON:
        version = await self._registry.version_by_alias(call.project, call.body["name"], call.body["alias"])
        return {"model_version": version_json(version)}

    def _moved(self, name: str, move: Move) -> JSON:
        """The client knows only done or failed. Raises: Forbidden when a gate holds the alias back."""
        if move.state == "refused":
            raise Forbidden(f"A gate holds back alias {move.alias} of {name}: {'; '.join(move.reasons)}.")
        if move.state == "waiting" and move.approval is not None:
            pages = "prompts" if move.approval.prompt else "models"
            where = self._where.replace("{pages}", pages).replace("{id}", move.approval.id)
            where = where.replace("{name}", quote(name, safe=""))
            somebody = f"{move.approval.role}{' other than you' if move.approval.not_self else ''}"
            raise Forbidden(
                f"Alias {move.alias} of {name} waits for the approval of an {somebody}: request {move.approval.id}, "
                f"approve it at {where}."
            )
        return {}


def _has(call: Call, *names: str) -> bool:
    return any(call.given.get(name) is not None for name in names)
