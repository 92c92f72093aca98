"""Evidence about entities, always as columns: one numpy array a field, never an object a point.

Every row carries the fingerprint of the resource (OpenTelemetry's word for who sent it). Which entity that is, is
resolved when read, because attributes come late and disagree.

Shapes: all arrays of one batch part have the same length. Times are int64 nanoseconds since 1970 (UTC), ids are
uint64, texts are numpy object arrays of `str`; attributes are one JSON object a row, keys sorted, as text.
Trace ids are 128 bits in two columns, `trace_hi` and `trace_lo`; zero in both means none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
F64 = npt.NDArray[np.float64]
Text = npt.NDArray[np.object_]


def text_column(values: Sequence[str]) -> Text:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def fingerprint(text: str | bytes) -> int:
    """64 bits of BLAKE2b (RFC 7693): the same on every machine and in every run."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "big")


@dataclass(frozen=True, slots=True)
class Resources:
    """Who sent the rows of a batch. `fingerprint[i]` is `fingerprint(attributes[i])`."""

    fingerprint: U64
    attributes: Text


@dataclass(frozen=True, slots=True)
class Series:
    """What the points of a batch measure: one row a series, each once.

    `labels` are the point attributes without the resource's. `id` is the fingerprint of
    `f"{resource}\\0{name}\\0{labels}"`. `type` is gauge, counter (cumulative, monotonic), histogram (a part of one:
    `_count`, `_sum`, or `_bucket` with label `le`), summary, or unknown; `unit` is UCUM as OpenTelemetry sends it.
    """

    id: U64
    resource: U64
    name: Text
    labels: Text
    type: Text
    unit: Text


@dataclass(frozen=True, slots=True)
class MetricBatch:
    """Points: `value[i]` of series `series_id[i]` at `time_ns[i]`. NaN and infinities are values."""

    resources: Resources
    series: Series
    series_id: U64
    time_ns: I64
    value: F64

    def __len__(self) -> int:
        return len(self.time_ns)


@dataclass(frozen=True, slots=True)
class LogBatch:
    """`severity` is OpenTelemetry's number, 1 to 24 (0: not given). `template` is 0 until `loop/receive` sets it."""

    resources: Resources
    resource: U64
    time_ns: I64
    severity: U8
    body: Text
    template: U64
    trace_hi: U64
    trace_lo: U64
    span_id: U64
    attributes: Text

    def __len__(self) -> int:
        return len(self.time_ns)


@dataclass(frozen=True, slots=True)
class SpanBatch:
    """`kind`: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. `status`: 0 unset, 1 ok, 2 error.

    `peer` is the entity id that a client or producer span says it talks to, from its own attributes
    (`peer_of`), or "". `events` is a JSON array of `{"name", "time_ns", "attributes"}`, `links` one of
    `{"trace_id", "span_id", "attributes"}`; both "" when empty.
    """

    resources: Resources
    resource: U64
    trace_hi: U64
    trace_lo: U64
    span_id: U64
    parent_id: U64
    name: Text
    kind: U8
    time_ns: I64
    duration_ns: I64
    status: U8
    status_message: Text
    scope: Text
    peer: Text
    attributes: Text
    events: Text
    links: Text

    def __len__(self) -> int:
        return len(self.time_ns)


# The scope of the gateway's spans, and the SDK that their resources name. They are calls of models, watched as such,
# and no requests between services.
GATEWAY = "triops.gateway"


def peer_of(attributes: Mapping[str, Any]) -> str:
    """Whom a client span calls, as an entity id, read from old and new OpenTelemetry semantic conventions."""
    get = attributes.get
    if system := get("db.system.name") or get("db.system"):
        name = get("db.namespace") or get("db.name") or get("server.address") or get("net.peer.name") or system
        return f"database:{name}"
    if system := get("messaging.system"):
        return f"queue:{get('messaging.destination.name') or get('messaging.destination') or system}"
    if peer := get("peer.service"):
        return f"service:{peer}"
    if address := get("server.address") or get("net.peer.name") or get("http.host"):
        port = get("server.port") or get("net.peer.port")
        return f"external:{address}:{port}" if port and ":" not in str(address) else f"external:{address}"
    return ""


def service_of(resource: Mapping[str, Any]) -> str:
    """The service a resource belongs to, `unknown_service` when it does not say (as OpenTelemetry's SDKs)."""
    return str(resource.get("service.name") or resource.get("job") or "unknown_service")


def host_of(resource: Mapping[str, Any]) -> str:
    """The host a resource runs on, or ""."""
    return str(resource.get("host.name") or resource.get("k8s.node.name") or "")
