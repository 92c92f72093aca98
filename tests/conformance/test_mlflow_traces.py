"""The unmodified `mlflow` client traces an application, reads its traces, judges them, finds and deletes them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import mlflow
import pytest
from mlflow.entities import AssessmentSource, Expectation, Feedback, SpanType
from mlflow.entities.model_registry import PromptVersion
from mlflow.exceptions import MlflowException
from mlflow.tracing.attachments import Attachment
from mlflow.tracing.constant import SpanAttributeKey
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from triops.testing.server import RunningTriops, wait_for


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    folder: Path = tmp_path_factory.mktemp("traces")
    patch = pytest.MonkeyPatch()
    patch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    before = mlflow.get_tracking_uri()
    with RunningTriops(folder / "data") as running:
        mlflow.set_tracking_uri(running.url)
        mlflow.tracing.reset()
        yield running
    mlflow.set_tracking_uri(before)
    mlflow.tracing.reset()
    patch.undo()


@pytest.fixture
def experiment(server: RunningTriops, request: pytest.FixtureRequest) -> str:
    return mlflow.set_experiment(request.node.name).experiment_id


def _traced(question: str = "why", **attributes: Any) -> str:
    with mlflow.start_span("answer", span_type=SpanType.CHAIN, attributes=attributes) as span:
        span.set_inputs({"question": question})
        with mlflow.start_span("model", span_type=SpanType.LLM) as inner:
            inner.set_inputs({"messages": [{"role": "user", "content": question}]})
            inner.set_outputs({"choices": [{"message": {"role": "assistant", "content": "so"}}]})
            inner.set_attribute(SpanAttributeKey.CHAT_USAGE, {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5})
        span.set_outputs({"answer": "because"})
    return span.trace_id


def test_a_trace_comes_back_as_it_was_logged(experiment: str) -> None:
    @mlflow.trace
    def inner(x: int) -> dict[str, int]:
        return {"y": x + 1}

    @mlflow.trace(
        span_type="CHAIN", attributes={"whole": 1, "half": 0.5, "list": [1, "x"], "nested": {"k": None, "é": True}}
    )
    def outer(x: int, q: str = "é") -> dict[str, int]:
        return inner(x)

    outer(3)
    trace = mlflow.get_trace(mlflow.get_last_active_trace_id())
    assert trace.info.experiment_id == experiment
    assert trace.info.state == "OK"
    assert trace.info.request_preview == '{"x": 3, "q": "é"}'
    assert trace.info.response_preview == '{"y": 4}'
    assert trace.info.tags["mlflow.traceName"] == "outer"
    assert trace.info.tags["mlflow.trace.spansLocation"] == "TRACKING_STORE"
    assert trace.info.tags["mlflow.artifactLocation"].endswith(f"/{experiment}/traces/{trace.info.trace_id}/artifacts")
    root, child = trace.data.spans
    assert (root.name, root.span_type, root.parent_id) == ("outer", "CHAIN", None)
    assert (child.name, child.parent_id) == ("inner", root.span_id)
    assert root.inputs == {"x": 3, "q": "é"}
    assert root.outputs == child.outputs == {"y": 4}
    assert root.attributes["whole"] == 1
    assert root.attributes["half"] == 0.5
    assert root.attributes["list"] == [1, "x"]
    assert root.attributes["nested"] == {"k": None, "é": True}
    assert root.start_time_ns <= child.start_time_ns <= child.end_time_ns <= root.end_time_ns


def test_an_exception_is_an_event_and_the_traces_state(experiment: str) -> None:
    @mlflow.trace
    def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails()
    trace = mlflow.get_trace(mlflow.get_last_active_trace_id())
    assert trace.info.state == "ERROR"
    (span,) = trace.data.spans
    assert span.status.status_code == "ERROR"
    (event,) = span.events
    assert event.name == "exception"
    assert event.attributes["exception.message"] == "no"


def test_tokens_session_and_user_are_metadata(experiment: str) -> None:
    @mlflow.trace
    def chat() -> str:
        mlflow.update_current_trace(
            metadata={"mlflow.trace.session": "s-1", "mlflow.trace.user": "ann"}, tags={"stage": "test"}
        )
        return _traced() and "done"

    chat()
    info = mlflow.get_trace(mlflow.get_last_active_trace_id()).info
    assert info.trace_metadata["mlflow.trace.session"] == "s-1"
    assert info.trace_metadata["mlflow.trace.user"] == "ann"
    assert info.tags["stage"] == "test"
    assert info.token_usage == {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    found = mlflow.search_traces(filter_string="metadata.`mlflow.trace.session` = 's-1'", return_type="list")
    assert [trace.info.trace_id for trace in found] == [info.trace_id]


def test_search_answers_a_table_in_order_and_by_pages(experiment: str) -> None:
    ids = [_traced(f"q{number}") for number in range(5)]
    table = mlflow.search_traces()
    assert list(table["trace_id"]) == ids[::-1]
    assert table["state"].tolist() == ["OK"] * 5
    client = mlflow.MlflowClient()
    first = client.search_traces(locations=[experiment], max_results=2, order_by=["timestamp_ms ASC"])
    second = client.search_traces(
        locations=[experiment], max_results=3, order_by=["timestamp_ms ASC"], page_token=first.token
    )
    assert [trace.info.trace_id for trace in [*first, *second]] == ids
    assert first[0].data.spans[0].inputs == {"question": "q0"}


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("status = 'OK'", "ab"),
        ("status = 'ERROR'", ""),
        ("name = 'answer'", "ab"),
        ("name LIKE 'ans%' AND tags.colour = 'red'", "a"),
        ("tags.colour IS NULL", "b"),
        ("tags.colour != 'red'", ""),
        ("span.name = 'model'", "ab"),
        ("span.type IN ('LLM', 'TOOL') AND span.status = 'OK'", "ab"),
        ("span.name = 'model' AND span.type = 'CHAIN'", ""),
        ("span.attributes.model LIKE '%gpt%'", "a"),
        ("span.attributes.model RLIKE '^gpt-[0-9]$'", "a"),
        ("span.attributes.model = 'other'", "b"),
        ("trace.text LIKE '%weather%'", "b"),
        ("trace.text ILIKE '%WEATHER%'", "b"),
        ("feedback.good = 'true'", "a"),
        ("feedback.score > 0.5", "a"),
        ("feedback.score <= 0.5", ""),
        ("feedback.score IS NULL", "b"),
        ("expectation.reply = 'yes'", "b"),
        ("execution_time_ms >= 0 AND timestamp_ms > 1000", "ab"),
        ("run_id = 'r-linked'", "b"),
        ('prompt = "p/3"', "a"),
        ("request_id = 'none'", ""),
    ],
)
def test_filters(pair: tuple[str, str, str], filter: str, expected: str) -> None:
    experiment, *ids = pair
    found = mlflow.search_traces(locations=[experiment], filter_string=filter, return_type="list")
    letters = dict(zip(ids, "ab", strict=True))
    assert "".join(sorted(letters[trace.info.trace_id] for trace in found)) == expected


@pytest.fixture(scope="module")
def pair(server: RunningTriops) -> tuple[str, str, str]:
    experiment = mlflow.set_experiment("filters").experiment_id
    a, b = _traced("why", model="gpt-4"), _traced("the weather?", model="other")
    client = mlflow.MlflowClient()
    client.set_trace_tag(a, "colour", "red")
    mlflow.log_feedback(trace_id=a, name="good", value=True)
    mlflow.log_feedback(trace_id=a, name="score", value=0.75)
    mlflow.log_expectation(trace_id=b, name="reply", value="yes")
    client.link_traces_to_run([b], "r-linked")
    client.link_prompt_versions_to_trace([PromptVersion(name="p", version=3, template="")], a)
    return experiment, a, b


def test_filters_that_are_wrong_say_so(experiment: str) -> None:
    for filter, words in (
        ("bogus = 'x'", "Invalid attribute key 'bogus'"),
        ("span.bogus = 'x'", "Invalid span attribute 'bogus'"),
        ("span.attributes.x RLIKE '(a+)+$'", "regular expression"),
        ("tags.`mlflow.linkedPrompts` LIKE 'x'", "Only '=' is supported"),
    ):
        with pytest.raises(MlflowException, match=words) as caught:
            mlflow.search_traces(locations=[experiment], filter_string=filter)
        assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_session_s_assessment_finds_all_its_traces(experiment: str) -> None:
    ids = []
    for _ in range(2):
        with mlflow.start_span("turn") as span:
            mlflow.update_current_trace(metadata={"mlflow.trace.session": "talk"})
        ids.append(span.trace_id)
    other = _traced()
    mlflow.log_feedback(trace_id=ids[0], name="polite", value="yes", metadata={"mlflow.trace.session": "talk"})
    mlflow.log_feedback(trace_id=other, name="polite", value="no")
    found = mlflow.search_traces(filter_string="feedback.polite = 'yes'", return_type="list")
    assert {trace.info.trace_id for trace in found} == set(ids)


def test_tags_are_set_and_deleted(server: RunningTriops, experiment: str) -> None:
    id, client = _traced(), mlflow.MlflowClient()
    client.set_trace_tag(id, "owner", "me")
    client.set_trace_tag(id, "mlflow.traceName", "renamed")
    assert client.get_trace(id).info.tags["owner"] == "me"
    assert client.get_trace(id).info.tags["mlflow.traceName"] == "renamed"
    client.set_trace_tag(id, "long", "v" * 9000)
    assert client.get_trace(id).info.tags["long"] == "v" * 4096
    client.delete_trace_tag(id, "owner")
    assert "owner" not in client.get_trace(id).info.tags
    with pytest.raises(MlflowException, match="No trace tag with key 'owner'") as caught:
        client.delete_trace_tag(id, "owner")
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    for version in ("2.0", "3.0"):
        refused = httpx.patch(
            f"{server.url}/api/{version}/mlflow/traces/{id}/tags",
            json={"key": "mlflow.trace.spansLocation", "value": "x"},
        )
        assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert "immutable and cannot be set" in refused.json()["message"]


def test_assessments_live(experiment: str) -> None:
    id = _traced()
    source = AssessmentSource(source_type="HUMAN", source_id="ann")
    feedback = mlflow.log_feedback(
        trace_id=id, name="right", value={"score": 0.5, "why": ["x"]}, rationale="r", metadata={"a": "b"}, source=source
    )
    expected = mlflow.log_expectation(trace_id=id, name="answer", value={"a": [1, None]}, source=source)
    failed = mlflow.log_feedback(trace_id=id, name="judge", error=ValueError("bad"))
    again = mlflow.get_assessment(id, feedback.assessment_id)
    assert (again.value, again.rationale, again.metadata) == ({"score": 0.5, "why": ["x"]}, "r", {"a": "b"})
    assert again.source.source_id == "ann"
    assert mlflow.get_assessment(id, expected.assessment_id).value == {"a": [1, None]}
    assert mlflow.get_assessment(id, failed.assessment_id).error.error_message == "bad"
    assert len(mlflow.get_trace(id).info.assessments) == 3

    mlflow.update_assessment(id, feedback.assessment_id, Feedback(name="correct", value=1.5, metadata={"c": "d"}))
    changed = mlflow.get_assessment(id, feedback.assessment_id)
    assert (changed.name, changed.value, changed.metadata) == ("correct", 1.5, {"a": "b", "c": "d"})
    assert changed.create_time_ms == again.create_time_ms
    with pytest.raises(MlflowException, match="Cannot update expectation value on a Feedback"):
        mlflow.update_assessment(id, feedback.assessment_id, Expectation(name="x", value=1))

    over = mlflow.override_feedback(trace_id=id, assessment_id=feedback.assessment_id, value=3)
    assert over.overrides == feedback.assessment_id
    assert mlflow.get_assessment(id, feedback.assessment_id).valid is False
    mlflow.delete_assessment(id, over.assessment_id)
    assert mlflow.get_assessment(id, feedback.assessment_id).valid is True
    mlflow.delete_assessment(id, feedback.assessment_id)
    with pytest.raises(MlflowException, match=f"Assessment with ID '{feedback.assessment_id}' not found for trace"):
        mlflow.get_assessment(id, feedback.assessment_id)


def test_traces_of_a_run(experiment: str) -> None:
    with mlflow.start_run() as run:
        id = _traced()
    later = _traced()
    client = mlflow.MlflowClient()
    client.link_traces_to_run([later], run.info.run_id)
    assert mlflow.get_trace(id).info.trace_metadata["mlflow.sourceRun"] == run.info.run_id
    found = mlflow.search_traces(run_id=run.info.run_id, return_type="list")
    assert {trace.info.trace_id for trace in found} == {id, later}
    with pytest.raises(MlflowException, match="Cannot link more than 100 traces"):
        client.link_traces_to_run([f"tr-{number}" for number in range(101)], run.info.run_id)


def test_deleted_traces_are_gone(experiment: str) -> None:
    ids, client = [_traced() for _ in range(4)], mlflow.MlflowClient()
    assert client.delete_traces(experiment, trace_ids=[ids[1], "tr-unknown"]) == 1
    with pytest.raises(MlflowException, match="not found") as caught:
        client.get_trace(ids[1])
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    until = client.get_trace(ids[3]).info.request_time
    assert client.delete_traces(experiment, max_timestamp_millis=until, max_traces=1) == 1
    left = mlflow.search_traces(return_type="list")
    assert [trace.info.trace_id for trace in left] == [ids[3], ids[2]]
    assert client.delete_traces(experiment, max_timestamp_millis=until) == 2


def test_async_logging_arrives(experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "true")
    mlflow.tracing.reset()
    try:
        ids = [_traced(f"q{number}") for number in range(10)]
        mlflow.flush_trace_async_logging()
        wait_for(lambda: len(mlflow.search_traces(return_type="list")) == 10, what="all traces to arrive")
        assert {len(mlflow.get_trace(id).data.spans) for id in ids} == {2}
    finally:
        monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
        mlflow.tracing.reset()


def test_spans_over_otlp_are_a_trace_and_telemetry(server: RunningTriops, experiment: str) -> None:
    """In the conventions of GenAI, JSON within JSON, with a session and a user, in two requests."""
    now = int(mlflow.MlflowClient().get_experiment(experiment).creation_time) * 1_000_000
    id = "5b8aa5a2d2c872e8321cf37308d69df2"
    _export(server, experiment, _span(id, "02", "01", "chat", now + 5_000_000, 20, "gen_ai.operation.name=chat",
            "gen_ai.usage.input_tokens=7", "gen_ai.usage.output_tokens=2", "gen_ai.request.model=m-1"))  # fmt: skip
    trace = mlflow.get_trace(f"tr-{id}")
    assert trace.info.state == "IN_PROGRESS"
    assert trace.info.token_usage == {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}
    _export(server, experiment, _span(id, "01", "", "root", now, 50, "session.id=s-9", "user.id=bo",
            'gen_ai.input.messages=[{"role": "user", "content": "hi"}]', "mlflow.traceTag.team=blue"))  # fmt: skip
    trace = mlflow.get_trace(f"tr-{id}")
    assert (trace.info.state, trace.info.request_time, trace.info.execution_duration) == ("OK", now // 10**6, 50)
    assert trace.info.trace_metadata["mlflow.trace.session"] == "s-9"
    assert trace.info.trace_metadata["mlflow.trace.user"] == "bo"
    assert trace.info.tags["service.name"] == "shop"
    assert trace.info.tags["team"] == "blue"
    root, chat = trace.data.spans
    assert root.inputs == [{"role": "user", "content": "hi"}]
    assert (chat.span_type, chat.attributes["mlflow.llm.model"]) == ("CHAT_MODEL", "m-1")
    assert [span["name"] for span in server.client.trace(id)] == ["root", "chat"]


def test_filters_are_correlated(pair: tuple[str, str, str]) -> None:
    store = mlflow.MlflowClient()._tracing_client.store
    found = store.calculate_trace_filter_correlation([pair[0]], "tags.colour = 'red'", "feedback.score > 0.5")
    assert (found.filter1_count, found.filter2_count, found.joint_count, found.total_count) == (1, 1, 1, 2)
    assert found.npmi == 1.0
    assert 0 < found.npmi_smoothed < 1


def test_the_document_of_a_trace_s_spans(server: RunningTriops, pair: tuple[str, str, str]) -> None:
    answer = httpx.get(f"{server.url}/ajax-api/2.0/mlflow/get-trace-artifact", params={"request_id": pair[1]})
    assert answer.headers["content-disposition"] == "attachment; filename=traces.json"
    root, child = answer.json()["spans"]
    assert (root["name"], root["parent_span_id"], child["parent_span_id"]) == ("answer", None, root["span_id"])
    assert root["attributes"]["mlflow.spanInputs"] == '{"question": "why"}'
    assert child["attributes"]["mlflow.spanType"] == '"LLM"'


def test_attachments_of_a_trace(server: RunningTriops, experiment: str) -> None:
    with mlflow.start_span("drawn") as span:
        span.set_outputs({"image": Attachment(content_bytes=b"PNG123", content_type="image/png")})
    (named,) = re.findall(
        r"mlflow-attachment://([0-9a-f-]+)", str(mlflow.get_trace(span.trace_id).data.spans[0].outputs)
    )
    url, asked = f"{server.url}/ajax-api/2.0/mlflow/get-trace-artifact", {"request_id": span.trace_id}
    assert httpx.get(url, params={**asked, "path": named}).content == b"PNG123"
    for path, status in ((named.replace(named[0], "e" if named[0] != "e" else "f"), 404), ("../traces.json", 400)):
        assert httpx.get(url, params={**asked, "path": path}).status_code == status


def test_clients_before_3_begin_and_end_traces(server: RunningTriops, experiment: str) -> None:
    old = f"{server.url}/api/2.0/mlflow/traces"
    begun = httpx.post(
        old,
        json={
            "experiment_id": experiment,
            "timestamp_ms": 1000,
            "request_metadata": [{"key": "m", "value": "1"}],
            "tags": [{"key": "t", "value": "1"}],
        },
    ).json()["trace_info"]
    assert (begun["status"], begun["timestamp_ms"]) == ("IN_PROGRESS", 1000)
    ended = httpx.patch(
        f"{old}/{begun['request_id']}",
        json={"timestamp_ms": 1250, "status": "OK", "request_metadata": [], "tags": [{"key": "t", "value": "2"}]},
    ).json()["trace_info"]
    assert (ended["status"], ended["execution_time_ms"]) == ("OK", 250)
    assert {"key": "t", "value": "2"} in ended["tags"]
    assert httpx.get(f"{old}/{begun['request_id']}/info").json()["trace_info"] == ended
    found = httpx.get(old, params={"experiment_ids": experiment, "filter": "status = 'OK'"}).json()
    assert found == {"traces": [ended]}


def test_otlp_of_no_experiment_is_refused_whole(server: RunningTriops, experiment: str) -> None:
    id = "6b8aa5a2d2c872e8321cf37308d69df2"
    answer = _export(server, "987654", _span(id, "01", "", "root", 10**18, 1))
    assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    for body, status in ((b"garbage", 400), (b"", 400)):
        answer = httpx.post(
            f"{server.url}/v1/traces",
            content=body,
            headers={"x-mlflow-experiment-id": experiment, "content-type": "application/x-protobuf"},
        )
        assert answer.status_code == status
        assert "Invalid OpenTelemetry format" in answer.json()["detail"]


def test_the_link_to_a_run_by_header(server: RunningTriops, experiment: str) -> None:
    id = "7b8aa5a2d2c872e8321cf37308d69df2"
    _export(server, experiment, _span(id, "01", "", "root", 10**18, 1), run="r-header")
    found = mlflow.search_traces(locations=[experiment], filter_string="run_id = 'r-header'", return_type="list")
    assert [trace.info.trace_id for trace in found] == [f"tr-{id}"]


def _span(trace: str, id: str, parent: str, name: str, start: int, ms: int, *pairs: str) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    service = group.resource.attributes.add(key="service.name")
    service.value.string_value = "shop"
    span = group.scope_spans.add().spans.add(
        trace_id=bytes.fromhex(trace),
        span_id=bytes.fromhex(id.rjust(16, "0")),
        parent_span_id=bytes.fromhex(parent.rjust(16, "0")) if parent else b"",
        name=name,
        start_time_unix_nano=start,
        end_time_unix_nano=start + ms * 1_000_000,
    )
    for pair in pairs:
        key, _, value = pair.partition("=")
        attribute = span.attributes.add(key=key)
        if value.isdigit():
            attribute.value.int_value = int(value)
        else:
            attribute.value.string_value = value
    return request


def _export(
    server: RunningTriops, experiment: str, request: ExportTraceServiceRequest, run: str = ""
) -> httpx.Response:
    headers = {"content-type": "application/x-protobuf", "x-mlflow-experiment-id": experiment}
    if run:
        headers["x-mlflow-run-id"] = run
    return httpx.post(f"{server.url}/v1/traces", content=request.SerializeToString(), headers=headers)
