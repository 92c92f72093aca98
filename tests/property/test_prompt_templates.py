"""Templates of prompts: whatever they hold and are given, they render or raise Invalid; what is stored comes back."""

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from triops.kernel.completion import Chat, PromptRef
from triops.kernel.errors import Invalid, TriopsError
from triops.kernel.prompts.sandbox import Jinja
from triops.kernel.prompts.sharing import picked, share_from, share_of, share_text
from triops.kernel.prompts.spec import ROLES, spec_of
from triops.kernel.prompts.template import PromptTemplate
from triops.lenses.llmops.prompts.filling import fill, held
from triops.lenses.llmops.prompts.tags import RESERVED, spec_in, tags_of

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PIECES = (
    "{{", "}}", "{%", "%}", "{#", "#}", " ", "a", "b.c", "for x in a", "endfor", "if a", "endif", "x", "|upper", "\n",
    "|join(a)", "~", "+", "1", "'s'", "(", ")", "[", "]", ".items()", "set x = a", "*", "range(9)",
)  # fmt: skip
TEMPLATES = st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=60)
VARIABLES = st.dictionaries(st.sampled_from(["a", "b", "b.c", "x", "zz"]), JSON, max_size=4)
LINES = st.lists(st.fixed_dictionaries({"role": st.sampled_from(ROLES), "content": TEMPLATES}), min_size=1, max_size=4)
SETTINGS = st.dictionaries(st.text(max_size=12), JSON, max_size=4)
SPECS = st.one_of(
    st.fixed_dictionaries({"text": TEMPLATES}, optional={"settings": SETTINGS, "model": st.text(max_size=20)}),
    st.fixed_dictionaries(
        {"messages": LINES}, optional={"settings": SETTINGS, "engine": st.sampled_from(["mustache", "jinja2"])}
    ),
)


@given(SPECS, VARIABLES)
def test_a_prompt_renders_or_says_why_not(raw: dict[str, Any], variables: dict[str, Any]) -> None:
    with contextlib.suppress(TriopsError):
        PromptTemplate(spec_of(raw)).render(variables)


@given(TEMPLATES, VARIABLES)
@settings(max_examples=150)
def test_jinja2_renders_or_says_why_not(template: str, variables: dict[str, Any]) -> None:
    with contextlib.suppress(Invalid):
        Jinja(template, "text").render(variables)


@given(JSON)
def test_anything_else_is_refused(raw: Any) -> None:
    if isinstance(raw, dict):
        with contextlib.suppress(TriopsError):
            spec_of(raw)
    for read in (lambda: share_of(raw, "share"), lambda: share_from(str(raw), "share")):
        with contextlib.suppress(Invalid):
            share = read()
            assert sum(share.values()) == 100
            assert share_from(share_text(share), "share") == share


@given(SPECS)
def test_what_is_kept_as_tags_comes_back(raw: dict[str, Any]) -> None:
    try:
        spec = spec_of(raw)
    except TriopsError:
        return
    if {"model_name", "stop_sequences"} & spec.settings.keys():
        return  # MLflow's words for two of ours
    assert spec_in(tags_of(spec)).content_json() == spec.content_json()


@given(st.dictionaries(st.sampled_from(sorted(RESERVED)), TEMPLATES | JSON.map(json.dumps) | st.just("chat")))
def test_tags_of_any_door_are_read(tags: dict[str, str]) -> None:
    spec_in(tags).content_json()


@given(
    st.dictionaries(st.integers(1, 50), st.integers(1, 100), min_size=1, max_size=5), st.floats(0, 1, exclude_max=True)
)
def test_a_pick_is_always_one_of_the_share(share: dict[int, int], pick: float) -> None:
    assert picked(share, pick) in share


@given(SPECS, VARIABLES)
def test_filling_a_call_answers_or_says_why_not(raw: dict[str, Any], variables: dict[str, Any]) -> None:
    try:
        spec = spec_of(raw).content_json()
    except TriopsError:
        return
    told = held({"p": {"labels": {"production": 1}, "shares": {}, "versions": {"1": spec}}})
    with contextlib.suppress(TriopsError):
        fill(told, PromptRef("p", variables=variables), Chat(()), 0.5)
