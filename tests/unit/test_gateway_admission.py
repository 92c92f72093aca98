"""Limits, quotas and budgets of calls: what is refused, what is reserved, what is counted."""

import asyncio
from random import Random
from typing import Any

import pytest

from tests.unit.gateway import FAST, NOON, PRICE, UPSTREAM, ask, project
from triops.edges.anthropic.ratelimits import headers_of as anthropic_headers
from triops.kernel.call import Attempt, Intent, Outcome
from triops.kernel.clock import NS
from triops.kernel.completion import Ask, Usage
from triops.kernel.errors import BudgetExceeded, Forbidden, Overloaded, RateLimited
from triops.kernel.money import PICO
from triops.lenses.llmops.gateway.admission import Admission, most_of
from triops.lenses.llmops.gateway.budgets import Counters
from triops.lenses.llmops.gateway.config import ProjectConfig
from triops.lenses.llmops.gateway.limits import Left
from triops.lenses.llmops.gateway.router import Router
from triops.lenses.llmops.gateway.routing import resolve
from triops.lenses.llmops.gateway.specs import Caller
from triops.lenses.llmops.gateway.tickets import Ticket
from triops.lenses.llmops.gateway.waiting import place
from triops.web.ratelimits import headers_of as openai_headers

MIDNIGHT = NOON + 12 * 3600  # the end of 21 November
DECEMBER = NOON + 9.5 * 86400
# 100 tokens in and 100 out: 0.15 and 0.60 a million
COST = 100 * 150_000 + 100 * 600_000


def key(spec: str) -> str:
    return f"kind: Key\nname: bot\nspec: {{application: support, team: care, {spec}}}"


class Desk:
    """One caller of one route, with a bound of 100 tokens of input and 100 of output unless said otherwise."""

    def __init__(self, *documents: str, admission: Admission | None = None) -> None:
        self.project: ProjectConfig = project(UPSTREAM, FAST, PRICE, *documents)
        self.admission = admission or Admission()
        spec = self.project.keys.get("bot")
        team, application = (spec.team, spec.application) if spec else ("", "")
        self.caller = Caller("default", "bot" if spec else "", application, team, spec=spec)

    def admit(
        self,
        now: float = NOON,
        *,
        said: Ask | None = None,
        tokens: int = 100,
        expected: int = 0,
        model: str = "fast",
        user: str = "",
    ) -> Ticket:
        said = said or ask(max_tokens=100, user=user)
        route = resolve(self.project, self.caller, model)
        pick = next(Router().plan(self.project, route, Random(1), lambda: now))
        price = self.project.prices.find(pick.provider.name, pick.model, int(now * NS))
        most = most_of(pick, price, said, tokens, expected)
        return self.admission.admit(self.caller, self.project, route, said.user, most, now)

    def budget(self, at: int = 0, now: float = NOON) -> dict[str, Any]:
        found: dict[str, Any] = self.admission.state(self.project, now)["budgets"][at]
        return found

    def key_state(self, now: float = NOON) -> dict[str, Any]:
        found: dict[str, Any] = self.admission.state(self.project, now)["keys"][0]
        return found


# Budgets


def test_a_hard_budget_is_used_to_the_last_call_that_fits_and_no_further() -> None:
    desk = Desk(key(f'budget_usd: {{amount: "{3 * COST / PICO:.6f}", per: day}}'))
    for _ in range(3):
        desk.admit().settle(200, COST, NOON)
    assert desk.budget()["spent"] == desk.budget()["amount"] == 3 * COST
    with pytest.raises(BudgetExceeded) as error:
        desk.admit()
    assert error.value.retry_after_s == MIDNIGHT - NOON
    assert "$0.000225 a day of Key bot" in error.value.message
    assert desk.key_state()["requests_today"] == 3  # a refused call counts nowhere
    desk.admit(MIDNIGHT)


