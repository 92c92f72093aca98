"""What of a Route binds editors, who may write routes: its guards, its budgets, and what is recorded of its calls."""

from typing import Any

from triops.kernel.document import Specs

_RULES = ("guards", "budget_usd", "budgets", "record")


def rules_loosened(before: Specs, after: Specs) -> str:
    """The first name that callers may send whose rules are no longer the same, for people; "" where all are. A name
    without a route is passed through, by no rules; a new one may have any."""
    now = _by_name(after)
    for name, (owner, rules) in _by_name(before).items():
        changed = now.get(name)
        if changed is None and rules:
            return f"{_of(name, owner)} has rules ({', '.join(rules)}) that hold as long as it is there"
        if changed is not None and changed != (owner, rules) and (rules or changed[1]):
            said = [member for member in _RULES if rules.get(member) != changed[1].get(member)]
            return f"{_of(name, owner)} has rules of its own ({', '.join(said or rules)})"
    return ""


def _by_name(specs: Specs) -> dict[str, tuple[str, dict[str, Any]]]:
    """The route, and its rules, that counts for each name; as `config` has it: a name before any alias, and of two
    equal aliases the first route's."""
    found = {name: (name, _rules(spec)) for name, spec in specs.items()}
    for owner in sorted(specs):
        for alias in specs[owner].get("aliases", ()):
            found.setdefault(alias, found[owner])
    return found


def _rules(spec: Any) -> dict[str, Any]:
    return {member: spec[member] for member in _RULES if spec.get(member)}


def _of(name: str, owner: str) -> str:
    return f"the route {owner}" if name == owner else f"the route {owner}, which {name} stands for,"
