"""Endpoints of scorers."""

from collections.abc import Sequence
from typing import Any

from triops.edges.mlflow.fields import integer, text, texts
from triops.edges.mlflow.router import Answer, Call, Endpoint
from triops.edges.mlflow.shapes import listed
from triops.kernel.errors import Invalid
from triops.kernel.evaluation import ScorerVersion
from triops.kernel.tenant import Right
from triops.ledger.runs.experiments import experiment_no
from triops.lenses.mlops.evaluation import ScorerBook

_TEST = "tests/conformance/test_mlflow_evaluation.py"
_BASE = "3.0/mlflow/scorers"
_EXPERIMENTS = 1000


def scorer_endpoints(scorers: ScorerBook) -> Sequence[Endpoint]:
    async def register(call: Call) -> Answer:
        body = call.body
        made = await scorers.register(call.project, body["experiment_id"], body["name"], body["serialized_scorer"])
        return {
            "version": made.version,
            "scorer_id": made.id,
            "experiment_id": made.experiment,
            "name": made.name,
            "serialized_scorer": made.serialized,
            "creation_time": made.created_ms,
        }

    async def of_experiments(call: Call) -> Answer:
        one, several = call.body["experiment_id"], call.body["experiment_ids"]
        if one and "experiment_ids" in call.given:
            raise Invalid(
                "Cannot specify both 'experiment_id' and 'experiment_ids'. Use 'experiment_ids' to scope the query to"
                " multiple experiments, or 'experiment_id' to scope it to a single experiment."
            )
        if one:
            found = await scorers.book.of_experiment(call.project, one)
        elif "experiment_ids" in call.given:
            if len(several) > _EXPERIMENTS:
                raise Invalid(f"At most {_EXPERIMENTS} experiments.", field="experiment_ids")
            numbers = [experiment_no(id) for id in several]
            found = await scorers.book.latest(call.project, [number for number in numbers if 0 <= number < 1 << 63])
        else:
            found = await scorers.book.latest(call.project, None)
        return listed("scorers", [scorer_message(version) for version in found])

    async def versions(call: Call) -> Answer:
        found = await scorers.book.versions(call.project, call.body["experiment_id"], call.body["name"])
        return listed("scorers", [scorer_message(version) for version in found])

    async def get(call: Call) -> Answer:
        body = call.body
        found = await scorers.book.versions(call.project, body["experiment_id"], body["name"], body["version"])
        return {"scorer": scorer_message(found[-1])}

    async def delete(call: Call) -> Answer:
        body = call.body
        await scorers.book.delete(call.project, body["experiment_id"], body["name"], body["version"])
        return {}

    named = {"experiment_id": text(required=True), "name": text(required=True)}
    one = {**named, "version": integer()}
    made = {**named, "serialized_scorer": text(required=True)}
    scope = {"experiment_id": text(), "experiment_ids": texts()}
    return [
        Endpoint("POST", f"{_BASE}/register", register, Right.WRITE, made, _TEST),
        Endpoint("GET", f"{_BASE}/list", of_experiments, Right.READ, scope, _TEST),
        Endpoint("GET", f"{_BASE}/versions", versions, Right.READ, named, _TEST),
        Endpoint("GET", f"{_BASE}/get", get, Right.READ, one, _TEST),
        Endpoint("DELETE", f"{_BASE}/delete", delete, Right.WRITE, one, _TEST),
    ]


def scorer_message(version: ScorerVersion) -> dict[str, Any]:
    return {
        "experiment_id": int(version.experiment),
        "scorer_name": version.name,
        "scorer_version": version.version,
        "serialized_scorer": version.serialized,
        "creation_time": version.created_ms,
        "scorer_id": version.id,
    }