def test_calls_under_way_hold_what_they_may_cost() -> None:
    desk = Desk(key(f'budget_usd: {{amount: "{2 * COST / PICO:.6f}", per: total}}'))
    first, second = desk.admit(), desk.admit()
    with pytest.raises(BudgetExceeded) as error:
        desk.admit()
    assert error.value.retry_after_s == 1.0  # they may give some back
    first.settle(10, COST // 10, NOON)
    assert (desk.budget()["spent"], desk.budget()["reserved"]) == (COST // 10, COST)
    second.release()
    second.settle(1, 1, NOON)  # it has ended
    first.settle(1, 1, NOON)
    assert (desk.budget()["spent"], desk.budget()["reserved"]) == (COST // 10, 0)


def test_without_a_bound_of_the_callers_the_budget_sets_one() -> None:
    desk = Desk(key('budget_usd: {amount: "1.00"}'))
    assert desk.admit(said=ask()).cap == 4096
    assert desk.admit(said=ask(max_tokens=7)).cap is None
    poor = Desk(key(f'budget_usd: {{amount: "{COST / PICO:.6f}"}}'))
    assert poor.admit(said=ask(n=3)).cap == 33  # each of three choices
    rich = Desk(
        PRICE.replace("name: small-1", "name: z")
        .replace('from: "2026-01-01"', "model: small-1, max_output_tokens: 50, from: 2026-06-01")
        .replace("2026-06-01", '"2026-06-01"'),
        key("budget_usd: {amount: 1}"),
    )
    assert rich.admit(said=ask()).cap == 50
    assert Desk(key('budget_usd: {amount: "0.00001", hard: false}')).admit(said=ask()).cap is None


def test_a_budget_that_cannot_pay_one_token_refuses() -> None:
    desk = Desk(key(f'budget_usd: {{amount: "{100 * 150_000 / PICO:.6f}"}}'))
    with pytest.raises(BudgetExceeded):
        desk.admit(said=ask())
    embeddings = Ask("openai.embeddings", "embeddings", "fast", {}, 10)
    assert desk.admit(said=embeddings).reserved == 100 * 150_000
    counting = Ask("anthropic.messages", "count", "fast", {}, 10)
    assert desk.admit(said=counting).reserved == 0


def test_a_further_attempt_reserves_beside_what_the_first_cost() -> None:
    desk = Desk(key(f'budget_usd: {{amount: "{2 * COST / PICO:.6f}"}}'))
    ticket = desk.admit()
    pick = next(Router().plan(desk.project, desk.project.routes["fast"], Random(1), lambda: NOON))
    price = desk.project.prices.find(pick.provider.name, pick.model, int(NOON * NS))
    most = most_of(pick, price, ask(max_tokens=100), 100, 0)
    assert ticket.again(most, NOON, pico=COST) is None
    assert ticket.reserved == 2 * COST
    with pytest.raises(BudgetExceeded):
        ticket.again(most, NOON, pico=COST + 1)
    assert ticket.reserved == 2 * COST
    ticket.settle(300, COST + 1, NOON)
    assert (desk.budget()["spent"], desk.budget()["reserved"]) == (COST + 1, 0)


def test_without_a_price_a_hard_budget_refuses_and_says_what_to_apply() -> None:
    desk = Desk(key("allow_passthrough: true, budget_usd: {amount: 1}"))
    with pytest.raises(Forbidden, match=r'kind: Price[\s\S]*provider: "upstream", model: "big-1"'):
        desk.admit(model="big-1")
    ticket = Desk(key("budget_usd: {amount: 1, hard: false}")).admit(model="big-1")
    assert (ticket.unpriced, ticket.reserved) == (("upstream/big-1",), 0)
    free = desk.admit(model="local/smollm2", said=ask())  # what runs here costs nothing
    assert (free.cap, free.reserved) == (None, 0)


def test_a_soft_budget_refuses_nothing() -> None:
    desk = Desk(key('budget_usd: {amount: "0.00001", hard: false}'))
    for _ in range(3):
        desk.admit().settle(200, COST, NOON)
    assert desk.budget()["spent"] == 3 * COST > desk.budget()["amount"]


@pytest.mark.parametrize(
    "scope", ["team: care", "application: support", "route: fast", "project: true", "user: ann", 'user: "*"']
)
def test_every_scope_has_budgets(scope: str) -> None:
    desk = Desk(key(""), f'kind: Budget\nname: b\nspec: {{{scope}, amount: "{COST / PICO:.6f}", per: month}}')
    desk.admit(user="ann").settle(200, COST, NOON)
    with pytest.raises(BudgetExceeded) as error:
        desk.admit(user="ann")
    assert "Budget b" in error.value.message
    if "user" in scope:
        desk.admit(user="")
        if "*" in scope:
            desk.admit(user="bob")
            assert {one["name"] for one in desk.admission.state(desk.project, NOON)["budgets"]} == {"ann", "bob"}


def test_a_flood_of_users_pushes_out_no_one_of_another_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triops.lenses.llmops.gateway.budgets._USERS", 2)
    counters = Counters()
    counters.get(("here", "user", "ann"), 1, 1).day.spent = 5
    for number in range(9):
        counters.get(("there", "user", f"u{number}"), 1, 1)
    assert counters.get(("here", "user", "ann"), 1, 1).day.spent == 5
    assert counters.named("there", "user") == ["u7", "u8"]


def test_the_users_of_another_project_are_others() -> None:
    budget = f'kind: Budget\nname: b\nspec: {{user: "*", amount: "{COST / PICO:.6f}"}}'
    here = Desk(budget)
    there = Desk(budget, admission=here.admission)
    there.project = project(UPSTREAM, FAST, PRICE, budget)
    there.project = type(there.project)(
        **{**{f: getattr(there.project, f) for f in there.project.__slots__}, "project": "other"}
    )
    here.admit(user="ann").settle(200, COST, NOON)
    there.admit(user="ann")
    with pytest.raises(BudgetExceeded):
        here.admit(user="ann")


def test_a_call_counts_in_the_window_it_was_admitted_in() -> None:
    desk = Desk(key(f'budgets: [{{amount: "{COST / PICO:.6f}", per: day}}, {{amount: 1, per: month}}]'))
    late = desk.admit(MIDNIGHT - 1)
    today = desk.admit(MIDNIGHT + 1)
    late.settle(200, COST, MIDNIGHT + 2)
    assert desk.budget(0, MIDNIGHT + 2)["spent"] == 0
    assert desk.budget(0, MIDNIGHT + 2)["reserved"] == COST
    assert desk.budget(1, MIDNIGHT + 2)["spent"] == COST
    today.settle(200, COST, MIDNIGHT + 3)
    assert desk.budget(0, MIDNIGHT + 3)["spent"] == COST
    assert desk.budget(1, DECEMBER)["spent"] == 0
    assert desk.budget(1, DECEMBER)["ends_at"] == 1_798_761_600.0


# Limits


def test_what_is_left_of_a_minute() -> None:
    desk = Desk(key("requests_per_minute: 2, tokens_per_minute: 1000"))
    first = desk.admit(expected=300)
    assert first.left == Left(NOON, (2, 1, 601), (1000, 700, 601))
    first.settle(100, COST, NOON + 1)
    assert desk.admission.left(desk.caller, NOON + 30) == Left(NOON + 30, (2, 1, 301), (1000, 900, 301))
    second = desk.admit(NOON + 30, expected=800)
    second.settle(5000, COST, NOON + 31)  # more than there was
    assert desk.admission.left(desk.caller, NOON + 31) == Left(NOON + 31, (2, 0, 591), (1000, 0, 601))
    with pytest.raises(RateLimited):
        desk.admit(NOON + 32)
    assert desk.admission.left(desk.caller, NOON + 200) == Left(NOON + 200, (2, 2, 0), (1000, 1000, 0))
    assert desk.admission.left(Caller("other", spec=desk.caller.spec), NOON + 31) == Left(
        NOON + 31, (2, 2, 0), (1000, 1000, 0)
    )


@pytest.mark.parametrize("limits", ["requests_per_day: 5", "budget_usd: {amount: 1}"])
def test_nothing_is_told_where_no_minute_is_limited(limits: str) -> None:
    desk = Desk(key(limits))
    assert desk.admit().left is None
    assert desk.admission.left(desk.caller, NOON) is None


def test_how_what_is_left_is_written() -> None:
    resets = (0, 4, 10, 595, 600, 601, 605)
    told = [dict(openai_headers(Left(NOON, (9, 7, at), None)))["x-ratelimit-reset-requests"] for at in resets]
    assert told == ["0s", "400ms", "1s", "59.5s", "1m0s", "1m0.1s", "1m0.5s"]
    assert dict(openai_headers(Left(NOON, None, (9, 7, 10)))) == {
        "x-ratelimit-limit-tokens": "9",
        "x-ratelimit-remaining-tokens": "7",
        "x-ratelimit-reset-tokens": "1s",
    }
    assert dict(anthropic_headers(Left(NOON + 0.5, (9, 7, 601), None))) == {
        "anthropic-ratelimit-requests-limit": "9",
        "anthropic-ratelimit-requests-remaining": "7",
        "anthropic-ratelimit-requests-reset": "2026-11-21T12:01:01Z",
    }


def test_requests_of_a_minute() -> None:
    desk = Desk(key("requests_per_minute: 3"))
    for at in (0.0, 10.0, 20.0):
        desk.admit(NOON + at)
    with pytest.raises(RateLimited) as error:
        desk.admit(NOON + 30)
    assert 30.0 <= error.value.retry_after_s <= 30.2
    desk.admit(NOON + 30 + error.value.retry_after_s)
    with pytest.raises(RateLimited):
        desk.admit(NOON + 61)


def test_tokens_of_a_minute_are_corrected_by_what_was_used() -> None:
    desk = Desk(key("tokens_per_minute: 1000"))
    first = desk.admit(expected=600)
    with pytest.raises(RateLimited, match="tokens a minute"):
        desk.admit(expected=600)
    first.settle(200, COST, NOON + 1)
    second = desk.admit(NOON + 1, expected=600)
    second.settle(5000, COST, NOON + 30)  # more than was thought: counts from when it is known
    with pytest.raises(RateLimited) as error:
        desk.admit(NOON + 70, expected=1)
    assert 20.0 <= error.value.retry_after_s <= 20.2
    big = desk.admit(NOON + 91, expected=9999)  # more than any minute has: when nothing else was
    big.release()
    assert desk.key_state(NOON + 91)["tokens_last_minute"] == 0
    assert desk.key_state(NOON + 91)["requests_last_minute"] == 0


def test_quotas_of_a_day() -> None:
    desk = Desk(key("requests_per_day: 2, tokens_per_day: 1000"))
    desk.admit(expected=10).release()
    desk.admit(expected=100).settle(900, 1, NOON)
    with pytest.raises(RateLimited, match="1000 tokens a day"):
        desk.admit(expected=101)
    desk.admit(expected=100)
    with pytest.raises(RateLimited) as error:
        desk.admit()
    assert error.value.retry_after_s == MIDNIGHT - NOON
    desk.admit(MIDNIGHT)


def test_a_route_has_so_many_calls_at_once() -> None:
    desk = Desk()
    desk.project = project(UPSTREAM, PRICE, FAST.replace("spec: {", "spec: {queue: {calls: 2}, "))
    first = desk.admit()
    desk.admit()
    with pytest.raises(Overloaded):
        desk.admit()
    first.settle(1, 1, NOON)
    desk.admit()


# After a start


def rows(pico: int, at: float = NOON) -> list[dict[str, Any]]:
    day = at - at % 86400
    return [
        {
            "project": "default",
            "scope": "key",
            "name": "bot",
            "period": "day",
            "start": day,
            "pico": pico,
            "tokens": 500,
            "requests": 2,
        },
        {
            "project": "default",
            "scope": "key",
            "name": "bot",
            "period": "month",
            "start": "2026-11",
            "pico": 2 * pico,
            "tokens": 0,
            "requests": 2,
        },
        {
            "project": "default",
            "scope": "key",
            "name": "bot",
            "period": "total",
            "start": 0,
            "pico": 3 * pico,
            "tokens": 0,
            "requests": 2,
        },
    ]


BUDGETS = "budgets: [{amount: 1, per: day}, {amount: 1, per: month}, {amount: 1, per: total}]"


def test_what_the_books_have_is_where_it_goes_on() -> None:
    desk = Desk(key(BUDGETS + ", requests_per_day: 3"))
    desk.admission.restore(rows(COST), NOON)
    assert [desk.budget(at)["spent"] for at in range(3)] == [COST, 2 * COST, 3 * COST]
    desk.admit().settle(200, COST, NOON)
    with pytest.raises(RateLimited):
        desk.admit()
    desk.admission.restore(rows(COST), NOON)  # of a later snapshot: the books only follow
    assert [desk.budget(at)["spent"] for at in range(3)] == [2 * COST, 3 * COST, 4 * COST]
    desk.admission.restore(rows(9 * COST), NOON)  # a budget that was applied late: what was spent before this start
    assert [desk.budget(at)["spent"] for at in range(3)] == [9 * COST, 18 * COST, 27 * COST]
    yesterday = Desk(key(BUDGETS))
    yesterday.admission.restore(rows(COST, NOON - 86400), NOON)
    assert [yesterday.budget(at)["spent"] for at in range(3)] == [0, 2 * COST, 3 * COST]


def test_calls_of_the_journal_count_as_they_did() -> None:
    desk = Desk(key(BUDGETS + ", requests_per_minute: 2"))

    def call(at: float, error: str = "") -> tuple[Intent, Outcome]:
        ns = int(at * 10**9)
        intent = Intent("c", "default", ns, 0, "openai.chat", "chat", "fast", "fast", "upstream", "small-1", key="bot")
        attempts = (
            ()
            if error
            else (
                Attempt("upstream", "small-1", ns, ns, 500, "server", usage=Usage(100, 0), cost=100 * 150_000),
                Attempt("local", "smollm2", ns, ns, 200, usage=Usage(100, 100), cost=0),
            )
        )
        return intent, Outcome("c", ns + 10**9, 200, error, attempts=attempts)

    desk.admission.applied(*call(NOON - 86400))
    desk.admission.applied(*call(NOON - 10))
    desk.admission.applied(*call(NOON - 9, "budget_exceeded"))
    assert [desk.budget(at)["spent"] for at in range(3)] == [15_000_000, 30_000_000, 30_000_000]
    assert desk.key_state()["tokens_today"] == 300
    desk.admit()
    with pytest.raises(RateLimited):
        desk.admit()


async def test_who_waits_for_a_place_gets_it_in_turn() -> None:
    desk, served = Desk(), []
    desk.project = project(UPSTREAM, PRICE, FAST.replace("spec: {", "spec: {queue: {calls: 1, wait_s: 30}, "))
    queues, route = desk.admission.queues, desk.project.routes["fast"]
    await place(queues, "default", route)
    first = desk.admit()

    async def call(name: str) -> None:
        await place(queues, "default", route)
        ticket = desk.admit()
        served.append(name)
        await asyncio.sleep(0)
        ticket.release()

    one, late = asyncio.create_task(call("one")), asyncio.create_task(call("late"))
    await asyncio.sleep(0)
    assert queues.waiting == 1
    with pytest.raises(Overloaded, match="wait for the route fast already"):
        await late
    first.settle(1, 1, NOON)
    await one
    assert (served, queues.waiting) == (["one"], 0)
    await call("then")


async def test_who_waits_too_long_or_goes_away_leaves_the_line() -> None:
    desk = Desk()
    desk.project = project(UPSTREAM, PRICE, FAST.replace("spec: {", "spec: {queue: {calls: 1, wait_s: 0.01}, "))
    queues, route = desk.admission.queues, desk.project.routes["fast"]
    held = desk.admit()
    with pytest.raises(Overloaded, match="within"):
        await place(queues, "default", route)
    gone = asyncio.create_task(place(queues, "default", route))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert queues.waiting == 0
    held.release()
    await place(queues, "default", route)


async def test_a_place_that_is_not_taken_goes_to_the_next() -> None:
    queues = Admission().queues
    route = project(UPSTREAM, FAST.replace("spec: {", "spec: {queue: {calls: 2, wait_s: 30}, ")).routes["fast"]
    for _ in range(2):
        queues.enter(("default", "fast"))
    waiting = [asyncio.create_task(place(queues, "default", route)) for _ in range(2)]
    await asyncio.sleep(0)
    assert queues.waiting == 2
    queues.leave(("default", "fast"))
    async with asyncio.timeout(10):
        await asyncio.gather(*waiting)  # the first was refused by its budget, and never entered
