"""Nouns survive JSON, and whatever else is read as one is a clear error."""

import math
import typing
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triops.kernel.action import Action, Effect
from triops.kernel.anomaly import Anomaly, Direction, Severity
from triops.kernel.change import Change
from triops.kernel.document import Document
from triops.kernel.entity import Entity, Relation
from triops.kernel.errors import Invalid, TooLarge
from triops.kernel.hypothesis import Evidence, Hypothesis
from triops.kernel.ids import AnomalyId, ChangeId, EntityId
from triops.kernel.incident import Entry, Incident
from triops.kernel.policy import Policy
from triops.ledger.codec import dumps, from_json, loads, loads_mapping, to_json

TEXT = st.text(max_size=12)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NOUNS = (Action, Anomaly, Change, Document, Entity, Incident, Policy, Relation)


def built(cls: type, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A dataclass from its annotations, with finite numbers."""
    for name, hint in typing.get_type_hints(cls).items():
        if name not in given and hint in (float, float | None):
            given[name] = NUMBER if hint is float else st.none() | NUMBER
    return st.builds(cls, **given)


def several(items: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, max_size=3).map(tuple)


def nouns() -> st.SearchStrategy[Any]:
    """Every noun the books hold, with JSON where it holds anything."""
    objects = st.dictionaries(TEXT, JSON, max_size=3)
    effect = st.builds(Effect, TEXT, objects)
    hypothesis = built(Hypothesis, rank=st.integers(1, 9), evidence=several(built(Evidence)))
    return st.one_of(
        built(Action, effect=effect, undo=st.none() | effect, details=objects),
        built(Anomaly, evidence=objects),
        built(Change, details=objects),
        built(Document, spec=objects, revision=st.integers(1, 1000)),
        built(Entity, attributes=st.dictionaries(TEXT, TEXT, max_size=3)),
        built(Incident, hypotheses=several(hypothesis), timeline=several(built(Entry))),
        built(Policy, max_per_hour=st.integers(0, 9), max_entities=st.integers(0, 9)),
        built(Relation),
    )


@settings(max_examples=150, deadline=None)
@given(nouns())
def test_a_noun_survives_json(noun: Any) -> None:
    assert loads(type(noun), dumps(noun)) == noun
    assert from_json(type(noun), orjson.loads(orjson.dumps(to_json(noun)))) == noun


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NOUNS), JSON)
def test_whatever_else_is_read_is_refused_by_kind(cls: type, data: Any) -> None:
    with pytest.raises(Invalid):
        from_json(cls, data)


@settings(max_examples=150, deadline=None)
@given(nouns(), st.data())
def test_a_noun_with_one_member_spoiled_is_itself_or_refused(noun: Any, data: st.DataObject) -> None:
    plain = to_json(noun)
    name = data.draw(st.sampled_from(sorted(plain)))
    plain[name] = data.draw(JSON)
    try:
        read = from_json(type(noun), plain)
    except Invalid as error:
        assert str(error.details["field"]).startswith(name)
    else:
        assert to_json(read)[name] == plain[name]


@pytest.mark.parametrize(("at", "holds"), [(1 << 53, True), ((1 << 53) + 1, False), (1 << 60, True)])
def test_a_whole_number_that_a_float_does_not_hold_is_refused(at: int, holds: bool) -> None:
    plain = to_json(CHANGE) | {"at": at}
    if holds:
        assert from_json(Change, plain).at == at
    else:
        with pytest.raises(Invalid):
            from_json(Change, plain)


CHANGE = Change(ChangeId("c"), EntityId("service:a"), "deploy", "t", 1.0)


def test_what_json_cannot_hold_is_dealt_with_when_writing() -> None:
    odd = replace(CHANGE, title="a\ud800b", details={"nan": math.nan, "deep": [math.inf, {"x\udfff": -math.inf}]})
    assert to_json(odd)["title"] == "a\ufffdb"
    assert to_json(odd)["details"] == {"nan": None, "deep": [None, {"x\ufffd": None}]}
    assert to_json(replace(CHANGE, title="\U0001f990"))["title"] == "\U0001f990"


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", object(), 1 << 70, Change])
def test_what_has_no_json_form_is_refused_with_its_path(value: Any) -> None:
    with pytest.raises(Invalid) as raised:
        to_json(replace(CHANGE, details={"a": [0, value]}))
    assert raised.value.details["field"] == "details.a[1]"


def test_a_number_that_must_be_there_must_be_finite() -> None:
    anomaly = Anomaly(
        AnomalyId("a"), EntityId("e"), "d", "k", "s", Direction.UP, 1.0, Severity.INFO, True, 1.0, 1.0, 1.0
    )
    assert to_json(replace(anomaly, value=math.nan))["value"] is None
    with pytest.raises(Invalid) as raised:
        dumps(replace(anomaly, score=math.inf))
    assert raised.value.details["field"] == "score"


def test_nesting_and_size_are_bounded() -> None:
    deep: Any = "x"
    for _ in range(40):
        deep = [deep]
    with pytest.raises(Invalid, match="too deep"):
        dumps(replace(CHANGE, details={"deep": deep}))
    with pytest.raises(TooLarge):
        dumps(replace(CHANGE, details={"big": "x" * (5 << 20)}))


def test_errors_name_the_member_by_its_path() -> None:
    plain = to_json(CHANGE)
    for spoiled, field in (
        ({**plain, "at": "soon"}, "at"),
        ({**plain, "more": 1}, "more"),
        ({k: v for k, v in plain.items() if k != "kind"}, "kind"),
    ):
        with pytest.raises(Invalid) as raised:
            from_json(Change, spoiled)
        assert raised.value.details["field"] == field


def test_equal_mappings_are_equal_text() -> None:
    assert dumps({"b": 1, "a": {"d": 1, "c": 2}}) == dumps({"a": {"c": 2, "d": 1}, "b": 1})
    assert loads_mapping(dumps({"b": [1]})) == {"b": [1]}
