"""Where a run came from, and what is different between runs."""

import math
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query

from triops.edges.native.asking import JSON, Reader, S
from triops.edges.native.permitting import PERMITTED
from triops.kernel.run import Input, Run
from triops.lenses.mlops.provenance import Provenance
from triops.lenses.mlops.provenance.comparing import Row

router = APIRouter(dependencies=PERMITTED)


@router.get("/runs/diff", summary="Runs beside each other: params, metrics, tags, code and packages")
async def diff(
    who: Reader, services: S, run: Annotated[list[str], Query(min_length=2, max_length=10, description="2 to 10")]
) -> JSON:
    found = await services.provenances.diff(who.project, run)
    names = await services.search.experiment_names(who.project, sorted({int(one.experiment) for one in found.runs}))
    return {
        "runs": [run_json(one, names.get(int(one.experiment), "")) for one in found.runs],
        "params": _rows(found.params),
        "metrics": _rows(found.metrics),
        "tags": _rows(found.tags),
        "provenance": _rows(found.provenance),
        "packages": _rows(found.packages),
    }


@router.get("/runs/{id}/provenance", summary="Code, packages, Python, machine, command, seed and inputs of a run")
async def provenance(who: Reader, services: S, id: str) -> JSON:
    return provenance_json(await services.provenances.get(who.project, id))


def provenance_json(one: Provenance) -> JSON:
    return {
        "code": {
            "version": one.code.version,
            "branch": one.code.branch,
            "repository": one.code.repository,
            "dirty": one.code.dirty,
            "diff": one.code.diff,
            "untracked": list(one.code.untracked),
        },
        "python": one.python,
        "host": one.host,
        "machine": dict(one.machine),
        "command": one.command,
        "seed": one.seed,
        "packages": dict(one.packages),
        "environment": list(one.environment),
        "inputs": [input_json(data) for data in one.inputs],
        "recorded": one.recorded,
    }


def input_json(one: Input) -> JSON:
    data = one.dataset
    return {
        "dataset": {
            "name": data.name,
            "digest": data.digest,
            "source_type": data.source_type,
            "source": data.source,
            "schema": data.schema,
            "profile": data.profile,
        },
        "tags": dict(one.tags),
    }


def run_json(run: Run, experiment_name: str) -> JSON:
    return {
        "id": run.id,
        "experiment": run.experiment,
        "experiment_name": experiment_name,
        "name": run.name,
        "status": run.status,
        "stage": run.stage,
        "user": run.user,
        "start_at": run.start_ms / 1000,
        "end_at": run.end_ms / 1000 if run.end_ms is not None else None,
        "artifact_uri": run.artifact_uri,
        "params": dict(run.params),
        "tags": dict(run.tags),
        "metrics": {
            key: {"value": _number(latest.value), "step": latest.step, "at": latest.time_ms / 1000}
            for key, latest in run.metrics.items()
        },
    }


def _rows(rows: Sequence[Row]) -> list[JSON]:
    return [{"key": row.key, "values": [_number(v) for v in row.values], "same": row.same} for row in rows]


def _number(value: Any) -> Any:
    """JSON has no NaN and no infinities."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
