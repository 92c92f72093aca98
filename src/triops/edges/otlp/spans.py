"""ExportTraceServiceRequest → SpanBatch.

A row is refused, and its neighbours kept, when it is not decodable or when its trace id or span id is not valid
(16 and 8 bytes, not all zero). Times that end before they start get the duration 0.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import orjson

from triops.edges.otlp.attributes import TOO_LARGE, Attributes, Pair, broken
from triops.edges.otlp.schema import otlp_classes
from triops.kernel.errors import TooLarge
from triops.kernel.limits import Limits
from triops.kernel.signal import SpanBatch, peer_of, text_column
from triops.web.body import MESSAGE_BYTES
from triops.web.columns import Decoded, ids, resources, times
from triops.web.protobuf import DecodeError, field_bytes

_CALLS = (3, 4)  # client, producer
_NO_ID = bytes(8)
_BAD_ID = "trace_id must be 16 bytes and span_id 8, not all zero"


class SpanDecoder:
    """Keeps its caches between requests; safe to call from several threads."""

    def __init__(self, limits: Limits) -> None:
        classes = otlp_classes()
        self._limits = limits
        self._attributes = Attributes(classes, limits)
        self._group = classes["ResourceGroup"].FromString
        self._scope_group = classes["ScopeGroup"].FromString
        self._scope = classes["Scope"].FromString
        self._span = classes["Span"].FromString
        self._status = classes["Status"].FromString
        self._event = classes["Event"].FromString
        self._link = classes["Link"].FromString

    def decode(self, body: bytes) -> Decoded[SpanBatch]:
        """Raises: Invalid when the request's frame is broken, TooLarge over `rows_per_request`."""
        refused: Counter[str] = Counter()
        cut: Counter[str] = Counter()
        known_resources: dict[int, str] = {}
        resource_of: list[int] = []
        counts: list[int] = []
        scopes: list[str] = []
        trace_ids: list[bytes] = []
        span_ids: list[bytes] = []
        parents: list[bytes] = []
        names: list[str] = []
        kinds: list[int] = []
        starts: list[int] = []
        ends: list[int] = []
        statuses: list[int] = []
        messages: list[str] = []
        peers: list[str] = []
        attributes: list[str] = []
        events: list[str] = []
        links: list[str] = []
        known_names: dict[bytes, str] = {}
        known_statuses: dict[bytes, tuple[int, str]] = {b"": (0, "")}
        span_of, pairs_of = self._span, self._attributes.of_span
        room = self._limits.rows_per_request
        for group in field_bytes(body, 1, "ExportTraceServiceRequest"):
            room -= 1  # an empty group costs work too
            if room < 0:
                raise self._too_many()
            try:
                resource, resource_json = self._attributes.resource(self._group(group).resource, cut)
            except DecodeError:
                resource = None
            for scope_group in field_bytes(group, 2, "ResourceSpans"):
                room -= 1
                if room < 0:
                    raise self._too_many()
                scope = self._scope_name(scope_group)
                before = len(names)
                for raw in field_bytes(scope_group, 2, "ScopeSpans"):
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
                        span = span_of(raw)
                        trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
                        if len(trace_id) != 16 or len(span_id) != 8 or not any(trace_id) or not any(span_id):
                            refused[_BAD_ID] += 1
                            continue
                        pairs = pairs_of(span.attributes, cut)
                        status = known_statuses.get(span.status) or self._remember(span.status, known_statuses)
                        event_json = self._events(span.events, cut) if span.events else ""
                        link_json = self._links(span.links, cut) if span.links else ""
                    except DecodeError:
                        refused["span " + broken()] += 1
                        continue
                    kind = span.kind
                    raw_name = span.name
                    name = known_names.get(raw_name)
                    if name is None:
                        name = known_names[raw_name] = raw_name[:4096].decode("utf-8", "replace")
                    trace_ids.append(trace_id)
                    span_ids.append(span_id)
                    parents.append(parent if len(parent) == 8 else _NO_ID)
                    names.append(name)
                    kinds.append(kind if 0 <= kind <= 5 else 0)
                    starts.append(span.start)
                    ends.append(span.end)
                    statuses.append(status[0])
                    messages.append(status[1])
                    peers.append(_peer(pairs) if kind in _CALLS else "")
                    attributes.append("{" + ",".join([pair[1] for pair in pairs]) + "}")
                    events.append(event_json)
                    links.append(link_json)
                count = len(names) - before
                if count and resource is not None:
                    known_resources[resource] = resource_json
                    resource_of.append(resource)
                    counts.append(count)
                    scopes.extend([scope] * count)
        traces = ids(trace_ids)
        start_ns, end_ns = times(starts), times(ends)
        batch = SpanBatch(
            resources=resources(known_resources),
            resource=np.repeat(np.array(resource_of, dtype=np.uint64), counts),
            trace_hi=traces[0::2].copy(),
            trace_lo=traces[1::2].copy(),
            span_id=ids(span_ids),
            parent_id=ids(parents),
            name=text_column(names),
            kind=np.array(kinds, dtype=np.uint8),
            time_ns=start_ns,
            duration_ns=np.maximum(end_ns - start_ns, 0),
            status=np.array(statuses, dtype=np.uint8),
            status_message=text_column(messages),
            scope=text_column(scopes),
            peer=text_column(peers),
            attributes=text_column(attributes),
            events=text_column(events),
            links=text_column(links),
        )
        return Decoded(batch, dict(refused), dict(cut))

    def _too_many(self) -> TooLarge:
        return TooLarge(f"more than {self._limits.rows_per_request} spans in one request")

    def _scope_name(self, scope_group: bytes) -> str:
        try:
            name: bytes = self._scope(self._scope_group(scope_group).scope).name
        except DecodeError:
            return ""
        return name[:1024].decode("utf-8", "replace")

    def _remember(self, raw: bytes, known: dict[bytes, tuple[int, str]]) -> tuple[int, str]:
        status = self._status(raw)
        message = status.message[: self._limits.attribute_bytes].decode("utf-8", "replace")
        known[raw] = found = (status.code if 0 <= status.code <= 2 else 0, message)
        return found

    def _events(self, raws: Sequence[bytes], cut: Counter[str]) -> str:
        """Dropped from the end over the bound: the first events of a span say how it began to go wrong."""
        bound = self._limits.events_per_span
        if len(raws) > bound:
            cut[f"events over {bound} of one span were dropped"] += len(raws) - bound
        shown = []
        for raw in raws[:bound]:
            event = self._event(raw)
            name = orjson.dumps(event.name[:1024].decode("utf-8", "replace")).decode()
            attributes = self._attributes.json(event.attributes, cut)
            shown.append(f'{{"name":{name},"time_ns":{event.time},"attributes":{attributes}}}')
        return f"[{','.join(shown)}]"

    def _links(self, raws: Sequence[bytes], cut: Counter[str]) -> str:
        bound = self._limits.events_per_span
        if len(raws) > bound:
            cut[f"links over {bound} of one span were dropped"] += len(raws) - bound
        shown = []
        for raw in raws[:bound]:
            link = self._link(raw)
            attributes = self._attributes.json(link.attributes, cut)
            ids_ = f'"trace_id":"{link.trace_id[:16].hex()}","span_id":"{link.span_id[:8].hex()}"'
            shown.append(f'{{{ids_},"attributes":{attributes}}}')
        return f"[{','.join(shown)}]"


def _peer(pairs: Sequence[Pair]) -> str:
    return peer_of({pair[0]: pair[2] for pair in pairs})[:256]
