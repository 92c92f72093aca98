"""OTLP over gRPC: a server on a private Unix socket, started when the first HTTP/2 connection is handed to it.

gRPC is imported then, too: who sends over HTTP alone never pays for it. Messages are taken as they are on the wire:
gRPC's own decompression is off, so that a bomb is stopped by the same bound as over HTTP.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from triops.edges.otlp.answers import CODES, PROTOBUF, Answers, shown
from triops.edges.otlp.intake import Intake
from triops.kernel.errors import TriopsError, Unavailable
from triops.kernel.limits import Limits
from triops.kernel.tenant import Right
from triops.web.access import Authenticate
from triops.web.body import Bodies

SERVICES = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
}


class GrpcServer:
    """Satisfies `web.splice.Inner`."""

    def __init__(self, intake: Intake, bodies: Bodies, authenticate: Authenticate, limits: Limits) -> None:
        self._intake = intake
        self._bodies = bodies
        self._authenticate = authenticate
        self._limits = limits
        self._answers = Answers()
        self._server: Any = None
        self._folder: Path | None = None
        self._lock = asyncio.Lock()
        self._stopped = False

    async def connect(self, protocol: Callable[[], asyncio.Protocol]) -> asyncio.Transport:
        async with self._lock:
            if self._stopped:
                raise Unavailable("the server is stopping")
            if self._server is None:
                await self._start()
        path = self._socket
        transport, _ = await asyncio.get_running_loop().create_unix_connection(protocol, path)
        return transport

    async def stop(self, grace_s: float) -> None:
        async with self._lock:
            self._stopped = True
            if self._server is not None:
                await self._server.stop(grace_s)
                self._server = None
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    @property
    def _socket(self) -> str:
        return f"{self._folder}/grpc"

    async def _start(self) -> None:
        import grpc.aio

        codes = {code.value[0]: code for code in grpc.StatusCode}
        self._folder = Path(tempfile.mkdtemp(prefix="triops-"))  # mode 700: no other user may connect
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", self._limits.body_bytes),
                ("grpc.per_message_decompression", 0),
                ("grpc.max_metadata_size", 32 << 10),
                ("grpc.max_concurrent_streams", 64),  # of one connection; its further calls wait
            ]
        )
        server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    service, {"Export": grpc.unary_unary_rpc_method_handler(self._export(signal, codes))}
                )
                for signal, service in SERVICES.items()
            ]
        )
        server.add_insecure_port(f"unix:{self._socket}")
        await server.start()
        self._server = server

    def _export(self, signal: str, codes: Mapping[int, Any]) -> Callable[[bytes, Any], Any]:
        async def export(raw: bytes, context: Any) -> bytes:
            try:
                principal = await self._authenticate(_headers(context), Right.SEND)
                async with self._bodies.opened(raw, _encoding(raw)) as body:
                    outcome = await self._intake.take(principal.project, signal, body)
                return self._answers.success(signal, outcome.receipt, outcome.cut, PROTOBUF)
            except TriopsError as error:
                details = (("grpc-status-details-bin", self._answers.status(error)),)
                await context.abort(codes[CODES.get(type(error), 2)], shown(error)[:1024], details)
                raise

        return export


def _headers(context: Any) -> Mapping[str, str]:
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


def _encoding(raw: bytes) -> str:
    """How a message is compressed: told by its first bytes, with which no OTLP message can begin."""
    if raw[:2] == b"\x1f\x8b":
        return "gzip"
    if raw[:1] == b"\x78" and len(raw) > 1 and int.from_bytes(raw[:2], "big") % 31 == 0:
        return "deflate"
    return ""
