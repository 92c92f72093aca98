"""A snapshot is read whatever its documents say: those that cannot be are told of."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.gateway import KINDS
from triops.kernel.errors import Invalid
from triops.lenses.llmops.gateway.config import configured

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
amounts = st.sampled_from(["1", "0.15", 5, 5.0, 0.1, 1e-7, "1e3", "", -1, True, None])
dates = st.sampled_from(["2026-01-01", "2026-01-31T10:00:00Z", "9999-12-31", "0001-01-01", "soon", 5, None])
names = st.sampled_from(["upstream", "local", "fast", "small-1", "", 3])
members = st.fixed_dictionaries(
    {},
    optional={
        "dialect": st.sampled_from(["openai", "local", "ollama", "x"]),
        "base_url": st.sampled_from(["http://x/v1", "http://[::1]:1/", "http://[", "https://x:y", "//", "http://a b/"]),
        "headers": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
        "targets": st.lists(st.fixed_dictionaries({"provider": names, "model": names}) | json_values, max_size=2),
        "timeout_s": st.floats() | st.integers(),
        "cache": st.just({}) | json_values,
        "budget_usd": st.fixed_dictionaries({"amount": amounts}) | json_values,
        "amount": amounts,
        "project": st.booleans(),
        "input_per_million_usd": amounts,
        "from": dates,
        "to": dates,
        "expires": dates,
        "routes": st.lists(names, max_size=2),
    },
)
kinds = st.sampled_from(["Provider", "Route", "Price", "Key", "Budget"])


@given(st.lists(st.tuples(kinds, st.sampled_from(["a", "b", "local"]), members | json_values), max_size=6))
@settings(max_examples=60)
def test_no_document_stops_the_others(documents: list[tuple[str, str, Any]]) -> None:
    said = [{"kind": kind, "name": name, "spec": spec} for kind, name, spec in documents]
    found = configured({"open": True, "projects": {"p": {"documents": said}}}).projects["p"]
    read = (
        len(found.declared) + len({route.name for route in found.routes.values()}) + len(found.keys) + len(found.prices)
    )
    assert read <= len(documents)


@given(kinds, members)
@settings(max_examples=60)
def test_what_is_applied_can_be_read(kind: str, spec: dict[str, Any]) -> None:
    try:
        KINDS.validate(kind, "a", spec)
    except Invalid:
        return
    found = configured({"projects": {"p": {"documents": [{"kind": kind, "name": "a", "spec": spec}]}}}).projects["p"]
    assert not [line for line in found.problems if line.startswith(f"{kind} a: spec") or "cannot be read" in line]
