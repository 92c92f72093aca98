"""What runs the code: Python and its packages, the machine, the command. Environment variables by name, never value."""

import importlib.metadata
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from triops.kernel.masking import masked_arguments, masked_text

_PACKAGES = 5000
_NAMES = 2000
_COMMAND = 4000
_TIMEOUT_S = 3.0


def packages() -> dict[str, str]:
    """Installed distributions and their versions, by name."""
    found: dict[str, str] = {}
    for one in importlib.metadata.distributions():
        name = one.metadata["Name"] if one.metadata else None
        if name and len(found) < _PACKAGES:
            found.setdefault(name, one.version)  # the first on the path is the one that imports see
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def python() -> dict[str, str]:
    return {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable or "",
        "prefix": sys.prefix,
    }


def machine() -> dict[str, Any]:
    return {
        "host": platform.node(),
        "system": platform.system(),
        "release": platform.release(),
        "architecture": platform.machine(),
        "cpu": _cpu(),
        "cpus": os.cpu_count() or 0,
        "gpus": _gpus(),
    }


def command() -> str:
    """The command line, the values of secret options masked."""
    argv = sys.orig_argv or sys.argv
    return masked_text(shlex.join(masked_arguments(argv)))[:_COMMAND]


def environment() -> list[str]:
    return sorted(os.environ)[:_NAMES]


def _cpu() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.lower().startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


def _gpus() -> list[str]:
    """As the driver's own tool names them; none without it."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.run(query, capture_output=True, timeout=_TIMEOUT_S, check=True, text=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError, ValueError):
        return []
    return [line.strip() for line in told.stdout.splitlines()[:64] if line.strip()]
