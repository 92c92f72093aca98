"""A demo's story, told to its end by the real command."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def story(command: str, steps: Sequence[str], folder: Path, timeout_s: float) -> str:
    """What `triops COMMAND --once` told: all its steps, in their order, and nothing left behind in `folder`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(folder), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "triops", command, "--once"],
        env=environment, capture_output=True, text=True, timeout=timeout_s,
    )  # fmt: skip
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    places = [re.search(rf"^ *[0-9.]+ s +{step} ", told, re.MULTILINE) for step in steps]
    assert all(places), told
    starts = [place.start() for place in places if place]
    assert starts == sorted(starts)
    assert list(folder.glob("triops-*")) == []  # its temporary folder is gone
    return told
