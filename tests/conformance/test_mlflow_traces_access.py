"""Traces of an experiment that a document of access closes: who may not cannot read, find or add to them. And what was
answered survives a kill."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from triops.sdk import Client
from triops.testing.server import RunningTriops

OTLP = {"content-type": "application/x-protobuf"}
PLACE = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "1"}}


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, httpx.Client]]:
    """Ann may do everything with experiment 1, bob nothing, eve only read; the trace 1 is in it."""
    with RunningTriops(tmp_path_factory.mktemp("access") / "data") as server:
        admin = Client(server.url, server.client.create_key("root", "admin")["secret"])
        secrets = {name: admin.create_key(name, role)["secret"] for name, role in
                   (("ann", "editor"), ("bob", "editor"), ("eve", "viewer"), ("box", "ingest"))}  # fmt: skip
        callers = {name: httpx.Client(base_url=server.url, auth=("user", secret)) for name, secret in secrets.items()}
        created = callers["ann"].post("/api/2.0/mlflow/experiments/create", json={"name": "closed"})
        assert created.json() == {"experiment_id": "1"}
        admin.apply([{"kind": "Access", "name": "closed", "spec": {
            "experiments": ["closed"], "read": ["role:viewer"], "manage": ["ann"]}}])  # fmt: skip
        assert _export(callers["ann"], "1", 1).status_code == 200
        yield callers
        for client in (admin, *callers.values()):
            client.close()


def _export(caller: httpx.Client, experiment: str, trace: int, spans: int = 1) -> httpx.Response:
    request = ExportTraceServiceRequest()
    out = request.resource_spans.add().scope_spans.add()
    for number in range(spans):
        out.spans.add(
            trace_id=trace.to_bytes(16, "big"),
            span_id=(number + 1).to_bytes(8, "big"),
            name="s",
            start_time_unix_nano=1,
            end_time_unix_nano=2,
        )
    headers = {**OTLP, "x-mlflow-experiment-id": experiment}
    return caller.post("/v1/traces", content=request.SerializeToString(), headers=headers)


def _id(trace: int) -> str:
    return f"tr-{trace:032x}"


def _error(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json().get("error_code")


def test_spans_and_words_are_not_taken_from_who_may_not(callers: dict[str, httpx.Client]) -> None:
    assert _error(_export(callers["bob"], "1", 2)) == (403, "PERMISSION_DENIED")
    assert _error(_export(callers["bob"], "0", 1)) == (403, "PERMISSION_DENIED")  # the trace is in the closed one
    assert _error(_export(callers["eve"], "1", 2)) == (403, "PERMISSION_DENIED")
    word = {"trace": {"trace_info": {"trace_id": _id(3), "trace_location": PLACE}}}
    assert _error(callers["bob"].post("/api/3.0/mlflow/traces", json=word)) == (403, "PERMISSION_DENIED")
    assert callers["ann"].post("/api/3.0/mlflow/traces", json=word).status_code == 200
    assert _export(callers["box"], "0", 7).status_code == 200


def test_traces_are_not_shown_to_who_may_not(callers: dict[str, httpx.Client]) -> None:
    search = {"locations": [PLACE]}
    for caller, count in (("ann", 1), ("eve", 1), ("bob", 0)):
        found = callers[caller].post(
            "/api/3.0/mlflow/traces/search", json={**search, "filter": f"request_id = '{_id(1)}'"}
        )
        assert (found.status_code, len(found.json().get("traces", []))) == (200, count), caller
    for path in (f"/{_id(1)}", f"/get?trace_id={_id(1)}", f"/batchGet?trace_ids={_id(1)}"):
        assert callers["eve"].get(f"/api/3.0/mlflow/traces{path}").status_code == 200
        assert _error(callers["bob"].get(f"/api/3.0/mlflow/traces{path}")) == (403, "PERMISSION_DENIED"), path


def test_traces_are_not_changed_by_who_may_not(callers: dict[str, httpx.Client]) -> None:
    traces = "/api/3.0/mlflow/traces"
    assessment = {"assessment": {"assessment_name": "n", "feedback": {"value": True}}}
    for method, path, body in (
        ("PATCH", f"{traces}/{_id(1)}/tags", {"key": "k", "value": "v"}),
        ("POST", f"{traces}/{_id(1)}/assessments", assessment),
        ("POST", f"{traces}/delete-traces", {"experiment_id": "1", "request_ids": [_id(1)]}),
        ("POST", "/api/2.0/mlflow/traces/link-prompts", {"trace_id": _id(1), "prompt_versions": []}),
    ):
        for caller in ("bob", "eve"):
            assert _error(callers[caller].request(method, path, json=body)) == (403, "PERMISSION_DENIED"), (
                caller,
                path,
            )
        if "delete" not in path:
            assert callers["ann"].request(method, path, json=body).status_code == 200, path


def test_what_was_answered_is_there_after_a_kill(tmp_path: Path) -> None:
    with RunningTriops(tmp_path / "data") as server:
        with httpx.Client(base_url=server.url) as client:
            for number in range(1, 40):
                assert _export(client, "0", number, spans=3).status_code == 200
        server.kill()
        server.start()
        ids = "&".join(f"trace_ids={_id(number)}" for number in range(1, 40))
        found = httpx.get(f"{server.url}/api/3.0/mlflow/traces/batchGet?{ids}").json()["traces"]
        assert [len(trace["spans"]) for trace in found] == [3] * 39
