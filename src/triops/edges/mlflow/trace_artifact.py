"""A trace's spans as the one JSON document that MLflow's pages and `download` read: attributes are JSON in JSON."""

import json
import re
from collections.abc import Sequence
from typing import Any

import orjson
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from triops.edges.mlflow.spans_wire import base64_of, kept, plain, texts_of
from triops.kernel.genai.meaning import TYPE
from triops.lenses.mlops.genai_traces.looking import SpanView
from triops.lenses.mlops.genai_traces.redaction import Rule

_PATH = re.compile(r"(?:^|/)traces/[^/]+/artifacts/traces\.json$")
_STATUS = {1: "OK", 2: "ERROR"}
_CODES = {1: "STATUS_CODE_OK", 2: "STATUS_CODE_ERROR"}


def spans_json(trace: str, bodies: Sequence[bytes]) -> bytes:
    return orjson.dumps({"spans": [span_document(span, trace) for span in kept(bodies)]})


def span_views(trace: str, bodies: Sequence[bytes]) -> list[SpanView]:
    """Spans as filters see them."""
    return [_view(span, trace) for span in kept(bodies)]


def _view(span: Span, trace: str) -> SpanView:
    document = span_document(span, trace)
    type_ = document["attributes"].get(TYPE)
    return SpanView(
        name=span.name,
        type=None if type_ is None else str(json.loads(type_)),
        status=_STATUS.get(span.status.code, "UNSET"),
        attributes=document["attributes"],
        text=lambda: json.dumps(document, ensure_ascii=False),
    )


def span_document(span: Span, trace: str) -> dict[str, Any]:
    return {
        "trace_id": base64_of(span.trace_id),
        "span_id": base64_of(span.span_id),
        "parent_span_id": base64_of(span.parent_span_id) if span.parent_span_id else None,
        "name": span.name,
        "start_time_unix_nano": span.start_time_unix_nano,
        "end_time_unix_nano": span.end_time_unix_nano or None,
        "events": [
            {
                "name": event.name,
                "time_unix_nano": event.time_unix_nano,
                "attributes": {pair.key: plain(pair.value) for pair in event.attributes},
            }
            for event in span.events
        ],
        "status": {
            "code": _CODES.get(span.status.code, "STATUS_CODE_UNSET"),
            "message": span.status.message,
        },
        "attributes": texts_of(span, trace),
        "links": [
            {
                "trace_id": f"tr-{link.trace_id.hex()}",
                "span_id": link.span_id.hex(),
                "attributes": {pair.key: plain(pair.value) for pair in link.attributes} or None,
            }
            for link in span.links
        ],
    }


def is_spans(path: str) -> bool:
    """Whether an artifact is such a document: clients before 3.5 send it, and later ones where their spans come later
    than their trace."""
    return _PATH.search(path) is not None


def cleaned(document: bytes, rule: Rule) -> bytes:
    """Without what must not be stored. Of what cannot be read, nothing: it is not known to be clean."""
    try:
        read = orjson.loads(document)
    except orjson.JSONDecodeError:
        read = None
    spans = read.get("spans") if isinstance(read, dict) else None
    return orjson.dumps({"spans": [_cleaned(span, rule) for span in spans or () if isinstance(span, dict)]})


def _cleaned(span: dict[str, Any], rule: Rule) -> dict[str, Any]:
    clean = dict(span)
    if isinstance(attributes := span.get("attributes"), dict):
        kept = rule.attributes(attributes)
        clean["attributes"] = attributes if kept is None else kept
    if isinstance(events := span.get("events"), list):
        events = [event for event in events if isinstance(event, dict)]
        clean["events"] = rule.events(events) or events
    if isinstance(status := span.get("status"), dict) and isinstance(message := status.get("message"), str):
        clean["status"] = {**status, "message": rule.said(message)}
    return clean
