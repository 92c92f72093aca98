"""Laws of the gateway's money and limits that hold in every order of events."""

from copy import deepcopy
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from tests.unit.gateway import FAST, NOON, PRICE, UPSTREAM, ask, project
from triops.kernel.clock import NS
from triops.kernel.errors import BudgetExceeded, RateLimited
from triops.lenses.llmops.gateway.admission import Admission, most_of
from triops.lenses.llmops.gateway.limits import Sliding
from triops.lenses.llmops.gateway.periods import Calendar
from triops.lenses.llmops.gateway.router import Router
from triops.lenses.llmops.gateway.specs import Caller
from triops.lenses.llmops.gateway.tickets import Most, Ticket

BUDGETS = """
kind: Key
name: bot
spec:
  team: care
  budgets: [{amount: "0.0004", per: day}, {amount: "0.001", per: month}, {amount: "0.002", per: total}]
---
kind: Budget
name: team
spec: {team: care, amount: "0.0005", per: day}
---
kind: Budget
name: each
spec: {user: "*", amount: "0.0002", per: day}
---
kind: Budget
name: watch
spec: {project: true, amount: "0.0000001", hard: false}
"""
PROJECT = project(UPSTREAM, FAST, PRICE, BUDGETS)
PICK = next(Router().plan(PROJECT, PROJECT.routes["fast"], Random(1), lambda: NOON))
CALLER = Caller("default", "bot", "", "care", spec=PROJECT.keys["bot"])
EXAMPLES = settings(max_examples=60, stateful_step_count=40, deadline=None)


class Money(RuleBasedStateMachine):
    """Calls begin, try again, end or are given up, in any order, over the ends of days and months."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.admission = Admission()
        self.now = NOON
        self.spent: dict[tuple[Any, ...], int] = {}  # by scope, name, period and its number

    def windows(self, user: str) -> list[tuple[Any, ...]]:
        day, month = Calendar().at(self.now)
        names = [("key", "bot"), ("team", "care"), ("project", ""), *([("user", user)] if user else [])]
        return [(*name, per, start) for name in names for per, start in (("day", day), ("month", month), ("total", 0))]

    @rule(
        target=calls,
        tokens=st.integers(0, 400),
        output=st.none() | st.integers(1, 400),
        user=st.sampled_from(["", "a", "b"]),
    )
    def admit(self, tokens: int, output: int | None, user: str) -> Any:
        said = ask(max_tokens=output, user=user)
        price = PROJECT.prices.find(PICK.provider.name, PICK.model, int(self.now * NS))
        most = most_of(PICK, price, said, tokens, tokens)
        try:
            ticket = self.admission.admit(CALLER, PROJECT, PROJECT.routes["fast"], user, most, self.now)
        except BudgetExceeded:
            return multiple()
        return ticket, most, 0, self.windows(user)

    @rule(target=calls, call=consumes(calls), share=st.floats(0, 1))
    def again(self, call: tuple[Ticket, Most, int, Any], share: float) -> Any:
        ticket, most, so_far, windows = call
        so_far = so_far + int((ticket.reserved - so_far) * share)
        try:
            ticket.again(most, self.now, so_far)
        except BudgetExceeded:
            pass
        return ticket, most, so_far, windows

    @rule(call=consumes(calls), share=st.floats(0, 1), late=st.booleans())
    def settle(self, call: tuple[Ticket, Most, int, Any], share: float, late: bool) -> None:
        ticket, _, so_far, windows = call
        pico = so_far + int((ticket.reserved - so_far) * share)
        ticket.settle(10, pico, self.now)
        if late:
            ticket.settle(10, pico, self.now)
            ticket.release()
        for window in windows:
            self.spent[window] = self.spent.get(window, 0) + pico

    @rule(call=consumes(calls))
    def release(self, call: tuple[Ticket, Most, int, Any]) -> None:
        ticket, _, so_far, _ = call
        if not so_far:
            ticket.release()
        else:
            self.settle(call, 0.0, False)

    @rule(hours=st.sampled_from([0.01, 5, 24, 24 * 20]))
    def time_passes(self, hours: float) -> None:
        self.now += hours * 3600

    @invariant()
    def no_hard_budget_is_overdrawn_and_sums_are_equal(self) -> None:
        day, month = Calendar().at(self.now)
        for budget in self.admission.state(PROJECT, self.now)["budgets"]:
            start = {"day": day, "month": month, "total": 0}[budget["per"]]
            assert budget["spent"] == self.spent.get((budget["scope"], budget["name"], budget["per"], start), 0)
            assert budget["reserved"] >= 0
            if budget["hard"]:
                assert budget["spent"] + budget["reserved"] <= budget["amount"]


TestMoney = Money.TestCase
TestMoney.settings = EXAMPLES


@given(st.lists(st.tuples(st.floats(0, 40), st.integers(1, 5)), max_size=60), st.integers(1, 20))
def test_no_minute_ever_holds_more_than_its_limit(events: list[tuple[float, int]], limit: int) -> None:
    window, now, taken = Sliding(), NOON, []
    for gap, amount in events:
        now += gap
        if window.used(now) + amount <= limit:
            assert window.wait_s(now, amount, limit) == 0
            window.add(now, amount)
            taken.append((now, amount))
        elif amount <= limit:
            wait = window.wait_s(now, amount, limit)
            assert 0 < wait <= 60.2
            assert deepcopy(window).wait_s(now + wait + 0.001, amount, limit) == 0
    for at, _ in taken:
        assert sum(amount for when, amount in taken if at - 60 < when <= at) <= limit


@given(st.lists(st.integers(0, 300), max_size=20))
@settings(max_examples=40)
def test_calls_of_a_limited_key_never_have_more_tokens_reserved_than_a_minute_has(expected: list[int]) -> None:
    limited = project(UPSTREAM, FAST, PRICE, "kind: Key\nname: bot\nspec: {tokens_per_minute: 500}")
    caller, admission, held = Caller("default", "bot", spec=limited.keys["bot"]), Admission(), 0
    for tokens in expected:
        price = limited.prices.find(PICK.provider.name, PICK.model, int(NOON * NS))
        most = most_of(PICK, price, ask(), 1, tokens)
        try:
            admission.admit(caller, limited, limited.routes["fast"], "", most, NOON)
            held += tokens
        except RateLimited:
            assert held + tokens > 500
    assert held <= 500
