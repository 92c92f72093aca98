"""Language models behind the real gateway: a loopback provider, routes, keys, a prompt of three versions, calls."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from triops.adapters.embedded.records import SqliteRecords
from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.ids import AnomalyId, EntityId, IncidentId, sortable_id
from triops.kernel.incident import Incident, Status
from triops.kernel.tenant import DEFAULT_PROJECT
from triops.ledger.anomalies import Anomalies
from triops.ledger.incidents import Incidents
from triops.ledger.migrations import MIGRATIONS
from triops.sdk import Client
from triops.testing.server import wait_for
from triops.testing.upstream import LoopbackProvider

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
ASKS = ("Where is my parcel?", "Can I send it back?", "Do you have it in blue?", f"Is {HOSTILE} allowed?")
PROMPT = "support-answer"
LONG_ANSWERS = "application support-bot: output length 100 → 300 characters"
_SYSTEM = "You answer customers of {{shop}}. Be kind and short."
_PROMPTS = (
    (_SYSTEM, {"temperature": 0.7}, "the first words"),
    (_SYSTEM + "\nNever promise a date.", {"temperature": 0.2, "max_tokens": 200}, "complaints about dates"),
    (_SYSTEM + "\nNever promise a date; name the policy.", {"temperature": 0.2, "max_tokens": 120}, "names the policy"),
)


@dataclass(frozen=True)
class Spoken:
    """What a test may look for. `secret`: of the key `support-bot`."""

    secret: str
    upstream: LoopbackProvider


def documents(url: str) -> list[dict[str, object]]:
    """`url`: the loopback provider's."""
    here = {"dialect": "openai", "base_url": f"{url}/v1", "allow_private": True}
    dead = {"dialect": "openai", "base_url": "http://127.0.0.1:9/v1", "allow_private": True, "credential": True}
    price: dict[str, object] = {"provider": "upstream", "input_per_million_usd": "150", "output_per_million_usd": "600"}
    price |= {"from": "2026-01-01", "max_output_tokens": 200}
    fast = {"targets": [{"provider": "upstream", "model": "small-1"}], "aliases": ["gpt-fast"], "cache": {"ttl_s": 300}}
    sturdy = {
        "targets": [
            {"provider": "upstream", "model": "small-1", "weight": 3},
            {"provider": "upstream", "model": "small-2", "weight": 1},
        ],
        "canary": {"provider": "upstream", "model": "small-3", "share": 0.05},
        "fallbacks": [{"provider": "spare", "model": "large-1"}],
    }
    limits = {"application": "support-bot", "team": "care", "requests_per_minute": 600, "requests_per_day": 50_000}
    named = (
        ("Provider", "upstream", {**here, "breaker": {"failures": 3, "window_s": 30, "open_s": 600}}),
        ("Provider", "spare", dead),
        ("Route", "fast", fast),
        ("Route", "sturdy", sturdy),
        ("Price", "small-1", price),
        ("Price", "small-2", price),
        ("Price", "small-3", price),
        ("Key", "support-bot", {**limits, "budget_usd": {"amount": "0.30", "per": "day", "hard": True}}),
        ("Key", "lab", {"application": "lab"}),
        ("Budget", "care", {"team": "care", "amount": "5.00", "per": "month", "hard": False}),
    )
    return [{"kind": kind, "name": name, "spec": spec} for kind, name, spec in named]


@contextmanager
def spoken(url: str, key: str = "") -> Iterator[Spoken]:
    """Applies the documents, makes the prompt, and asks some things through the gateway. `url`: of Triops."""
    client = Client(url, key or None)
    with LoopbackProvider() as upstream:
        client.apply(documents(upstream.url))
        _write(client)
        secret = str(client.create_gateway_key("support-bot")["secret"])
        _ask(url, secret)
        _fail(url, str(client.create_gateway_key("lab")["secret"]))
        wait_for(lambda: _counted(client, "requests", len(ASKS) * 4), what="the calls to be counted")
        wait_for(lambda: _scored(client), what="the traces of the calls")
        yield Spoken(secret, upstream)
    client.close()


