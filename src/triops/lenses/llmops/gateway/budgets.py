"""What was spent, and what calls under way may still spend, by UTC day, month and in all."""

from collections import OrderedDict

from triops.lenses.llmops.gateway.specs import BudgetSpec, Per, Scope

_USERS = 100_000
At = tuple[str, Scope, str]  # project, scope, name; the name of scope project is ""


class Window:
    """One period's money in pico-dollars; of a key's day also its requests and tokens (with those that calls under way
    are expected to use). `start`: the day's or month's number (`periods.py`)."""

    __slots__ = ("requests", "reserved", "spent", "start", "tokens")

    def __init__(self, start: int) -> None:
        self.start = start
        self.spent = self.reserved = self.requests = self.tokens = 0


class Counter:
    """The present windows of one key, team, user, application, route or project. A call holds the windows that it was
    admitted in, so that it counts there also when they have ended since."""

    __slots__ = ("day", "month", "total")

    def __init__(self, day: int, month: int) -> None:
        self.day, self.month, self.total = Window(day), Window(month), Window(0)

    def roll(self, day: int, month: int) -> bool:
        """Whether a new window began. Time only goes on: where the clock was set back, the window that was reached
        stays."""
        if day <= self.day.start and month <= self.month.start:
            return False
        if day > self.day.start:
            self.day = Window(day)
        if month > self.month.start:
            self.month = Window(month)
        return True

    def window(self, per: Per) -> Window:
        return self.day if per == "day" else self.month if per == "month" else self.total


class Counters:
    """Everyone's. Those of keys, teams, applications, routes and projects are as many as documents say; of each
    project's users the 100,000 that were seen last are kept, where there is a budget for users."""

    def __init__(self) -> None:
        self._counters: dict[At, Counter] = {}
        self._users: dict[str, OrderedDict[At, Counter]] = {}  # by project: none pushes out another's
        self.rolled = 0  # how often a window took another's place

    def get(self, at: At, day: int, month: int) -> Counter:
        """In the windows of now."""
        counter = self._counters.get(at) if at[1] != "user" else self._of_user(at, day, month)
        if counter is None:
            counter = self._counters[at] = Counter(day, month)
        elif day != counter.day.start or month != counter.month.start:
            self.rolled += counter.roll(day, month)
        return counter

    def _of_user(self, at: At, day: int, month: int) -> Counter:
        users = self._users.setdefault(at[0], OrderedDict())
        counter = users.get(at)
        if counter is None:
            counter = users[at] = Counter(day, month)
            if len(users) > _USERS:
                users.popitem(last=False)
        else:
            users.move_to_end(at)
        return counter

    def named(self, project: str, scope: Scope) -> list[str]:
        """Names of the scope that have a counter."""
        counters = self._users.get(project, {}) if scope == "user" else self._counters
        return [name for owner, kind, name in counters if owner == project and kind == scope]


class Held:
    """One budget that a call is under, and the window that it counts in."""

    __slots__ = ("budget", "name", "window")

    def __init__(self, budget: BudgetSpec, name: str, window: Window) -> None:
        self.budget = budget
        self.name = name
        self.window = window

    def left(self) -> int:
        return self.budget.amount - self.window.spent - self.window.reserved
