"""What the calls of one caller on one route count in, and the budgets that they are under."""

from collections.abc import Sequence

from triops.lenses.llmops.gateway.budgets import At, Counters, Held, Window
from triops.lenses.llmops.gateway.config import ProjectConfig
from triops.lenses.llmops.gateway.specs import EACH, Caller, RouteSpec

_MOST = 10_000  # callers and routes that are remembered; over it all are looked up anew


class Standing:
    """`windows`: all that a call's cost counts in; `held`: its budgets, `hard` those that refuse; `reserving`: the
    windows of its budgets, each once. `key_day`: the key's day, None without a key."""

    __slots__ = ("day", "hard", "held", "key_day", "project", "reserving", "rolled", "windows")

    def __init__(
        self,
        project: ProjectConfig,
        windows: Sequence[Window] = (),
        held: Sequence[Held] = (),
        key_day: Window | None = None,
        made: tuple[int, int] = (0, 0),
    ) -> None:
        """`made`: the day, and how often windows had been rolled."""
        self.project = project
        self.windows = windows
        self.held = held
        self.hard = [one for one in held if one.budget.hard]
        self.reserving = list({id(one.window): one.window for one in held}.values())
        self.key_day = key_day
        self.day, self.rolled = made


class Standings:
    """Each is worked out once, and again when a window or the project's configuration is another. Under budgets of
    users it is each call's own."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._known: dict[tuple[str, str, str, str, str], Standing] = {}

    def of(self, project: ProjectConfig, caller: Caller, route: RouteSpec, user: str, day: int, month: int) -> Standing:
        """`user`: "" where no budget is of users."""
        if user:
            return self._made(project, caller, route, user, day, month)
        at = (project.project, caller.key, caller.team, caller.application, route.name)
        known = self._known.get(at)
        if known is not None:
            if known.project is project and known.day == day and known.rolled == self._counters.rolled:
                return known
            if known.project is not project:
                self._known.clear()  # none keeps a configuration that was replaced
        elif len(self._known) >= _MOST:
            self._known.clear()
        known = self._known[at] = self._made(project, caller, route, user, day, month)
        return known

    def _made(
        self, project: ProjectConfig, caller: Caller, route: RouteSpec, user: str, day: int, month: int
    ) -> Standing:
        name = project.project
        ats: tuple[At, ...] = (
            (name, "key", caller.key),
            (name, "team", caller.team),
            (name, "user", user),
            (name, "application", caller.application),
            (name, "route", route.name),
            (name, "project", ""),
        )
        windows: list[Window] = []
        held: list[Held] = []
        for at in ats:
            _, scope, who = at
            if not who and scope != "project":
                continue
            counter = self._counters.get(at, day, month)
            windows += (counter.day, counter.month, counter.total)
            budgets = project.budgets.get((scope, who), ())
            if scope == "user":
                budgets = (*budgets, *project.budgets.get((scope, EACH), ()))
            held += [Held(budget, who, counter.window(budget.per)) for budget in budgets]
        key_day = windows[0] if caller.key else None
        return Standing(project, windows, held, key_day, (day, self._counters.rolled))
