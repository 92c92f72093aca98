"""Langfuse's own client, unmodified, against a running server; and the batches of its older versions."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from triops.testing.server import RunningTriops, wait_for

langfuse = pytest.importorskip("langfuse")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriops]:
    with RunningTriops(tmp_path_factory.mktemp("langfuse") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: RunningTriops) -> Iterator[Any]:
    client = langfuse.Langfuse(public_key="pk-any", secret_key="sk-any", base_url=server.url, flush_interval=0.2)
    yield client
    client.shutdown()


def got(server: RunningTriops, path: str, **query: Any) -> Any:
    answer = httpx.get(f"{server.url}/triops/v1{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_client_is_known(client: Any) -> None:
    assert client.auth_check() is True


def test_an_application_with_a_tool_and_a_generation(server: RunningTriops, client: Any) -> None:
    with client.start_as_current_observation(as_type="agent", name="answer", input={"question": "Where is my parcel?"}):
        with langfuse.propagate_attributes(user_id="ada", session_id="talk-1", tags=["beta", "care"]):
            with client.start_as_current_observation(as_type="tool", name="look-up", input={"id": 7}) as tool:
                tool.update(output={"place": "Turin"})
            with client.start_as_current_observation(
                as_type="generation",
                name="say",
                model="small-1",
                input=[{"role": "user", "content": "Where is my parcel? It is in Turin."}],
                model_parameters={"temperature": 0.2},
            ) as generation:
                generation.update(
                    output={"role": "assistant", "content": "Your parcel waits in Turin."},
                    usage_details={"input": 12, "output": 7, "cache_read_input_tokens": 4},
                    cost_details={"total": 0.00125},
                )
                generation.score(name="helpful", value=1, data_type="BOOLEAN", comment="yes")
        client.score_current_trace(name="tone", value="warm", data_type="CATEGORICAL")
        trace = client.get_current_trace_id()
    client.flush()
    line = wait_for(lambda: next(iter(got(server, "/llm/traces", q="PARCEL waits")["items"]), None))
    assert (line["trace"], line["root"], line["model"]) == (trace, "answer", "small-1")
    assert (line["user"], line["session"], set(line["tags"])) == ("ada", "talk-1", {"beta", "care"})
    assert (line["input_tokens"], line["output_tokens"], line["cost_usd"], line["calls"]) == (12, 7, "0.00125", 1)
    assert line["spans"] == 3
    scores = wait_for(lambda: (s := got(server, "/scores", trace=trace)["items"]) and len(s) == 2 and s)
    assert {(one["name"], one["value"], one["string_value"]) for one in scores} == {
        ("helpful", 1.0, ""), ("tone", None, "warm"),
    }  # fmt: skip
    whole = got(server, f"/llm/traces/{trace}")
    spans = {span["name"]: span for span in whole["items"]}
    assert {name: span["type"] for name, span in spans.items()} == {"answer": "agent", "look-up": "tool", "say": "llm"}
    assert spans["answer"]["total_cost_usd"] == "0.00125"
    assert spans["answer"]["cost_usd"] is None
    assert spans["answer"]["total_tokens"] == 19
    assert spans["say"]["output"][0]["parts"] == [{"type": "text", "content": "Your parcel waits in Turin."}]
    assert whole["trace"]["scores"] == {"helpful": 1.0, "tone": "warm"}


def batch(server: RunningTriops, *events: dict[str, Any]) -> Any:
    given = [
        {"id": f"e{n}", "timestamp": body.pop("at"), "type": body.pop("kind"), "body": body}
        for n, body in enumerate(map(dict, events))
    ]
    basic = base64.b64encode(b"pk:sk").decode()
    answer = httpx.post(
        f"{server.url}/api/public/ingestion", json={"batch": given}, headers={"authorization": f"Basic {basic}"}
    )
    assert answer.status_code == 207, answer.text
    return answer.json()


def test_batches_of_older_clients(server: RunningTriops) -> None:
    start = datetime.now(UTC) - timedelta(seconds=5)
    at = [(start + timedelta(seconds=n)).isoformat() for n in range(4)]
    told = batch(
        server,
        {"kind": "trace-create", "at": at[0], "id": "old trace", "name": "chat", "userId": "bob", "tags": ["old"]},
        {
            "kind": "generation-create", "at": at[0], "id": "g1", "traceId": "old trace", "name": "say",
            "model": "small-1", "input": "Ping?", "startTime": at[1],
        },
        {"kind": "score-create", "at": at[0], "id": "s1", "traceId": "old trace", "name": "ok", "value": 0.5},
        {"kind": "generation-create", "at": at[0], "id": "", "traceId": "old trace"},
        {"kind": "nonsense", "at": at[0], "id": "x"},
        {"kind": "generation-update", "at": at[0], "id": "unknown", "traceId": "old trace", "output": "?"},
    )  # fmt: skip
    assert [one["id"] for one in told["successes"]] == ["e2", "e0", "e1"]
    assert {one["id"]: one["status"] for one in told["errors"]} == {"e3": 400, "e4": 400, "e5": 404}
    later = batch(
        server,
        {
            "kind": "generation-update", "at": at[3], "id": "g1", "traceId": "old trace", "output": "Pong!",
            "endTime": at[3], "usage": {"promptTokens": 3, "completionTokens": 2, "totalCost": 0.5},
        },
    )  # fmt: skip
    assert later["errors"] == []
    (line,) = got(server, "/llm/traces", user="bob")["items"]
    assert (line["root"], line["input_tokens"], line["output_tokens"], line["cost_usd"]) == ("chat", 3, 2, "0.5")
    assert line["scores"] == {"ok": 0.5}
    whole = got(server, f"/llm/traces/{line['trace']}")
    say = next(span for span in whole["items"] if span["name"] == "say")
    assert say["input"][0]["parts"][0]["content"] == "Ping?"
    assert say["output"][0]["parts"][0]["content"] == "Pong!"
    assert say["ms"] == pytest.approx(2000)
