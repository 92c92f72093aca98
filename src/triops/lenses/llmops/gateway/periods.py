"""Budgets' windows: UTC days and months, as numbers that count up."""

from datetime import UTC, datetime
from typing import Any

from triops.kernel.clock import DAY_S


def month_of(day: int) -> int:
    """Months since the year 0, of a day since 1970."""
    stamp = datetime.fromtimestamp(day * DAY_S, UTC)
    return stamp.year * 12 + stamp.month - 1


def ends_at(per: str, start: int) -> float | None:
    """Unix seconds of the end of the window with this number; None: a total never ends."""
    if per == "day":
        return float((start + 1) * DAY_S)
    if per == "month":
        return datetime((start + 1) // 12, (start + 1) % 12 + 1, 1, tzinfo=UTC).timestamp()
    return None


def start_of(value: Any) -> float:
    """Unix seconds of a window's start as the books say it: unix seconds, `2026-11`, or RFC 3339."""
    if isinstance(value, int | float):
        return float(value)
    text = f"{value}-01" if len(value) == 7 else value
    stamp = datetime.fromisoformat(text)
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()


class Calendar:
    """The month of a day, looked up once a day."""

    __slots__ = ("_day", "_month")

    def __init__(self) -> None:
        self._day = -1
        self._month = 0

    def at(self, now: float) -> tuple[int, int]:
        """The day and the month."""
        day = int(now // DAY_S)
        if day != self._day:
            self._day, self._month = day, month_of(day)
        return day, self._month
