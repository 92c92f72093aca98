"""Of routes, which editors write: what an admin set of them holds, whatever name it is reached by."""

from typing import Any

import pytest

from triops.lenses.llmops.gateway.binding import rules_loosened

FREE: dict[str, Any] = {"targets": [{"provider": "upstream", "model": "small-1"}]}
BOUND: dict[str, Any] = {**FREE, "guards": ["careful"], "aliases": ["gpt"]}
PAID: dict[str, Any] = {**FREE, "budget_usd": {"amount": "5.00"}}


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({"fast": FREE}, "the route fast has rules of its own (guards)"),
        ({"fast": {**BOUND, "guards": ["lenient"]}}, "the route fast has rules of its own (guards)"),
        ({"fast": {**BOUND, "guards": ["careful", "more"]}}, "the route fast has rules of its own (guards)"),
        ({"fast": {**BOUND, "record": "full"}}, "the route fast has rules of its own (record)"),
        ({}, "the route fast has rules (guards) that hold as long as it is there"),
        ({"fast": BOUND, "gpt": FREE}, "the route fast, which gpt stands for, has rules of its own (guards)"),
        ({"fast": BOUND, "a": {**FREE, "aliases": ["gpt"]}}, "the route fast, which gpt stands for,"),
        ({"fast": {**BOUND, "aliases": []}}, "the route fast, which gpt stands for, has rules (guards)"),
        ({"fast": {**BOUND, "targets": [{"provider": "other", "model": "small-1"}], "retries": 3}}, ""),
        ({"fast": BOUND, "z": {**FREE, "aliases": ["gpt"]}}, ""),  # the alias is fast's all the same
        ({"fast": BOUND, "new": FREE, "paid": PAID}, ""),
    ],
)
def test_guards_of_a_route_hold(after: dict[str, Any], said: str) -> None:
    found = rules_loosened({"fast": BOUND}, after)
    assert found.startswith(said) if said else found == ""


def test_budgets_of_a_route_hold_and_nobody_else_s_are_put_on_it() -> None:
    raised = {**FREE, "budget_usd": {"amount": "500.00"}}
    assert "(budget_usd)" in rules_loosened({"paid": PAID}, {"paid": raised})
    assert "(budgets)" in rules_loosened({"paid": FREE}, {"paid": {**FREE, "budgets": [{"amount": "0"}]}})
    assert rules_loosened({"free": FREE}, {}) == ""
