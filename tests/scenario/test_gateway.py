"""The gateway's process as its callers meet it: faults of providers, callers that leave, kills, one port for all."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
import pytest

from triops.adapters.embedded.journal import FileJournalReader
from triops.testing.server import RunningTriops, wait_for
from triops.testing.upstream import LoopbackProvider

CHAT = "/v1/chat/completions"
HI = [{"role": "user", "content": "hi there"}]
ROUTES: dict[str, dict[str, Any]] = {
    "fast": {"targets": [{"provider": "up", "model": "small-1"}]},
    "again": {"targets": [{"provider": "up", "model": "a!status=503,times=1"}], "retries": 1},
    "other": {"targets": [{"provider": "gone", "model": "x"}], "fallbacks": [{"provider": "up", "model": "b"}]},
    "bad": {"targets": [{"provider": "up", "model": "c!status=400"}]},
    "garbage": {"targets": [{"provider": "up", "model": "d!garbage=html"}], "retries": 0},
    "cut": {"targets": [{"provider": "up", "model": "e!cut_after=3,flush=1"}], "retries": 0},
    "slow": {"targets": [{"provider": "up", "model": "f!words=20,between_ms=30"}], "drain_s": 20},
    "left": {"targets": [{"provider": "up", "model": "g!words=200,between_ms=30"}], "on_disconnect": "cancel"},
    "kept": {"targets": [{"provider": "up", "model": "h"}], "cache": {"ttl_s": 60}},
    "strict": {"targets": [{"provider": "up", "model": "i!echo=1"}], "guards": ["mail"]},
    "hangs": {
        "targets": [{"provider": "up", "model": "k!first_ms=20000"}],
        "fallbacks": [{"provider": "up", "model": "b"}],
        "timeout_s": 0.5,
    },
    "wait": {"targets": [{"provider": "up", "model": "j!first_ms=300"}]},
}
PRICED = {"small-1": "small-1", "slow": "f!words=20,between_ms=30", "left": "g!words=200,between_ms=30", "kept": "h"}


def documents(url: str) -> list[dict[str, Any]]:
    provider = {"dialect": "openai", "base_url": f"{url}/v1", "allow_private": True}
    found: list[dict[str, Any]] = [
        {"kind": "Provider", "name": "up", "spec": provider},
        {"kind": "Provider", "name": "gone", "spec": {**provider, "base_url": "http://127.0.0.1:9/v1"}},
        {"kind": "Guard", "name": "mail", "spec": {"on": ["input"], "pii": {"action": "redact"}}},
        {
            "kind": "Key",
            "name": "poor",
            "spec": {"routes": ["fast"], "budget_usd": {"amount": "0.0100", "per": "day", "hard": True}},
        },
        {"kind": "Key", "name": "rich", "spec": {"application": "assistant", "team": "care"}},
    ]
    found += [{"kind": "Route", "name": name, "spec": spec} for name, spec in ROUTES.items()]
    for name, model in PRICED.items():
        rates = {"input_per_million_usd": "1", "output_per_million_usd": "100", "max_output_tokens": 20}
        found.append({"kind": "Price", "name": name, "spec": {"provider": "up", "model": model, **rates}})
    return found


class Gate:
    """The server, and a client with a key of it."""

    def __init__(self, server: RunningTriops, up: LoopbackProvider) -> None:
        self.server, self.up = server, up
        http = httpx.Client(base_url=server.url)
        applied = http.post("/triops/v1/documents", json={"documents": documents(up.url)})
        assert applied.status_code == 200, applied.text
        self.keys = {
            name: http.post("/triops/v1/gateway/keys", json={"key": name}).json()["secret"] for name in ("poor", "rich")
        }
        self.http = httpx.Client(
            base_url=server.url, headers={"authorization": f"Bearer {self.keys['rich']}"}, timeout=30
        )

    def chat(self, route: str, **more: Any) -> httpx.Response:
        headers = more.pop("headers", {})
        return self.http.post(CHAT, json={"model": route, "messages": HI, **more}, headers=headers)

    def outcome(self, call: str) -> dict[str, Any]:
        """What the journal has of a call, when it has it."""
        reader = FileJournalReader(self.server.data / "gateway" / "journal")

        def find() -> dict[str, Any]:
            for entry in reader.read(0, 100_000):
                if entry.kind == "o" and call in entry.body.decode():
                    return dict(orjson.loads(entry.body))
            return {}

        return wait_for(find, what=f"the outcome of {call}")

    def pid(self) -> int:
        """Of the gateway's process, 0 while there is none."""
        assert self.server.process is not None
        for child in psutil.Process(self.server.process.pid).children():
            with suppress(psutil.Error):
                if "triops.gateway_main" in child.cmdline():
                    return child.pid
        return 0


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with LoopbackProvider() as up, RunningTriops(tmp_path_factory.mktemp("gateway") / "data") as server:
        yield Gate(server, up)


