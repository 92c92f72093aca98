"""The LLMOps lens, composed: its kinds of documents, its books and services, the gateway's process. `app.py` joins it
to the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triops.app_dialects import gateway_paths
from triops.gateway_process import GatewayProcess
from triops.ledger.documents import Documents
from triops.ledger.keys import Keys
from triops.lenses.llmops.gateway.kinds import gateway_kinds
from triops.lenses.llmops.guards.kind import guard_kind
from triops.lenses.llmops.prompts.documents import prompt_kind
from triops.lenses.llmops.prompts.snapshot import PromptSnapshots
from triops.loop.documents import Kind
from triops.loop.jobs import Job
from triops.ports.records import Records
from triops.settings import Settings


def llmops_kinds() -> Sequence[Kind]:
    return [*gateway_kinds(), guard_kind(), prompt_kind()]


@dataclass
class Llmops:
    """What the lens brings. `gateway` None: it is switched off."""

    gateway: GatewayProcess | None
    jobs: list[Job] = field(default_factory=list)
    routes: list[Any] = field(default_factory=list)


def compose_llmops(
    settings: Settings, records: Records, documents: Documents, keys: Keys, prompts: PromptSnapshots, data: Path
) -> Llmops:
    """Everything of the lens, wired and not yet started."""
    snapshot = Snapshot(settings, documents, keys, prompts)
    gateway = GatewayProcess(data, gateway_paths(), snapshot.now) if settings.gateway.enabled else None
    jobs = [Job("gateway:changes", 0.2, Watch(gateway, snapshot).tick)] if gateway is not None else []
    return Llmops(gateway, jobs)


class Snapshot:
    """All that the gateway must know, read from the books."""

    def __init__(self, settings: Settings, documents: Documents, keys: Keys, prompts: PromptSnapshots) -> None:
        self._settings = settings
        self._documents = documents
        self._keys = keys
        self._prompts = prompts

    async def now(self) -> Mapping[str, Any]:
        gateway = self._settings.gateway
        projects = {}
        for project in await self._keys.projects():
            kept = await self._documents.list(project)
            projects[project] = {
                "documents": [
                    {"kind": d.kind, "name": d.name, "spec": d.spec, "revision": d.revision, "updated_at": d.updated_at}
                    for d in kept
                ],
                "prompts": await self._prompts.of(project),
            }
        return {
            "open": self._settings.loopback and not await self._keys.made(),
            "projects": projects,
            "limits": {"body_bytes": gateway.body_mb << 20, "connections": gateway.connections, "calls": gateway.calls},
            "record": {"default": gateway.record, "bytes": gateway.record_kb << 10},
        }

    async def stamp(self) -> object:
        """Differs when what `now` reads may have changed."""
        projects = await self._keys.projects()
        made = await self._keys.made()
        return tuple((project, self._documents.version(project)) for project in projects), made, self._prompts.version()


class Watch:
    """Tells the gateway when what it knows is out of date."""

    def __init__(self, gateway: GatewayProcess, snapshot: Snapshot) -> None:
        self._gateway = gateway
        self._snapshot = snapshot
        self._stamp: object = None

    async def tick(self, now: float) -> None:
        stamp = await self._snapshot.stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            self._gateway.changed()
