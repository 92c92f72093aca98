"""Traces and assessments ⇄ the JSON of MLflow's API (protobuf's: times as RFC 3339, durations as "0.366s")."""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from triops.edges.mlflow.spans_wire import kept, shown_span
from triops.kernel.errors import Invalid
from triops.kernel.trace import Assessment, AssessmentKind, Trace, TraceState

_STATES = {"STATE_UNSPECIFIED": 0, "OK": 1, "ERROR": 2, "IN_PROGRESS": 3}
_SOURCES = ("SOURCE_TYPE_UNSPECIFIED", "HUMAN", "LLM_JUDGE", "CODE")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)")
_DURATION = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s")
_FORMAT = "JSON_FORMAT"
_DEPTH = 64
_TAG = 4096  # characters of a tag's value that an answer carries; more of it may be kept


def said_trace(info: Mapping[str, Any], now_ms: int) -> Trace:
    """A client's `trace_info`. What is no time or state counts as not said, as MLflow takes it. Raises: Invalid."""
    location = _object(info.get("trace_location"))
    experiment = _object(location.get("mlflow_experiment", location.get("mlflowExperiment")))
    if not experiment:
        raise Invalid("Missing value for required parameter 'trace_location'.", field="trace_location")
    request_ms = time_ms(_either(info, "request_time"))
    return Trace(
        id=_text(_either(info, "trace_id")),
        experiment=str(_either(experiment, "experiment_id") or ""),
        request_ms=request_ms or 0,
        duration_ms=duration_ms(_either(info, "execution_duration")),
        state=_state(info.get("state")),
        client_request_id=_optional(_either(info, "client_request_id")),
        request_preview=_optional(_either(info, "request_preview")),
        response_preview=_optional(_either(info, "response_preview")),
        tags=_texts(info.get("tags")),
        metadata=_texts(_either(info, "trace_metadata")),
        assessments=[said_assessment(_object(one), now_ms) for one in _list(info.get("assessments"))],
    )


def shown_info(trace: Trace) -> dict[str, Any]:
    shown: dict[str, Any] = {"trace_id": trace.id}
    if trace.client_request_id is not None:
        shown["client_request_id"] = trace.client_request_id
    shown["trace_location"] = {
        "type": "MLFLOW_EXPERIMENT",
        "mlflow_experiment": {"experiment_id": trace.experiment},
    }
    shown["request_time"] = shown_time(trace.request_ms)
    if trace.duration_ms is not None:
        shown["execution_duration"] = shown_duration(trace.duration_ms)
    shown["state"] = trace.state.value
    if trace.metadata:
        shown["trace_metadata"] = trace.metadata
    if trace.assessments:
        shown["assessments"] = [shown_assessment(one, trace.id) for one in trace.assessments]
    if trace.tags:
        shown["tags"] = {key: value[:_TAG] for key, value in trace.tags.items()}
    for key, preview in (("request_preview", trace.request_preview), ("response_preview", trace.response_preview)):
        if preview is not None:
            shown[key] = preview
    return shown


def shown_whole(trace: Trace, bodies: Sequence[bytes]) -> dict[str, Any]:
    whole: dict[str, Any] = {"trace_info": shown_info(trace)}
    if bodies:
        whole["spans"] = [shown_span(span, trace.id) for span in kept(bodies)]
    return whole


def whole_json(traces: Sequence[tuple[Trace, Sequence[bytes]]]) -> bytes:
    """Large ones are made beside the event loop."""
    return orjson.dumps({"traces": [shown_whole(*one) for one in traces]} if traces else {})


def shown_v2(trace: Trace) -> dict[str, Any]:
    """As clients before 3.0 have it."""
    state = "TRACE_STATUS_UNSPECIFIED" if trace.state is TraceState.UNSPECIFIED else trace.state.value
    return {
        "request_id": trace.id,
        "experiment_id": trace.experiment,
        "timestamp_ms": trace.request_ms,
        "execution_time_ms": trace.duration_ms or 0,
        "status": state,
        "request_metadata": [{"key": key, "value": value} for key, value in trace.metadata.items()],
        "tags": [{"key": key, "value": value[:_TAG]} for key, value in trace.tags.items()],
    }


def said_assessment(given: Mapping[str, Any], now_ms: int) -> Assessment:
    """Raises: Invalid."""
    kind, value, error = _said_value(given)
    source = _object(given.get("source"))
    type_ = _either(source, "source_type")
    return Assessment(
        id=_text(_either(given, "assessment_id")) or f"a-{uuid.uuid4().hex}",
        name=_text(_either(given, "assessment_name")),
        kind=kind,
        value=value,
        error=error,
        source_type=_source(type_),
        source_id=_text(_either(source, "source_id")),
        created_ms=time_ms(_either(given, "create_time")) or now_ms,
        updated_ms=time_ms(_either(given, "last_update_time")) or now_ms,
        span_id=_text(_either(given, "span_id")),
        rationale=_text(given.get("rationale")),
        metadata=_texts(given.get("metadata")),
        overrides=_text(given.get("overrides")),
        valid=given.get("valid") is not False or kind is not AssessmentKind.FEEDBACK,
    )


def said_value(given: Mapping[str, Any], kind: AssessmentKind) -> tuple[Any, Mapping[str, str] | None]:
    """The value of a change, and a feedback's error. Raises: Invalid."""
    found, value, error = _said_value(given)
    if found is not kind:
        raise Invalid(f"Unknown assessment type: {found.value}", field="assessment")
    return value, error