def test_the_model_of_names_is_there_before_a_call_asks_for_it(gate: Gate) -> None:
    def loaded() -> bool:
        with suppress(psutil.Error):
            return any("numpy" in one.path for one in psutil.Process(gate.pid()).memory_maps())
        return False

    wait_for(loaded, what="the model of names")


def test_a_retry_and_a_fallback_are_attempts_of_one_call(gate: Gate) -> None:
    again = gate.chat("again")
    assert again.status_code == 200, again.text
    assert [a["error"] for a in gate.outcome(again.headers["x-triops-call"])["attempts"]] == ["overloaded", ""]
    other = gate.chat("other")
    assert other.headers["x-triops-provider"] == "up"
    attempts = gate.outcome(other.headers["x-triops-call"])["attempts"]
    assert [(a["provider"], a["error"]) for a in attempts][-1] == ("up", "")
    assert {a["error"] for a in attempts[:-1]} == {"connect"}
    assert all(a["usage"]["input"] == 0 for a in attempts[:-1])


@pytest.mark.parametrize("stream", [False, True])
def test_who_hangs_until_the_route_s_time_is_over_is_followed_by_its_fallback(gate: Gate, stream: bool) -> None:
    answer = gate.chat("hangs", stream=stream)
    assert answer.status_code == 200, answer.text
    attempts = gate.outcome(answer.headers["x-triops-call"])["attempts"]
    assert [(one["model"], one["error"]) for one in attempts] == [("k!first_ms=20000", "timeout"), ("b", "")]


def test_a_provider_s_refusal_goes_to_the_caller_in_its_own_words_and_once(gate: Gate) -> None:
    bad = gate.chat("bad")
    assert bad.status_code == 400
    assert bad.json()["error"]["message"]
    assert len(gate.outcome(bad.headers["x-triops-call"])["attempts"]) == 1


def test_garbage_is_a_502_in_the_caller_s_dialect(gate: Gate) -> None:
    garbage = gate.chat("garbage")
    assert garbage.status_code == 502
    assert garbage.json()["error"]["type"] == "server_error"
    with gate.http.stream("POST", CHAT, json={"model": "garbage", "messages": HI, "stream": True}) as streamed:
        assert streamed.status_code == 502


def test_a_cut_stream_ends_in_an_error_event_and_is_counted_by_ourselves(gate: Gate) -> None:
    with gate.http.stream("POST", CHAT, json={"model": "cut", "messages": HI, "stream": True}) as streamed:
        assert streamed.status_code == 200
        lines = [line for line in streamed.iter_lines() if line]
    assert "[DONE]" not in lines[-1]
    assert "error" in orjson.loads(lines[-1].removeprefix("data: "))
    outcome = gate.outcome(streamed.headers["x-triops-call"])
    assert outcome["error"] == "cut"
    assert outcome["attempts"][0]["estimated"] is True
    assert outcome["attempts"][0]["usage"]["output"] > 0


def test_a_stream_shows_no_usage_that_was_not_asked_for_and_counts_it(gate: Gate) -> None:
    with gate.http.stream("POST", CHAT, json={"model": "fast", "messages": HI, "stream": True}) as streamed:
        text = streamed.read().decode()
    assert text.endswith("data: [DONE]\n\n")
    assert '"usage":{' not in text.replace(" ", "")
    outcome = gate.outcome(streamed.headers["x-triops-call"])
    assert outcome["first_ns"] > 0
    assert outcome["attempts"][0]["usage"]["output"] == 8
    assert not outcome["attempts"][0]["estimated"]