def _write(client: Client) -> None:
    for system, settings, note in _PROMPTS:
        lines = [{"role": "system", "content": system}, {"role": "user", "content": "{{question}}"}]
        variables = {"shop": {"type": "string", "default": "Crumb & Co"}, "question": {"type": "string"}}
        spec = {"messages": lines, "variables": variables, "model": "fast", "settings": settings, "note": note}
        client.call("POST", f"/prompts/{PROMPT}/versions", body=spec)
    for version, why in ((1, "the first to go live"), (2, "fewer complaints about dates")):
        client.call("PUT", f"/prompts/{PROMPT}/labels/production", body={"version": version, "why": why})
    shares = {"share": {"2": 90, "3": 10}, "why": "try the newest on a tenth"}
    client.call("PUT", f"/prompts/{PROMPT}/labels/trial", body=shares)
    client.call("POST", f"/prompts/{PROMPT}/comments", body={"version": 2, "text": "Reads well; the tone is right."})
    text = {"text": "Summarise for {{reader}}:\n{{text}}", "model": "fast", "note": "plain text"}
    client.call("POST", "/prompts/summary/versions", body=text)


def _ask(url: str, secret: str) -> None:
    with httpx.Client(base_url=f"{url}/v1", headers={"authorization": f"Bearer {secret}"}, timeout=20) as caller:
        for version in (1, 2, 3):
            for question in ASKS:
                prompt = {"name": PROMPT, "version": version, "variables": {"question": question}}
                body = {"model": "sturdy", "prompt": prompt, "user": "ann", "messages": []}
                caller.post("/chat/completions", json=body).raise_for_status()
        for question in (*ASKS[:2], *ASKS[:2]):
            body = {"model": "fast", "messages": [{"role": "user", "content": question}]}
            caller.post("/chat/completions", json=body).raise_for_status()


def _fail(url: str, secret: str) -> None:
    """Until the provider's breaker opens for one model."""
    body = {"model": "upstream/broken-1!status=503", "messages": [{"role": "user", "content": "hello"}]}
    headers = {"authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=f"{url}/v1", headers=headers, timeout=20) as caller:
        for _ in range(4):
            caller.post("/chat/completions", json=body)


def _counted(client: Client, field: str, least: int) -> bool:
    return bool(client.call("GET", "/spend")["total"][field] >= least)


def _scored(client: Client) -> bool:
    """Two answers of the newest version are judged."""
    traces = client.call("GET", "/llm/traces", prompt=f"{PROMPT}@3")["items"]
    if len(traces) < len(ASKS):
        return False
    for trace, value in zip(traces, (1, 0.5), strict=False):
        client.call("POST", "/scores", body={"trace": trace["trace"], "name": "kind", "value": value})
    return True


def tell_of_long_answers(data: Path) -> None:
    """An incident about support-bot's calls, as the watch of calls tells it, into the books that a server will find."""
    now = time.time()
    bot = EntityId("application:support-bot")

    def claim(kind: str, value: float, unit: str) -> Anomaly:
        return Anomaly(
            AnomalyId(sortable_id("ano", now)), bot, "llm.calls", kind, f"{kind} {bot}", Direction.UP, 4.0,
            Severity.WARNING, True, now - 120, now - 110, now - 30, value=value, expected=value / 3, unit=unit,
            title=f"{kind} is high", evidence={"measure": kind, "llm": {"application": "support-bot"}},
        )  # fmt: skip

    claims = [claim("output_length", 300.0, "{character}"), claim("cost", 0.03, "USD"), claim("refusals", 0.3, "1")]
    incident = Incident(
        IncidentId(sortable_id("inc", now)), LONG_ANSWERS, Status.RESOLVED, Severity.WARNING, now - 110, now,
        now - 120, now - 20, entities=(bot,), anomalies=tuple(one.id for one in claims),
    )  # fmt: skip

    async def write() -> None:
        data.mkdir()
        records = SqliteRecords(data / "records.sqlite", MIGRATIONS)
        await records.start()
        await Anomalies(records).merge(DEFAULT_PROJECT, claims)
        await Anomalies(records).merge(DEFAULT_PROJECT, [replace(one, ended_at=now - 30) for one in claims])
        await Incidents(records).add(DEFAULT_PROJECT, incident)
        await records.close()

    with ThreadPoolExecutor(1) as apart:  # the browser's driver has a loop of its own here
        apart.submit(asyncio.run, write()).result()
