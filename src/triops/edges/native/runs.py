"""Runs: searched, one in full, their curves, and what their metrics hang on. Large answers are put together beside the
event loop."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from triops.edges.native.asking import JSON, Limit, Reader, S, Writer
from triops.edges.native.experiments import STAGES, View
from triops.edges.native.permitting import PERMITTED
from triops.edges.native.services import Services
from triops.kernel.errors import NotFound
from triops.kernel.run import Links
from triops.kernel.tenant import Principal
from triops.ledger.json_text import one_list
from triops.ledger.runs.contents import Contents
from triops.ledger.runs.runs import RunRow
from triops.lenses.mlops.search import experiment_numbers
from triops.lenses.mlops.search.curves import Curve, points_json
from triops.lenses.mlops.tracking import limits
from triops.web.body import off_loop

router = APIRouter(dependencies=PERMITTED)
Id = Annotated[str, Field(max_length=200)]
Ids = Annotated[list[Id], Query(max_length=1000)]
Filter = Annotated[str, Query(max_length=10_000, description="as MLflow's search has it: `metrics.loss < 0.1`")]
_NOTHING: Final = Links()
_ANY: Final = (-(1 << 63), (1 << 63) - 1)


class NewTag(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: str = Field(min_length=1, max_length=250)
    value: str = Field(max_length=8000)


@router.get("/runs", summary="Runs of experiments: filtered, ordered, a page at a time")
async def runs(
    who: Reader,
    services: S,
    experiment: Ids = [],  # noqa: B006 - FastAPI copies it
    filter: Filter = "",
    order_by: Annotated[list[Annotated[str, Field(max_length=1000)]], Query(max_length=10)] = [],  # noqa: B006
    view: View = "active",
    limit: Limit = 100,
    offset: Annotated[int, Query(ge=0, lt=1 << 31)] = 0,
) -> Response:
    names = await _experiments(services, who, experiment)
    page = await services.search.run_page(
        who.project,
        list(names),
        partial(run_items, names),
        filter=filter,
        order_by=order_by,
        stages=STAGES[view],
        limit=limit,
        offset=offset,
    )
    total = b',"total":%d,"next":null}' % page.total
    return _json(b"".join((b'{"items":', one_list(page.parts), total)))


@router.get("/runs/keys", summary="What the newest runs logged, by name")
async def keys(who: Reader, services: S, experiment: Ids = []) -> JSON:  # noqa: B006
    names = await _experiments(services, who, experiment)
    found = await services.search.keys(who.project, list(names))
    return {"metrics": found.metrics, "params": found.params, "tags": found.tags}


@router.get("/runs/curves", summary="Metrics over steps, thinned so that first, last and extremes stay")
async def curves(
    who: Reader,
    services: S,
    run: Annotated[list[Id], Query(min_length=1, max_length=100)],
    key: Annotated[list[Id], Query(min_length=1, max_length=20)],
    points: Annotated[int, Query(ge=4, le=5000, description="of a curve; fewer where there are many curves")] = 1000,
    start_step: Annotated[int | None, Query(ge=_ANY[0], le=_ANY[1])] = None,
    end_step: Annotated[int | None, Query(ge=_ANY[0], le=_ANY[1])] = None,
) -> Response:
    steps = (
        _ANY[0] if start_step is None else start_step,
        _ANY[1] if end_step is None else end_step,
    )
    found = await services.search.curves(who.project, run, key, points, None if steps == _ANY else steps)
    size = 40 * sum(len(curve.step) for curve in found)
    return _json(await off_loop(size, curves_json, found))


@router.get(
    "/runs/importance",
    summary="Which params a metric goes with",
    description="`importance`: share of the variance of the metric's ranks that the param's values explain (epsilon "
    "squared, 0 to 1), each param alone. `correlation`: Spearman's, null where the param is no number. Of the newest "
    "5,000 runs that have the metric.",
)
async def importance(
    who: Reader,
    services: S,
    metric: Annotated[str, Query(min_length=1, max_length=250)],
    experiment: Ids = [],  # noqa: B006
    filter: Filter = "",
) -> JSON:
    names = await _experiments(services, who, experiment)
    found, count = await services.search.importance(who.project, list(names), metric, filter)
    items = [
        {"param": one.param, "importance": round(one.importance, 6), "correlation": _rounded(one.correlation)}
        for one in found
    ]
    return {"items": items, "runs": count}


@router.get("/runs/{id}", summary="One run, with what it read and made, and the runs within it")
async def run(who: Reader, services: S, id: str) -> Response:
    return await _shown(services, who, id)


@router.post("/runs/{id}/delete", summary="Delete it; until it is freed it can be restored")
async def delete(who: Writer, services: S, id: str) -> Response:
    await services.tracking.delete_run(who.project, id)
    return await _shown(services, who, id)


@router.post("/runs/{id}/restore", summary="Restore it")
async def restore(who: Writer, services: S, id: str) -> Response:
    await services.tracking.restore_run(who.project, id)
    return await _shown(services, who, id)


@router.post("/runs/{id}/tags", summary="Set a tag")
async def tag(who: Writer, services: S, id: str, body: NewTag) -> Response:
    await services.tracking.log(who.project, id, tags={body.key: limits.check_tag(body.key, body.value)})
    return await _shown(services, who, id)


def run_items(names: Mapping[int, str], rows: Sequence[RunRow], contents: Contents) -> bytes:
    """A list of runs. `names`: of their experiments."""
    return orjson.dumps([_item(row, names.get(row.experiment, ""), contents) for row in rows])


def curves_json(curves: Sequence[Curve]) -> bytes:
    items = [
        {"run": curve.run, "key": curve.key, "total": curve.total, "points": points_json(curve)} for curve in curves
    ]
    return orjson.dumps({"items": items})


async def _shown(services: Services, who: Principal, id: str) -> Response:
    found, family = await services.search.run(who.project, id, lambda rows, contents: (rows[0], contents))
    row, contents = found
    names = await services.search.experiment_names(who.project, [row.experiment])
    links = contents.links.get(row.no, _NOTHING)
    return _json(
        orjson.dumps(
            _item(row, names.get(row.experiment, ""), contents)
            | {
                "inputs": [
                    {
                        "dataset": {
                            "name": one.dataset.name,
                            "digest": one.dataset.digest,
                            "source_type": one.dataset.source_type,
                            "source": one.dataset.source,
                            "schema": one.dataset.schema,
                            "profile": one.dataset.profile,
                        },
                        "tags": dict(one.tags),
                    }
                    for one in links.inputs
                ],
                "model_inputs": list(links.model_inputs),
                "outputs": [{"model_id": one.model_id, "step": one.step} for one in links.outputs],
                "children": list(family.children),
                "parent": family.parent,
            }
        )
    )


def _item(row: RunRow, experiment_name: str, contents: Contents) -> dict[str, Any]:
    return {
        "id": row.id,
        "experiment": str(row.experiment),
        "experiment_name": experiment_name,
        "name": row.name,
        "status": row.status,
        "stage": row.stage,
        "user": row.user,
        "start_at": row.start_ms / 1000,
        "end_at": row.end_ms / 1000 if row.end_ms else None,
        "artifact_uri": row.artifact_uri,
        "params": orjson.Fragment(contents.params.get(row.no, "{}")),
        "tags": orjson.Fragment(contents.tags.get(row.no, "{}")),
        "metrics": orjson.Fragment(contents.metrics.get(row.no, "{}")),
    }


async def _experiments(services: Services, who: Principal, ids: Sequence[str]) -> dict[int, str]:
    """Names of the experiments that were asked for, or of all, by number; those that `who` may look at.

    Raises: Invalid; NotFound when one that was asked for is not there.
    """
    numbers = experiment_numbers(ids) if ids else None
    await services.tracking.begin(who.project)
    names = await services.search.experiment_names(who.project, numbers)
    for number in numbers or ():
        if number not in names:
            raise NotFound(f"No Experiment with id={number} exists")
    readable = await services.permissions.readable(who, "experiment", set(names.values()))
    return {number: name for number, name in names.items() if name in readable}


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
