"""What was said in an experiment's old traces goes; what was counted stays."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from triops.edges.mlflow.spans_forgetting import without_contents
from triops.kernel.ids import ProjectId
from triops.kernel.trace import SentSpans, Trace, TraceSpan, TraceState
from triops.ledger.runs.experiments import Experiments
from triops.ledger.runs.freeing import Freeing
from triops.ledger.traces.contents import FORGOTTEN, TraceContents
from triops.ledger.traces.traces import Traces
from triops.ledger.traces.writing import brought
from triops.ports.records import Records
from triops.testing.books import open_records

A = ProjectId("a")
MS = 1_000_000


def otlp(id: int) -> bytes:
    span = Span(name=f"s{id}", span_id=id.to_bytes(8, "big"))
    span.status.message = "no place for your secret"
    for key, value in (("mlflow.spanInputs", "secret"), ("gen_ai.request.model", "small"), ("mine", "stays")):
        span.attributes.add(key=key).value.string_value = value
    span.attributes.add(key="gen_ai.usage.input_tokens").value.int_value = 7
    for name, key in (("gen_ai.user.message", "content"), ("exception", "exception.message"), ("tick", "input.value")):
        event = span.events.add(name=name, time_unix_nano=5)
        event.attributes.add(key=key).value.string_value = "secret"
        event.attributes.add(key="n").value.int_value = 1
    return span.SerializeToString()


def test_a_span_keeps_all_but_what_was_said() -> None:
    kept = Span.FromString(without_contents(otlp(1)))
    assert b"secret" not in kept.SerializeToString()
    assert {pair.key for pair in kept.attributes} == {"gen_ai.request.model", "mine", "gen_ai.usage.input_tokens"}
    assert [(event.name, event.time_unix_nano) for event in kept.events] == [
        ("gen_ai.user.message", 5), ("exception", 5), ("tick", 5),
    ]  # fmt: skip
    assert [pair.key for pair in kept.events[2].attributes] == ["n"]
    plain = kept.SerializeToString()
    assert without_contents(plain) is plain


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    async with open_records(tmp_path) as opened:
        await Experiments(opened, "mlflow-artifacts:/").begin(A, 1)
        yield opened


def sent(trace: str, id: int, at_ms: int) -> SentSpans:
    span = TraceSpan(id, None, f"s{id}", "LLM", "OK", at_ms * MS, (at_ms + 5) * MS, otlp(id))
    return SentSpans(trace, [span], TraceState.OK, request_preview="secret", response_preview="secret", user="ann")


async def test_old_traces_lose_what_was_said_once_and_again_when_more_comes(records: Records) -> None:
    book, contents = Traces(records), TraceContents(records, without_contents)
    for number in range(120):  # more than one step takes
        await book.add(A, "0", [brought(sent(f"tr-{number}", 1, 10 if number else 1000))])
    older = replace(Trace("tr-said", "0", 10, 5, TraceState.OK), metadata={"mlflow.traceInputs": "secret", "mine": "x"})
    await book.say(A, older)
    assert await contents.forget(1000) == 120
    assert await contents.forget(1000) == 0
    (young, young_spans), (old, old_spans), (client, _) = await book.whole(A, ["tr-0", "tr-119", "tr-said"])
    assert (young.request_preview, FORGOTTEN in young.metadata, b"secret" in young_spans[0]) == ("secret", False, True)
    assert (old.request_preview, old.response_preview, old.duration_ms) == (None, None, 5)
    assert old.metadata["mlflow.trace.user"] == "ann"
    assert FORGOTTEN in old.metadata
    assert old_spans == [without_contents(otlp(1))]
    assert (client.metadata.get("mlflow.traceInputs"), client.metadata["mine"]) == (None, "x")
    assert "mlflow-artifacts:/0/traces/tr-1/artifacts" in {one.artifact_uri for one in await Freeing(records).freed()}
    await book.add(A, "0", [brought(sent("tr-119", 2, 10))])
    assert await contents.forget(1000) == 1
    ((late, spans),) = await book.whole(A, ["tr-119"])
    assert late.request_preview is None
    assert [b"secret" in span for span in spans] == [False, False]