def shown_assessment(assessment: Assessment, trace: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "assessment_id": assessment.id,
        "assessment_name": assessment.name,
        "trace_id": trace,
        "source": {"source_type": assessment.source_type},
        "create_time": shown_time(assessment.created_ms),
        "last_update_time": shown_time(assessment.updated_ms),
    }
    if assessment.span_id:
        shown["span_id"] = assessment.span_id
    if assessment.source_id:
        shown["source"]["source_id"] = assessment.source_id
    if assessment.kind is AssessmentKind.FEEDBACK:
        shown["feedback"] = {"value": _double(assessment.value, 0)}
        if assessment.error is not None:
            shown["feedback"]["error"] = assessment.error
    elif assessment.kind is AssessmentKind.EXPECTATION:
        if isinstance(assessment.value, list | dict):
            serialized = {"serialization_format": _FORMAT, "value": json.dumps(assessment.value)}
            shown["expectation"] = {"serialized_value": serialized}
        else:
            shown["expectation"] = {"value": _double(assessment.value, 0)}
    else:
        shown["issue"] = assessment.value
    if assessment.rationale:
        shown["rationale"] = assessment.rationale
    if assessment.metadata:
        shown["metadata"] = assessment.metadata
    if assessment.overrides:
        shown["overrides"] = assessment.overrides
    shown["valid"] = assessment.valid
    return shown


def time_ms(text: Any) -> int | None:
    """None for what is no RFC 3339 time."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        at = datetime.fromisoformat(match[1].upper() + match[3].upper().replace("Z", "+00:00"))
        return (at - _EPOCH) // timedelta(milliseconds=1) + int(((match[2] or "") + "000")[:3])
    except (ValueError, OverflowError):
        return None


def shown_time(ms: int) -> str:
    seconds, rest = divmod(min(max(ms, -62_135_596_800_000), 253_402_300_799_999), 1000)
    at = (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]
    return f"{at}.{rest:03d}Z" if rest else f"{at}Z"


def duration_ms(text: Any) -> int | None:
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    ms = int(match[2]) * 1000 + int(((match[3] or "") + "000")[:3])
    return -ms if match[1] else ms


def shown_duration(ms: int) -> str:
    seconds, rest = divmod(abs(ms), 1000)
    return ("-" if ms < 0 else "") + (f"{seconds}.{rest:03d}s" if rest else f"{seconds}s")


def _said_value(given: Mapping[str, Any]) -> tuple[AssessmentKind, Any, Mapping[str, str] | None]:
    if (expectation := given.get("expectation")) is not None:
        expectation = _object(expectation)
        serialized = _either(expectation, "serialized_value")
        if serialized is None:
            return AssessmentKind.EXPECTATION, _double(expectation.get("value"), 0), None
        serialized = _object(serialized)
        format_ = _either(serialized, "serialization_format") or ""
        if format_ != _FORMAT:
            raise Invalid(f"Unknown serialization format: {format_}. Only JSON_FORMAT is supported.")
        try:
            return AssessmentKind.EXPECTATION, json.loads(_text(serialized.get("value"))), None
        except (ValueError, RecursionError) as error:
            raise Invalid(f"The value of the expectation is not JSON: {error}", field="value") from None
    if (feedback := given.get("feedback")) is not None:
        feedback = _object(feedback)
        told = None
        if feedback.get("error") is not None:
            failure = _object(feedback["error"])
            told = {
                key: _text(value)
                for key in ("error_code", "error_message", "stack_trace")
                if (value := _either(failure, key)) is not None
            }
        return AssessmentKind.FEEDBACK, _double(feedback.get("value"), 0), told
    if (issue := given.get("issue")) is not None:
        return AssessmentKind.ISSUE, {"issue_name": _text(_either(_object(issue), "issue_name"))}, None
    raise Invalid("Unknown assessment type: None", field="assessment")


def _double(value: Any, depth: int) -> Any:
    """Numbers of a protobuf Value are doubles."""
    if depth > _DEPTH:
        raise Invalid("nested too deep", field="value", expected=f"at most {_DEPTH} levels")
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise Invalid("a number that is no double", field="value", got=str(value)[:50]) from None
    if isinstance(value, list):
        return [_double(one, depth + 1) for one in value]
    if isinstance(value, dict):
        return {str(key): _double(one, depth + 1) for key, one in value.items()}
    return value


def _state(given: Any) -> TraceState:
    names = {number: name for name, number in _STATES.items()}
    name = names.get(given, "") if isinstance(given, int) else given
    return TraceState(name) if isinstance(name, str) and name in _STATES else TraceState.UNSPECIFIED


def _source(given: Any) -> str:
    if isinstance(given, int) and 0 <= given < len(_SOURCES):
        return _SOURCES[given]
    return given if isinstance(given, str) and given in _SOURCES else _SOURCES[0]


def _either(given: Mapping[str, Any], name: str) -> Any:
    """A field by its own name, or in camelCase."""
    if (value := given.get(name)) is not None:
        return value
    head, *rest = name.split("_")
    return given.get(head + "".join(word.capitalize() for word in rest))


def _object(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid("not an object", field="trace_info", got=value)
    return value


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid("not a text", field="trace_info", got=value)
    return value


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value)


def _texts(value: Any) -> dict[str, str]:
    return {key: _text(one) for key, one in _object(value).items()}
