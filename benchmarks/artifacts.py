"""A large artifact up to the server and down again, beside a plain copy of the same file on the same disk.

    python -m benchmarks.artifacts [--megabytes 1024] [--rounds 3] [--directory DIR]

The copy reads a file that the page cache holds, writes it in pieces of 1 MB, syncs it and then replaces the one of the
round before; so do the store and the downloads, and every round finds the same page cache. An upload ends when the
server answers: with Triops content, name and row are on the disk by then; MLflow does not sync. The client sends and
reads pieces of 1 MB over one connection. Memory is the server's, resident, sampled all the while; the small request
that is timed meanwhile is GET /health, again and again.
"""

import argparse
import http.client
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers import QUIET, environment, free_port, server, tree_memory_mb, triops_command

PIECE = 1 << 20
ROOT = "/api/2.0/mlflow-artifacts/artifacts/0/"


@dataclass
class Watch:
    """Memory and stalls of a server while something runs."""

    pid: int
    port: int
    peak_mb: float = 0.0
    stalls_ms: list[float] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def during(self, work: Callable[[], None]) -> float:
        """Answers the seconds that `work` took."""
        threads = [threading.Thread(target=each) for each in (self._memory, self._small_requests)]
        self._stop.clear()
        for thread in threads:
            thread.start()
        began = time.perf_counter()
        try:
            work()
        finally:
            took = time.perf_counter() - began
            self._stop.set()
            for thread in threads:
                thread.join()
        return took

    def _memory(self) -> None:
        while not self._stop.wait(0.05):
            self.peak_mb = max(self.peak_mb, tree_memory_mb(self.pid))

    def _small_requests(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        while not self._stop.wait(0.01):
            began = time.perf_counter()
            connection.request("GET", "/health")
            connection.getresponse().read()
            self.stalls_ms.append((time.perf_counter() - began) * 1e3)
        connection.close()


def copy(source: Path, target: Path) -> None:
    new = target.with_suffix(".new")
    with source.open("rb", buffering=0) as read, new.open("wb", buffering=0) as write:
        while piece := read.read(PIECE):
            write.write(piece)
        os.fsync(write.fileno())
    new.replace(target)


def up(port: int, source: Path, name: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, blocksize=PIECE)
    with source.open("rb") as body:
        connection.request("PUT", ROOT + name, body, {"content-length": str(source.stat().st_size)})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
    connection.close()


def down(port: int, name: str, target: Path) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", ROOT + name)
    answer = connection.getresponse()
    assert answer.status == 200
    buffer = memoryview(bytearray(PIECE))
    new = target.with_suffix(".new")
    with new.open("wb", buffering=0) as write:
        while size := answer.readinto(buffer):
            write.write(buffer[:size])
        os.fsync(write.fileno())
    new.replace(target)
    connection.close()


def measured(label: str, pid: int, port: int, source: Path, rounds: int, copied_s: list[float]) -> None:
    small = source.with_name("small")
    small.write_bytes(b"x" * PIECE)
    up(port, small, "small")  # what a first request loads is not what is measured
    down(port, "small", small)
    before = tree_memory_mb(pid)
    watch = Watch(pid, port)
    target, ups, downs, megabytes = source.with_name("down"), [], [], source.stat().st_size / 2**20
    for number in range(rounds):
        with source.open("r+b") as file:
            file.write(number.to_bytes(8, "little"))  # so that no content is sent twice
        copied_s.append(_timed(lambda: copy(source, source.with_name("copy"))))
        ups.append(watch.during(lambda: up(port, source, "large")))
        downs.append(watch.during(lambda: down(port, "large", target)))
        assert target.stat().st_size == source.stat().st_size
    copied = statistics.median(copied_s)
    print(f"plain copy with fsync: {megabytes / copied:,.0f} MB/s")
    for way, took in (("up", ups), ("down", downs)):
        median = statistics.median(took)
        print(f"{label} {way}: {megabytes / median:,.0f} MB/s, {copied / median:.2f} x the copy")
    stalls = sorted(watch.stalls_ms)
    print(
        f"{label}: memory grew by {watch.peak_mb - before:.0f} MB; a small request meanwhile: "
        f"p50 {statistics.median(stalls):.1f} ms, p99 {stalls[int(len(stalls) * 0.99)]:.1f} ms, "
        f"longest {stalls[-1]:.1f} ms",
        flush=True,
    )


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--directory", type=Path, default=None, help="on the disk to measure")
    parser.add_argument("--mlflow", default="", help="an mlflow command to use as the peer, instead of installing one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        folder = Path(name)
        source = folder / "source"
        with source.open("wb") as file:
            for _ in range(options.megabytes):
                file.write(os.urandom(PIECE))
        port = free_port()
        ready = f"http://127.0.0.1:{port}/health"
        with server(triops_command(folder / "data", port), ready, core=None, env=QUIET) as process:
            measured("Triops", process.pid, port, source, options.rounds, [])
        mlflow = options.mlflow or _installed()
        if not mlflow:
            return
        port = free_port()
        command = [mlflow, "server", "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--workers", "1"]
        command += ["--artifacts-destination", str(folder / "mlflow"), "--host", "127.0.0.1", "--port", str(port)]
        with server(command, f"http://127.0.0.1:{port}/health", core=None) as process:
            measured("MLflow", process.pid, port, source, options.rounds, [])


def _installed() -> str:
    found = environment("mlflow", "mlflow==3.17.2")
    return str(found / "mlflow") if found else ""


if __name__ == "__main__":
    main()
