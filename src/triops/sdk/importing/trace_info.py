"""A trace's info as MLflow's API tells it, made of what databases and folders hold."""

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

_FORMAT = "JSON_FORMAT"
JSON = dict[str, Any]


def shown_time(ms: int) -> str:
    """Raises: ValueError."""
    at = Timestamp()
    at.FromMilliseconds(ms)
    return at.ToJsonString()


def shown_duration(ms: int) -> str:
    """Raises: ValueError."""
    took = Duration()
    took.FromMilliseconds(ms)
    return took.ToJsonString()


def info_of(given: Mapping[str, Any], tags: Mapping[str, str], metadata: Mapping[str, str], assessments: Any) -> JSON:
    """`given`: of the trace itself, with None where nothing is known. Raises: ValueError."""
    info = {key: value for key, value in given.items() if value is not None}
    more = {"tags": dict(tags), "trace_metadata": dict(metadata), "assessments": list(assessments)}
    return info | {key: value for key, value in more.items() if value}


def normal(info: Mapping[str, Any]) -> JSON:
    """As every source tells it: assessments in one form, nothing that is nothing."""
    assessments = [_assessment(one) for one in info.get("assessments") or ()]
    kept = {key: value for key, value in info.items() if value not in (None, {}, [])}
    return kept | ({"assessments": assessments} if assessments else {})


def value_of(kind: str, value: Any, error: Any) -> JSON:
    """The member of an assessment that says what it is of. `kind`: feedback, expectation, issue."""
    if kind == "expectation" and isinstance(value, list | dict):
        return {kind: {"serialized_value": {"serialization_format": _FORMAT, "value": json.dumps(value)}}}
    if kind == "issue":
        return {kind: value}
    told = {"value": value} if error is None else {"value": value, "error": error}
    return {kind: told}


def _assessment(given: Mapping[str, Any]) -> JSON:
    shown = {key: value for key, value in given.items() if value not in (None, "", {}) and key != "valid"}
    shown["valid"] = given.get("valid") is not False
    for kind in ("feedback", "expectation"):
        if isinstance(said := shown.get(kind), dict):
            serialized = said.get("serialized_value")
            if serialized is None:
                shown[kind] = {**said, "value": _double(said.get("value"))}
            else:
                shown[kind] = {"serialized_value": {**serialized, "value": json.dumps(json.loads(serialized["value"]))}}
    return shown


def _double(value: Any) -> Any:
    """Numbers of the API are doubles."""
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, list):
        return [_double(one) for one in value]
    if isinstance(value, dict):
        return {key: _double(one) for key, one in value.items()}
    return value
