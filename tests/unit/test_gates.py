"""What a gate decides, from facts alone."""

import math
from typing import Any

import pytest

from triops.kernel.document import Document
from triops.kernel.tenant import Role
from triops.lenses.mlops.registry.gates import Decision, Facts, Gate, decide, gate_of


def gate(*checks: dict[str, Any], **more: Any) -> Gate:
    return Gate("g", "m*", "champion", checks=checks, **more)


def decided(gate_: Gate, metrics: dict[str, float], role: Role = Role.EDITOR, **others: Facts | None) -> Decision:
    return decide([gate_], Facts(2, metrics, {"reviewed": "yes"}), others, role)


@pytest.mark.parametrize(
    ("check", "value", "state"),
    [
        ({"metric": "a", "at_least": 0.8}, 0.8, "allow"),
        ({"metric": "a", "at_least": 0.8}, 0.79, "refuse"),
        ({"metric": "a", "at_least": 0.8}, math.nan, "refuse"),
        ({"metric": "a", "at_least": 0.8}, math.inf, "allow"),
        ({"metric": "a", "at_most": 3}, 3.0, "allow"),
        ({"metric": "a", "at_most": 3}, 3.1, "refuse"),
        ({"metric": "other", "at_most": 3}, 1.0, "refuse"),
        ({"tag": "reviewed", "equals": "yes"}, 1.0, "allow"),
        ({"tag": "reviewed", "equals": "no"}, 1.0, "refuse"),
        ({"tag": "other", "equals": "yes"}, 1.0, "refuse"),
    ],
)
def test_one_check(check: dict[str, Any], value: float, state: str) -> None:
    assert decided(gate(check), {"a": value}).state == state


@pytest.mark.parametrize(
    ("value", "more", "state"),
    [
        (0.9, {}, "allow"),
        (0.89, {}, "refuse"),
        (0.89, {"by": 0.02}, "allow"),
        (0.91, {"better": "lower"}, "refuse"),
        (0.89, {"better": "lower"}, "allow"),
        (0.91, {"better": "lower", "by": 0.02}, "allow"),
    ],
)
def test_not_worse_than(value: float, more: dict[str, Any], state: str) -> None:
    check = {"metric": "a", "not_worse_than": "champion", **more}
    assert decided(gate(check), {"a": value}, champion=Facts(1, {"a": 0.9})).state == state


def test_nothing_to_compare_with_passes() -> None:
    check = {"metric": "a", "not_worse_than": "champion"}
    for other in (None, Facts(1, {}), Facts(1, {"a": math.nan})):
        assert decided(gate(check), {"a": 0.1}, champion=other).state == "allow"
    assert decided(gate(check), {}, champion=None).state == "refuse"


@pytest.mark.parametrize(
    ("role", "not_self", "asker", "state"),
    [
        (Role.ADMIN, False, Role.EDITOR, "ask"),
        (Role.ADMIN, False, Role.ADMIN, "allow"),
        (Role.ADMIN, True, Role.ADMIN, "ask"),
        (Role.EDITOR, False, Role.EDITOR, "allow"),
    ],
)
def test_approval(role: Role, not_self: bool, asker: Role, state: str) -> None:
    assert decided(gate(role=role, not_self=not_self), {}, asker).state == state


def test_a_failed_check_is_not_asked_about() -> None:
    decision = decided(gate({"metric": "a", "at_least": 1}, role=Role.ADMIN), {"a": 0.0})
    assert decision.state == "refuse"
    assert decision.reasons == ["metric a is 0, wanted at least 1"]


def test_the_strictest_of_several_gates_holds() -> None:
    gates = [gate(role=Role.EDITOR, expires_s=60.0), gate(role=Role.ADMIN, expires_s=3600.0, not_self=True)]
    decision = decide(gates, Facts(1), {}, Role.ADMIN)
    assert (decision.state, decision.role, decision.not_self, decision.expires_s) == ("ask", Role.ADMIN, True, 60.0)


def test_removing_an_alias_needs_agreement_but_no_checks() -> None:
    guarded = gate({"metric": "a", "at_least": 1}, role=Role.ADMIN)
    assert decide([guarded], None, {}, Role.EDITOR).state == "ask"
    assert decide([guarded], None, {}, Role.ADMIN).state == "allow"


def test_a_document_becomes_a_gate() -> None:
    spec = {"model": "churn*", "alias": "champion", "approval": {"role": "admin", "expires_h": 2}}
    made = gate_of(Document("Gate", "g", spec))
    assert (made.role, made.not_self, made.expires_s, made.checks) == (Role.ADMIN, False, 7200.0, ())
    assert made.guards("churn_v2", "champion")
    assert not made.guards("churn", "shadow")
    assert not made.guards("Churn", "champion")
