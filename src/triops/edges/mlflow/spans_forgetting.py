"""A span of an experiment's trace without what was said in it."""

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from triops.kernel.genai.content import is_content, is_event_content


def without_contents(body: bytes) -> bytes:
    """Of an OTLP span as it came; the very bytes where nothing was said. Names, times, counts and models stay; events
    with their names and times."""
    span = Span.FromString(body)
    held = [(span.attributes, False), *((event.attributes, is_event_content(event.name)) for event in span.events)]
    changed = bool(span.status.message)  # exceptions quote what was said
    span.status.message = ""
    for pairs, wholly in held:
        kept = [] if wholly else [pair for pair in pairs if not is_content(pair.key)]
        if len(kept) < len(pairs):
            changed = True
            staying = [
                KeyValue.FromString(pair.SerializeToString()) for pair in kept
            ]  # what is deleted is gone at once
            del pairs[:]
            pairs.extend(staying)
    return span.SerializeToString() if changed else body
