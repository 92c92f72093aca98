"""`triops demo-mlops`: the whole story, with the real client, on real processes."""

from pathlib import Path

import pytest

from tests.demo_story import story

STEPS = ("training", "trained", "registered", "asked", "promoted", "served", "refused", "undone")


@pytest.mark.timeout(300)
def test_story_of_a_model_at_the_gate(tmp_path: Path) -> None:
    assert "93" in story("demo-mlops", STEPS, tmp_path, 280)
