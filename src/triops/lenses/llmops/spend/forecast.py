"""What a month will have cost, from what its days and the weeks before have cost. Whole pico-dollars throughout.

With two weeks or more: each day to come costs what that weekday cost on average in the last (at most four) weeks. With
three days or more: each costs the mean of the days there are. With fewer nothing is foretold but what is spent already.
The interval holds about four months of five, if days go on to differ from what was expected as they did so far.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Final

_DAY: Final = 86_400
_WEEKS: Final = 4
_WIDTH: Final = (128, 100)  # 1.28 standard deviations on either side: 80 %


@dataclass(frozen=True, slots=True)
class Forecast:
    """`days`: whole days of history. `method`: `weekday mean`, `daily mean`, or `too little history`."""

    so_far: int
    expected: int
    low: int
    high: int
    method: str
    days: int


def forecast(costs: Mapping[int, int], start: int, end: int, now: float) -> Forecast:
    """`costs`: by the start of each UTC day (a day without is zero from the first one on); `start` and `end` of the
    month."""
    today = int(now) // _DAY * _DAY
    so_far = sum(cost for day, cost in costs.items() if start <= day < end)
    first = min(costs, default=today)
    past = [costs.get(day, 0) for day in range(first, today, _DAY)]
    if len(past) < 3:
        return Forecast(so_far, so_far, so_far, so_far, "too little history", len(past))
    weekly = len(past) >= 14
    method = "weekday mean" if weekly else "daily mean"
    coming = range(today, end, _DAY)
    expected = [_expected(past, (day - first) // _DAY, weekly) for day in coming]
    # of today a part is spent already: what is left of it is expected by the clock
    left = expected[0] * (today + _DAY - int(now)) // _DAY if expected else 0
    rest = left + sum(expected[1:])
    spread = _spread(past, weekly) * isqrt(max(len(expected), 1) * 10**6) // 10**3
    width = spread * _WIDTH[0] // _WIDTH[1]
    total = so_far + rest
    return Forecast(so_far, total, max(so_far, total - width), total + width, method, len(past))


def _expected(past: Sequence[int], at: int, weekly: bool) -> int:
    """Of the day with number `at`, where `past` are those from 0 on."""
    if not weekly:
        return sum(past) // len(past)
    known = [past[day] for day in range(len(past)) if (at - day) % 7 == 0][-_WEEKS:]
    return sum(known) // len(known)


def _spread(past: Sequence[int], weekly: bool) -> int:
    """The standard deviation of what a day cost against what was expected of it the day before."""
    begin = 7 if weekly else 1
    errors = [past[day] - _expected(past[:day], day, weekly) for day in range(begin, len(past))]
    return isqrt(sum(error * error for error in errors) // len(errors))
