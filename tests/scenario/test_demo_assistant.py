"""`triops demo-llmops`: the whole story, with an unmodified client, on real processes and a real model."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from triops.adapters.local import weights
from triops.kernel.errors import Unavailable

STEPS = (
    "answering", "baseline", "decoy", "bad prompt", "incident", "cause", "rolled back", "recovered", "resolved",
    "provider dies", "failed over", "stopped",
)  # fmt: skip


@pytest.mark.alone  # a model answers by computing: beside other tests it is too slow to be told from a slow one
@pytest.mark.timeout(600)
def test_story_of_a_bad_prompt_a_dead_provider_and_a_runaway(tmp_path: Path) -> None:
    try:
        weights.gguf()
    except Unavailable as missing:
        pytest.skip(missing.message)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "triops", "demo-llmops", "--once"],
        env=environment, capture_output=True, text=True, timeout=580,
    )  # fmt: skip
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    places = [re.search(rf"^ +[0-9.]+ s +{step} ", done.stdout, re.MULTILINE) for step in STEPS]
    assert all(places), told
    starts = [place.start() for place in places if place]
    assert starts == sorted(starts)
    assert "none failed" in done.stdout
    assert list(tmp_path.glob("triops-demo-*")) == []  # the temporary folder is gone
