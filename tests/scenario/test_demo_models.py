"""`triops demo-mlops`: the whole story, with the real client, on real processes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

STEPS = ("training", "trained", "registered", "asked", "promoted", "served", "refused", "undone")


@pytest.mark.timeout(300)
def test_story_of_a_model_at_the_gate(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "triops", "demo-mlops", "--once"],
        env=environment, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    places = [re.search(rf"^ +[0-9.]+ s +{step} ", done.stdout, re.MULTILINE) for step in STEPS]
    assert all(places), told
    starts = [place.start() for place in places if place]
    assert starts == sorted(starts)
    assert "93" in done.stdout
    assert list(tmp_path.glob("triops-demo-*")) == []  # the temporary folder is gone
