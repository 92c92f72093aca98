"""ExportLogsServiceRequest → LogBatch.

A record without a time gets the time it was observed, and without that one the time it is received. A body that is not
text becomes JSON. A trace or span id of the wrong length is left out: the record is worth keeping without it.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import orjson

from triops.edges.otlp.attributes import TOO_LARGE, Attributes, broken
from triops.edges.otlp.schema import otlp_classes
from triops.kernel.errors import TooLarge
from triops.kernel.limits import Limits
from triops.kernel.signal import LogBatch, text_column
from triops.web.body import MESSAGE_BYTES
from triops.web.columns import Decoded, ids, resources, times
from triops.web.protobuf import DecodeError, field_bytes

_NO_TRACE, _NO_SPAN = bytes(16), bytes(8)
_SEVERITIES = {
    "trace": 1, "debug": 5, "info": 9, "information": 9, "notice": 10, "warn": 13, "warning": 13, "error": 17,
    "err": 17, "critical": 21, "fatal": 21, "alert": 22, "emergency": 24,
}  # fmt: skip


class LogDecoder:
    """Keeps its caches between requests; safe to call from several threads."""

    def __init__(self, limits: Limits) -> None:
        classes = otlp_classes()
        self._limits = limits
        self._attributes = Attributes(classes, limits)
        self._group = classes["ResourceGroup"].FromString
        self._record = classes["LogRecord"].FromString

    def decode(self, body: bytes, now_ns: int) -> Decoded[LogBatch]:
        """Raises: Invalid when the request's frame is broken, TooLarge over `rows_per_request`."""
        refused: Counter[str] = Counter()
        cut: Counter[str] = Counter()
        known_resources: dict[int, str] = {}
        resource_of: list[int] = []
        record_times: list[int] = []
        severities: list[int] = []
        bodies: list[str] = []
        traces: list[bytes] = []
        spans: list[bytes] = []
        attributes: list[str] = []
        timed = True
        room = self._limits.rows_per_request
        for group in field_bytes(body, 1, "ExportLogsServiceRequest"):
            room -= 1  # an empty group costs work too
            if room < 0:
                raise self._too_many()
            try:
                resource, resource_json = self._attributes.resource(self._group(group).resource, cut)
            except DecodeError:
                resource = None
            for scope_group in field_bytes(group, 2, "ResourceLogs"):
                room -= 1
                if room < 0:
                    raise self._too_many()
                for raw in field_bytes(scope_group, 2, "ScopeLogs"):
                    room -= 1
                    if room < 0:
                        raise self._too_many()
                    if resource is None:
                        refused["resource " + broken()] += 1
                        continue
                    if len(raw) > MESSAGE_BYTES:
                        refused[TOO_LARGE] += 1
                        continue
                    try:
                        record = self._record(raw)
                        text = self._attributes.text(record.body, cut)
                        event = record.event_name
                        row = self._row(record.attributes, event, cut)
                    except DecodeError:
                        refused["log record " + broken()] += 1
                        continue
                    at = record.time or record.observed
                    if not at:
                        at, timed = now_ns, False
                    severity = record.severity
                    if not 1 <= severity <= 24:
                        severity = _SEVERITIES.get(record.severity_text[:16].decode("utf-8", "replace").lower(), 0)
                    trace, span = record.trace_id, record.span_id
                    known_resources[resource] = resource_json
                    resource_of.append(resource)
                    record_times.append(at)
                    severities.append(severity)
                    bodies.append(text)
                    traces.append(trace if len(trace) == 16 else _NO_TRACE)
                    spans.append(span if len(span) == 8 else _NO_SPAN)
                    attributes.append(row)
        trace_ids = ids(traces)
        batch = LogBatch(
            resources=resources(known_resources),
            resource=np.array(resource_of, dtype=np.uint64),
            time_ns=times(record_times),
            severity=np.array(severities, dtype=np.uint8),
            body=text_column(bodies),
            template=np.zeros(len(bodies), dtype=np.uint64),
            trace_hi=trace_ids[0::2].copy(),
            trace_lo=trace_ids[1::2].copy(),
            span_id=ids(spans),
            attributes=text_column(attributes),
        )
        return Decoded(batch, dict(refused), dict(cut), timed)

    def _too_many(self) -> TooLarge:
        return TooLarge(f"more than {self._limits.rows_per_request} log records in one request")

    def _row(self, raws: Sequence[bytes], event: bytes, cut: Counter[str]) -> str:
        pairs = self._attributes.pairs(raws, cut)
        if event and not any(pair[0] == "event.name" for pair in pairs):
            name = event[:1024].decode("utf-8", "replace")
            pairs = sorted([*pairs, ("event.name", '"event.name":' + orjson.dumps(name).decode(), name)], key=_key)
        return "{" + ",".join([pair[1] for pair in pairs]) + "}"


def _key(pair: tuple[str, str, object]) -> str:
    return pair[0]
