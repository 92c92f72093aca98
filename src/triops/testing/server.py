"""A real `triops up` in a process of its own, on a free port: what scenario, conformance and browser tests talk to."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from triops.sdk import Client

T = TypeVar("T")


class NotInTime(AssertionError):
    """A condition did not come true within its limit."""


def wait_for(condition: Callable[[], T], *, limit_s: float = 20.0, what: str = "", every_s: float = 0.05) -> T:
    """The first truthy answer of `condition`. Raises: NotInTime with the last answer."""
    until = time.monotonic() + limit_s
    while True:
        last = condition()
        if last:
            return last
        if time.monotonic() > until:
            raise NotInTime(f"not within {limit_s:.0f} s: {what or condition}; last: {last!r}")
        time.sleep(every_s)


class RunningTriops:
    """`with RunningTriops(tmp_path) as server: server.client.status()`.

    `arguments` go to `triops up`; `environ` is added to this process's (less its own TRIOPS_ variables).
    """

    def __init__(
        self, data: Path, *arguments: str, environ: dict[str, str] | None = None, key: str = "", log: Path | None = None
    ) -> None:
        self.data = data
        self.url = ""
        self.log = log or data.with_name(data.name + ".log")
        self._arguments: Sequence[str] = arguments
        self._environ = {k: v for k, v in os.environ.items() if not k.startswith(("TRIOPS_", "OTEL_"))} | {
            "TRIOPS_SERVER_GRPC_PORT": "0",
            "TRIOPS_COLLECTOR_ENABLED": "false",
            **(environ or {}),
        }
        self._key = key
        self._port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.client = Client("http://127.0.0.1:1")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, limit_s: float = 30.0) -> None:
        """Start, and wait until `/health` answers. A restart takes the same port. Raises: NotInTime with the log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "triops",
                    "up",
                    "--data",
                    str(self.data),
                    "--port",
                    str(self._port),
                    *self._arguments,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environ,
            )
        try:
            self.url = wait_for(self._address, limit_s=limit_s, what="triops up to print its address")
            self._port = int(self.url.rsplit(":", 1)[1])
            self.client.close()
            self.client = Client(self.url, self._key or None)
            wait_for(self.client.healthy, limit_s=limit_s, what="GET /health")
        except NotInTime as error:
            self.kill()
            raise NotInTime(f"{error}\n{self.log.read_text()[-4000:]}") from None

    def kill(self) -> None:
        """SIGKILL: no flush, no goodbye."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self, limit_s: float = 15.0) -> int:
        """SIGTERM and wait; answers the exit status."""
        assert self.process is not None
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise NotInTime(f"triops up did not stop within {limit_s} s\n{self.log.read_text()[-4000:]}") from None

    def _address(self) -> str:
        assert self.process is not None
        if self.process.poll() is not None:
            raise NotInTime(f"triops up ended with {self.process.returncode}")
        for line in reversed(self.log.read_text(errors="replace").splitlines()):
            if line.startswith("Triops ") and f"pid {self.process.pid}" in line:
                return next(word for word in line.split() if word.startswith("http://"))
        return ""
