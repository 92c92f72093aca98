"""The assistant's story: a prompt that makes answers long and slow, a provider that dies, a client that goes wild.

The assistant, the provider and the wild client are processes of their own that know nothing of Triops but its address.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from triops.demo.assistant.documents import BAD, BUDGET_USD, GOOD, PROMPT, documents, prompt
from triops.demo.children import free_ports
from triops.demo.serving import Server, open_server
from triops.demo.telling import Teller, told
from triops.demo.waiting import StoryError, wait_for

JSON = Mapping[str, Any]
BASELINE_S = 35.0
DECOY_S = 15.0  # before the fault
LEARNED_S = 60.0
DETECTOR = "llm.calls"
APPLICATION = "support-assistant"
_MODULE = "triops.demo.assistant"


def tell_assistant(
    *, once: bool = False, port: int | None = None, data: Path | None = None, no_color: bool = False
) -> int:
    """Tell it; answers the exit status: 0 only when the bad prompt was named first and undone, no question failed when
    the provider died, and the budget held."""

    def story(teller: Teller) -> None:
        with open_server(port, data) as server:
            assistant = AssistantStory(server, teller)
            assistant.tell()
            if not once:
                assistant.stay()

    return told(story, last="stopped", once=once, no_color=no_color)


@dataclass
class AssistantStory:
    server: Server
    teller: Teller
    since: float = field(default_factory=time.time)

    def tell(self) -> None:
        """Raises: StoryError with what went wrong."""
        self._open()
        self._baseline()
        change = self._bad_prompt()
        incident = self._incident()
        self._cause(incident["id"], change)
        self._recovered(incident["id"], change)
        self._provider_dies()
        self._runaway()
        self.teller.summary("bad prompt")

    def stay(self) -> None:
        """Keep everything up until Ctrl-C."""
        self.teller.blank()
        for page in ("llm", "cost", "prompts", "playground", "gateway"):
            self.teller.line("open", f"{self.server.url}/ui/{page}", "bold")
        self.teller.say(f"try it yourself: OPENAI_BASE_URL={self.server.url}/v1; Ctrl-C ends it")
        while True:
            self.server.watch()
            time.sleep(1.0)

    def _open(self) -> None:
        self.teller.line("triops", f"{self.server.url}/ui", "bold")
        (port,) = free_ports(1)
        self.server.children.start("provider", [sys.executable, "-m", f"{_MODULE}.provider", str(port)], {})
        client = self.server.client
        client.apply(documents(port))
        for words, note in ((GOOD, "short answers"), (BAD, "more helpful")):
            client.call("POST", f"/prompts/{PROMPT}/versions", body=prompt(words, note))
        self._label(1, "the first version")
        wait_for("the model", lambda: "listens" in self.server.children.tail("provider"), 60, self.server.watch)
        self.key = self._secret("support")
        self.folder = self.server.folder / "assistant"
        self.folder.mkdir(exist_ok=True)
        self.server.children.start(
            "assistant", [sys.executable, "-m", f"{_MODULE}.assistant", str(self.folder)], self._environ(self.key)
        )
        wait_for("the first answers", lambda: self._counted().get("answered", 0) >= 3, 60, self.server.watch)
        self.teller.step("answering", "a support assistant: an unmodified openai client with two customers at a time")
        self.teller.say("OPENAI_BASE_URL and a key are all that is set; a SmolLM2 of 135M parameters answers")

    def _baseline(self) -> None:
        begun = time.monotonic()
        self.teller.step("baseline", f"{BASELINE_S:.0f} s of short answers, until the detector has learned")
        self._stay_quiet(begun + BASELINE_S - DECOY_S)
        self.server.client.apply([_decoy()])
        self.teller.step("decoy", "another budget is set: a change close in time that must not be blamed")
        self._stay_quiet(begun + BASELINE_S)
        wait_for("a detector that has learned", self._learned, LEARNED_S, self.server.watch)
        self._no_incident()
        self.teller.say(self._felt())

    def _bad_prompt(self) -> str:
        self._label(2, "more helpful answers")
        changes = [c for c in self.server.client.changes() if c["kind"] == "prompt_label" and c["at"] >= self.since]
        newest = max(changes, key=lambda c: c["at"])
        self.teller.step("bad prompt", f"{PROMPT}@production is version 2 now: it asks for ten paragraphs", "bold red")
        return str(newest["id"])

    def _incident(self) -> JSON:
        incident: JSON = wait_for("an incident", lambda: next(iter(self._incidents()), None), 180, self.server.watch)
        self.teller.step("incident", f"{incident['title']} ({incident['severity']})", "bold yellow")
        self.teller.say(self._felt())
        return incident

    def _cause(self, incident: str, change: str) -> None:
        def named() -> JSON | None:
            hypotheses = self.server.client.incident(incident)["hypotheses"]
            first = hypotheses[0] if hypotheses else None
            return first if first and first["entity"] and first["change"] else None

        cause = wait_for("a cause", named, 45, self.server.watch)
        self.teller.step("cause", f"{cause['title']} (probability {cause['probability']:.0%})", "bold magenta")
        for evidence in cause["evidence"][:5]:
            self.teller.say(f"{evidence['weight']:+.1f}  {evidence['text']}", "dim")
        _check(cause, change)

    def _recovered(self, incident: str, change: str) -> None:
        def of(*states: str) -> JSON | None:
            actions = self.server.client.actions(incident=incident)
            for action in actions:
                if action["status"] in ("failed", "undone", "denied"):
                    raise StoryError(f"the remedy {action['status']}: {action['result']} {' '.join(action['reasons'])}")
            return next((a for a in actions if a["status"] in states), None)

        action = wait_for("the remedy", lambda: of("verifying", "succeeded"), 60, self.server.watch, every_s=0.2)
        self.teller.step("rolled back", f"{action['title']}: by policy, nobody was asked", "cyan")
        wait_for("verified recovery", lambda: of("succeeded"), 200, self.server.watch)
        self.teller.step("recovered", "recovery is verified: every symptom has ended", "bold green")
        self.teller.say(self._felt())
        wait_for(
            "the end of the incident",
            lambda: self.server.client.incident(incident)["status"] == "resolved",
            100,
            self.server.watch,
        )
        everything = self._incidents()
        if len(everything) != 1:
            raise StoryError(f"{len(everything)} incidents opened: {'; '.join(i['title'] for i in everything)}")
        _check(self.server.client.incident(incident)["hypotheses"][0], change)
        self.teller.step("resolved", "one incident, the prompt's label its cause", "bold green")

    def _provider_dies(self) -> None:
        before = self._counted()
        self.server.children.kill("provider")
        self.teller.step("provider dies", "its process is killed in the middle of answers", "bold red")
        wait_for(
            "answers from the other provider",
            lambda: self._counted()["answered"] >= before["answered"] + 8,
            60,
            self.server.watch,
        )
        after = self._counted()
        if after["failed"] != before["failed"]:
            raise StoryError(f"{after['failed'] - before['failed']} questions failed: {after['last_error']}")
        answered = after["answered"] - before["answered"]
        self.teller.step("failed over", f"{answered} answers since, none failed: the local model took over", "green")

    def _runaway(self) -> None:
        run = subprocess.run(
            [sys.executable, "-m", f"{_MODULE}.runaway"],
            env={**os.environ, **self._environ(self._secret("experiment"))},
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        if run.returncode:
            raise StoryError(f"the runaway client failed:\n{run.stderr[-1500:]}")
        ended: JSON = json.loads(run.stdout)
        if ended["stopped"].get("type") != "budget_exceeded":
            raise StoryError(f"its budget did not stop the runaway client: {ended}")

        def spent() -> Decimal | None:
            rows = self.server.client.call("GET", "/spend", by="key", start=self.since)["rows"]
            mine = [row for row in rows if row["key"] == "experiment" and row["requests"] >= ended["answered"]]
            return Decimal(mine[0]["cost_usd"]) if mine else None

        paid = wait_for("what it spent", spent, 20, self.server.watch)
        if not Decimal(0) < paid <= Decimal(BUDGET_USD):
            raise StoryError(f"it spent ${paid} of ${BUDGET_USD}")
        if paid.quantize(Decimal("0.01")) != Decimal(BUDGET_USD):
            raise StoryError(f"it was stopped at ${paid}, more than a cent below its budget of ${BUDGET_USD}")
        self.teller.step(
            "stopped", f"a runaway client after {ended['answered']} answers: ${paid} of ${BUDGET_USD}", "bold green"
        )

    def _label(self, version: int, why: str) -> None:
        self.server.client.call("PUT", f"/prompts/{PROMPT}/labels/production", body={"version": version, "why": why})

    def _secret(self, key: str) -> str:
        return str(self.server.client.call("POST", "/gateway/keys", body={"key": key})["secret"])

    def _environ(self, key: str) -> dict[str, str]:
        return {"OPENAI_BASE_URL": f"{self.server.url}/v1", "OPENAI_API_KEY": key}

    def _counted(self) -> JSON:
        try:
            counted: JSON = json.loads((self.folder / "assistant.json").read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return counted

    def _learned(self) -> bool:
        detectors = {d["name"]: d for d in self.server.client.start()["learning"]["detectors"]}
        watched = detectors.get(DETECTOR)
        if watched is None:
            raise StoryError(f"no detector {DETECTOR} runs; there are {', '.join(detectors) or 'none'}")
        return bool(watched["series"] > 0 and watched["learning"] == 0)

    def _stay_quiet(self, until: float) -> None:
        while time.monotonic() < until:
            self.server.watch()
            self._no_incident()
            time.sleep(0.5)

    def _no_incident(self) -> None:
        for incident in self._incidents():
            raise StoryError(f"an incident opened while all was well: {incident['title']}")

    def _incidents(self) -> list[JSON]:
        return [i for i in self.server.client.incidents() if i["updated_at"] >= self.since]

    def _felt(self) -> str:
        counted = self._counted()
        seconds, tokens = counted["seconds"][-8:], counted["tokens"][-8:]
        mean, words = sum(seconds) / len(seconds), sum(tokens) / len(tokens)
        return f"the last answers took {mean:.1f} s and {words:.0f} tokens; {counted['failed']} questions failed so far"


def _decoy() -> dict[str, Any]:
    return {"kind": "Budget", "name": "care-month", "spec": {"team": "care", "amount": "100.00", "per": "month"}}


def _check(cause: JSON, change: str) -> None:
    blamed = cause["change"]["id"] if cause["change"] else None
    if cause["entity"] != f"prompt:{PROMPT}" or blamed != change:
        raise StoryError(f"ranked first is {cause['entity']} ({cause['title']}), the true cause is prompt:{PROMPT}")
