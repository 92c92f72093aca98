"""What is most wrong with the gateway, in one sentence: for whoever looks only once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from triops.kernel.anomaly import Severity

_NEAR: Final = 0.8  # of a budget
_MANY: Final = 20  # calls, before a share of them says something
_FAIL: Final = 0.05  # of them
_WINDOWS: Final = {"day": "today", "month": "this month", "total": "in all"}
# Told to a caller because of its own key, limit or request: no fault of a route or its providers.
_CALLERS: Final = frozenset(
    ("budget_exceeded", "rate_limited", "invalid", "unauthenticated", "forbidden", "not_found", "content_filter")
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """`about`: gateway or budget, which says where more is told."""

    severity: Severity
    title: str
    about: str


def trouble(view: Mapping[str, Any], budgets: Sequence[Mapping[str, Any]]) -> Trouble | None:
    """The gravest. `view`: of `gateway_view`; `budgets`: as APIs show them, the most used first."""
    found = [*_gateway(view), *_budget(budgets)]
    return min(found, key=lambda one: one.severity is not Severity.CRITICAL) if found else None


def _gateway(view: Mapping[str, Any]) -> list[Trouble]:
    used = view["routes"] or view["providers"] or view["keys"]
    if not view["ready"]:
        return [Trouble(Severity.CRITICAL, "The gateway is not ready", "gateway")] if used else []
    found = []
    for provider in view["providers"]:
        cut = [b["model"] for b in provider["breakers"] if b["state"] == "open"]
        if cut:
            whole = len(cut) == len(provider["breakers"])
            what = f"{provider['name']} is cut off" if whole else f"{provider['name']} is cut off for {cut[0]}"
            found.append(Trouble(Severity.CRITICAL if whole else Severity.WARNING, what, "gateway"))
        if provider["credential"] == "missing":
            found.append(Trouble(Severity.WARNING, f"{provider['name']} lacks its credential", "gateway"))
    for route in view["routes"]:
        bad = sum(count for kind, count in route["kinds"].items() if kind not in _CALLERS)
        if route["requests"] >= _MANY and bad >= _FAIL * route["requests"]:
            share = round(100 * bad / route["requests"])
            found.append(Trouble(Severity.WARNING, f"{share} % of calls of {route['name']} fail", "gateway"))
    return found


def _budget(budgets: Sequence[Mapping[str, Any]]) -> list[Trouble]:
    near = next((one for one in budgets if one["share"] >= _NEAR), None)
    if near is None:
        return []
    used = near["share"] >= 1
    who = "the project" if near["scope"] == "project" else f"{near['scope']} {near['name']}"
    part = "all" if used else f"{round(100 * near['share'])} %"
    amount = Decimal(near["amount_usd"])
    dollars = f"{amount:,.2f}" if amount == round(amount, 2) else f"{amount:f}"
    title = f"{who[:1].upper()}{who[1:]} has used {part} of its ${dollars} {_WINDOWS[near['per']]}"
    title += ": calls are refused" if used and near["hard"] else ""
    return [Trouble(Severity.CRITICAL if used and near["hard"] else Severity.WARNING, title, "budget")]
