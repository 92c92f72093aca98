"""What the native API is made of; `app.py` fills it in."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triops.edges.native.live import Live
from triops.kernel.ids import ProjectId
from triops.ledger.actions import Actions
from triops.ledger.anomalies import Anomalies
from triops.ledger.audit import Audit
from triops.ledger.changes import Changes
from triops.ledger.documents import Documents
from triops.ledger.entities import Entities
from triops.ledger.incidents import Incidents
from triops.ledger.keys import Keys
from triops.ledger.outbox import Outbox
from triops.lenses.llmops.prompts.service import Prompts
from triops.lenses.llmops.spend.parts import SpendParts
from triops.lenses.llmops.traces.parts import TraceParts
from triops.lenses.mlops.artifacts import Owners, Places
from triops.lenses.mlops.importing import Importing
from triops.lenses.mlops.logged_models import Models, ModelSearch
from triops.lenses.mlops.permissions import Permissions
from triops.lenses.mlops.provenance import Provenances
from triops.lenses.mlops.registry.parts import RegistryParts
from triops.lenses.mlops.search import Search
from triops.lenses.mlops.tracking import Tracking
from triops.loop.act import Act
from triops.loop.bus import Bus
from triops.loop.documents import Applier, Kinds
from triops.loop.learn import Learn
from triops.loop.receive import Receiver
from triops.loop.sources import Sources
from triops.ports.clock import Clock
from triops.ports.logs import Logs
from triops.ports.metrics import Metrics
from triops.ports.spans import Spans
from triops.web.auth import Authenticator


@dataclass(frozen=True)
class Services:
    clock: Clock
    auth: Authenticator
    bus: Bus
    receiver: Receiver
    metrics: Metrics
    logs: Logs
    spans: Spans
    entities: Entities
    changes: Changes
    anomalies: Anomalies
    incidents: Incidents
    actions: Actions
    audit: Audit
    keys: Keys
    documents: Documents
    outbox: Outbox
    kinds: Kinds
    act: Act
    status: Callable[[], Awaitable[Mapping[str, Any]]]
    detectors: Callable[[ProjectId], Sequence[Mapping[str, Any]]]
    settings: Mapping[str, Any]  # masked
    erase_project: Callable[[ProjectId], Awaitable[int]]
    base_url: str
    grpc_ports: Callable[[], Sequence[int]]
    seen: Sources
    learn: Learn
    live: Live
    permissions: Permissions
    importing: Importing
    logged_models: Models
    model_search: ModelSearch
    provenances: Provenances
    places: Places
    owners: Owners
    registry: RegistryParts
    tracking: Tracking
    search: Search
    prompts: Prompts
    appliers: Mapping[str, Applier]  # of kinds of documents that do more than being stored
    spend: SpendParts
    llm: TraceParts
