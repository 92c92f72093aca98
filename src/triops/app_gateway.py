"""The gateway's process, composed: journal, transport, decisions, dialects, server. No database, no web framework.

It is told everything by the server over the control channel, first of all a snapshot; then it opens the journal and
takes connections. It ends when the server does.
"""

import asyncio
import contextlib
import gc
import logging
import random
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from triops.adapters.embedded.journal import MOST_HELD, FileJournal, FileJournalReader
from triops.adapters.local.process import LocalModels
from triops.adapters.providers.anthropic import AnthropicProvider
from triops.adapters.providers.gemini import GeminiProvider
from triops.adapters.providers.ollama import OllamaProvider
from triops.adapters.providers.openai import OpenAIProvider, speaks_responses
from triops.adapters.providers.transport import HttpUpstream
from triops.app_dialects import dialects, gateway_paths, lookups
from triops.control import Control, Message, joined
from triops.kernel.errors import NotFound, TriopsError
from triops.lenses.llmops.gateway.admission import Admission
from triops.lenses.llmops.gateway.cache import Cache
from triops.lenses.llmops.gateway.config import Config, configured
from triops.lenses.llmops.gateway.counts import Counts
from triops.lenses.llmops.gateway.estimate import Estimators
from triops.lenses.llmops.gateway.parts import Parts
from triops.lenses.llmops.gateway.recorder import Recorder
from triops.lenses.llmops.gateway.router import Router
from triops.lenses.llmops.gateway.service import Gateway
from triops.lenses.llmops.gateway.specs import LOCAL, ProviderSpec
from triops.lenses.llmops.guards.warming import looks_for_names, warm
from triops.ports.providers import Provider
from triops.ports.upstream import Host
from triops.web.completing.handler import Handler
from triops.web.completing.request import Bounds
from triops.web.completing.server import Server
from triops.web.handover import Handover
from triops.web.local import check_local

log = logging.getLogger(__name__)
_GRACE_S = 5.0
_STOP_S = 1.0
_LOCK_S = 20.0  # the process before may still end its calls
_TOLD_S = 0.05
_TIDY_S = 5.0
_SPEAKERS = 1000  # that are kept; over it all are made anew


def journal_folder(data: Path) -> Path:
    return data / "gateway" / "journal"


