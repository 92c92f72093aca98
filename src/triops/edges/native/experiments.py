"""Experiments."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from triops.edges.native.asking import JSON, Cursor, Limit, Reader, S, Text, Writer
from triops.edges.native.permitting import PERMITTED
from triops.edges.native.services import Services
from triops.kernel.ids import ProjectId
from triops.kernel.run import Experiment, Stage
from triops.lenses.mlops.permissions import Level

router = APIRouter(dependencies=PERMITTED)
View = Literal["active", "deleted", "all"]
STAGES: Final = {"active": (Stage.ACTIVE,), "deleted": (Stage.DELETED,), "all": (Stage.ACTIVE, Stage.DELETED)}
Name = Annotated[str, Field(min_length=1, max_length=500)]


class NewExperiment(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Name
    tags: dict[str, str] = Field(default_factory=dict, max_length=100)


class NewName(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Name


@router.get("/experiments", summary="Experiments, newest first")
async def experiments(
    who: Reader, services: S, q: Text = "", view: View = "active", limit: Limit = 100, cursor: Cursor = None
) -> JSON:
    await services.tracking.begin(who.project)
    page = await services.search.experiments(who.project, stages=STAGES[view], limit=limit, token=cursor or "", named=q)
    readable = await services.permissions.readable(who, "experiment", {item.name for item in page.parts})
    shown = [item for item in page.parts if item.name in readable]
    counts = await services.search.run_counts(who.project, [item.id for item in shown])
    return {"items": [_json(item, counts.get(item.id, 0)) for item in shown], "next": page.token or None}


@router.get("/experiments/{id}", summary="One experiment")
async def experiment(who: Reader, services: S, id: str) -> JSON:
    return await _shown(services, who.project, id)


@router.post("/experiments", status_code=201, summary="Begin an experiment")
async def create(who: Writer, services: S, body: NewExperiment) -> JSON:
    await services.permissions.check(who, "experiment", [body.name], Level.EDIT)
    await services.tracking.begin(who.project)
    id = await services.tracking.create_experiment(who.project, body.name, "", body.tags)
    return await _shown(services, who.project, id)


@router.post("/experiments/{id}/delete", summary="Delete it with its runs; until it is freed it can be restored")
async def delete(who: Writer, services: S, id: str) -> JSON:
    await services.tracking.delete_experiment(who.project, id)
    return await _shown(services, who.project, id)


@router.post("/experiments/{id}/restore", summary="Restore it with its runs")
async def restore(who: Writer, services: S, id: str) -> JSON:
    await services.tracking.restore_experiment(who.project, id)
    return await _shown(services, who.project, id)


@router.post("/experiments/{id}/rename", summary="Rename it")
async def rename(who: Writer, services: S, id: str, body: NewName) -> JSON:
    await services.permissions.check(who, "experiment", [body.name], Level.EDIT)
    await services.tracking.rename_experiment(who.project, id, body.name)
    return await _shown(services, who.project, id)


async def _shown(services: Services, project: ProjectId, id: str) -> JSON:
    found = await services.tracking.experiment(project, id)
    counts = await services.search.run_counts(project, [found.id])
    return _json(found, counts.get(found.id, 0))


def _json(experiment: Experiment, runs: int) -> dict[str, Any]:
    return {
        "id": experiment.id,
        "name": experiment.name,
        "stage": experiment.stage.value,
        "artifact_location": experiment.artifact_location,
        "created_at": experiment.created_ms / 1000,
        "updated_at": experiment.updated_ms / 1000,
        "tags": dict(experiment.tags),
        "runs": runs,
    }
