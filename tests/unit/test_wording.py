"""How claims are told: in units that people read at once, and which of an entity's signals is meant."""

import pytest

from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.ids import AnomalyId, EntityId
from triops.loop.wording import measure, phrase, quantity


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (620.4, "ms", "620 ms"),
        (7781.0, "ms", "7.78 s"),
        (999.6, "ms", "1 s"),
        (0.0312, "1", "3.12 %"),
        (0.00208, "USD", "$0.00208"),
        (403.2, "{character}", "403 characters"),
    ],
)
def test_a_quantity_has_the_unit_that_people_use(value: float, unit: str, told: str) -> None:
    assert quantity(value, unit) == told


@pytest.mark.parametrize(
    ("expected", "value", "told"),
    [(2369.0, 7781.0, "time to answer 2.37 → 7.78 s"), (40.0, 1200.0, "time to answer 40 ms → 1.2 s")],
)
def test_a_phrase_says_a_unit_once_where_both_have_it(expected: float, value: float, told: str) -> None:
    bot = EntityId("application:bot")
    claim = Anomaly(
        AnomalyId("ano_1"), bot, "llm.calls", "latency", f"time_to_answer {bot}", Direction.UP, 4.0, Severity.WARNING,
        True, 0.0, 1.0, 2.0, value=value, expected=expected, unit="ms",
    )  # fmt: skip
    assert (measure(claim), phrase(claim)) == ("time to answer", told)