@pytest.mark.parametrize("route", ["slow", "left"])
def test_a_caller_who_leaves_is_drained_or_cancelled_as_the_route_says(gate: Gate, route: str) -> None:
    with gate.http.stream("POST", CHAT, json={"model": route, "messages": HI, "stream": True}) as streamed:
        next(streamed.iter_bytes())
        call = streamed.headers["x-triops-call"]
    outcome = gate.outcome(call)
    attempt = outcome["attempts"][0]
    assert outcome["error"] == "disconnected"
    assert outcome["disconnected"] is True
    assert attempt["estimated"] is (route == "left")
    if route == "slow":
        assert attempt["usage"]["output"] == 20
    else:
        assert attempt["usage"]["output"] < 150
    assert attempt["cost"] > 0


def test_a_hard_budget_is_never_passed(gate: Gate) -> None:
    poor = {"authorization": f"Bearer {gate.keys['poor']}"}
    statuses: list[int] = []
    spent = 0
    lock = threading.Lock()

    def run(client: httpx.Client) -> None:
        nonlocal spent
        for _ in range(12):
            answer = client.post(CHAT, json={"model": "fast", "messages": HI}, headers=poor)
            with lock:
                statuses.append(answer.status_code)
                if answer.status_code == 200:
                    usage = answer.json()["usage"]
                    spent += usage["prompt_tokens"] * 10**6 + usage["completion_tokens"] * 10**8
                else:
                    assert answer.json()["error"]["type"] == "budget_exceeded"

    clients = [httpx.Client(base_url=gate.server.url) for _ in range(3)]
    threads = [threading.Thread(target=run, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200, 429}
    assert 0 < spent <= 10**10


def test_the_cache_answers_again_whole_and_streamed(gate: Gate) -> None:
    first, second = gate.chat("kept"), gate.chat("kept")
    assert (first.headers["x-triops-cache"], second.headers["x-triops-cache"]) == ("miss", "hit")
    assert second.json()["choices"] == first.json()["choices"]
    assert second.headers["x-triops-cost-usd"] == "0"
    made, again = (gate.outcome(answer.headers["x-triops-call"]) for answer in (first, second))
    assert (again["saved"] > 0, again["answer_id"], made["answer_id"]) == (True, "", first.json()["id"])
    streamed = gate.chat("kept", stream=True)
    assert streamed.headers["x-triops-cache"] == "hit"
    pieces = [orjson.loads(line[6:]) for line in streamed.text.split("\n\n") if line.startswith("data: {")]
    text = "".join(c["delta"].get("content") or "" for piece in pieces for c in piece["choices"])
    assert text == first.json()["choices"][0]["message"]["content"]
    skipped = gate.chat("kept", headers={"x-triops-no-cache": "1"})
    assert skipped.headers["x-triops-cache"] == "off"
    httpx.delete(f"{gate.server.url}/triops/v1/users/ann").raise_for_status()
    wait_for(lambda: gate.chat("kept").headers["x-triops-cache"] == "miss", what="what was kept to be gone")


def test_what_a_stream_says_beside_its_text_is_not_lost_in_the_cache(gate: Gate) -> None:
    """Log probabilities are not put together from a stream, so that such a one is asked again."""
    asked: dict[str, Any] = {"logprobs": True, "seed": 5}
    streams = [gate.chat("kept", stream=True, **asked) for _ in range(2)]
    assert [answer.headers["x-triops-cache"] for answer in streams] == ["miss", "miss"]
    whole = [gate.chat("kept", **asked) for _ in range(2)]
    assert [answer.headers["x-triops-cache"] for answer in whole] == ["miss", "hit"]
    assert whole[1].json()["choices"][0]["logprobs"]["content"]


def test_a_guard_s_redaction_reaches_the_provider_and_the_record(gate: Gate) -> None:
    said = [{"role": "user", "content": "write to ann.lee@example.com now"}]
    answer = gate.http.post(CHAT, json={"model": "strict", "messages": said})
    assert answer.json()["choices"][0]["message"]["content"] == "write to [EMAIL_ADDRESS] now"
    call = answer.headers["x-triops-call"]
    assert gate.outcome(call)["guards"][0]["type"] == "EMAIL_ADDRESS"
    reader = FileJournalReader(gate.server.data / "gateway" / "journal")
    records = [entry.body for entry in reader.read(0, 100_000) if call.encode() in entry.body]
    assert len(records) == 2
    assert not any(b"ann.lee" in record for record in records)


def test_a_large_prompt_passes_and_one_that_is_too_large_says_so(gate: Gate) -> None:
    large = [{"role": "user", "content": "word " * (4 << 20)}]
    assert gate.http.post(CHAT, json={"model": "fast", "messages": large}).status_code == 200
    connected = socket.create_connection(("127.0.0.1", int(gate.server.url.rsplit(":", 1)[1])))
    connected.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999\r\n\r\n".encode())
    assert connected.recv(1000).startswith(b"HTTP/1.1 413 ")
    connected.close()
    connected = socket.create_connection(("127.0.0.1", int(gate.server.url.rsplit(":", 1)[1])))
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer trg_unknown\r\ncontent-length: 9999999\r\n\r\n"
    connected.sendall(head.encode())
    assert connected.recv(1000).startswith(b"HTTP/1.1 401 ")
    connected.close()


def test_one_kept_connection_mixes_the_gateway_s_paths_and_the_server_s(gate: Gate) -> None:
    connected = socket.create_connection(("127.0.0.1", int(gate.server.url.rsplit(":", 1)[1])))
    connected.settimeout(10)
    key = f"authorization: Bearer {gate.keys['rich']}\r\n"
    for path, expected in (("/health", b"OK"), ("/v1/models", b'"fast"'), ("/triops/v1/version", b"version")) * 4:
        request = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{key}\r\n".encode()
        connected.sendall(request[:9])
        time.sleep(0)  # the beginning may come alone
        connected.sendall(request[9:])
        answer = b""
        while not _complete(answer):
            data = connected.recv(65_536)
            assert data, (path, answer)
            answer += data
        assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
        assert expected in answer
    connected.close()


def test_everything_of_one_user_leaves_the_disk(gate: Gate) -> None:
    http, words = gate.http, "the zebra plan"
    asked = {"messages": [{"role": "user", "content": words}], "user": "eve"}
    for route in ("slow", "kept", "kept"):
        answer = gate.chat(route, stream=route == "slow", headers={"x-triops-session": "hers"}, **asked)
        assert answer.status_code == 200, answer.text
    call = answer.headers["x-triops-call"]
    assert answer.headers["x-triops-cache"] == "hit"
    assert gate.chat("fast", messages=HI, user="bob").status_code == 200
    experiment = http.post("/api/2.0/mlflow/experiments/create", json={"name": "hers"}).json()["experiment_id"]
    at = time.time_ns()
    said = {"gen_ai.input.messages": f'[{{"role":"user","content":"{words}"}}]', "user.id": "eve"}
    span = {
        "traceId": "ab" * 16,
        "spanId": "cd" * 8,
        "name": "chat",
        "startTimeUnixNano": at,
        "endTimeUnixNano": at + 9,
    }
    span["attributes"] = [{"key": key, "value": {"stringValue": value}} for key, value in said.items()]
    log = {"timeUnixNano": at, "traceId": "ab" * 16, "body": {"stringValue": words}}
    sent = [
        http.post(
            "/v1/traces",
            json={"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]},
            headers={"x-mlflow-experiment-id": experiment},
        ),
        http.post("/v1/logs", json={"resourceLogs": [{"scopeLogs": [{"logRecords": [log]}]}]}),
        http.post("/triops/v1/scores", json={"trace": "ab" * 16, "name": "good", "value": 1, "comment": words}),
    ]
    assert [one.status_code for one in sent] == [200, 200, 201]
    kept = {"trace_id": f"tr-{'ab' * 16}"}
    assert http.get("/ajax-api/3.0/mlflow/traces/get", params=kept).status_code == 200
    before = http.get("/triops/v1/spend", params={"route": "kept"}).json()["total"]["requests"]

    def holding() -> set[str]:
        files = [path for path in gate.server.data.rglob("*") if path.is_file()]
        return {path.suffix for path in files if words.encode() in path.read_bytes()}

    assert holding() >= {".journal", ".sqlite-wal"}
    assert http.delete("/triops/v1/users/eve").json()["rows"] >= 6
    assert holding() == set()
    assert http.get("/ajax-api/3.0/mlflow/traces/get", params=kept).status_code == 404
    assert http.get(f"/triops/v1/llm/traces/{call}").status_code == 404
    assert http.get("/triops/v1/llm/users").json()["items"][0]["user"] == "bob"
    spent = http.get("/triops/v1/spend", params={"route": "kept", "by": "user"}).json()
    assert {row["user"] for row in spent["rows"]}.isdisjoint({"eve"})
    assert spent["total"]["requests"] >= before
    again = gate.chat("kept", **{**asked, "user": "bob"})
    assert again.headers["x-triops-cache"] == "miss"
    gate.outcome(again.headers["x-triops-call"])


def test_a_killed_gateway_comes_back_and_every_call_is_recorded_once(gate: Gate) -> None:
    answered: list[str] = []
    stop = threading.Event()

    def run() -> None:
        with httpx.Client(base_url=gate.server.url, headers=gate.http.headers, timeout=10) as client:
            while not stop.is_set():
                with suppress(httpx.HTTPError):
                    answer = client.post(CHAT, json={"model": "fast", "messages": HI})
                    if answer.status_code == 200:
                        answered.append(answer.headers["x-triops-call"])

    hanging = threading.Thread(target=_quietly, args=(gate,), daemon=True)
    streaming = threading.Thread(target=_quietly, args=(gate, "left"), daemon=True)
    reader = FileJournalReader(gate.server.data / "gateway" / "journal")
    begun = reader.read(0, 1_000_000)[-1].seq
    threads = [threading.Thread(target=run, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(answered) > 50, what="calls before the kill")
    streaming.start()
    wait_for(lambda: any(e.kind == "p" for e in reader.read(begun, 1_000_000)), what="a stream in progress")
    hanging.start()
    wait_for(lambda: any(e.model.startswith("j") for e in gate.up.ledger().entries()), what="a call in progress")
    pid = gate.pid()
    psutil.Process(pid).kill()
    wait_for(lambda: gate.pid() not in (0, pid), what="a new gateway")
    before = len(answered)
    wait_for(lambda: len(answered) > before + 20, what="calls after the kill")
    stop.set()
    for thread in (*threads, hanging, streaming):
        thread.join()
    entries = reader.read(0, 1_000_000)
    assert [entry.seq for entry in entries] == list(range(entries[0].seq, entries[-1].seq + 1))
    outcomes = [orjson.loads(entry.body) for entry in entries if entry.kind == "o"]
    calls = [outcome["call"] for outcome in outcomes]
    assert len(calls) == len(set(calls))
    assert set(answered) <= set(calls)
    intents = {orjson.loads(entry.body)["call"] for entry in entries if entry.kind == "i"}
    assert intents == set(calls)
    killed = [outcome for outcome in outcomes if outcome["error"] == "killed"]
    assert killed
    assert all(attempt["estimated"] for outcome in killed for attempt in outcome["attempts"])
    cut = [attempt for outcome in killed for attempt in outcome["attempts"] if attempt["model"].startswith("g")]
    assert [attempt["usage"]["output"] > 0 and attempt["cost"] > 0 for attempt in cut] == [True]


def _complete(answer: bytes) -> bool:
    head, found, body = answer.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(found) and len(body) >= int(lengths[0].split(b":")[1])


def _quietly(gate: Gate, streamed: str = "") -> None:
    with suppress(httpx.HTTPError):
        gate.chat(streamed or "wait", stream=bool(streamed))


def test_a_stop_lets_calls_end(tmp_path: Path) -> None:
    with LoopbackProvider() as up, RunningTriops(tmp_path / "data") as server:
        gate = Gate(server, up)
        answers: list[int] = []
        thread = threading.Thread(target=lambda: answers.append(gate.chat("wait").status_code))
        thread.start()
        wait_for(lambda: any(e.model.startswith("j") for e in up.ledger().entries()), what="a call in progress")
        assert server.stop() == 0
        thread.join()
        assert answers == [200]
