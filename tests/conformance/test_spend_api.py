"""What calls cost, asked of a real server: keys, spend, budgets, the gateway's page, credentials; over kills too."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from triops.sdk import ApiError, Client
from triops.testing.server import RunningTriops, wait_for
from triops.testing.upstream import LoopbackProvider

DOCUMENTS = """
kind: Provider
name: upstream
spec: {{dialect: openai, base_url: "{url}/v1", api_key_env: UPSTREAM_KEY, allow_private: true}}
---
kind: Provider
name: sealed
spec: {{dialect: openai, base_url: "{url}/v1", credential: true, allow_private: true}}
---
kind: Provider
name: reaching
spec: {{dialect: openai, base_url: "{url}/v1", api_key_env: HOME, allow_private: true}}
---
kind: Route
name: fast
spec: {{targets: [{{provider: upstream, model: small-1, weight: 1}}]}}
---
kind: Route
name: other
spec: {{targets: [{{provider: sealed, model: small-2}}]}}
---
kind: Price
name: small-1
spec: {{provider: upstream, input_per_million_usd: "0.15", output_per_million_usd: "0.60", from: 2026-01-01}}
---
kind: Key
name: support-bot
spec: {{application: support-bot, team: care, routes: [fast, other], requests_per_minute: 6000,
  budget_usd: {{amount: "0.5", per: month, hard: true}}}}
