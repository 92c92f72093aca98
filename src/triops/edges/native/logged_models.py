"""Logged models as pages show them."""

import math
from typing import Any

from fastapi import APIRouter

from triops.edges.native.asking import JSON, Cursor, Limit, Reader, S, Text
from triops.edges.native.permitting import PERMITTED
from triops.edges.native.services import Services
from triops.kernel.errors import Invalid
from triops.kernel.logged_model import LoggedModel
from triops.kernel.page import decode_cursor, encode_cursor
from triops.kernel.tenant import Principal
from triops.ledger.runs.experiments import experiment_no

router = APIRouter(dependencies=PERMITTED)


@router.get("/logged-models", summary="Models that runs logged, newest first")
async def logged_models(
    who: Reader, services: S, experiment: Text = "", run: Text = "", limit: Limit = 100, cursor: Cursor = None
) -> JSON:
    offset = decode_cursor(cursor, int)[0] if cursor else 0
    if not 0 <= offset < 1 << 31:
        raise Invalid("not a cursor that a list gave", field="cursor", got=cursor)
    no = experiment_no(experiment)
    wanted = [no if 0 <= no < 1 << 63 else -1] if experiment else []
    found = await services.model_search.book.find(who.project, wanted, run=run, limit=limit + 1, offset=offset)
    shown = await _readable(services, who, found[:limit])
    next = encode_cursor(offset + limit) if len(found) > limit else None
    return {"items": [logged_model_json(model) for model in shown], "next": next}


@router.get("/logged-models/{id}", summary="One logged model")
async def logged_model(who: Reader, services: S, id: str) -> JSON:
    return logged_model_json(await services.logged_models.book.get(who.project, id))


def logged_model_json(model: LoggedModel) -> dict[str, Any]:
    """Of each metric its latest point."""
    metrics = {
        metric.key: {"value": _number(metric.value), "step": metric.step, "at": metric.time_ms / 1000}
        for metric in sorted(model.metrics, key=lambda metric: (metric.time_ms, metric.step))
    }
    return {
        "id": model.id,
        "name": model.name,
        "experiment": model.experiment,
        "run": model.run or None,
        "status": model.status.value,
        "model_type": model.model_type,
        "artifact_uri": model.artifact_location,
        "created_at": model.created_ms / 1000,
        "updated_at": model.updated_ms / 1000,
        "params": dict(model.params),
        "tags": dict(model.tags),
        "metrics": dict(sorted(metrics.items())),
    }


async def _readable(services: Services, who: Principal, models: list[LoggedModel]) -> list[LoggedModel]:
    permissions = services.permissions
    if not await permissions.rules(who):
        return models
    names = await permissions.names.experiment_names(who.project, {model.experiment for model in models})
    readable = await permissions.readable(who, "experiment", set(names.values()))
    return [model for model in models if names.get(model.experiment) in readable]


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
