"""Claim: start to healthy in ≤ 3 s, idle memory (server and gateway together) ≤ 250 MB; what an installation weighs.

    python -m benchmarks.footprint [--no-peers]

The peer: `mlflow server` with its defaults.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.peers import QUIET, environment, free_port, server, tree_memory_mb, triops_command

ROOT = Path(__file__).parent.parent


def start_and_idle(command: list[str], url: str, settle_s: float, env: dict[str, str]) -> tuple[float, float]:
    began = time.perf_counter()
    with server(command, url, core=None, limit_s=180, env=env) as process:
        took = time.perf_counter() - began
        time.sleep(settle_s)
        return took, tree_memory_mb(process.pid)


def installed(binaries: Path) -> tuple[float, int]:
    """MB and packages of an environment, without pip and setuptools."""
    listing = subprocess.run(
        [str(binaries / "python"), "-m", "pip", "list", "--format", "freeze", "--disable-pip-version-check"],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    packages = [p for p in listing if p.split("==")[0] not in ("pip", "setuptools", "triops", "uv", "wheel")]
    site = next((binaries.parent / "lib").glob("python*/site-packages"))
    size = sum(
        f.stat().st_size
        for top in site.iterdir()
        if not top.name.startswith(("pip", "setuptools", "_distutils", "uv"))
        for f in ([top] if top.is_file() else top.rglob("*"))
        if f.is_file()
    )
    return size / 1e6, len(packages)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    starts, idles = [], []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            took, idle = start_and_idle(
                triops_command(Path(folder) / "data", port), f"http://127.0.0.1:{port}/health", 6.0, QUIET
            )
            starts.append(took)
            idles.append(idle)
    print(
        f"Triops: start to healthy {statistics.median(starts):.2f} s, idle {statistics.median(idles):.0f} MB "
        f"with the gateway (medians of {options.rounds})"
    )
    fresh = environment("triops-itself", "--no-deps", "--require-hashes", "-r", str(ROOT / "lock" / "runtime.txt"))
    if fresh:
        size, packages = installed(fresh)
        print(f"Triops: installed {size:.0f} MB, {packages} packages")
    if options.no_peers:
        return
    if binaries := environment("mlflow", "mlflow==3.17.2"):
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            took, idle = start_and_idle(
                [
                    str(binaries / "mlflow"),
                    "server",
                    "--port",
                    str(port),
                    "--backend-store-uri",
                    f"sqlite:///{folder}/m.db",
                ],
                f"http://127.0.0.1:{port}/health",
                6.0,
                {},
            )
        size, packages = installed(binaries)
        print(
            f"MLflow: start to healthy {took:.2f} s, idle {idle:.0f} MB; installed {size:.0f} MB, {packages} packages"
        )
        print(
            f"ratio Triops / MLflow: idle memory {statistics.median(idles) / idle:.2f}, "
            f"start {statistics.median(starts) / took:.2f}"
        )


if __name__ == "__main__":
    sys.exit(main())
