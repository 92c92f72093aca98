"""Runs the composed application: one port, one process, a graceful stop.

Signals: SIGINT and SIGTERM stop accepting, let requests end (at most 5 s), flush, and exit 0;
a second one stops at once.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvicorn
import uvloop

from triops import __version__
from triops.app import compose, open_records
from triops.app_life import Triops
from triops.document_files import read_documents
from triops.kernel.errors import Forbidden, Invalid, Unavailable
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Role
from triops.ledger.calls.keys import GatewayKeys
from triops.ledger.keys import Keys
from triops.ports.clock import SystemClock
from triops.settings import Settings

log = logging.getLogger("triops")
GRACE_S = 5
_COLLECT = (20_000, 20, 20)  # a request leaves hardly any cycles, and a batch many objects that live for a while


def serve(settings: Settings, config: Sequence[Path] = ()) -> int:
    """Run in the foreground until a signal; answers the exit status.

    Raises: Invalid for documents in `config` that cannot be applied; Forbidden to listen beyond loopback without an
    admin key; Unavailable when the port or the data folder is taken.
    """
    _log_to_stderr(settings.server.log_level)
    documents = [document for path in config for document in read_documents(path)]
    try:
        status: int = uvloop.run(_serve(settings, documents))
    finally:
        gc.unfreeze()  # what is let go now is freed in order: libraries complain of what the interpreter's end finds
        gc.enable()
        gc.collect()
    return status


class _Server(uvicorn.Server):
    """Stops with exit status 0 on a signal (uvicorn would raise it again), and tells the application at once, so that
    endless answers (live, tail) end."""

    def __init__(self, config: uvicorn.Config, triops: Triops) -> None:
        super().__init__(config)
        self._triops = triops

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
        self._triops.stopping()


async def _serve(settings: Settings, documents: Sequence[dict[str, object]]) -> int:
    listener = _listen(settings.server.host, settings.server.port)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    base_url = settings.server.public_url or f"http://{shown}:{port}"
    triops = compose(settings, base_url)
    try:
        await triops.start()
        if not settings.loopback and not await triops.has_admin_key():
            raise Forbidden(
                f"will not listen on {settings.server.host} without an admin key; make one first: "
                f"triops key create me --role admin --data {settings.server.data}"
            )
        await triops.apply(documents)
        await triops.open_gateway()
        server = _Server(
            uvicorn.Config(
                triops.asgi,
                http=triops.http_protocol,
                ws="none",
                loop="none",
                lifespan="off",
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_S,
                timeout_keep_alive=75,
                backlog=2048,
            ),
            triops,
        )
        await triops.open_grpc()
        gc.freeze()  # what is loaded now stays: a collection need not look at it
        gc.set_threshold(*_COLLECT)
        gc.enable()
        where = f"data in {settings.server.data.resolve()}, pid {os.getpid()}"
        with contextlib.suppress(OSError):  # a log on a full disk must not stop the server
            print(f"Triops {__version__}  {base_url}  ({where})", file=sys.stderr, flush=True)
        await server.serve(sockets=[listener])
    finally:
        listener.close()
        await triops.close()
    return 0


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise Invalid(f"not an address to listen on: {error}", field="server.host", got=host) from error
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise Unavailable(f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}; try --port 0") from error
    listener.setblocking(False)
    return listener


async def create_key_offline(data: Path, project: ProjectId, role: Role, name: str) -> str:
    """Make a key in a data folder whose server is not running; answers its secret. Raises: Unavailable when it runs."""
    records = open_records(data)
    try:
        await records.start()
        _, secret = await Keys(records).create(project, role, name, SystemClock().now())
    finally:
        await records.close()
    return secret


async def create_gateway_key_offline(data: Path, project: ProjectId, key: str) -> str:
    """Make a secret of a Key document in a data folder whose server is not running; answers it. The document may be
    applied later. Raises: Unavailable when it runs."""
    records = open_records(data)
    try:
        await records.start()
        _, secret = await GatewayKeys(records).create(project, key, SystemClock().now())
    finally:
        await records.close()
    return secret


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True
    )
    for noisy in ("asyncio", "aiohttp.access", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
