"""What calls cost, in whole pico-dollars: prices by provider and model, with the time each holds."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from triops.kernel.clock import NS
from triops.kernel.completion import Usage
from triops.kernel.document import Document
from triops.kernel.errors import Invalid
from triops.kernel.value import value
from triops.lenses.llmops.gateway.amounts import dollars, moment, optional

MILLION = 1_000_000
_EVER = 1 << 63
_DEAREST = 1 << 62  # what the books can hold; no attempt costs four million dollars


@dataclass(frozen=True, slots=True)
class Price:
    """Pico-dollars a token. `provider` "": of the model wherever it runs. It holds from `start_ns` to before `end_ns`.
    `max_output`: the most tokens that the model answers, 0 where nobody said. `label`: `name@revision`."""

    label: str
    provider: str
    model: str
    input: int
    output: int
    cached_input: int
    cache_write: int
    per_call: int = 0
    start_ns: int = 0
    end_ns: int = _EVER
    max_output: int = 0
    dearest: int = field(init=False, repr=False, compare=False)  # of a token of input, however it is counted

    def __post_init__(self) -> None:
        object.__setattr__(self, "dearest", max(self.input, self.cached_input, self.cache_write))

    def cost(self, usage: Usage) -> int:
        """Nothing used costs nothing, also where each call has a price: nobody was asked."""
        cached, written = usage.cached_input, usage.cache_write
        if not (usage.input or usage.output or cached or written):
            return 0
        plain = max(0, usage.input - cached - written)
        return (
            plain * self.input
            + cached * self.cached_input
            + written * self.cache_write
            + usage.output * self.output
            + self.per_call
        )

    def most(self, input_tokens: int, output_tokens: int) -> int:
        """No usage within these numbers costs more."""
        return input_tokens * self.dearest + output_tokens * self.output + self.per_call

    def affords(self, pico: int, input_tokens: int) -> int | None:
        """How many tokens of output `pico` pays for, beside the input; None: any number, since they cost nothing."""
        left = pico - self.most(input_tokens, 0)
        if left < 0:
            return 0
        return left // self.output if self.output else None


@value
class Cost:
    """`pico` None: nobody said what it costs."""

    pico: int | None
    price: str = ""


class Prices:
    """Of several prices of one model, the one that began last counts; one of the provider before one of the model
    alone. A model that ends in `*` is any that begins so, where nothing else is said of it; the longest counts. A
    provider of `free` (models that run here) costs nothing unless a price says otherwise."""

    def __init__(self, prices: Iterable[Price] = (), free: Collection[str] = ()) -> None:
        self._free = frozenset(free)
        self._prices: dict[tuple[str, str], list[Price]] = {}
        for price in prices:
            self._prices.setdefault((price.provider, price.model), []).append(price)
        for several in self._prices.values():
            several.sort(key=lambda price: (-price.start_ns, price.label))
        self._owners = {owner for owner, _ in self._prices if owner}
        open_ended = [(provider, model[:-1]) for provider, model in self._prices if model.endswith("*")]
        self._starts = sorted(open_ended, key=lambda one: (not one[0], -len(one[1]), one[1]))  # a provider's own first

    def find(self, provider: str, model: str, at_ns: int) -> Price | None:
        found = self._at((provider, model), at_ns) or self._at(("", model), at_ns)
        if found is None and self._starts:
            for owner, start in self._starts:
                if owner in (provider, "") and model.startswith(start):
                    found = self._at((owner, start + "*"), at_ns)
                    if found is not None:
                        break
        return FREE if found is None and provider in self._free else found

    def _at(self, named: tuple[str, str], at_ns: int) -> Price | None:
        for price in self._prices.get(named, ()):
            if price.start_ns <= at_ns < price.end_ns:
                return price
        return None

    def cost(self, provider: str, model: str, usage: Usage, at_ns: int) -> Cost:
        return cost_of(self.find(provider, model, at_ns), usage)

    def told(self, provider: str, model: str, usage: Usage, at_ns: int) -> Cost:
        """`cost` of what a sender tells of, who may name providers in words of its own: where no price is of that
        provider at all, by the price of the only provider that has the model."""
        cost = self.cost(provider, model, usage, at_ns)
        if cost.pico is not None or provider in self._owners:
            return cost
        having = [owner for owner in self._owners if self._at((owner, model), at_ns) is not None]
        return self.cost(having[0], model, usage, at_ns) if len(having) == 1 else cost

    def most(self, provider: str, model: str, input_tokens: int, output_tokens: int, at_ns: int) -> int | None:
        price = self.find(provider, model, at_ns)
        return None if price is None else price.most(input_tokens, output_tokens)

    def __len__(self) -> int:
        return sum(len(several) for several in self._prices.values())


def cost_of(price: Price | None, usage: Usage) -> Cost:
    return Cost(None) if price is None else Cost(min(price.cost(usage), _DEAREST), price.label)


FREE: Final = Price("", "", "", 0, 0, 0, 0)


def price_of(document: Document) -> Price:
    """Raises: Invalid that names the field."""
    spec = document.spec
    rate = dollars(spec["input_per_million_usd"], "spec.input_per_million_usd", per=MILLION)
    model = spec.get("model") or document.name
    if "*" in model[:-1]:
        raise Invalid("a * stands at the end alone", field="spec.model", got=model, expected="gpt-4o*")
    start = moment(spec["from"], "spec.from") if spec.get("from") is not None else 0.0
    end = moment(spec["to"], "spec.to", end=True) if spec.get("to") is not None else None
    if end is not None and end <= start:
        raise Invalid("a price ends after it begins", field="spec.to", got=spec["to"], expected="a later date")
    return Price(
        label=f"{document.name}@{document.revision}",
        provider=spec.get("provider", ""),
        model=model,
        input=rate,
        output=optional(spec, "output_per_million_usd", 0, "spec", per=MILLION),
        cached_input=optional(spec, "cached_input_per_million_usd", rate, "spec", per=MILLION),
        cache_write=optional(spec, "cache_write_per_million_usd", rate, "spec", per=MILLION),
        per_call=optional(spec, "per_call_usd", 0, "spec"),
        start_ns=int(start) * NS,
        end_ns=_EVER if end is None else int(end) * NS,
        max_output=spec.get("max_output_tokens", 0),
    )
