"""The story: a healthy shop, a decoy, a fault; what Triops makes of it, told as it happens and judged at the end."""

import select
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from triops.demo.faults import FAULTS, Fault, decoy
from triops.demo.stage import Stage, open_stage
from triops.demo.telling import Teller, told
from triops.demo.waiting import StoryError, wait_for

BASELINE_S = 40.0  # of healthy traffic before the fault, and until the services' detector has learned
DECOY_S = 22.0  # the decoy is deployed at least so long before the fault
LEARNED_S = 60.0  # how much longer the detector may take
DETECTOR = "traces.red"  # the one that watches services: others learn on, and may speak later
SERVICES = ("service:front", "service:catalogue", "service:pricing", "database:sqlite")

JSON = Mapping[str, Any]


def tell(
    *, fault: str = "latency", once: bool = False, port: int | None = None, data: Path | None = None,
    soak_min: float | None = None, no_color: bool = False,
) -> int:  # fmt: skip
    """Tell it; answers the exit status: 0 only when the true cause was ranked first and recovery was verified (or,
    for a soak, when no incident opened)."""
    if fault not in FAULTS:
        print(f"there is no fault {fault!r}; there are {', '.join(FAULTS)}")
        return 2

    def story(teller: Teller) -> None:
        with open_stage(port, data) as stage:
            shop = Story(stage, teller, FAULTS[fault], once)
            if soak_min is not None:
                shop.soak(soak_min * 60)
                return
            shop.tell()
            if not once:
                shop.stay()

    return told(story, last="resolved", once=once, no_color=no_color)


