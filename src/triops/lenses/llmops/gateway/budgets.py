"""What was spent, and what calls in flight may still spend, by UTC day, month and in all."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from triops.lenses.llmops.gateway.specs import BudgetSpec, Per, Scope

_USERS = 100_000
At = tuple[str, Scope, str]  # project, scope, name


class Counter:
    """One key's, team's, user's, application's, route's or project's money in pico-dollars, and its day's requests and
    tokens. A call counts in the windows it was admitted in: of one that has rolled over since, nothing is kept."""

    __slots__ = (
        "day",
        "day_requests",
        "day_reserved",
        "day_spent",
        "day_tokens",
        "month",
        "month_reserved",
        "month_spent",
        "total_reserved",
        "total_spent",
    )

    def __init__(self, day: int, month: int) -> None:
        self.day, self.month = day, month
        self.day_spent = self.day_reserved = self.day_tokens = self.day_requests = 0
        self.month_spent = self.month_reserved = 0
        self.total_spent = self.total_reserved = 0

    def roll(self, day: int, month: int) -> None:
        """Time only goes on: a clock that was set back stays in the window it had reached."""
        if day > self.day:
            self.day = day
            self.day_spent = self.day_reserved = self.day_tokens = self.day_requests = 0
        if month > self.month:
            self.month = month
            self.month_spent = self.month_reserved = 0

    def spent(self, per: Per) -> int:
        return self.day_spent if per == "day" else self.month_spent if per == "month" else self.total_spent

    def reserved(self, per: Per) -> int:
        return self.day_reserved if per == "day" else self.month_reserved if per == "month" else self.total_reserved

    def left(self, budget: BudgetSpec) -> int:
        return budget.amount - self.spent(budget.per) - self.reserved(budget.per)

    def reserve(self, pico: int, day: int, month: int) -> None:
        """Less than nothing gives back."""
        if day == self.day:
            self.day_reserved += pico
        if month == self.month:
            self.month_reserved += pico
        self.total_reserved += pico

    def charge(self, pico: int, tokens: int, day: int, month: int) -> None:
        if day == self.day:
            self.day_spent += pico
            self.day_tokens += tokens
        if month == self.month:
            self.month_spent += pico
        self.total_spent += pico

    def count(self, requests: int, day: int) -> None:
        if day == self.day:
            self.day_requests += requests


class Counters:
    """Everyone's. Those of keys, teams, applications, routes and projects are as many as documents say; of users the
    100,000 that were seen last are kept, where there is a budget for users."""

    def __init__(self) -> None:
        self._counters: dict[At, Counter] = {}
        self._users: OrderedDict[At, Counter] = OrderedDict()

    def get(self, at: At, day: int, month: int) -> Counter:
        """In the windows of now."""
        if at[1] == "user":
            return self._user(at, day, month)
        counter = self._counters.get(at)
        if counter is None:
            counter = self._counters[at] = Counter(day, month)
        elif day != counter.day or month != counter.month:
            counter.roll(day, month)
        return counter

    def known(self, at: At) -> Counter | None:
        return self._users.get(at) if at[1] == "user" else self._counters.get(at)

    def of(self, project: str) -> Iterator[tuple[Scope, str, Counter]]:
        for counters in (self._counters, self._users):
            for (owner, scope, name), counter in counters.items():
                if owner == project:
                    yield scope, name, counter

    def _user(self, at: At, day: int, month: int) -> Counter:
        counter = self._users.get(at)
        if counter is None:
            counter = self._users[at] = Counter(day, month)
            if len(self._users) > _USERS:
                self._users.popitem(last=False)
            return counter
        self._users.move_to_end(at)
        counter.roll(day, month)
        return counter


def budget_state(budget: BudgetSpec, name: str, counter: Counter) -> dict[str, Any]:
    """For pages: pico-dollars."""
    spent, reserved = counter.spent(budget.per), counter.reserved(budget.per)
    return {
        "scope": budget.scope,
        "name": name,
        "per": budget.per,
        "hard": budget.hard,
        "amount": budget.amount,
        "spent": spent,
        "reserved": reserved,
        "left": budget.amount - spent - reserved,
        "source": budget.source,
    }
