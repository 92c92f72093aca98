"""The composed application: how it begins and ends."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp

from triops.adapters.embedded.records import SqliteRecords
from triops.app_mlops import Store
from triops.edges import native
from triops.edges.native.services import Services
from triops.edges.otlp.grpc_server import GrpcServer
from triops.gateway_process import GatewayProcess
from triops.kernel.clock import parse_time
from triops.kernel.tenant import DEFAULT_PROJECT, Principal, Role
from triops.loop.jobs import Supervisor
from triops.settings import Settings
from triops.web.splice import listen

CONFIG = Principal(DEFAULT_PROJECT, Role.ADMIN, "--config")  # whoever starts the server


@dataclass
class Triops:
    """The composed application. `start` and `close` are its parts' life, in order; both are safe twice."""

    settings: Settings
    services: Services
    asgi: ASGIApp
    http_protocol: type[asyncio.Protocol]
    supervisor: Supervisor
    _records: SqliteRecords
    _stores: Sequence[Store]
    _grpc: GrpcServer
    _grpc_ports: list[int]
    gateway: GatewayProcess | None = None
    _doorway: asyncio.Server | None = None
    _open: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def start(self) -> None:
        """Open the stores, recover what a kill left behind, start the loop. Raises: Unavailable, StoreFull."""
        services = self.services
        if self.gateway is not None:
            self._open.push_async_callback(self.gateway.close)
            self.gateway.begin()
        for part in (self._records, *self._stores, services.metrics, services.logs, services.spans):
            self._open.push_async_callback(part.close)
            await part.start()
        await self._remember_sources()
        for running in (services.bus, self.supervisor):
            self._open.push_async_callback(running.close)
            await running.start()

    async def open_gateway(self) -> None:
        """The gateway's process may begin, when the documents given at the start are applied."""
        if self.gateway is not None:
            self._open.push_async_callback(self.gateway.close)
            await self.gateway.start()

    async def open_grpc(self) -> None:
        """Listen on OpenTelemetry's own gRPC port too, when it is free."""
        port = self.settings.server.grpc_port
        if port and port != self.settings.server.port:
            self._doorway = await listen(self._grpc, self.settings.server.host, port)
            if self._doorway is not None:
                self._grpc_ports.append(port)

    def stopping(self) -> None:
        """A stop begins: let those go who listen without end."""
        self.services.live.close()
        if self._doorway is not None:
            self._doorway.close()

    async def close(self) -> None:
        self.stopping()
        await self._grpc.stop(2.0)
        await self._open.aclose()

    async def has_admin_key(self) -> bool:
        return await self.services.keys.any(self.services.clock.now())

    async def apply(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Documents given at the start, for the default project. Raises: Invalid."""
        if documents:
            await native.apply_documents(self.services, CONFIG, documents, dry_run=False)

    async def _remember_sources(self) -> None:
        """What earlier runs stored ticks the Start page's lines."""
        kinds = {"traces": self.services.spans, "metrics": self.services.metrics, "logs": self.services.logs}
        for source, store in kinds.items():
            usage = await store.usage()
            if usage.oldest_day and usage.rows:
                self.services.seen.restore(DEFAULT_PROJECT, source, parse_time(usage.oldest_day))
