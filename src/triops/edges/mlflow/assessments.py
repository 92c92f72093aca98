"""Assessments of traces: feedback, expectations, references to issues."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from triops.edges.mlflow.fields import anything
from triops.edges.mlflow.router import Answer, Call, Endpoint
from triops.edges.mlflow.trace_json import said_assessment, said_value, shown_assessment
from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Right
from triops.kernel.trace import Assessment, AssessmentKind
from triops.ledger.traces.assessments import Assessments

_TEST = "tests/conformance/test_mlflow_traces.py"
_ALL = "3.0/mlflow/traces/{trace_id}/assessments"


Cleaner = Callable[[ProjectId], Awaitable[Callable[[str], str]]]  # what of a project's texts may be stored


def assessment_endpoints(assessments: Assessments, now_ms: Callable[[], int], cleaner: Cleaner) -> list[Endpoint]:
    handlers = _Handlers(assessments, now_ms, cleaner)
    given = {"assessment": anything(required=True)}
    change = {**given, "update_mask": anything(required=True)}
    one = f"{_ALL}/{{assessment_id}}"
    return [
        Endpoint("POST", _ALL, handlers.create, Right.WRITE, given, _TEST),
        Endpoint("GET", one, handlers.get, Right.READ, {}, _TEST),
        Endpoint("PATCH", one, handlers.change, Right.WRITE, change, _TEST),
        Endpoint("DELETE", one, handlers.delete, Right.WRITE, {}, _TEST),
    ]


class _Handlers:
    def __init__(self, assessments: Assessments, now_ms: Callable[[], int], cleaner: Cleaner) -> None:
        self._assessments = assessments
        self._now_ms = now_ms
        self._cleaner = cleaner

    async def create(self, call: Call) -> Answer:
        trace = call.path["trace_id"]
        said = said_assessment(_object(call.body["assessment"]), self._now_ms())
        assessment = _cleaned(said, await self._cleaner(call.project))
        return _shown(await self._assessments.create(call.project, trace, assessment), trace)

    async def get(self, call: Call) -> Answer:
        trace = call.path["trace_id"]
        return _shown(await self._assessments.get(call.project, trace, call.path["assessment_id"]), trace)

    async def change(self, call: Call) -> Answer:
        trace, given = call.path["trace_id"], _object(call.body["assessment"])
        paths, now_ms = _paths(call.body["update_mask"]), self._now_ms()
        clean = await self._cleaner(call.project)
        changed = await self._assessments.change(
            call.project,
            trace,
            call.path["assessment_id"],
            lambda old: _cleaned(_changed(old, given, paths, now_ms), clean),
        )
        return _shown(changed, trace)

    async def delete(self, call: Call) -> Answer:
        await self._assessments.delete(call.project, call.path["trace_id"], call.path["assessment_id"])
        return {}


def _cleaned(said: Assessment, clean: Callable[[str], str]) -> Assessment:
    value = clean(said.value) if isinstance(said.value, str) else said.value
    return replace(said, value=value, rationale=clean(said.rationale))


def _changed(old: Assessment, given: Mapping[str, Any], paths: set[str], now_ms: int) -> Assessment:
    if {"expectation", "feedback"} <= paths:
        raise Invalid("Cannot specify both `expectation` and `feedback` parameters.", field="update_mask")
    if "expectation" in paths and old.kind is not AssessmentKind.EXPECTATION:
        raise Invalid("Cannot update expectation value on a Feedback assessment.", field="update_mask")
    if "feedback" in paths and old.kind is not AssessmentKind.FEEDBACK:
        raise Invalid("Cannot update feedback value on an Expectation assessment.", field="update_mask")
    value, error = old.value, old.error
    if "expectation" in paths or "feedback" in paths:
        value, error = said_value(given, old.kind)
    name, rationale, metadata = old.name, old.rationale, dict(old.metadata)
    if "assessment_name" in paths:
        name = str(given.get("assessment_name", given.get("assessmentName", "")))
    if "rationale" in paths and old.kind is not AssessmentKind.EXPECTATION:
        rationale = str(given.get("rationale") or "")
    if "metadata" in paths:
        metadata |= {str(key): str(one) for key, one in _object(given.get("metadata") or {}).items()}
    return replace(old, name=name, value=value, error=error, rationale=rationale, metadata=metadata, updated_ms=now_ms)


def _paths(mask: Any) -> set[str]:
    """A field mask: "assessmentName,feedback", or the message {"paths": [...]}."""
    if isinstance(mask, dict):
        listed = mask.get("paths", [])
        names = listed if isinstance(listed, list) else []
    else:
        names = str(mask).split(",")
    return {"".join("_" + c.lower() if c.isupper() else c for c in str(name).strip()) for name in names}


def _shown(assessment: Assessment, trace: str) -> dict[str, Any]:
    return {"assessment": shown_assessment(assessment, trace)}


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Invalid("not an object", field="assessment", got=value)
    return value
