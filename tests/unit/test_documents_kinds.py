"""Kinds of documents: what is accepted, and how a mistake is named."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triops.kernel.document import Document
from triops.kernel.errors import Invalid
from triops.kernel.policy import Level
from triops.loop.documents import Kind, Kinds
from triops.loop.maintenance import maintenance_kind, window_of
from triops.loop.notify import notifier_kind
from triops.loop.policies import UNSET, policy_for, policy_kind, policy_of
from triops.loop.runbooks import runbook_kind, runbook_of
from triops.testing.hands import WritingNotifier

KINDS = Kinds(
    [policy_kind(), runbook_kind({"http"}), notifier_kind({"webhook": WritingNotifier()}), maintenance_kind()]
)
EFFECT = {"actuator": "http", "spec": {"url": "http://127.0.0.1/{{entity.name}}"}}
GOOD: list[tuple[str, dict[str, Any]]] = [
    ("Policy", {"level": "ask", "freeze": ["22:00-06:00"]}),
    ("Runbook", {"title": "t", "effect": EFFECT, "undo": EFFECT, "when": {"change_kinds": ["config"]}, "verify_s": 60}),
    ("Notifier", {"type": "webhook", "url": "http://x", "on": ["opened"], "secret_env": "S"}),
    ("Maintenance", {"entities": ["host:*"], "start": "2026-11-21T22:00:00Z", "end": 1795309200}),
]


@pytest.mark.parametrize(("kind", "spec"), GOOD)
def test_good_documents_pass_and_fit_the_published_schema(kind: str, spec: dict[str, Any]) -> None:
    assert KINDS.validate(kind, "a-name", spec) == Document(kind, "a-name", spec)
    jsonschema.validate({"kind": kind, "name": "a-name", "spec": spec}, KINDS.bundle())


@pytest.mark.parametrize(
    ("kind", "spec", "field"),
    [
        ("Pollicy", {}, "kind"),
        ("Policy", {"level": "dare"}, "spec.level"),
        ("Policy", {"level": "ask", "freeze": ["25:00-06:00"]}, "freeze"),
        ("Policy", {"level": "ask", "cooldown": 3}, "spec"),
        ("Runbook", {"title": "t", "effect": {"actuator": "ssh", "spec": {}}}, "spec.effect.actuator"),
        ("Runbook", {"title": "t", "effect": {"actuator": "http", "spec": {"a": ["{{x}}"]}}}, "spec.effect.spec.a[0]"),
        ("Runbook", {"title": "t", "effect": EFFECT, "when": {"entity_types": [3]}}, "spec.when.entity_types[0]"),
        ("Notifier", {"type": "pigeon"}, "spec.type"),
        ("Notifier", {"type": "webhook"}, "url"),
        ("Maintenance", {"entities": ["a"], "start": 200, "end": 100}, "spec.end"),
        ("Maintenance", {"entities": ["a"], "start": "soon", "end": 100}, "spec.start"),
    ],
)
def test_a_mistake_is_named_by_its_path(kind: str, spec: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as error:
        KINDS.validate(kind, "a-name", spec)
    assert error.value.details["field"] == field


@pytest.mark.parametrize("name", ["", "A", "a b", "-a", "a/../b", "x" * 101])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(Invalid) as error:
        KINDS.validate("Policy", name, {"level": "ask"})
    assert error.value.details["field"] == "name"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(GOOD), st.text(max_size=12), JSON)
def test_any_member_with_any_value_is_accepted_or_a_clear_error(
    good: tuple[str, dict[str, Any]], member: str, value: Any
) -> None:
    kind, spec = good
    for key in (member, *spec):
        try:
            document = KINDS.validate(kind, "a-name", {**spec, key: value})
        except Invalid as error:
            assert error.details["field"]
        else:  # what passed can be used
            {"Policy": policy_of, "Runbook": runbook_of, "Maintenance": window_of, "Notifier": str}[kind](document)


def test_a_slice_registers_its_own_kind_once() -> None:
    mine = Kind("Monitor", {"type": "object"})
    assert Kinds([mine]).validate("Monitor", "m", {"any": 1}).spec == {"any": 1}
    with pytest.raises(ValueError):
        Kinds([mine, mine])


def test_the_most_specific_policy_speaks() -> None:
    def policy(name: str, **spec: Any) -> Any:
        return policy_of(Document("Policy", name, {"level": "ask", **spec}))

    every, glob = policy("a"), policy("b", entity="service:*")
    one, named = policy("c", entity="service:x"), policy("d", runbook="r")
    assert policy_for([], "r", "service:x") is UNSET
    assert UNSET.level is Level.SUGGEST
    assert policy_for([every, glob], "r", "host:x") == every
    assert policy_for([every, glob, one], "r", "service:x") == one
    assert policy_for([every, glob, one, named], "r", "service:x") == named
