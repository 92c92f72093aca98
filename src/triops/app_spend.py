"""The books of calls, composed: what the gateway journals becomes spend, spans, metrics and entities; its secrets."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triops.adapters.sealing import AesSealing
from triops.kernel.errors import Unavailable
from triops.kernel.ids import ProjectId
from triops.kernel.signal import MetricBatch, SpanBatch
from triops.ledger.anomalies import Anomalies
from triops.ledger.calls.book import SpendBook
from triops.ledger.calls.credentials import Credentials
from triops.ledger.calls.keys import GatewayKeys
from triops.ledger.calls.totals import Totals
from triops.ledger.documents import Documents
from triops.ledger.entities import Entities
from triops.ledger.keys import Keys
from triops.lenses.llmops.spend.applying import Applying
from triops.lenses.llmops.spend.budgets import Budgets, Report
from triops.lenses.llmops.spend.environment import EnvironmentKeys
from triops.lenses.llmops.spend.graph import Graph
from triops.lenses.llmops.spend.metering import Metering
from triops.lenses.llmops.spend.parts import SpendParts, State, spend_jobs
from triops.lenses.llmops.spend.service import Spend
from triops.lenses.llmops.spend.snapshots import Prompts, Snapshots
from triops.loop.jobs import Job
from triops.loop.receive import Receiver
from triops.ports.clock import Clock
from triops.ports.journal import JournalReader
from triops.ports.records import Records
from triops.settings import Settings

Reserved = Mapping[tuple[str, str, str, str], int]


@dataclass(frozen=True)
class Composed:
    parts: SpendParts
    graph: Graph
    jobs: Sequence[Job]


def compose_spend(
    settings: Settings,
    data: Path,
    records: Records,
    documents: Documents,
    keys: Keys,
    entities: Entities,
    anomalies: Anomalies,
    receiver: Receiver,
    clock: Clock,
    journal: JournalReader,
    report: Report,
    state: State,
    changed: Callable[[], None],
    told: Callable[[], Awaitable[None]],
    prompts: Prompts,
    fixed: Mapping[str, Any],
) -> Composed:
    """`state`, `changed` and `told` are the gateway process's; `prompts` of a project, as a snapshot has them;
    `fixed`: the snapshot's `local`, `limits` and `record`."""
    book, totals = SpendBook(records), Totals(records)
    secrets = settings.secrets
    sealing = AesSealing(secrets.key.get_secret_value(), secrets.file or data / "secrets.key")
    gateway_keys, credentials = GatewayKeys(records), Credentials(records, sealing)

    async def take_spans(project: ProjectId, batch: SpanBatch, digest: bytes | None = None) -> object:
        return await receiver.receive_spans(project, batch, digest, source="gateway")

    async def take_metrics(project: ProjectId, batch: MetricBatch) -> object:
        return await receiver.receive_metrics(project, batch, source="gateway")

    async def opened() -> bool:
        return settings.loopback and not await keys.made()

    metering, graph = Metering(take_metrics), Graph(entities)
    budgets = Budgets(records, documents, totals, clock, _reserved(state), report, keys.projects, anomalies.open)
    applying = Applying(book, journal, take_spans, [metering.applied, graph.applied, budgets.applied])
    environment = EnvironmentKeys(os.environ.get, settings.gateway.env)
    snapshots = Snapshots(
        records, documents, keys, gateway_keys, credentials, clock, opened, prompts, environment, fixed
    )
    spend = Spend(book, totals, clock)
    parts = SpendParts(spend, budgets, applying, gateway_keys, credentials, snapshots, state, told)
    return Composed(parts, graph, spend_jobs(parts, metering, graph, changed))


def _reserved(state: State) -> Callable[[], Awaitable[Reserved]]:
    """What calls in progress have reserved, as the gateway's process says."""

    async def reserved() -> Reserved:
        try:
            told = await state()
        except Unavailable:
            return {}
        return {
            (project, one["scope"], one["name"], one["per"]): one["reserved"]
            for project, budgets in (told.get("budgets") or {}).items()
            for one in budgets
        }

    return reserved
