"""Any bytes as OTLP for an experiment: a typed refusal or spans that can be shown. Times and packs turn back."""

import re
from typing import Any

import orjson
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from triops.edges.mlflow.spans_wire import NotASpan, NotOtlp, kept, plain, shown_span, spans_of
from triops.edges.mlflow.trace_artifact import span_views, spans_json
from triops.edges.mlflow.trace_json import duration_ms, said_trace, shown_duration, shown_info, shown_time, time_ms
from triops.kernel.errors import Invalid
from triops.ledger.traces.writing import packed, unpacked
from triops.lenses.mlops.genai_traces import TraceService
from triops.lenses.mlops.genai_traces.looking import like

TEXTS = st.text(max_size=20)
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
KEYS = TEXTS | st.sampled_from(
    ["mlflow.spanInputs", "mlflow.spanType", "mlflow.chat.tokenUsage", "gen_ai.operation.name", "session.id",
     "gen_ai.usage.input_tokens", "mlflow.traceTag.x", "user.id", "mlflow.llm.cost"]
)  # fmt: skip


def any_value(value: Any) -> AnyValue:
    made = AnyValue()
    if isinstance(value, bool):
        made.bool_value = value
    elif isinstance(value, str):
        made.string_value = value
    elif isinstance(value, int):
        made.int_value = value
    elif isinstance(value, float):
        made.double_value = value
    elif isinstance(value, list):
        made.array_value.SetInParent()
        made.array_value.values.extend(any_value(one) for one in value)
    elif isinstance(value, dict):
        made.kvlist_value.SetInParent()
        for key, one in value.items():
            made.kvlist_value.values.add(key=key).value.CopyFrom(any_value(one))
    return made


@st.composite
def requests(draw: st.DrawFn) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    out = request.resource_spans.add().scope_spans.add()
    for number in range(draw(st.integers(1, 4))):
        span = out.spans.add(
            trace_id=b"t" * 15 + bytes([draw(st.integers(0, 1))]),
            span_id=bytes(7) + bytes([number + 1]),
            parent_span_id=draw(st.sampled_from([b"", bytes(7) + b"\x01"])),
            name=draw(TEXTS),
            start_time_unix_nano=draw(st.integers(0, 2**63 - 1)),
            end_time_unix_nano=draw(st.integers(0, 2**63 - 1)),
        )
        span.status.code = draw(st.sampled_from([0, 1, 2]))
        for key, value in draw(st.dictionaries(KEYS, VALUES, max_size=4)).items():
            span.attributes.add(key=key).value.CopyFrom(any_value(value))
        span.events.add(name=draw(TEXTS), time_unix_nano=1).attributes.add(key="k").value.string_value = draw(TEXTS)
    return request


@given(st.binary(max_size=200))
def test_any_bytes_are_spans_or_refused(body: bytes) -> None:
    try:
        spans_of(body)
    except (NotOtlp, NotASpan):
        pass


@given(requests(), st.data())
def test_a_damaged_request_is_spans_or_refused(request: ExportTraceServiceRequest, data: st.DataObject) -> None:
    body = bytearray(request.SerializeToString())
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    try:
        for span in spans_of(bytes(body)):
            shown_span(kept([span.body])[0], span.trace)
    except (NotOtlp, NotASpan):
        pass


@given(requests())
def test_what_is_sent_can_be_shown_searched_and_is_protobufs_json(request: ExportTraceServiceRequest) -> None:
    said = spans_of(request.SerializeToString())
    try:
        gathered = TraceService.gathered(said)
    except Invalid:  # a session's id that is too long
        return
    assert sum(len(each.sent.spans) for each in gathered) == len(said)
    for each in gathered:
        bodies = unpacked(each.pack[1])
        for view in span_views(each.sent.trace, bodies):
            assert view.name in view.text() or "\\" in view.text()
        assert orjson.loads(spans_json(each.sent.trace, bodies))["spans"]
        for span in kept(bodies):
            shown = shown_span(span, each.sent.trace)
            again = json_format.ParseDict(orjson.loads(orjson.dumps(shown)), Span())
            assert (again.span_id, again.name, again.start_time_unix_nano) == (
                span.span_id, span.name, span.start_time_unix_nano,
            )  # fmt: skip


@given(VALUES)
def test_values_turn_back(value: Any) -> None:
    assert plain(any_value(value)) == value


@given(st.lists(st.binary(max_size=300)))
def test_packs_turn_back(bodies: list[bytes]) -> None:
    size, body = packed(bodies)
    assert unpacked(body) == bodies
    assert size == sum(map(len, bodies)) + 4 * len(bodies)


@given(st.integers(-(2**60), 2**60))
def test_times_turn_back(ms: int) -> None:
    bounded = min(max(ms, -62_135_596_800_000), 253_402_300_799_999)
    assert time_ms(shown_time(ms)) == bounded
    assert duration_ms(shown_duration(ms % 10**15)) == ms % 10**15


@given(TEXTS)
def test_any_text_is_a_time_or_none(text: str) -> None:
    assert isinstance(time_ms(text), int | None)
    assert isinstance(duration_ms(text), int | None)


@given(st.dictionaries(st.sampled_from(["trace_id", "traceLocation", "state", "tags", "trace_metadata", "assessments",
                                        "request_time", "execution_duration", "request_preview"]), VALUES))  # fmt: skip
def test_any_trace_info_is_a_trace_or_refused(info: dict[str, Any]) -> None:
    given_ = {**info, "trace_location": {"mlflow_experiment": {"experiment_id": "0"}}}
    try:
        orjson.dumps(shown_info(said_trace(given_, 1)))
    except Invalid:
        pass


@given(st.text("ab%_", max_size=12), st.text("abc", max_size=12))
def test_like_is_sqls(pattern: str, text: str) -> None:
    parts = {"%": ".*", "_": "."}
    slow = re.compile("".join(parts.get(c, re.escape(c)) for c in pattern), re.DOTALL)
    assert like(pattern, text, folds=False) == (slow.fullmatch(text) is not None)
