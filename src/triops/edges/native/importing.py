"""Import from MLflow: what `triops import mlflow` sends, a part at a time. Each call may be repeated."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from triops.edges.native.asking import JSON, Admin, S
from triops.web.receiving import streamed

_PREFIX = "/import/mlflow"
FILES = f"{_PREFIX}/files"  # whose bodies are streamed
router = APIRouter(prefix=_PREFIX)
_Items = Annotated[list[dict[str, Any]], Field(max_length=1000)]
_Ids = Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=1000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Experiments(_Body):
    source: str = Field(max_length=1000, description="where they come from, for the audit trail")
    items: list[dict[str, Any]] = Field(max_length=100_000)


class Items(_Body):
    items: _Items


class Known(_Body):
    runs: _Ids = []
    logged_models: _Ids = []
    traces: Annotated[list[Annotated[str, Field(max_length=250)]], Field(max_length=1000)] = []


class Points(_Body):
    run: str = Field(max_length=64)
    points: dict[str, Any]
    more: bool = False


class Folder(_Body):
    artifact_uri: str = Field(max_length=4000)
    after: str = Field("", max_length=2000)


@router.post("/experiments", summary="Begin an import: place experiments by their names")
async def experiments(who: Admin, services: S, body: Experiments) -> JSON:
    return {"items": await services.importing.experiments(who, body.source, body.items)}


@router.post("/known", summary="Which runs, logged models and traces are here, whole")
async def known(who: Admin, services: S, body: Known) -> JSON:
    found = await services.importing.known(
        who.project, runs=body.runs, logged_models=body.logged_models, traces=body.traces
    )
    return {"items": sorted(found)}


@router.post("/runs", summary="Runs with their ids, times and metric points")
async def runs(who: Admin, services: S, body: Items) -> JSON:
    return {"items": await services.importing.runs(who.project, body.items)}


@router.post("/points", summary="More points of a run that came in part")
async def points(who: Admin, services: S, body: Points) -> JSON:
    await services.importing.points(who.project, body.run, body.points, more=body.more)
    return {}


@router.post("/logged-models", summary="Logged models with params, tags and metrics")
async def logged_models(who: Admin, services: S, body: Items) -> JSON:
    return {"items": await services.importing.logged_models(who.project, body.items)}


@router.post("/models", summary="Registered models with versions and aliases")
async def models(who: Admin, services: S, body: Items) -> JSON:
    return {"items": await services.importing.models(who, body.items)}


@router.post("/traces", summary="Traces with their spans and assessments")
async def traces(who: Admin, services: S, body: Items) -> JSON:
    return {"items": await services.importing.evaluations.traces(who.project, body.items)}


@router.post("/datasets", summary="Evaluation data sets with some of their examples")
async def datasets(who: Admin, services: S, body: Items) -> JSON:
    return {"items": await services.importing.evaluations.datasets(who.project, body.items)}


@router.post("/scorers", summary="Scorers with their versions")
async def scorers(who: Admin, services: S, body: Items) -> JSON:
    return {"items": await services.importing.evaluations.scorers(who.project, body.items)}


@router.post("/webhooks", summary="Webhooks, which arrive without secrets and switched off")
async def webhooks(who: Admin, services: S, body: Items) -> JSON:
    return {"items": await services.importing.evaluations.webhooks(who, body.items)}


@router.put("/files", summary="A file below a location that this server writes")
async def files(
    request: Request,
    who: Admin,
    services: S,
    artifact_uri: Annotated[str, Query(max_length=4000)],
    path: Annotated[str, Query(max_length=4000)],
) -> JSON:
    await services.importing.write_file(who.project, artifact_uri, path, streamed(request))
    return {}


@router.post("/artifacts", summary="What is stored under a location, with hashes")
async def artifacts(who: Admin, services: S, body: Folder) -> JSON:
    items, following = await services.importing.digests(who.project, body.artifact_uri, body.after)
    return {"items": items, "next": following or None}
