"""The processes of a demo: started together, each with its own log file, all ended together."""

import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago (held all at once, so that they differ)."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


@dataclass
class Children:
    """Each child leads its own process group: Ctrl-C reaches only the demo, which then ends them in order."""

    logs: Path
    _processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        with (self.logs / f"{name}.log").open("ab") as out:
            self._processes[name] = subprocess.Popen(
                command, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip

    def dead(self) -> dict[str, str]:
        """Children that ended by themselves, each with the tail of its log."""
        return {name: self.tail(name) for name, process in self._processes.items() if process.poll() is not None}

    def tail(self, name: str, characters: int = 1500) -> str:
        path = self.logs / f"{name}.log"
        return path.read_text("utf-8", "replace")[-characters:] if path.exists() else ""

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def kill(self, name: str) -> None:
        """SIGKILL, and it is no longer missed."""
        process = self._processes.pop(name)
        _signal(process, signal.SIGKILL)
        process.wait()

    def stop(self, patience_s: float = 12.0) -> None:
        """Last started, first asked; who does not leave in time is killed. Safe twice."""
        for process in reversed(self._processes.values()):
            _signal(process, signal.SIGTERM)
        for process in reversed(self._processes.values()):
            try:
                process.wait(patience_s)
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                process.wait()
        self._processes.clear()


def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        pass
