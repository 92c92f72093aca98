"""Spans of a request → what they bring to each trace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triops.kernel.errors import Invalid
from triops.kernel.genai import meaning
from triops.kernel.trace import NAME_TAG, SentSpans, TraceSpan, TraceState
from triops.lenses.mlops.genai_traces import law
from triops.lenses.mlops.genai_traces.preview import preview

_TAG = "mlflow.traceTag."
_NO_TAGS = ("telemetry.sdk.", "mlflow.")
_ERROR = "ERROR"


@dataclass(slots=True)
class SpanSaid:
    """A span as it was sent; `attributes` are decoded when they are asked for."""

    trace: str
    id: int
    parent: int | None
    name: str
    status: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    body: bytes


def gather(said: Sequence[SpanSaid]) -> list[SentSpans]:
    """By trace, in the order of their first spans; of two spans of one id the later counts. Raises: Invalid."""
    by_trace: dict[str, dict[int, SpanSaid]] = {}
    for span in said:
        by_trace.setdefault(span.trace, {})[span.id] = span
    return [_trace(id, list(spans.values())) for id, spans in by_trace.items()]


def _trace(id: str, said: Sequence[SpanSaid]) -> SentSpans:
    root = next((span for span in said if span.parent is None), None)
    session = user = None
    for span in said:
        session = session or meaning.session(span.attributes.get)
        user = user or meaning.user(span.attributes.get)
    tags = _resource_tags(said)
    request = response = None
    if root is not None:
        tags |= _own_tags(root)
        if (given := meaning.inputs(root.attributes.get)) is not None:
            request = preview(meaning.text_of(given), "user")
        if (given := meaning.outputs(root.attributes.get)) is not None:
            response = preview(meaning.text_of(given), "assistant")
    return SentSpans(
        trace=id,
        spans=[_span(span) for span in said],
        state=None if root is None else TraceState.ERROR if root.status == _ERROR else TraceState.OK,
        name=tags.pop(NAME_TAG, None),
        request_preview=request,
        response_preview=response,
        session=law.session(session) if session else None,
        user=user,
        tags=tags,
    )


def _span(span: SpanSaid) -> TraceSpan:
    get = span.attributes.get
    usage, cost = meaning.usage(get), meaning.cost(get)
    return TraceSpan(
        id=span.id,
        parent=span.parent,
        name=span.name,
        type=meaning.span_type(get),
        status=span.status,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        body=span.body,
        usage=meaning.text(usage) if usage is not None else None,
        cost=meaning.text(cost) if cost is not None else None,
    )


def _resource_tags(said: Sequence[SpanSaid]) -> dict[str, str]:
    resource: Mapping[str, Any] = next((span.resource for span in said if span.resource), {})
    return _valid(
        {
            key: value if isinstance(value, str) else meaning.text(value)
            for key, value in resource.items()
            if not key.startswith(_NO_TAGS)
        }
    )


def _own_tags(root: SpanSaid) -> dict[str, str]:
    return _valid(
        {
            key.removeprefix(_TAG): str(meaning.opened(root.attributes[key]))
            for key in root.attributes
            if key.startswith(_TAG)
        }
    )


def _valid(tags: Mapping[str, str]) -> dict[str, str]:
    """What cannot be a tag is left out: it is in the spans all the same."""
    kept = {}
    for key, value in tags.items():
        try:
            key, value = law.tag(key, value)
        except Invalid:
            continue
        kept[key] = value
    return kept
