"""Which code runs: the git commit, the branch, and what differs from them."""

import os
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triops.kernel.masking import masked_text

DIFF_BYTES = 256 << 10
_TIMEOUT_S = 5.0
_UNTRACKED = 200
# A repository's own configuration must not make us run its programs.
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-pager")


@dataclass(frozen=True, slots=True)
class Code:
    """`diff`: of tracked files against the commit, secrets masked, cut at 256 kB (then `cut`)."""

    version: str = ""
    branch: str = ""
    repository: str = ""
    dirty: bool = False
    diff: str = ""
    cut: bool = False
    untracked: tuple[str, ...] = ()


def code_at(folder: Path) -> Code | None:
    """None where there is no repository, no commit, or no git."""
    version = _git(folder, "rev-parse", "HEAD").strip()
    if not version:
        return None
    diff = _git(folder, "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color", most=DIFF_BYTES + 1)
    untracked = _git(folder, "ls-files", "--others", "--exclude-standard", "--full-name", ":/").splitlines()
    branch = _git(folder, "rev-parse", "--abbrev-ref", "HEAD").strip()
    return Code(
        version,
        "" if branch == "HEAD" else branch,
        masked_text(_git(folder, "config", "--get", "remote.origin.url").strip()),
        bool(diff or untracked),
        masked_text(diff.encode()[:DIFF_BYTES].decode(errors="ignore")),
        len(diff.encode()) > DIFF_BYTES,
        tuple(untracked[:_UNTRACKED]),
    )


def _git(folder: Path, *arguments: str, most: int = 1 << 20) -> str:
    """What it prints, cut at `most` bytes; "" when it fails."""
    try:
        return _bounded([*_GIT, *arguments], folder, most)
    except (OSError, subprocess.SubprocessError, ValueError):
        return ""


def _bounded(command: Sequence[str], folder: Path, most: int) -> str:
    environ = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    with subprocess.Popen(  # noqa: S603 - git, with arguments of ours
        command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        timer = _after(_TIMEOUT_S, process)
        try:
            told = process.stdout.read(most)
            cut = len(told) >= most
            if cut:
                process.kill()
        finally:
            timer.cancel()
            process.stdout.close()
        status = process.wait(_TIMEOUT_S)
    return told.decode(errors="replace") if cut or status == 0 else ""


def _after(seconds: float, process: subprocess.Popen[bytes]) -> threading.Timer:
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    return timer
