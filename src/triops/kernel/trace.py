"""A trace of an application as a team keeps and judges it: unlike telemetry, it belongs to an experiment, carries tags
and assessments, and stays until it is deleted. Times are unix milliseconds, as every client of traces has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class TraceState(StrEnum):
    UNSPECIFIED = "STATE_UNSPECIFIED"
    OK = "OK"
    ERROR = "ERROR"
    IN_PROGRESS = "IN_PROGRESS"

    @property
    def open(self) -> bool:
        return self in (TraceState.IN_PROGRESS, TraceState.UNSPECIFIED)


class AssessmentKind(StrEnum):
    """Exactly one of these is an assessment's value."""

    FEEDBACK = "feedback"
    EXPECTATION = "expectation"
    ISSUE = "issue"


@dataclass(frozen=True, slots=True)
class Assessment:
    """What someone or something thinks of a trace, or of one of its spans. `value`: any JSON. `overrides`: the id of
    the assessment that this one replaces, which is then not `valid` any more."""

    id: str
    name: str
    kind: AssessmentKind
    value: Any
    source_type: str
    source_id: str
    created_ms: int
    updated_ms: int
    error: Mapping[str, str] | None = None
    span_id: str = ""
    rationale: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    overrides: str = ""
    valid: bool = True


@dataclass(frozen=True, slots=True)
class Trace:
    """All of a trace but its spans. The previews are texts of bounded length; None: not known (yet)."""

    id: str
    experiment: str
    request_ms: int
    duration_ms: int | None
    state: TraceState
    client_request_id: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    assessments: Sequence[Assessment] = ()


@dataclass(frozen=True, slots=True)
class TraceSpan:
    """One span as it is kept: what is searched by, and the whole of it as the sender encoded it (`body`).

    `id` and `parent` are 64 bits, signed as the books have them; `parent` None: a root. `usage`, `cost`: JSON texts of
    what the span alone, or it and all below it, used; None: nothing said.
    """

    id: int
    parent: int | None
    name: str
    type: str | None
    status: str  # OK, ERROR, UNSET
    start_ns: int
    end_ns: int
    body: bytes
    usage: str | None = None
    cost: str | None = None


@dataclass(frozen=True, slots=True)
class SentSpans:
    """What one request brought of one trace, and what its spans say of the trace as a whole."""

    trace: str
    spans: Sequence[TraceSpan]
    state: TraceState | None = None  # of the root span, where it is among them
    name: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    session: str | None = None
    user: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


# Metadata that the books read and write themselves; their names are those of every client of traces.
SESSION = "mlflow.trace.session"
USER = "mlflow.trace.user"
USAGE = "mlflow.trace.tokenUsage"
COST = "mlflow.trace.cost"
FINAL = "mlflow.trace.infoFinalized"
SIZES = "mlflow.trace.sizeStats"
NAME_TAG = "mlflow.traceName"
ARTIFACTS_TAG = "mlflow.artifactLocation"
SPANS_TAG = "mlflow.trace.spansLocation"
SPANS_KEPT = "TRACKING_STORE"
