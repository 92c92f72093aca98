"""Whether a call may go on, and what it may cost: queues, limits, quotas and budgets, all of them or nothing.

Money is exact: what a call may cost at most is reserved when it is admitted and again before each further attempt, and
replaced by what it did cost at its end. So what was spent and what is reserved are never together more than a hard
budget, as long as providers keep to the bounds that they were sent. Calls that name no user are under no user's budget.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from triops.kernel.call import Intent, Outcome
from triops.kernel.clock import NS
from triops.kernel.completion import Ask
from triops.kernel.errors import RateLimited
from triops.lenses.llmops.gateway.budgets import At, Counters, Window
from triops.lenses.llmops.gateway.config import ProjectConfig
from triops.lenses.llmops.gateway.limits import KeyLimits, Left
from triops.lenses.llmops.gateway.periods import Calendar, ends_at, start_of
from triops.lenses.llmops.gateway.prices import FREE, Price
from triops.lenses.llmops.gateway.queues import Queues
from triops.lenses.llmops.gateway.router import Pick
from triops.lenses.llmops.gateway.specs import EACH, BudgetSpec, Caller, KeySpec, RouteSpec, Scope
from triops.lenses.llmops.gateway.standing import Standings
from triops.lenses.llmops.gateway.tickets import Most, Ticket

__all__ = ["Admission", "Most", "Ticket", "most_of"]


def most_of(pick: Pick, price: Price | None, ask: Ask, input_most: int, expected: int) -> Most:
    """What an attempt by this pick may use. `price`: its model's; `input_most` and `expected` are the estimator's."""
    if ask.operation == "count":  # providers count tokens for nothing
        return Most(0, 0, FREE)
    output = None if ask.max_tokens is None else ask.max_tokens * ask.n
    if ask.operation != "chat":
        output = 0
    return Most(input_most, output, price, expected, ask.n, f"{pick.provider.name}/{pick.model}")


class Admission:
    """One for all projects; what it counts outlives changes of the configuration."""

    def __init__(self) -> None:
        self._counters = Counters()
        self._standings = Standings(self._counters)
        self._limits: dict[tuple[str, str], KeyLimits] = {}
        self._calendar = Calendar()
        self.queues = Queues()

    def admit(
        self,
        caller: Caller,
        project: ProjectConfig,
        route: RouteSpec,
        asked_user: str,
        most: Most,
        now: float,
    ) -> Ticket:
        """`asked_user`: whom the caller says that he calls for; a key's own user is before it.

        Raises: Overloaded (the route's queue is full), RateLimited, BudgetExceeded, Forbidden (a hard budget, and no
        price); a refused call counts nowhere."""
        self.queues.check(project.project, route)
        day, month = self._calendar.at(now)
        user = (caller.user or asked_user) if project.user_budgets else ""
        standing = self._standings.of(project, caller, route, user, day, month)
        limits, tokens = None, 0
        if caller.spec is not None:
            tokens = most.expected
            limits = self._limited(caller.spec, project.project, standing.key_day, tokens, now)
        ticket = Ticket(standing, self.queues, (project.project, route.name))
        ticket.reserve(most, now)
        ticket.counted(standing.key_day if caller.spec is not None else None, limits, tokens, now)
        if limits is not None and caller.spec is not None:
            ticket.left = limits.left(caller.spec.requests_per_minute, caller.spec.tokens_per_minute, now)
        return ticket

    def left(self, caller: Caller, now: float) -> Left | None:
        """What the caller's key has left of its limits a minute, None where it has none."""
        spec = caller.spec
        if spec is None or not (spec.requests_per_minute or spec.tokens_per_minute):
            return None
        limits = self._limits.get((caller.project, spec.name)) or KeyLimits()
        return limits.left(spec.requests_per_minute, spec.tokens_per_minute, now)

    def restore(self, spent: Sequence[Mapping[str, Any]], now: float) -> None:
        """The books' sums of running windows: `{"project", "scope", "name", "period", "start", "pico", "tokens",
        "requests"}`, of a start and of any later snapshot. The books only follow, so that where a window has more here,
        it is right; where it has less, its calls were made before this process began."""
        day, month = self._calendar.at(now)
        for row in spent:
            scope, per = row["scope"], row["period"]
            at: At = (row["project"], scope, "" if scope == "project" else row["name"])
            window = self._counters.get(at, day, month).window(per)
            if per != "total" and Calendar().at(start_of(row["start"]))[per == "month"] != window.start:
                continue
            window.spent = max(window.spent, int(row["pico"]))
            window.tokens = max(window.tokens, int(row.get("tokens") or 0))
            window.requests = max(window.requests, int(row.get("requests") or 0))

    def applied(self, intent: Intent, outcome: Outcome) -> None:
        """One call of the journal that `restore` did not have: it counts as it did when it ended. Its first intent."""
        if not outcome.attempts and outcome.cache != "hit":
            return  # refused
        day, month = self._calendar.at(outcome.ended_ns / NS)
        begun = Calendar().at(intent.at_ns / NS)
        pico = sum(attempt.cost or 0 for attempt in outcome.attempts)
        tokens = sum(attempt.usage.input + attempt.usage.output for attempt in outcome.attempts)
        names: tuple[tuple[Scope, str], ...] = (
            ("key", intent.key),
            ("team", intent.team),
            ("user", intent.user),
            ("application", intent.application),
            ("route", intent.route),
        )
        for scope, name in (*((s, n) for s, n in names if n), ("project", "")):
            counter = self._counters.get((intent.project, scope, name), day, month)
            if counter.day.start == begun[0]:
                counter.day.spent += pico
                counter.day.tokens += tokens
                counter.day.requests += 1
            if counter.month.start == begun[1]:
                counter.month.spent += pico
            counter.total.spent += pico
        if intent.key:
            limits = self._limits.setdefault((intent.project, intent.key), KeyLimits())
            limits.requests.add(intent.at_ns / NS, 1)
            limits.tokens.add(intent.at_ns / NS, tokens)

    def state(self, project: ProjectConfig, now: float) -> dict[str, Any]:
        """For pages: `keys` with what they used of their limits, `budgets` in pico-dollars, `refused` by queues."""
        day, month = self._calendar.at(now)
        keys = []
        for name, spec in project.keys.items():
            limits = self._limits.get((project.project, name))
            counter = self._counters.get((project.project, "key", name), day, month)
            keys.append(
                {
                    "key": name,
                    "requests_last_minute": limits.requests.used(now) if limits else 0,
                    "tokens_last_minute": limits.tokens.used(now) if limits else 0,
                    "requests_today": counter.day.requests,
                    "tokens_today": counter.day.tokens,
                    "requests_per_minute": spec.requests_per_minute or None,
                    "tokens_per_minute": spec.tokens_per_minute or None,
                    "requests_per_day": spec.requests_per_day or None,
                    "tokens_per_day": spec.tokens_per_day or None,
                }
            )
        budgets = [
            self._budget_state(project.project, budget, name, day, month)
            for (scope, named), several in project.budgets.items()
            for name in (self._counters.named(project.project, scope) if named == EACH else (named,))
            for budget in several
        ]
        return {"keys": keys, "budgets": budgets, "refused": self.queues.refused}

    def _limited(
        self, spec: KeySpec, project: str, key_day: Window | None, tokens: int, now: float
    ) -> KeyLimits | None:
        """Raises: RateLimited. A call that alone has more tokens than a limit is let through when nothing else was."""
        day = key_day or Window(0)
        if spec.requests_per_day and day.requests >= spec.requests_per_day:
            raise _tomorrow(spec, f"{spec.requests_per_day} requests a day", day, now)
        if spec.tokens_per_day and day.tokens + min(tokens, spec.tokens_per_day) > spec.tokens_per_day:
            raise _tomorrow(spec, f"{spec.tokens_per_day} tokens a day", day, now)
        if not (spec.requests_per_minute or spec.tokens_per_minute):
            return None
        limits = self._limits.get((project, spec.name))
        if limits is None:
            limits = self._limits[project, spec.name] = KeyLimits()
        limit = spec.requests_per_minute
        if limit and limits.requests.used(now) >= limit:
            raise _later(spec, f"{limit} requests a minute", limits.requests.wait_s(now, 1, limit))
        limit = spec.tokens_per_minute
        if limit and limits.tokens.used(now) + min(tokens, limit) > limit:
            wait = limits.tokens.wait_s(now, min(tokens, limit), limit)
            raise _later(spec, f"{limit} tokens a minute, {limits.tokens.used(now)} are used", wait)
        return limits

    def _budget_state(self, project: str, budget: BudgetSpec, name: str, day: int, month: int) -> dict[str, Any]:
        window = self._counters.get((project, budget.scope, name), day, month).window(budget.per)
        return {
            "scope": budget.scope,
            "name": name,
            "per": budget.per,
            "hard": budget.hard,
            "amount": budget.amount,
            "spent": window.spent,
            "reserved": window.reserved,
            "ends_at": ends_at(budget.per, window.start),
            "source": budget.source,
        }


def _later(spec: KeySpec, limit: str, wait_s: float) -> RateLimited:
    return RateLimited(f"the key {spec.name} may make {limit}; again in {wait_s:.1f} s", retry_after_s=wait_s)


def _tomorrow(spec: KeySpec, limit: str, day: Window, now: float) -> RateLimited:
    ends = ends_at("day", day.start) or now
    return RateLimited(f"the key {spec.name} may make {limit} (UTC)", retry_after_s=max(1.0, ends - now))
