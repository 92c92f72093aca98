"""The LLMOps lens, composed: its kinds of documents, its books and services, the gateway's process. `app.py` joins it
to the rest."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triops.adapters.embedded.journal import FileJournal, FileJournalReader
from triops.adapters.local import weights
from triops.app_dialects import gateway_paths
from triops.app_spend import compose_spend
from triops.app_traces import project_prices, traces_kinds
from triops.gateway_process import GatewayProcess
from triops.kernel.errors import Unavailable
from triops.kernel.ids import ProjectId
from triops.ledger.anomalies import Anomalies
from triops.ledger.documents import Documents
from triops.ledger.entities import Entities
from triops.ledger.keys import Keys
from triops.lenses.llmops.gateway.kinds import gateway_kinds
from triops.lenses.llmops.guards.kind import guard_kind
from triops.lenses.llmops.prompts.documents import prompt_kind
from triops.lenses.llmops.prompts.snapshot import prompts_snapshot
from triops.lenses.llmops.spend.budgets import Report
from triops.lenses.llmops.spend.emptying import Emptying
from triops.lenses.llmops.spend.graph import SUBJECTS
from triops.lenses.llmops.spend.parts import SpendParts
from triops.lenses.llmops.watch import CallDetector
from triops.lenses.llmops.watch.reading import calls_of
from triops.loop.bus import Bus
from triops.loop.documents import Kind, Subject
from triops.loop.events import ChangeRecorded, SpansReceived
from triops.loop.jobs import Job
from triops.loop.receive import Receiver
from triops.ports.clock import Clock
from triops.ports.records import Records
from triops.settings import Settings

_INLINE_CALLS = 500  # whose words are not read: more would hold the event loop


def llmops_kinds() -> Sequence[Kind]:
    return [*gateway_kinds(), guard_kind(), prompt_kind(), *traces_kinds()]


def llmops_subjects() -> Mapping[str, Subject]:
    """What documents of the lens's kinds are about."""
    return SUBJECTS


@dataclass
class Llmops:
    """What the lens brings. `gateway` None: it is switched off."""

    gateway: GatewayProcess | None
    spend: SpendParts
    calls: CallDetector
    emptying: Emptying
    jobs: list[Job] = field(default_factory=list)
    routes: list[Any] = field(default_factory=list)


def compose_llmops(
    settings: Settings,
    records: Records,
    documents: Documents,
    keys: Keys,
    entities: Entities,
    anomalies: Anomalies,
    receiver: Receiver,
    report: Report,
    clock: Clock,
    data: Path,
    bus: Bus,
) -> Llmops:
    """Everything of the lens, wired and not yet started. `report`: the path that anomalies take."""
    gateway: GatewayProcess | None = None

    async def state() -> Mapping[str, Any]:
        if gateway is None:
            raise Unavailable("the gateway is switched off")
        return await gateway.state()

    def changed() -> None:
        if gateway is not None:
            gateway.changed()

    async def heard(event: ChangeRecorded) -> None:
        if event.change.entity.startswith("prompt:"):
            changed()

    bus.subscribe(ChangeRecorded, heard, name="gateway:prompts")

    async def told() -> None:
        if gateway is not None:
            await gateway.refresh()

    of_gateway = settings.gateway
    folder = data / "gateway" / "journal"
    limits = {
        "body_bytes": of_gateway.body_mb << 20,
        "connections": of_gateway.connections,
        "calls": of_gateway.calls,
        "journal_bytes": of_gateway.journal_mb << 20,
    }
    fixed = {
        "local": weights.installed(),
        "limits": limits,
        "record": {"default": of_gateway.record, "bytes": of_gateway.record_kb << 10},
    }
    composed = compose_spend(
        settings,
        data,
        records,
        documents,
        keys,
        entities,
        anomalies,
        receiver,
        clock,
        FileJournalReader(folder),
        report,
        state,
        changed,
        told,
        prompts_snapshot,
        fixed,
    )

    async def rotate() -> None:
        if gateway is not None:
            await gateway.rotate()
        elif folder.exists():  # nobody else writes it
            await asyncio.to_thread(_rotated, folder)

    def purge(project: ProjectId) -> None:
        if gateway is not None:
            gateway.purge(project)

    calls = CallDetector()
    prices = project_prices(documents)

    async def on_spans(event: SpansReceived) -> None:
        priced = await prices(event.project) if event.heard else None
        for heard in event.heard:
            texts = calls.texts(len(heard), clock.now())
            few = not texts and len(heard) <= _INLINE_CALLS
            columns = calls_of(heard, priced, 0) if few else await asyncio.to_thread(calls_of, heard, priced, texts)
            calls.take(event.project, columns, clock.now())
            composed.graph.heard(event.project, columns, (~heard.said.gateway[heard.said.call]).tolist())

    bus.subscribe(SpansReceived, on_spans, name="detect:calls")
    if of_gateway.enabled:
        gateway = GatewayProcess(data, gateway_paths(), composed.parts.snapshots.now)
    emptying = Emptying(composed.parts.applying, rotate, purge, clock)
    return Llmops(gateway, composed.parts, calls, emptying, list(composed.jobs))


def _rotated(folder: Path) -> None:
    journal = FileJournal(folder)
    try:
        journal.rotate()
    finally:
        journal.close()
