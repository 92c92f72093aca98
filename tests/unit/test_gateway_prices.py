from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.gateway import PRICE, UPSTREAM, project
from triops.kernel.completion import Usage
from triops.kernel.errors import Invalid
from triops.kernel.genai.values import pico
from triops.kernel.money import PICO, pico_of
from triops.lenses.llmops.gateway.prices import Cost, Price

NS = 10**9
JANUARY, JUNE, JULY = 1_767_225_600 * NS, 1_780_272_000 * NS, 1_782_864_000 * NS
TWO = (
    """
kind: Price
name: first
spec: {provider: upstream, model: m, input_per_million_usd: "1.00", output_per_million_usd: "2.00", from: 2026-01-01}
---
kind: Price
name: second
spec: {provider: upstream, model: m, input_per_million_usd: "0.50", from: 2026-06-01, to: 2026-06-30}
---
kind: Price
name: anywhere
spec: {model: m, input_per_million_usd: 3}
""".replace("2026-01-01", '"2026-01-01"')
    .replace("2026-06-01", '"2026-06-01"')
    .replace("2026-06-30", '"2026-06-30"')
)


def test_a_call_costs_what_its_price_says() -> None:
    prices = project(UPSTREAM, PRICE).prices
    assert prices.cost("upstream", "small-1", Usage(1000, 500), JULY) == Cost(450_000_000, "small-1@1")
    assert prices.cost("upstream", "small-1", Usage(0, 0), JULY) == Cost(0, "small-1@1")
    assert prices.cost("upstream", "small-2", Usage(1, 1), JULY) == Cost(None)
    assert prices.cost("local", "anything", Usage(1, 1), JULY) == Cost(0, "")


def test_a_sender_may_name_the_provider_in_its_own_words() -> None:
    prices = project(UPSTREAM, PRICE).prices
    for provider in ("openai", ""):
        assert prices.told(provider, "small-1", Usage(1000, 500), JULY) == Cost(450_000_000, "small-1@1")
    assert prices.told("openai", "small-2", Usage(1, 1), JULY) == Cost(None)
    both = project(
        PRICE,
        PRICE.replace("name: small-1", "name: o\n").replace("{provider: upstream", "{model: small-1, provider: o"),
    ).prices
    assert both.told("openai", "small-1", Usage(1, 1), JULY) == Cost(None)
    assert both.told("o", "small-1", Usage(1000, 500), JULY).price == "o@1"


def test_the_price_that_began_last_counts_while_it_lasts() -> None:
    prices = project(TWO).prices
    found = {at: prices.find("upstream", "m", at) for at in (JANUARY - 1, JANUARY, JUNE - 1, JUNE, JULY - 1, JULY)}
    labels = [price.label if price else None for price in found.values()]
    assert labels == ["anywhere@1", "first@1", "first@1", "second@1", "second@1", "first@1"]
    assert prices.cost("other", "m", Usage(1, 0), JUNE) == Cost(3_000_000, "anywhere@1")


def test_cached_and_written_tokens_have_prices_of_their_own() -> None:
    text = """
kind: Price
name: m
spec: {provider: p, input_per_million_usd: "3", output_per_million_usd: "15", cached_input_per_million_usd: "0.30",
  cache_write_per_million_usd: "3.75", per_call_usd: "0.001"}
"""
    prices = project(text).prices
    usage = Usage(input=1000, output=10, cached_input=600, cache_write=100)
    dollars_e12 = 300 * 3_000_000 + 600 * 300_000 + 100 * 3_750_000 + 10 * 15_000_000 + 10**9
    assert prices.cost("p", "m", usage, JULY).pico == dollars_e12
    assert prices.cost("p", "m", Usage(), JULY).pico == 0


def test_a_price_may_be_of_all_models_that_begin_so() -> None:
    spec = "kind: Price\nname: p{0}\nspec: {{{1} input_per_million_usd: {0}}}"
    own, any_one = "provider: up, model: {}, ", "model: {}, "
    prices = project(
        *(
            spec.format(at, said)
            for at, said in enumerate(
                (own.format('"g-*"'), own.format('"g-4*"'), any_one.format('"g-4o*"'), any_one.format("g-4o-mini"))
            )
        )
    ).prices
    found = [
        prices.find(p, m, JULY)
        for p, m in (("up", "g-1"), ("up", "g-4o"), ("other", "g-4o"), ("up", "g-4o-mini"), ("up", "h"))
    ]
    assert [price.label if price else None for price in found] == ["p0@1", "p1@1", "p2@1", "p3@1", None]


rates = st.integers(0, 10**9)


@given(
    st.builds(Price, st.just("p@1"), st.just(""), st.just("m"), rates, rates, rates, rates, rates),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.data(),
)
def test_no_usage_within_the_bounds_costs_more_than_the_most(
    price: Price, most_in: int, most_out: int, data: st.DataObject
) -> None:
    used, out = data.draw(st.integers(0, most_in)), data.draw(st.integers(0, most_out))
    cached = data.draw(st.integers(0, used))
    usage = Usage(used, out, cached, data.draw(st.integers(0, used - cached)))
    assert price.cost(usage) <= price.most(most_in, most_out)


@given(
    st.builds(Price, st.just("p@1"), st.just(""), st.just("m"), rates, rates, rates, rates, rates),
    st.integers(0, 10**15),
    st.integers(0, 10**5),
)
def test_what_is_affordable_is_so_and_one_more_is_not(price: Price, pico: int, tokens: int) -> None:
    output = price.affords(pico, tokens)
    if output is None:
        assert price.output == 0
        assert price.most(tokens, 10**9) <= pico
    elif price.most(tokens, 0) <= pico:
        assert price.most(tokens, output) <= pico < price.most(tokens, output + 1)
    else:
        assert output == 0


@pytest.mark.parametrize("written", ["0", "0.15", "12", "1000000000", "0.000000000001", 3])
def test_amounts_are_read_as_they_are_written(written: Any) -> None:
    assert pico_of(written, "amount") == int(Decimal(written) * PICO)


@pytest.mark.parametrize(
    "written",
    ["1_0", "1e3", " 1", "1 ", "1\n", "+1", "-1", ".5", "1.", "", "NaN", "١", "１", "0x1", "1,000", "1000000000.1",
     "10000000000", True, 0.5, None, -1, "9" * 5000],
)  # fmt: skip
def test_what_is_no_plain_amount_is_refused(written: Any) -> None:
    with pytest.raises(Invalid, match="not an amount of dollars"):
        pico_of(written, "amount")


def test_a_number_of_many_digits_is_refused() -> None:
    with pytest.raises(Invalid, match="not an amount of dollars"):
        pico_of(10**5000, "amount")


def test_less_than_is_counted_is_refused() -> None:
    for written, per in (("0.0000000000001", 1), ("0.0000001", 1_000_000)):
        with pytest.raises(Invalid, match="more decimals than are counted"):
            pico_of(written, "amount", per=per)


@pytest.mark.parametrize(
    ("sent", "known"), [("1e-6", 10**6), (1e-6, 10**6), ("1_0", -1), (" 1", -1), ("１", -1), ("NaN", -1), ("-1", -1)]
)
def test_what_a_sender_says_of_a_cost(sent: Any, known: int) -> None:
    """JSON's numbers have exponents, also where they were put into a text."""
    assert pico(sent) == known