---
kind: Key
name: lab
spec: {{application: lab}}
---
kind: Key
name: tight
spec: {{application: batch, routes: [fast], budget_usd: {{amount: "0.0001", per: day, hard: true}}}}
"""
UPSTREAM, STORED = "sk-upstream-in-the-environment", "sk-stored-and-sealed"


@pytest.fixture(scope="module")
def upstream() -> Iterator[LoopbackProvider]:
    with LoopbackProvider() as provider:
        yield provider


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: LoopbackProvider) -> Iterator[RunningTriops]:
    folder = tmp_path_factory.mktemp("spend")
    documents = folder / "gateway.yaml"
    documents.write_text(DOCUMENTS.format(url=upstream.url))
    running = RunningTriops(folder / "data", "--config", str(documents), environ={"UPSTREAM_KEY": UPSTREAM})
    with running:
        yield running


@pytest.fixture(scope="module")
def secret(server: RunningTriops) -> str:
    made = cli(server, "key", "create", "--gateway", "support-bot")
    assert made.stdout.startswith("trg_")
    assert len(made.stdout.strip()) == 47
    return made.stdout.strip()


def cli(server: RunningTriops, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "triops", *arguments, "--url", server.url]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=30)


def call(server: RunningTriops, secret: str, **fields: Any) -> httpx.Response:
    body = {"model": "fast", "messages": [{"role": "user", "content": "Hello there"}], **fields}
    headers = {"authorization": f"Bearer {secret}"}
    with httpx.Client(trust_env=False) as http:
        return http.post(f"{server.url}/v1/chat/completions", headers=headers, json=body, timeout=20)


def spent(client: Client, **query: Any) -> dict[str, Any]:
    return dict(client.spend(**query)["total"])


def settled(client: Client, requests: int, **query: Any) -> dict[str, Any]:
    """The total, when so many calls are in the book."""

    def there() -> dict[str, Any] | None:
        total = spent(client, **query)
        return total if total["requests"] >= requests else None

    found = wait_for(there, what=f"{requests} calls of {query} in the book")
    assert found is not None
    return found


def test_every_call_is_in_the_book_to_the_last_decimal(
    server: RunningTriops, secret: str, upstream: LoopbackProvider
) -> None:
    for user in ("ann", "ben", "ann"):
        assert call(server, secret, user=user).status_code == 200
    total = settled(server.client, 3, by="key", key="support-bot")
    billed = [entry for entry in upstream.ledger().entries() if entry.user in ("ann", "ben")]
    assert total["input_tokens"] == sum(entry.input_tokens for entry in billed)
    assert total["output_tokens"] == sum(entry.output_tokens for entry in billed)
    micros = total["input_tokens"] * 15 + total["output_tokens"] * 60
    assert total["cost_usd"] == f"{micros / 1e8:.8f}".rstrip("0")
    rows = server.client.spend("user,application,team,route,provider,model")["rows"]
    ann = next(row for row in rows if row["user"] == "ann")
    assert (ann["requests"], ann["application"], ann["team"]) == (2, "support-bot", "care")
    assert (ann["route"], ann["provider"], ann["model"]) == ("fast", "upstream", "small-1")
    shown = cli(server, "spend", "--by", "key,model")
    assert "support-bot" in shown.stdout
    assert total["cost_usd"] in shown.stdout
    listed = server.client.traces()
    assert {"chat fast"} == {trace["root_name"] for trace in listed}
    graph = {entity["id"] for entity in server.client.entities()}
    assert {"application:support-bot", "route:fast", "llm:upstream/small-1", "provider:upstream"} <= graph


def test_a_hard_budget_stops_a_runaway_client_and_says_so(server: RunningTriops) -> None:
    tight = server.client.create_gateway_key("tight")["secret"]
    answers = [call(server, tight, max_tokens=50) for _ in range(12)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[-1].json()["error"]["type"] == "budget_exceeded"
    settled(server.client, 12, key="tight")
    budget = server.client.budgets(scope="key", name="tight")[0]
    assert (budget["per"], budget["hard"], budget["amount_usd"]) == ("day", True, "0.0001")
    assert float(budget["spent_usd"]) <= 0.0001
    anomaly = wait_for(
        lambda: next((a for a in server.client.anomalies() if a["entity"] == "key:tight"), None),
        what="the budget's anomaly",
    )
    assert (anomaly["kind"], anomaly["symptom"]) == ("budget", True)


def test_a_credential_is_sealed_used_and_never_shown(
    server: RunningTriops, secret: str, upstream: LoopbackProvider
) -> None:
    providers = {p["name"]: p for p in server.client.gateway()["providers"]}
    assert (providers["upstream"]["credential"], providers["sealed"]["credential"]) == ("env", "missing")
    stored = cli(server, "provider", "key", "sealed", given=f"{STORED}\n")
    assert stored.returncode == 0, stored.stderr
    lab = server.client.create_gateway_key("lab")["secret"]
    answer = call(server, lab, model="other", user="cleo")
    assert answer.status_code == 200, answer.text
    assert [entry.key for entry in upstream.ledger().entries() if entry.user == "cleo"] == [STORED]
    assert {p["name"]: p["credential"] for p in server.client.gateway()["providers"]}["sealed"] == "set"
    settled(server.client, 1, user="cleo")
    assert spent(server.client, user="cleo")["unpriced"] == 1
    everything = b"".join(path.read_bytes() for path in server.data.rglob("*") if path.is_file())
    for hidden in (STORED, UPSTREAM, secret, lab):
        assert hidden.encode() not in everything
        assert hidden not in server.log.read_text()
        assert hidden not in str([server.client.gateway(), server.client.documents(), server.client.gateway_keys()])
    assert (server.data / "secrets.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ApiError, match="not a credential") as wrong:
        server.client.set_credential("sealed", "two words")
    assert "two words" not in str(wrong.value)
    with pytest.raises(ApiError, match="no Provider named nobody"):
        server.client.set_credential("nobody", "x")


def test_a_variable_that_is_no_key_is_not_read(server: RunningTriops, upstream: LoopbackProvider) -> None:
    state = server.client.gateway()
    assert any("HOME is not read" in problem for problem in state["problems"])
    assert next(p for p in state["providers"] if p["name"] == "reaching")["credential"] == "missing"
    shown = cli(server, "gateway").stdout
    assert shown.startswith("ready")
    assert "upstream/small-1 100%" in shown


def test_a_revoked_secret_ends_at_once_and_another_of_the_same_key_goes_on(server: RunningTriops, secret: str) -> None:
    other = server.client.create_gateway_key("support-bot")
    assert call(server, other["secret"]).status_code == 200
    cli(server, "key", "revoke", other["id"])
    assert call(server, other["secret"]).status_code == 401
    assert call(server, secret).status_code == 200
    assert "secret" not in server.client.gateway_keys(key="support-bot")[0]
    new = server.client.rotate_gateway_key(server.client.create_gateway_key("support-bot")["id"], 3600)
    newer = json.loads(cli(server, "key", "rotate", new["id"], "--json").stdout)  # at once
    assert [call(server, one["secret"]).status_code for one in (new, newer)] == [401, 200]
    assert new["replaced"]["expires_at"] == pytest.approx(new["created_at"] + 3600)
    assert newer["replaced"]["revoked_at"] == newer["created_at"]
    with pytest.raises(ApiError, match="not good any more"):
        server.client.rotate_gateway_key(new["id"])
    server.client.revoke_gateway_key(newer["id"])
    with pytest.raises(ApiError, match="no Key named nobody"):
        server.client.create_gateway_key("nobody")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"by": "key,colour"}, "by"),
        ({"by": "key,key"}, "by"),
        ({"start": "2026-11-03", "end": "2026-11-02"}, "start"),
        ({"start": "yesterday"}, "start"),
        ({"every": 60, "start": "2026-01-01"}, "every"),
        ({"every": -1}, "every"),
        ({"prompt_version": "two"}, "prompt_version"),
        ({"end": "-999999999999d"}, "end"),
        ({"end": "-infd"}, "end"),
        ({"start": "1_000"}, "start"),
        ({"modle": "small-1"}, "modle"),
    ],
)
def test_a_question_that_cannot_be_answered_names_its_field(
    server: RunningTriops, query: dict[str, Any], field: str
) -> None:
    with pytest.raises(ApiError) as wrong:
        server.client.spend(**query)
    assert (wrong.value.status, wrong.value.details["field"]) == (400, field)


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "prompts/p/versions", b'{"text": "t", "model": []}', "body.model"),
        ("POST", "prompts/p/versions", b'{"text": "t", "model": "\\ud800"}', "body.model"),
        ("POST", "prompts/p/versions", b'{"text": "t", "settings": 0}', "body.settings"),
        (
            "POST",
            "prompts/p/versions",
            b'{"text": "t", "settings": {"temperature": 1e400}}',
            "body.settings.temperature",
        ),
        ("POST", "prompts/p%00/versions", b'{"text": "t"}', "name"),
        ("PUT", "prompts/p/labels/a", b'{"version": true}', "version"),
        ("PUT", "prompts/p/labels/a", b'{"share": {"1": "100"}}', "share.1"),
        ("POST", "gateway/keys", b'{"key": "\xff"}', "body"),
        ("POST", "gateway/keys", b'{"key": "\\ud800"}', "key"),
        ("POST", "documents", b'{"documents": [{"kind": "Key", "name": "k", "spec": "\\ud800"}]}', "documents.0.spec"),
    ],
)
def test_nonsense_of_any_kind_names_its_field(
    server: RunningTriops, method: str, path: str, body: bytes, field: str
) -> None:
    headers = {"content-type": "application/json"}
    answer = httpx.request(method, f"{server.url}/triops/v1/{path}", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


def test_killing_either_process_loses_and_doubles_nothing(
    server: RunningTriops, secret: str, upstream: LoopbackProvider
) -> None:
    for _ in range(5):
        assert call(server, secret, user="dora").status_code == 200
    assert server.process is not None
    for child in psutil.Process(server.process.pid).children():
        os.kill(child.pid, signal.SIGKILL)
    wait_for(lambda: call(server, secret, user="dora").status_code == 200, what="the gateway again")
    server.kill()
    server.start()
    for _ in range(3):
        assert call(server, secret, user="dora").status_code == 200
    billed = [entry for entry in upstream.ledger().entries() if entry.user == "dora"]
    total = settled(server.client, len(billed), user="dora")
    assert total["requests"] == len(billed) >= 9
    assert total["input_tokens"] == sum(entry.input_tokens for entry in billed)
    spans = server.client.traces(limit=1000)
    assert len({trace["trace_id"] for trace in spans}) == len(spans)


def test_a_call_that_the_kill_cut_is_charged_once_and_marked_estimated(server: RunningTriops, secret: str) -> None:
    slow = "eve!first_ms=60000"
    body = json.dumps({"model": "fast", "user": slow, "messages": [{"role": "user", "content": "Take your time"}]})
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {server.url.removeprefix('http://')}\r\n"
        f"authorization: Bearer {secret}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as caller:
        caller.sendall((head + body).encode())
        wait_for(lambda: server.client.gateway()["in_flight"] > 0, what="the call to be in progress")
        assert call(server, secret, user="fay").status_code == 200
        settled(server.client, 1, user="fay")  # the book has passed where the slow call began
        assert server.process is not None
        for child in psutil.Process(server.process.pid).children():
            os.kill(child.pid, signal.SIGKILL)
    total = settled(server.client, 1, user=slow)
    assert (total["requests"], total["attempts"], total["estimated"], total["errors"]) == (1, 1, 1, 1)
    assert total["cost_usd"] == total["estimated_cost_usd"] != "0"
    wait_for(lambda: call(server, secret, user="fay").status_code == 200, what="the gateway again")
    settled(server.client, 2, user="fay")
    assert spent(server.client, user=slow)["requests"] == 1
