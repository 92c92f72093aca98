"""What a month will have cost, and which windows budgets have."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triops.ledger.calls.windows import window_of
from triops.lenses.llmops.spend.forecast import forecast

DAY = 86_400


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


START, END = at("2026-11-01"), at("2026-12-01")


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        ("day", "2026-11-21T23:59:59", "2026-11-21", "2026-11-22"),
        ("month", "2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
        ("month", "2028-02-29T00:00:00", "2028-02-01", "2028-03-01"),
    ],
)
def test_windows_are_utc_days_and_months(period: str, now: str, start: str, end: str) -> None:
    assert window_of(period, at(now)) == (at(start), at(end))
    assert window_of("total", at(now)) == (0, None)


def test_steady_days_go_on() -> None:
    costs = dict.fromkeys(range(at("2026-10-20"), at("2026-11-21"), DAY), 10)
    made = forecast(costs, START, END, at("2026-11-21"))
    assert (made.so_far, made.expected, made.low, made.high) == (200, 300, 300, 300)
    assert made.method == "weekday mean"


def test_weekends_are_seen() -> None:
    def cost(day: int) -> int:
        return 0 if datetime.fromtimestamp(day, UTC).weekday() >= 5 else 100

    costs = {day: cost(day) for day in range(at("2026-10-05"), at("2026-11-11"), DAY)}
    made = forecast(costs, START, END, at("2026-11-11"))
    assert made.expected == sum(cost(day) for day in range(START, END, DAY))


def test_of_today_only_what_is_left_is_expected() -> None:
    costs = dict.fromkeys(range(at("2026-11-01"), at("2026-11-30"), DAY), 100) | {at("2026-11-30"): 75}
    assert forecast(costs, START, END, at("2026-11-30T18:00:00")).expected == 29 * 100 + 75 + 25


def test_with_too_little_history_nothing_is_foretold() -> None:
    made = forecast({at("2026-11-20"): 5, at("2026-11-21"): 7}, START, END, at("2026-11-21T10:00:00"))
    assert (made.expected, made.low, made.high, made.method) == (12, 12, 12, "too little history")
    assert forecast({}, START, END, START).expected == 0


@given(
    st.dictionaries(st.integers(-50, 29), st.integers(0, 10**20), max_size=80),
    st.integers(START, END - 1),
)
def test_the_interval_holds_the_forecast(costs: dict[int, int], now: int) -> None:
    by_day = {START + day * DAY: cost for day, cost in costs.items() if START + day * DAY <= now}
    made = forecast(by_day, START, END, now)
    assert made.so_far == sum(cost for day, cost in by_day.items() if day >= START)
    assert made.so_far <= made.low <= made.expected <= made.high
