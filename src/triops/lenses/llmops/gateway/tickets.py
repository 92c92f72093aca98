"""An admitted call: what it holds of budgets and limits until it ends."""

from collections.abc import Sequence

from triops.kernel.errors import BudgetExceeded, Forbidden
from triops.kernel.money import usd
from triops.kernel.value import value
from triops.lenses.llmops.gateway.budgets import Held, Window
from triops.lenses.llmops.gateway.limits import KeyLimits, Left
from triops.lenses.llmops.gateway.periods import ends_at
from triops.lenses.llmops.gateway.prices import Price
from triops.lenses.llmops.gateway.queues import Queues
from triops.lenses.llmops.gateway.standing import Standing

DEFAULT_CAP = 4096  # tokens of an answer, where neither the caller nor the price says how many there may be
_NEVER_S = 30 * 86400.0  # when to come back to a budget that never ends


@value
class Most:
    """What one attempt may use. `input_tokens`: no fewer than it can be. `output_tokens`: of all its choices together,
    None where the caller set no bound. `expected`: input and output as they will likely be. `name`: provider/model."""

    input_tokens: int
    output_tokens: int | None
    price: Price | None
    expected: int = 0
    choices: int = 1
    name: str = ""


class Ticket:
    """`cap`: the most tokens that one choice may have, to be sent upstream; None: as the caller says. `unpriced`:
    models without a price, which count as nothing under soft budgets. `settle` or `release` ends it, once; whatever
    comes after that does nothing. `left`: of the key's limits, this call counted."""

    __slots__ = (
        "_at",
        "_key_day",
        "_limits",
        "_queues",
        "_request",
        "_standing",
        "_tokens",
        "_tokens_at",
        "cap",
        "ended",
        "left",
        "reserved",
        "unpriced",
    )

    def __init__(self, standing: Standing, queues: Queues, at: tuple[str, str]) -> None:
        self._standing = standing
        self._queues = queues
        self._at = at
        self._key_day: Window | None = None
        self._limits: KeyLimits | None = None
        self._request: list[int] | None = None
        self._tokens_at: list[int] | None = None
        self._tokens = 0
        self.reserved = 0
        self.cap: int | None = None
        self.unpriced: tuple[str, ...] = ()
        self.left: Left | None = None
        self.ended = False

    def again(self, most: Most, now: float, pico: int = 0) -> int | None:
        """Before a further attempt; `pico`: what the attempts so far did cost. Answers the cap.

        Raises: BudgetExceeded, Forbidden; then the call is still to be settled with what it did cost.
        """
        if not self.ended:
            self.reserve(most, now, pico)
        return self.cap

    def settle(self, usage_tokens: int, pico: int, now: float) -> None:
        """What all attempts together used and cost, in the windows that the call was admitted in."""
        if self.ended:
            return
        self._end()
        if pico:
            for window in self._standing.windows:
                window.spent += pico
        if self._key_day is not None:
            self._key_day.tokens += usage_tokens - self._tokens
        if self._limits is not None and self._tokens_at is not None:
            more = usage_tokens - self._tokens
            if more > 0:
                self._limits.tokens.add(now, more)  # a long answer's tokens count from its end
            else:
                self._limits.tokens.take_back(self._tokens_at, -more)

    def release(self) -> None:
        """The call did not take place: it does not count as a request either."""
        if self.ended:
            return
        self._end()
        if self._key_day is not None:
            self._key_day.requests -= 1
            self._key_day.tokens -= self._tokens
        if self._limits is not None:
            if self._request is not None:
                self._limits.requests.take_back(self._request, 1)
            if self._tokens_at is not None:
                self._limits.tokens.take_back(self._tokens_at, self._tokens)

    def reserve(self, most: Most, now: float, pico: int = 0) -> None:
        """`pico` and the most that the attempt can cost, in the place of what was reserved before.

        Raises: BudgetExceeded, Forbidden (no price); nothing is changed then.
        """
        if not self._standing.held:
            return
        hard = self._standing.hard
        price = most.price
        if price is None:
            if hard:
                raise _unpriced(hard[0], most)
            if most.name not in self.unpriced:
                self.unpriced = (*self.unpriced, most.name)
            self._set(pico)
            return
        output, cap = most.output_tokens, None
        if output is None and hard and price.output:
            cap = self._affordable(hard, most, price, now, pico)
            output = cap * most.choices
        need = pico + price.most(most.input_tokens, output or 0)
        for one in hard:
            if one.left() + self.reserved < need:
                raise self._exceeded(one, need, now)
        self._set(need)
        self.cap = cap

    def counted(self, key_day: Window | None, limits: KeyLimits | None, tokens: int, now: float) -> None:
        """The call counts as a request, with so many tokens expected; and in its route's queue."""
        self._key_day, self._limits, self._tokens = key_day, limits, tokens
        if key_day is not None:
            key_day.requests += 1
            key_day.tokens += tokens
        if limits is not None:
            self._request = limits.requests.add(now, 1)
            self._tokens_at = limits.tokens.add(now, tokens)
        self._queues.enter(self._at)

    def _affordable(self, hard: Sequence[Held], most: Most, price: Price, now: float, pico: int) -> int:
        cap = price.max_output or DEFAULT_CAP
        for one in hard:
            left = one.left() + self.reserved - pico
            tokens = price.affords(left, most.input_tokens) if left >= 0 else 0
            if tokens is None:
                continue
            if tokens < most.choices:
                raise self._exceeded(one, pico + price.most(most.input_tokens, most.choices), now)
            cap = min(cap, tokens // most.choices)
        return cap

    def _set(self, pico: int) -> None:
        more, self.reserved = pico - self.reserved, pico
        for window in self._standing.reserving:
            window.reserved += more

    def _end(self) -> None:
        self.ended = True
        if self.reserved:
            self._set(0)
        self._queues.leave(self._at)

    def _exceeded(self, held: Held, need: int, now: float) -> BudgetExceeded:
        budget, window = held.budget, held.window
        others = window.reserved - self.reserved
        ends = ends_at(budget.per, window.start)
        wait = _NEVER_S if ends is None else max(1.0, ends - now)
        if window.spent + need <= budget.amount:
            wait = 1.0  # calls under way may give back what they reserved
        whose = f"{budget.source} ({held.name})" if held.name and budget.name != held.name else budget.source
        period = "in all" if budget.per == "total" else f"a {budget.per}"
        return BudgetExceeded(
            f"the budget of ${usd(budget.amount)} {period} of {whose} cannot pay this call: ${usd(window.spent)} is "
            f"spent, ${usd(others)} is reserved by calls under way, and this one may cost ${usd(need)}",
            retry_after_s=wait,
        )


def _unpriced(held: Held, most: Most) -> Forbidden:
    provider, _, model = most.name.partition("/")
    return Forbidden(
        f"{held.budget.source} has a hard budget, and nobody said what {most.name} costs. Apply its price, such as:\n"
        f'kind: Price\nname: my-price\nspec: {{provider: "{provider}", model: "{model}", '
        'input_per_million_usd: "0.15", output_per_million_usd: "0.60"}'
    )
