"""`triops up` as a process of its own, for the length of a demo, and always cleared away."""

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from triops.demo.children import Children
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
    folder = data or Path(tempfile.mkdtemp(prefix="triops-demo-"))
    logs = folder / "demo-logs"
    logs.mkdir(parents=True, exist_ok=True)
    children = Children(logs)
    earlier = signal.signal(signal.SIGTERM, _leave)
    try:
        url = _start(children, folder / "triops", port)
        with Client(url) as client:
            server = Server(url, client, children, folder)
            wait_for("the server", client.healthy, 30, server.watch, every_s=0.1)
            yield server
    except StoryError as error:
        data = folder  # keep what tells why
        raise StoryError(f"{error}\nlogs and data are kept in {folder}") from error
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
        children.stop()
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGTERM, earlier)


def _start(children: Children, data: Path, port: int | None) -> str:
    """The URL that the server itself tells: whoever else listens on a port (another demo, a second ago) is not taken
    for it. Without a wish, the usual port or a free one.

    Raises: StoryError when the given port is taken or the server ends.
    """
    for wish in (port,) if port is not None else (DEFAULT_PORT, 0):
        children.start("triops", [sys.executable, "-m", "triops", "up", "--data", str(data), "--port", str(wish)], {})
        told = wait_for("the server's address", lambda: _address(children) or children.dead(), 30, lambda: None, 0.1)
        if isinstance(told, str):
            return told
        children.kill("triops")
        if "already in use" not in children.tail("triops"):
            break
        if port is not None:
            raise StoryError(f"port {port} is taken")
    raise StoryError(f"the server did not start; the end of its log:\n{children.tail('triops')}")


def _address(children: Children) -> str:
    """Of the line that `triops up` begins with: "Triops 1.2.3  http://127.0.0.1:7333  (data in FOLDER, pid 12)"."""
    for line in children.tail("triops").splitlines():
        if line.startswith("Triops ") and f"pid {children.pid('triops')}" in line:
            return next(word for word in line.split() if word.startswith("http://"))
    return ""


def _leave(*_: object) -> None:
    raise SystemExit(143)
