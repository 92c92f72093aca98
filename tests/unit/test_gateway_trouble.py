"""What the overview says of the gateway: the gravest thing, in words."""

from typing import Any

import pytest

from triops.lenses.llmops.spend.trouble import trouble

QUIET: dict[str, Any] = {"ready": True, "routes": [], "providers": [], "keys": []}


def provider(name: str, *states: str, credential: str = "set") -> dict[str, Any]:
    breakers = [{"model": f"m{at}", "state": state} for at, state in enumerate(states)]
    return {"name": name, "breakers": breakers, "credential": credential}


def route(requests: int, **kinds: int) -> dict[str, Any]:
    return {"name": "fast", "requests": requests, "kinds": kinds}


def budget(share: float, *, hard: bool = True, scope: str = "key") -> dict[str, Any]:
    name = "bot" if scope == "key" else ""
    return {"scope": scope, "name": name, "per": "day", "hard": hard, "share": share, "amount_usd": "0.5"}


@pytest.mark.parametrize(
    ("view", "budgets", "told"),
    [
        ({}, [], None),
        ({}, [budget(0.79)], None),
        ({"ready": False}, [], None),  # nobody asked for a gateway
        ({"ready": False, "keys": [{}]}, [], ("critical", "The gateway is not ready", "gateway")),
        ({}, [budget(0.81)], ("warning", "Key bot has used 81 % of its $0.50 today", "budget")),
        ({}, [budget(1.2)], ("critical", "Key bot has used all of its $0.50 today: calls are refused", "budget")),
        ({}, [budget(1, hard=False)], ("warning", "Key bot has used all of its $0.50 today", "budget")),
        ({}, [budget(0.9, scope="project")], ("warning", "The project has used 90 % of its $0.50 today", "budget")),
        (
            {"providers": [provider("a", credential="missing"), provider("b", "open")]},
            [budget(0.9)],
            ("critical", "b is cut off", "gateway"),
        ),
        ({"providers": [provider("b", "closed", "open")]}, [], ("warning", "b is cut off for m1", "gateway")),
        ({"providers": [provider("a", credential="missing")]}, [], ("warning", "a lacks its credential", "gateway")),
        ({"routes": [route(40, timeout=4)]}, [], ("warning", "10 % of calls of fast fail", "gateway")),
        ({"routes": [route(40, budget_exceeded=30, rate_limited=5)]}, [], None),  # the callers' own limits
        ({"routes": [route(10, timeout=4)]}, [], None),  # too few to say
    ],
)
def test_the_gravest_is_told(
    view: dict[str, Any], budgets: list[dict[str, Any]], told: tuple[str, str, str] | None
) -> None:
    found = trouble(QUIET | view, budgets)
    assert (None if found is None else (found.severity, found.title, found.about)) == told
