"""Peers, each in a virtual environment of its own under `build/peers/`, and servers pinned to one core."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

HOME = Path(__file__).parent.parent / "build" / "peers"


def environment(name: str, *requirements: str) -> Path | None:
    """The `bin` folder of the peer's environment, made when missing; None (said in one line) when it cannot be."""
    home = HOME / name
    done = home / ".done"
    if not done.exists() or done.read_text() != " ".join(requirements):
        print(f"installing the peer {name} ({' '.join(requirements)}) ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        install = [str(home / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *requirements]
        if subprocess.run(install, stderr=subprocess.DEVNULL).returncode != 0:
            print(f"skipped: the peer {name} cannot be installed here")
            return None
        done.write_text(" ".join(requirements))
    return home / "bin"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def server(
    command: Sequence[str],
    ready: str,
    *,
    core: int | None = 0,
    limit_s: float = 120.0,
    env: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server pinned to one core until the block ends. `ready`: a URL that answers below 500 when it is up."""

    def pin() -> None:
        os.setsid()
        if core is not None and core in os.sched_getaffinity(0):
            os.sched_setaffinity(0, {core})

    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TRIOPS_", "OTEL_"))}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=pin, env=clean | (env or {})
    )
    try:
        until = time.monotonic() + limit_s
        while not _answers(ready):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command[0]} did not come up: {process.poll()}")
            time.sleep(0.02)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status < 500)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def triops_command(data: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "triops", "up", "--data", str(data), "--port", str(port), "--log-level", "error"]


QUIET = {"TRIOPS_COLLECTOR_ENABLED": "false", "TRIOPS_SERVER_GRPC_PORT": "0"}


def tree_memory_mb(pid: int) -> float:
    """Resident memory of a process and its children."""
    import psutil

    parent = psutil.Process(pid)
    return sum(p.memory_info().rss for p in (parent, *parent.children(recursive=True))) / 2**20


def tree_cpu_s(pid: int) -> float:
    import psutil

    parent = psutil.Process(pid)
    return float(sum(sum(p.cpu_times()[:2]) for p in (parent, *parent.children(recursive=True))))