class Speakers:
    """Who speaks a provider's dialect; one adapter for each address and way of speaking it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str, bool], Provider] = {}

    def __call__(self, spec: ProviderSpec) -> Provider:
        """Raises: NotFound for a dialect that is not spoken here."""
        at = (spec.dialect, spec.host.name, spec.responses, spec.stream_usage)
        provider = self._kept.get(at)
        if provider is None:
            if len(self._kept) >= _SPEAKERS:
                self._kept.clear()
            responses = spec.responses == "native" if spec.responses else speaks_responses(spec.host.name)
            provider = self._kept[at] = _speaker(spec.dialect, responses, spec.stream_usage)
        return provider


def _speaker(dialect: str, responses: bool, stream_usage: bool) -> Provider:
    if dialect == "openai":
        return OpenAIProvider(responses=responses, stream_usage=stream_usage)
    if dialect == LOCAL:
        return OpenAIProvider()
    if dialect == "anthropic":
        return AnthropicProvider()
    if dialect == "gemini":
        return GeminiProvider()
    if dialect == "ollama":
        return OllamaProvider()
    raise NotFound(f"the dialect {dialect} is not spoken here")


class GatewayApp:
    """`ended` is set when the server is gone or asks for an end."""

    def __init__(self, data: Path) -> None:
        self.ended = asyncio.Event()
        self._data = data
        self._loop = asyncio.get_running_loop()
        self._control: Control | None = None
        self._handover: Handover | None = None
        self._gateway: Gateway | None = None
        self._server: Server | None = None
        self._journal: FileJournal | None = None
        self._upstream: HttpUpstream | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._local = LocalModels()
        self._telling = False
        self._starting = False
        self._warmed = False

    async def join(self, words: socket.socket, handover: socket.socket) -> None:
        handover.setblocking(False)
        self._handover = Handover(handover, self._taken, self.ended.set)
        self._control = await joined(words, self._heard, self.ended.set)

    async def close(self) -> None:
        """Calls in progress may end for a while, then are settled as they are."""
        if self._handover is not None:
            self._handover.close()
        if self._server is not None:
            await self._server.stop(_GRACE_S)
        if self._gateway is not None:
            await self._gateway.stop(_STOP_S)
        if self._journal is not None:
            self._journal.close()
        if self._upstream is not None:
            await self._upstream.close()
        await self._local.close()
        if self._control is not None:
            self._control.close()

    # What the server says

    def _heard(self, message: Message) -> None:
        what = message.get("do")
        try:
            if what == "snapshot":
                self._configure(message)
            elif what == "purge_cache" and self._gateway is not None:
                self._gateway.purge(str(message.get("project", "")))
            elif what == "rotate" and self._journal is not None and self._control is not None:
                self._journal.rotate()
                self._control.tell({"id": message["id"]})
            elif what == "state" and self._control is not None:
                self._control.tell({"id": message["id"], **self._state()})
        except Exception:
            log.exception("the gateway could not do %s", what)

    def _configure(self, snapshot: Message) -> None:
        config = configured(snapshot)
        if self._gateway is not None and self._upstream is not None:
            self._gateway.configure(config)
            _bound(self._upstream, config)
            self._task(self._warm(config))
        elif not self._starting:
            self._starting = True
            self._task(self._start(config))

    async def _start(self, config: Config) -> None:
        try:
            folder = journal_folder(self._data)
            most = int(config.limits.get("journal_bytes", MOST_HELD))
            journal = await asyncio.to_thread(FileJournal, folder, after=config.applied_seq, wait_s=_LOCK_S, most=most)
            self._journal = journal
            self._upstream = upstream = HttpUpstream()
            _bound(upstream, config)
            estimators = Estimators()
            parts = Parts(
                recorder=Recorder(journal, estimators, self._journalled, 16 << 10),
                upstream=upstream,
                speaks=Speakers(),
                found=self._found,
                now_ns=time.time_ns,
                rng=random.Random(),
                router=Router(),
                admission=Admission(),
                estimators=estimators,
                cache=Cache(),
                counts=Counts(),
            )
            gateway = Gateway(parts, config, check_local)
            killed = gateway.recover(FileJournalReader(folder), config.applied_seq, config.open_from, journal.last)
            if killed:
                log.warning("%d calls were cut off by a kill; they are settled with an estimate", killed)
            limits = config.limits
            body = int(limits.get("body_bytes", Bounds.body))
            bounds = Bounds(
                body=body,
                bodies=max(Bounds.bodies, 2 * body),
                connections=int(limits.get("connections", Bounds.connections)),
            )
            await self._warm(config)
            handler = Handler(gateway, dialects(), lookups())
            self._server = Server(gateway_paths(), handler.answer, self._give, bounds, handler.admit, handler.words)
            self._gateway = gateway
            self._loop.call_later(_TIDY_S, self._tidy)
            gc.collect()
            gc.freeze()  # what is loaded now stays
            gc.set_threshold(50_000, 20, 20)  # a call leaves no cycles, so there is little to look for
            self._tell({"tell": "ready"})
        except TriopsError as error:
            log.error("the gateway cannot start: %s", error.message)
            self.ended.set()
        except Exception:
            log.exception("the gateway cannot start")
            self.ended.set()

    async def _warm(self, config: Config) -> None:
        """Who looks for names waits for nothing when the first call comes."""
        projects = config.projects.values()
        redacting = any(p.redaction is not None and p.redaction.looks_for_names for p in projects)
        if not self._warmed and (redacting or looks_for_names(g for p in projects for g in p.guards.values())):
            self._warmed = True
            await asyncio.to_thread(warm)

    def _state(self) -> Mapping[str, Any]:
        if self._gateway is None or self._server is None or self._journal is None:
            return {"ready": False}
        journal = self._journal.state()
        return {"ready": True, "connections": self._server.connections, "journal": journal, **self._gateway.state()}

    async def _found(self, spec: ProviderSpec, operation: str) -> ProviderSpec:
        """Where a model that runs here answers. Raises: Unavailable that says how to install it."""
        if spec.host.name:
            return spec
        path = spec.onnx if operation == "embeddings" else spec.gguf
        running = await self._local.running("embeddings" if operation == "embeddings" else "chat", path)
        return replace(spec, host=running.host, path="/v1", credential=running.key)

    # Connections

    def _taken(self, connected: socket.socket, head: bytes) -> None:
        if self._server is None:
            connected.close()
            return
        self._task(self._server.take(connected, head))

    def _give(self, connection: socket.socket, head: bytes) -> bool:
        return self._handover is not None and self._handover.give(connection.fileno(), head)

    # What the server is told

    def _journalled(self, seq: int) -> None:
        """Told soon after, for many entries at once."""
        if not self._telling:
            self._telling = True
            self._loop.call_later(_TOLD_S, self._tell_journal)

    def _tell_journal(self) -> None:
        self._telling = False
        self._tell({"tell": "journal"})

    def _tell(self, message: Message) -> None:
        if self._control is not None:
            self._control.tell(message)

    def _tidy(self) -> None:
        if self._upstream is not None:
            self._upstream.idle(self._loop.time())
        self._loop.call_later(_TIDY_S, self._tidy)

    def _task(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _bound(upstream: HttpUpstream, config: Config) -> None:
    """Where several documents name one address, the highest of their bounds holds."""
    most: dict[Host, int] = {}
    for project in config.projects.values():
        for provider in project.providers.values():
            if provider.host.name:
                most[provider.host] = max(most.get(provider.host, 0), provider.connections)
    for host, connections in most.items():
        upstream.bound(host, connections)


async def run(words: socket.socket, handover: socket.socket, data: Path) -> int:
    """The life of the process; answers its exit status."""
    app = GatewayApp(data)
    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, app.ended.set)
    try:
        await app.join(words, handover)
        await app.ended.wait()
    finally:
        await app.close()
    return 0
