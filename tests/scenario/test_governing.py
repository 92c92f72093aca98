"""Documents at the start, erasure, retention: what administers a running server."""

import time
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from triops.sdk import ApiError
from triops.testing.server import NotInTime, RunningTriops, wait_for

POLICY = "kind: Policy\nname: careful\nspec: {level: ask}\n"
RUNBOOK = """
kind: Runbook
name: restart
spec:
  title: "Restart {{entity.name}}"
  when: {entity_types: [service]}
  effect: {actuator: http, spec: {method: POST, url: "http://127.0.0.1:9/restart"}}
"""


def log_body(user: str, at_s: float | None = None) -> bytes:
    request = ExportLogsServiceRequest()
    at_ns = int((at_s or time.time()) * 1e9)
    record = request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=at_ns)
    record.body.string_value = f"hello {user}"
    record.attributes.add(key="user.id").value.string_value = user
    return request.SerializeToString()


def send(server: RunningTriops, body: bytes) -> httpx.Response:
    return httpx.post(server.url + "/v1/logs", content=body, headers={"Content-Type": "application/x-protobuf"})


def test_documents_given_at_the_start_are_applied_once(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "policy.yaml").write_text(POLICY)
    (documents / "runbook.yaml").write_text(RUNBOOK)
    with RunningTriops(tmp_path / "data", "--config", str(documents)) as server:
        assert [(d["kind"], d["revision"]) for d in server.client.documents()] == [("Policy", 1), ("Runbook", 1)]
        assert {c["kind"] for c in server.client.changes()} == {"apply"}
        server.stop()
        server.start()
        assert [d["revision"] for d in server.client.documents()] == [1, 1]
        assert len(server.client.changes()) == 2


def test_a_wrong_document_stops_the_start_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY.replace("ask", "shout"))
    with pytest.raises(NotInTime, match=r"Policy 'careful'.*level"):
        RunningTriops(tmp_path / "data", "--config", str(tmp_path / "policy.yaml")).start()


def test_applying_is_all_or_none(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        good = {"kind": "Policy", "name": "a", "spec": {"level": "ask"}}
        with pytest.raises(ApiError, match="no such kind"):
            server.client.apply([good, {"kind": "Polcy", "name": "b", "spec": {}}])
        assert server.client.documents() == []
        server.client.apply([good])
        gone = server.client.call("DELETE", "/documents/Policy/a", body={"why": "it asked for too much"})
        assert gone["name"] == "a"
        assert server.client.documents() == []
        assert [c["title"] for c in server.client.changes()] == ["Policy a deleted", "Policy a created"]
        newest = server.client.call("GET", "/audit")["items"][0]
        assert (newest["verb"], newest["details"]["why"]) == ("document.deleted", "it asked for too much")
        assert server.client.changes()[0]["details"]["why"] == "it asked for too much"


def test_a_user_is_erased_and_others_stay(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        for user in ("ann", "bob", "ann"):
            assert send(server, log_body(user)).status_code == 200
        assert server.client.call("POST", "/erase", body={"user": "ann"})["rows"] == 2
        assert [r["body"] for r in server.client.logs()] == ["hello bob"]
        server.client.record_change("service", "a", "deploy", "v1")
        server.client.call("POST", "/erase", body={"project": True})
        assert server.client.logs() == []
        assert server.client.changes() == []
        for wrong in ({}, {"user": "a", "project": True}):
            with pytest.raises(ApiError, match="say what to erase"):
                server.client.call("POST", "/erase", body=wrong)


def test_rows_outside_the_window_of_time_are_refused_and_counted(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        for at in (time.time() - 40 * 86_400, time.time() + 3600):
            answer = send(server, log_body("late", at))
            assert answer.status_code == 200
            assert b"1 refused" in answer.content
        assert server.client.logs(start="0") == []
        refused = server.client.status()["received"]["refused"]
        assert {("retention" in r["reason"], r["count"]) for r in refused} == {(True, 1), (False, 1)}
        assert "triops_refused_rows_total" in httpx.get(server.url + "/metrics").text


def old_trace() -> bytes:
    """Of five days ago."""
    request, at = ExportTraceServiceRequest(), int((time.time() - 5 * 86_400) * 1e9)
    span = (
        request.resource_spans.add()
        .scope_spans.add()
        .spans.add(
            trace_id=b"t" * 16, span_id=b"s" * 8, name="answer", start_time_unix_nano=at, end_time_unix_nano=at + 10**6
        )
    )
    span.attributes.add(key="mlflow.spanInputs").value.string_value = '"where is my parcel"'
    return request.SerializeToString()


def kept_of_trace(server: RunningTriops) -> tuple[str, bool]:
    """The name of the experiment's span, and whether what was said in it is there."""
    answer = httpx.get(f"{server.url}/api/3.0/mlflow/traces/get?trace_id=tr-{(b't' * 16).hex()}").json()["trace"]
    return answer["spans"][0]["name"], "parcel" in str(answer)


def test_old_days_are_dropped_and_the_disk_is_given_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with RunningTriops(data) as server:
        assert send(server, log_body("old", time.time() - 5 * 86_400)).status_code == 200
        assert send(server, log_body("new")).status_code == 200
        assert len(list((data / "telemetry" / "logs").glob("*.duckdb"))) == 2
        headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": "0"}
        assert httpx.post(server.url + "/v1/traces", content=old_trace(), headers=headers).status_code == 200
        assert kept_of_trace(server) == ("answer", True)
        server.stop()
    days = {"TRIOPS_RETENTION_LOGS_DAYS": "2", "TRIOPS_RETENTION_LLM_CONTENT_DAYS": "2"}
    with RunningTriops(data, environ=days) as server:
        wait_for(
            lambda: len(list((data / "telemetry" / "logs").glob("*.duckdb"))) == 1, what="the retention job", limit_s=30
        )
        assert [r["body"] for r in server.client.logs(start="-30d")] == ["hello new"]
        wait_for(lambda: kept_of_trace(server) == ("answer", False), what="what was said to go", limit_s=30)
