"""What a project's Redaction takes out is never on the disk: not in the gateway's journal either, nor after a kill."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import orjson
import psutil
import pytest

from triops.adapters.embedded.journal import FileJournalReader
from triops.testing.server import RunningTriops, wait_for
from triops.testing.upstream import LoopbackProvider

CHAT = "/v1/chat/completions"
SECRET = "sk-proj-" + "Qm7xVb2KdT9wRzL4nYp8HsJc3FgA6uE1oXiZ5vNt"
MAIL = "ada.lovelace@example.org"
SAID = f"write to {MAIL} with the key {SECRET} today"
TOOL = {"type": "function", "function": {"name": "mail", "description": f"as {MAIL}", "parameters": {"type": "object"}}}
ROUTES = {
    "echo": "a!echo=1,calls=0",
    "cut": "b!echo=1,cut_after=6,flush=1",
    "slow": "c!echo=1,between_ms=20,flush=1",
    "bad": "d!status=400",
}


class Gate:
    def __init__(self, server: RunningTriops, up: LoopbackProvider) -> None:
        self.server = server
        provider = {"dialect": "openai", "base_url": f"{up.url}/v1", "allow_private": True}
        self.apply({"kind": "Provider", "name": "up", "spec": provider})
        for name, model in ROUTES.items():
            spec = {"targets": [{"provider": "up", "model": model}], "retries": 0, "on_disconnect": "cancel"}
            self.apply({"kind": "Route", "name": name, "spec": spec})
        self.keep(pii=["EMAIL_ADDRESS"], secrets=True)

    def apply(self, document: dict[str, Any]) -> None:
        applied = httpx.post(f"{self.server.url}/triops/v1/documents", json={"documents": [document]})
        assert applied.status_code == 200, applied.text

    def keep(self, **spec: Any) -> None:
        self.apply({"kind": "Redaction", "name": "care", "spec": spec})

    def asked(self, route: str, text: str = SAID, **more: Any) -> dict[str, Any]:
        return {"model": route, "messages": [{"role": "user", "content": text}], **more}

    def call(self, route: str, text: str = SAID, **more: Any) -> str:
        """Its id, when it was answered in full."""
        answer = httpx.post(f"{self.server.url}{CHAT}", json=self.asked(route, text, **more), timeout=30)
        return answer.headers["x-triops-call"]

    def leave(self, route: str, text: str) -> str:
        """Its id; the caller is gone after the first words."""
        asked = self.asked(route, text, stream=True)
        with httpx.stream("POST", f"{self.server.url}{CHAT}", json=asked, timeout=30) as streamed:
            next(streamed.iter_bytes())
            return streamed.headers["x-triops-call"]

    def records(self, call: str) -> dict[str, dict[str, Any]]:
        """The call's intent and outcome, by kind, as the journal has them now."""
        entries = FileJournalReader(self.server.data / "gateway" / "journal").read(0, 100_000)
        return {entry.kind: orjson.loads(entry.body) for entry in entries if call.encode() in entry.body}

    def ended(self, call: str) -> dict[str, dict[str, Any]]:
        return wait_for(lambda: found if "o" in (found := self.records(call)) else None, what="its outcome")

    def clean(self) -> None:
        """Neither is anywhere in the data folder, nor the beginning of one."""
        for path in self.server.data.rglob("*"):
            with suppress(FileNotFoundError):  # a segment that was dropped just now
                if path.is_file():
                    held = path.read_bytes()
                    assert b"lovelace" not in held, path
                    assert SECRET[:20].encode() not in held, path

    def gateway(self) -> int:
        assert self.server.process is not None
        children = psutil.Process(self.server.process.pid).children()
        return next((child.pid for child in children if "triops.gateway_main" in child.cmdline()), 0)


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with LoopbackProvider() as up, RunningTriops(tmp_path_factory.mktemp("redaction") / "data") as server:
        yield Gate(server, up)


def test_neither_what_is_asked_nor_what_is_answered_is_journalled_as_it_was(gate: Gate) -> None:
    call = gate.call("echo", stop=[f"not {MAIL}"], tools=[TOOL], temperature=0.5)
    gate.clean()
    found = gate.records(call)
    said = orjson.loads(found["i"]["input"])[0]["parts"][0]["text"]
    answered = orjson.loads(found["o"]["output"])[0]["parts"][0]["text"]
    assert said.startswith("write to [EMAIL_ADDRESS] with the key [")
    assert answered == said
    assert found["i"]["settings"] == {"temperature": 0.5, "stop": ["not [EMAIL_ADDRESS]"], "tools": ["mail"]}
    assert found["o"]["output_bytes"] == len(SAID)


def test_a_stream_is_journalled_clean_too_however_it_ends(gate: Gate) -> None:
    long = f"see {MAIL} or the key {SECRET} of it " * 900  # over the bound that texts are cut at
    calls = [gate.call("echo", stream=True), gate.call("echo", long, stream=True), gate.call("cut", stream=True)]
    calls += [gate.call("echo", long), gate.leave("slow", long)]
    for call, error in zip(calls, ("", "", "cut", "", "disconnected"), strict=True):
        found = gate.ended(call)
        assert found["o"]["error"] == error
        assert "[EMAIL_ADDRESS]" in found["i"]["input"]
        assert "EMAIL_ADDRESS" in found["o"]["output"] or error == "disconnected"
    gate.clean()


def test_where_no_content_is_kept_the_journal_has_counts_alone(gate: Gate) -> None:
    gate.keep(keep="none")
    calls = [gate.call("echo", stop=["x"], top_p=0.5), gate.call("echo", stream=True), gate.call("bad")]
    for call in calls:
        found = gate.ended(call)
        texts = (found["i"]["input"], found["o"]["output"], found["o"]["message"])
        assert texts == ("", "", "")
        assert [one["message"] for one in found["o"]["attempts"]] == [""]
    assert gate.records(calls[0])["i"]["settings"] == {"top_p": 0.5}
    assert gate.records(calls[1])["o"]["output_bytes"] == len(SAID)
    gate.keep(pii=["EMAIL_ADDRESS"], secrets=True, attributes=["tag.*", "session.id", "gen_ai.conversation.id"])
    headers = {"x-triops-tags": "spring", "x-triops-session": "s-1", "x-triops-user": "ann"}
    httpx.post(f"{gate.server.url}{CHAT}", json=gate.asked("echo", "tags and sessions"), headers=headers)
    entries = FileJournalReader(gate.server.data / "gateway" / "journal").read(0, 100_000)
    intent = orjson.loads([entry.body for entry in entries if entry.kind == "i"][-1])
    assert (intent["tags"], intent["session"], intent["user"]) == ([], "", "ann")
    gate.clean()


def test_a_kill_leaves_nothing_either(gate: Gate) -> None:
    before = gate.gateway()
    asked = gate.asked("slow", f"wait for {SAID} " * 40, stream=True)
    with httpx.stream("POST", f"{gate.server.url}{CHAT}", json=asked, timeout=30) as streamed:
        call = streamed.headers["x-triops-call"]
        wait_for(lambda: "p" in gate.records(call), what="how far it is, in the journal")
        os.kill(before, signal.SIGKILL)
        gate.clean()
    gate.server.kill()
    gate.clean()
    gate.server.start()
    assert gate.ended(call)["o"]["error"] == "killed"
    told = f"{gate.server.url}/triops/v1/llm/traces"
    wait_for(lambda: httpx.get(told, params={"q": "wait for"}).json()["items"], what="the call among the traces")
    gate.clean()
