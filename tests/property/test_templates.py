"""Templates: whatever a change carries, it is inserted as it is, or refused; never read again."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triops.kernel.errors import Invalid
from triops.loop.templates import check, render

PLAIN = st.text(
    st.characters(min_codepoint=32, blacklist_characters="{}\x7f", blacklist_categories=("Cs",)), min_size=1
)


@given(PLAIN)
def test_a_value_arrives_as_it_is(value: str) -> None:
    facts = {"change": {"details": {"from": value}}}
    spec = {"json": {"whole": "{{change.details.from}}", "part": "v={{ change.details.from }}!"}, "n": 3}
    filled = render(spec, facts)
    assert filled == {"json": {"whole": value, "part": f"v={value}!"}, "n": 3}


@given(PLAIN)
def test_a_value_cannot_leave_its_place_in_a_url(value: str) -> None:
    filled = render("http://127.0.0.1/deploy/{{entity.name}}/go", {"entity": {"name": value}})
    middle = filled.removeprefix("http://127.0.0.1/deploy/").removesuffix("/go")
    assert not set(middle) & set("/?#@: &")
    assert unquote(middle) == value


@given(st.text(min_size=1))
def test_a_value_with_a_template_or_control_characters_is_refused(value: str) -> None:
    for bad in (value + "{{env:TOKEN}}", "}}" + value, value + "\n"):
        with pytest.raises(Invalid) as error:
            render({"a": ["{{change.title}}"]}, {"change": {"title": bad}})
        assert error.value.details["field"] == "effect.a[0]"


@pytest.mark.parametrize("text", ["{{change.details.from}}", "{{change.details.from}}x"])
def test_a_value_cannot_become_an_option_of_a_command(text: str) -> None:
    facts = {"change": {"details": {"from": "--exec=sh"}}}
    with pytest.raises(Invalid):
        render({"argv": ["deploy", text]}, facts, command=True)
    assert render({"argv": ["v{{change.details.from}}"]}, facts, command=True) == {"argv": ["v--exec=sh"]}
    assert render({"argv": ["{{change.details.n}}"]}, {"change": {"details": {"n": 3}}}, command=True) == {
        "argv": ["3"]
    }


@pytest.mark.parametrize("value", [None, {"a": 1}, [1]])
def test_only_plain_values_are_inserted(value: object) -> None:
    with pytest.raises(Invalid):
        render("{{change.details}}", {"change": {"details": value}})
    with pytest.raises(Invalid) as error:
        render("{{change.gone}}", {"change": {}})
    assert "change.gone" in error.value.message


def test_numbers_keep_their_type_and_the_actuators_own_templates_stay() -> None:
    facts = {"change": {"details": {"n": 3, "b": True}}}
    assert render(["{{change.details.n}}", "{{change.details.b}}", "{{env:TOKEN}}"], facts) == [
        3,
        True,
        "{{env:TOKEN}}",
    ]


@given(st.text(max_size=40))
def test_any_text_is_a_template_that_is_known_or_a_clear_error(inner: str) -> None:
    try:
        check({"json": ["{{" + inner + "}}"]}, "spec.effect")
    except Invalid as error:
        assert error.details["field"] == "spec.effect.json[0]"
