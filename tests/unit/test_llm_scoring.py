"""What is refused as a score."""

from typing import Any

import pytest

from triops.kernel.errors import Invalid
from triops.lenses.llmops.traces import Scoring
from triops.testing.clock import FakeClock

TRACE = "0" * 31 + "1"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, [1], {}, None, ""])
def test_values_that_are_none(value: Any) -> None:
    scoring = Scoring(None, FakeClock(), None)  # type: ignore[arg-type]
    with pytest.raises(Invalid) as raised:
        scoring.score({"name": "n", "trace": TRACE, "value": value}, "me")
    assert raised.value.details["field"] == "value"