@dataclass
class Story:
    stage: Stage
    teller: Teller
    fault: Fault
    once: bool
    since: float = field(default_factory=time.time)

    def tell(self) -> None:
        """Raises: StoryError with what went wrong."""
        self._open()
        self._baseline()
        change = self._bring_fault()
        anomaly = self._anomaly(time.time() - 15)
        incident = self._incident(anomaly)
        cause = self._cause(incident["id"], change)
        action = self._action(incident["id"], cause)
        self._decide(action)
        self._recovered(incident["id"], action["id"])
        self._judge(incident["id"], change)
        self.teller.summary("fault")

    def soak(self, seconds: float) -> None:
        """Raises: StoryError when an incident opens on the healthy shop."""
        self._open()
        self.teller.step("soak", f"healthy traffic for {seconds / 60:g} min: no incident may open")
        end, told = time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < end:
            self.stage.watch()
            self._no_incident()
            if time.monotonic() - told >= 60:
                told = time.monotonic()
                self.teller.line("quiet", f"{(end - told) / 60:.0f} min to go; {self._felt()}")
            time.sleep(1.0)
        self.teller.step("passed", "no incident opened", "bold green")

    def stay(self) -> None:
        """Keep everything up until Ctrl-C."""
        self.teller.blank()
        self.teller.line("open", f"{self.stage.url}/ui stays up with the shop running; Ctrl-C ends it", "bold")
        while True:
            self.stage.watch()
            time.sleep(1.0)

    def _open(self) -> None:
        self.teller.line("triops", f"{self.stage.url}/ui", "bold")
        self.teller.line("shop", "front → catalogue → pricing → SQLite, instrumented from outside, under steady load")

        def seen() -> bool:
            known = {e["id"] for e in self.stage.client.entities() if e["last_seen"] >= self.since}
            return known >= {entity for entity in SERVICES if entity.startswith("service:")}

        wait_for("the shop's services", seen, 60, self.stage.watch)
        self.teller.step("visible", "every service was discovered from what it sends")

    def _baseline(self) -> None:
        begun = time.monotonic()
        self.teller.step("baseline", f"{BASELINE_S:.0f} s of healthy traffic, until the detector has learned")
        self._stay_quiet(begun + BASELINE_S - DECOY_S)
        decoy(self.stage.shop)
        self.teller.step("decoy", "a harmless deploy of front: it must not be blamed")
        self._stay_quiet(begun + BASELINE_S)
        wait_for("who calls whom", self._mapped, LEARNED_S, self.stage.watch)
        wait_for("a detector that has learned", self._learned, LEARNED_S, self.stage.watch)
        self._no_incident()
        self.teller.say("front → catalogue → pricing → sqlite: who calls whom was discovered from the traces")
        self.teller.say(self._felt())

    def _stay_quiet(self, until: float) -> None:
        while time.monotonic() < until:
            self.stage.watch()
            self._no_incident()
            time.sleep(0.5)

    def _mapped(self) -> bool:
        calls = {(r["source"], r["target"]) for r in self.stage.client.relations() if r["last_seen"] >= self.since}
        return set(pairwise(SERVICES)) <= calls

    def _learned(self) -> bool:
        detectors = {d["name"]: d for d in self.stage.client.start()["learning"]["detectors"]}
        red = detectors.get(DETECTOR)
        if red is None:
            raise StoryError(f"no detector {DETECTOR} runs; there are {', '.join(detectors) or 'none'}")
        return bool(red["series"] > 0 and red["learning"] == 0)

    def _no_incident(self) -> None:
        for incident in self._incidents():
            raise StoryError(f"an incident opened on the healthy shop: {incident['title']}")

    def _incidents(self) -> list[JSON]:
        """Those of this story: a kept data folder may hold older ones."""
        return [incident for incident in self.stage.client.incidents() if incident["updated_at"] >= self.since]

    def _bring_fault(self) -> str:
        change = self.fault.bring(self.stage.shop)
        if change is None:
            raise StoryError("Triops did not take the change that the deployer reported")
        self.teller.step("fault", self.fault.title, "bold red")
        return change

    def _anomaly(self, since: float) -> JSON:
        anomaly: JSON = wait_for(
            "an anomaly",
            lambda: min(
                (a for a in self.stage.client.anomalies(start=since) if a["symptom"] and a["ended_at"] is None),
                key=lambda a: a["detected_at"],
                default=None,
            ),
            60,
            self.stage.watch,
        )
        self.teller.step("anomaly", f"{anomaly['title']} ({anomaly['entity']}, score {anomaly['score']:.1f})", "yellow")
        return anomaly

    def _incident(self, anomaly: JSON) -> JSON:
        incident: JSON = wait_for("an incident", lambda: next(iter(self._incidents()), None), 45, self.stage.watch)
        self.teller.step("incident", f"{incident['title']} ({incident['severity']})", "bold yellow")
        self.teller.say(f"{self.stage.url}/ui/incidents/{incident['id']}")
        return incident

    def _cause(self, incident: str, change: str) -> JSON:
        def named() -> JSON | None:
            hypotheses = self.stage.client.incident(incident)["hypotheses"]
            first = hypotheses[0] if hypotheses else None
            return first if first and first["entity"] and first["change"] else None

        cause = wait_for("a cause", named, 45, self.stage.watch)
        self.teller.step("cause", f"{cause['title']} (probability {cause['probability']:.0%})", "bold magenta")
        for evidence in cause["evidence"][:5]:
            self.teller.say(f"{evidence['weight']:+.1f}  {evidence['text']}", "dim")
        _check_cause(cause, self.fault, change)
        return cause

    def _action(self, incident: str, cause: JSON) -> JSON:
        action: JSON = wait_for(
            "a proposed remedy",
            lambda: next(
                (a for a in self.stage.client.actions(incident=incident) if a["status"] in ("waiting", "suggested")),
                None,
            ),
            30,
            self.stage.watch,
        )
        self.teller.step("proposed", action["title"], "bold cyan")
        self.teller.say(f"dry run: {action['dry_run']}", "dim")
        self.teller.say(f"reach: {action['reach']}; undo: {'yes' if action['undo'] else 'none'}", "dim")
        if action["entity"] != cause["entity"]:
            raise StoryError(f"the remedy is for {action['entity']}, the cause is {cause['entity']}")
        return action

    def _decide(self, action: JSON) -> None:
        if self.once:
            self.stage.client.approve(action["id"], "the demo approves by itself (--once)")
        else:
            self.teller.line("your turn", "press Enter to approve, or click Approve in the UI", "bold")
            self._await_approval(action["id"])
        done = self.stage.client.call("GET", f"/actions/{action['id']}")
        self.teller.step("approved", f"by {done['decided_by'] or 'the demo'}", "cyan")

        def executed() -> JSON | None:
            now: JSON = self.stage.client.call("GET", f"/actions/{action['id']}")
            return now if now["status"] in ("verifying", "succeeded", "failed", "undone", "denied") else None

        now = wait_for("the remedy", executed, 45, self.stage.watch, every_s=0.2)
        if now["status"] in ("failed", "denied"):
            raise StoryError(f"the remedy {now['status']}: {now['result']} {' '.join(now['reasons'])}")
        self.teller.step("executed", now["result"] or now["status"], "cyan")

    def _await_approval(self, action: str) -> None:
        while True:
            self.stage.watch()
            now = self.stage.client.call("GET", f"/actions/{action}")["status"]
            if now == "dismissed":
                raise StoryError("the remedy was dismissed")
            if now not in ("waiting", "suggested"):
                return
            if sys.stdin.isatty() and select.select([sys.stdin], [], [], 0.5)[0]:
                sys.stdin.readline()
                self.stage.client.approve(action, "approved in the demo's terminal")
                return
            if not sys.stdin.isatty():
                time.sleep(0.5)

    def _recovered(self, incident: str, action: str) -> None:
        def verified() -> JSON | None:
            now: JSON = self.stage.client.call("GET", f"/actions/{action}")
            if now["status"] in ("failed", "undone"):
                raise StoryError(f"the remedy {now['status']}: {now['result']}; {self._felt()}")
            return now if now["status"] == "succeeded" else None

        wait_for("verified recovery", verified, 120, self.stage.watch)
        self.teller.step("recovered", "recovery is verified: every symptom has ended", "bold green")
        self.teller.say(self._felt())
        wait_for(
            "the end of the incident",
            lambda: self.stage.client.incident(incident)["status"] == "resolved",
            120,
            self.stage.watch,
        )
        self.teller.step("resolved", "the incident is resolved", "bold green")

    def _judge(self, incident: str, change: str) -> None:
        """The last word counts: one incident, and still the true cause first."""
        everything = self._incidents()
        if len(everything) != 1:
            titles = "; ".join(i["title"] for i in everything)
            raise StoryError(f"{len(everything)} incidents opened instead of one: {titles}")
        _check_cause(self.stage.client.incident(incident)["hypotheses"][0], self.fault, change)

    def _felt(self) -> str:
        """What a visitor feels now, at the front."""
        rows = self.stage.client.call("GET", "/red", service="front", start="-22s", end="-8s", step=5)["items"]
        whole = [row for row in rows if row["source"] == "" and row["target"] == "service:front" and row["count"]]
        if not whole:
            return "no request in the last seconds"
        count = sum(row["count"] for row in whole)
        p95 = sum(row["ms_p95"] * row["count"] for row in whole) / count
        errors = sum(row["errors"] for row in whole) / count
        return f"front: {count / (5 * len(whole)):.0f} requests/s, p95 {p95:.0f} ms, {errors:.0%} errors"


def _check_cause(cause: JSON, fault: Fault, change: str) -> None:
    blamed = cause["change"]["id"] if cause["change"] else None
    if cause["entity"] != fault.entity or blamed != change:
        raise StoryError(f"ranked first is {cause['entity']} ({cause['title']}), the true cause is {fault.entity}")
