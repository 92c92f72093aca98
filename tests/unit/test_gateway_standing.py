"""What a call counts in is worked out once for a caller and a route, and again when it is no longer so."""

from tests.unit.gateway import FAST, PRICE, UPSTREAM, project
from triops.lenses.llmops.gateway.budgets import Counters
from triops.lenses.llmops.gateway.config import ProjectConfig
from triops.lenses.llmops.gateway.specs import Caller
from triops.lenses.llmops.gateway.standing import Standing, Standings

KEY = "kind: Key\nname: bot\nspec: {budget_usd: {amount: '1', per: day}}\n"
EACH_USER = "kind: Budget\nname: each\nspec: {user: '*', amount: '1', per: day}\n"
TODAY, TOMORROW, MONTH = 20_000, 20_001, 700


class Desk:
    def __init__(self) -> None:
        self.counters = Counters()
        self.standings = Standings(self.counters)
        self.project = project(UPSTREAM, FAST, PRICE, KEY)

    def of(self, day: int = TODAY, user: str = "", key: str = "bot", config: ProjectConfig | None = None) -> Standing:
        used = config or self.project
        return self.standings.of(used, Caller("default", key), used.routes["fast"], user, day, MONTH)


def test_the_same_day_has_the_same_windows_and_the_next_has_its_own() -> None:
    desk = Desk()
    today = desk.of()
    assert desk.of() is today
    assert [one.budget.source for one in today.hard] == ["Key bot"]
    assert today.key_day is today.windows[0]
    tomorrow = desk.of(TOMORROW)
    assert tomorrow.key_day is not today.key_day
    assert desk.of(TODAY).key_day is tomorrow.key_day  # the clock was set back: the window that was reached stays


def test_a_window_that_another_rolled_is_not_held_on_to() -> None:
    desk = Desk()
    today = desk.of()
    counter = desk.counters.get(("default", "project", ""), TOMORROW, MONTH)
    assert counter.day not in today.windows
    assert counter.day in desk.of().windows


def test_another_configuration_is_read_anew_and_none_that_was_replaced_is_kept() -> None:
    desk = Desk()
    desk.of()
    desk.of(key="other")
    replaced = project(UPSTREAM, FAST, PRICE, KEY.replace("'1'", "'2'"))
    now = desk.of(config=replaced)
    assert [one.budget.amount for one in now.held] == [2 * 10**12]
    assert [known.project for known in desk.standings._known.values()] == [replaced]


def test_under_budgets_of_users_each_has_his_own() -> None:
    desk = Desk()
    desk.project = project(UPSTREAM, FAST, PRICE, KEY, EACH_USER)
    ann, bob = desk.of(user="ann"), desk.of(user="bob")
    assert [one.name for one in ann.held] == ["bot", "ann"]
    assert not {id(one.window) for one in ann.held[1:]} & {id(one.window) for one in bob.held[1:]}
    assert not desk.standings._known
