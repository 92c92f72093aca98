"""`triops demo-llmops`: the whole story, with an unmodified client, on real processes and a real model."""

from pathlib import Path

import pytest

from tests.demo_story import story
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
    assert "none failed" in story("demo-llmops", STEPS, tmp_path, 580)
