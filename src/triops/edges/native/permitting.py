"""Access to experiments and models in the native API: one dependency for the routers of their pages."""

from collections.abc import Iterable
from typing import Any

from fastapi import Depends, Request

from triops.edges.native.asking import services_of
from triops.lenses.mlops.permissions import Level


async def permitted(request: Request) -> None:
    """What the path and the query name must be open to the caller. Lists that name nothing leave out by themselves what
    is not (`Permissions.readable`). Raises: Forbidden."""
    services = services_of(request)
    who = await services.auth.principal(request.headers)
    if not await services.permissions.rules(who):
        return
    template: str = request.scope["route"].path
    noun, level = template.split("/")[1], _level(request.method, template)
    path, query = request.path_params, request.query_params
    named: dict[str, Iterable[str]] = {noun: [value for key, value in path.items() if key in ("id", "name")]}
    ids = {
        "experiments": [*named.get("experiments", ()), *query.getlist("experiment")],
        "runs": [*named.get("runs", ()), *query.getlist("run")],
        "models": [*named.get("logged-models", ())],
    }
    await services.permissions.check_ids(who, level, **ids)
    models: list[Any] = [*named.get("models", ()), *named.get("prompts", ()), *query.getlist("model")]
    await services.permissions.check(who, "model", models, level)


def _level(method: str, template: str) -> Level:
    if method in ("GET", "HEAD"):
        return Level.READ
    return Level.MANAGE if template.endswith(("/delete", "/restore")) else Level.EDIT


PERMITTED = [Depends(permitted)]
