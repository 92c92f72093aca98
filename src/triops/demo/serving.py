"""`triops up` as a process of its own, for the length of a demo, and always cleared away."""

import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from triops.demo.children import Children, free_ports
from triops.demo.waiting import StoryError, wait_for
from triops.sdk import Client

DEFAULT_PORT = 7333


@dataclass(frozen=True, slots=True)
class Server:
    """`triops up` as a process of its own, and the folder of the demo."""

    url: str
    client: Client
    children: Children
    folder: Path

    def watch(self) -> None:
        """Raises: StoryError when a process ended by itself."""
        for name, tail in self.children.dead().items():
            raise StoryError(f"{name} ended by itself; the end of its log:\n{tail}")


@contextmanager
def open_server(port: int | None, data: Path | None) -> Iterator[Server]:
    """Running and healthy. The temporary folder is removed at the end, unless something went wrong.

    Raises: StoryError when a given port is taken or the server does not become healthy.
    """
    chosen = _choose_port(port)
    url = f"http://127.0.0.1:{chosen}"
    folder = data or Path(tempfile.mkdtemp(prefix="triops-demo-"))
    logs = folder / "demo-logs"
    logs.mkdir(parents=True, exist_ok=True)
    children = Children(logs)
    earlier = signal.signal(signal.SIGTERM, _leave)
    client = Client(url)
    server = Server(url, client, children, folder)
    try:
        children.start(
            "triops",
            [sys.executable, "-m", "triops", "up", "--data", str(folder / "triops"), "--port", str(chosen)],
            {},
        )
        wait_for("the server", client.healthy, 30, server.watch, every_s=0.1)
        yield server
    except StoryError as error:
        data = folder  # keep what tells why
        raise StoryError(f"{error}\nlogs and data are kept in {folder}") from error
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
        client.close()
        children.stop()
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGTERM, earlier)


def _choose_port(port: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port or DEFAULT_PORT))
            return port or DEFAULT_PORT
        except OSError as error:
            if port is not None:
                raise StoryError(f"port {port} is taken") from error
    return free_ports(1)[0]


def _leave(*_: object) -> None:
    raise SystemExit(143)
