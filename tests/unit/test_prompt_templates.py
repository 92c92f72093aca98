"""Prompt templates: the rules of `{{name}}`, typed variables, placeholders, and Jinja2 that cannot run away."""

import time
from typing import Any

import pytest

from triops.kernel.errors import Invalid, TooLarge
from triops.kernel.prompts.sandbox import Jinja
from triops.kernel.prompts.sharing import main_version, pick_of, picked, share_from, share_of, share_text
from triops.kernel.prompts.spec import spec_of
from triops.kernel.prompts.template import PromptTemplate


def text(template: str, given: dict[str, Any] | None = None, **spec: Any) -> str:
    made = PromptTemplate(spec_of({"text": template, **spec})).render(given or {})
    assert made.text is not None
    return made.text


@pytest.mark.parametrize(
    ("template", "variables", "made"),
    [
        ("Hi {{name}}, {{ name }}!", {"name": "Ada"}, "Hi Ada, Ada!"),
        ("{{{name}}}", {"name": "x"}, "{x}"),  # no escaping: the outer braces are text
        ("{{ 1 }} {{a-b}} {name} {{}} {{", {}, "{{ 1 }} {{a-b}} {name} {{}} {{"),
        ("{{a}}", {"a": "{{b}} \\1 <&>"}, "{{b}} \\1 <&>"),  # a value is never read as a template
        ("{{n}} {{b}} {{none}}", {"n": 1.5, "b": True, "none": None}, "1.5 True "),
        ("{{xs}} {{o}}", {"xs": [1, "ü"], "o": {"k": None}}, '[1, "ü"] {"k": null}'),
        ("{{a.b}} {{c.d}}", {"a": {"b": 1}, "c.d": 2}, "1 2"),
        ("{{\n name\t}}", {"name": "x"}, "x"),
        ("", {}, ""),
    ],
)
def test_names_in_braces(template: str, variables: dict[str, Any], made: str) -> None:
    assert text(template, variables) == made


def test_variables_that_are_missing_unknown_or_of_another_type_are_named() -> None:
    variables = {"n": {"type": "number"}, "who": {"type": "string", "default": "you"}, "more": {"required": False}}
    spec = {"variables": variables}
    assert text("{{n}} {{who}} {{more}}|", {"n": 3}, **spec) == "3 you |"
    with pytest.raises(Invalid, match="missing variables: a, b") as caught:
        text("{{b}} {{a}}")
    assert caught.value.details["field"] == "variables.a"
    with pytest.raises(Invalid, match="no variable: shop") as caught:
        text("{{name}}", {"name": "x", "shop": "y"})
    assert caught.value.details["expected"] == "name"
    for wrong in ("3", True, None, [3]):
        with pytest.raises(Invalid, match="n is no number"):
            text("{{n}}", {"n": wrong}, variables={"n": {"type": "number"}})
    with pytest.raises(Invalid, match="too large"):
        text("{{a}}", {"a": "x" * 1_000_001})
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(Invalid, match="nested too deep"):
        text("{{a}}", {"a": deep})


def test_messages_and_a_placeholder_for_those_that_the_caller_gives() -> None:
    lines = [
        {"role": "system", "content": "Help {{shop}}."},
        {"role": "placeholder", "content": "{{history}}"},
        {"role": "user", "content": "{{question}}"},
    ]
    template = PromptTemplate(spec_of({"messages": lines}))
    assert template.names == ("shop", "question", "history")
    history = [{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}]
    made = template.render({"shop": "S", "question": "why?", "history": history}).messages
    assert [m["role"] for m in made] == ["system", "assistant", "user"]
    assert made[1] == history[0]
    with pytest.raises(Invalid, match="history is no array"):
        template.render({"shop": "S", "question": "", "history": "text"})
    with pytest.raises(Invalid, match="not a message"):
        template.render({"shop": "S", "question": "", "history": ["text"]})
    with pytest.raises(Invalid, match="not a placeholder"):
        PromptTemplate(spec_of({"messages": [{"role": "placeholder", "content": "see {{history}}"}]}))


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({}, "spec.messages"),
        ({"text": "a", "messages": []}, "spec.messages"),
        ({"messages": []}, "spec.messages"),
        ({"messages": [{"role": "robot", "content": ""}]}, "spec.messages[0].role"),
        ({"messages": [{"role": "user"}]}, "spec.messages[0].content"),
        ({"messages": [{"role": "user", "content": "", "name": "x"}]}, "spec.messages[0].name"),
        ({"text": 3}, "spec.text"),
        ({"text": "", "engine": "erb"}, "spec.engine"),
        ({"text": "", "variables": {"a": {"type": "date"}}}, "spec.variables.a.type"),
        ({"text": "", "variables": {"a": {"type": "number", "default": "x"}}}, "spec.variables.a.default"),
        ({"text": "", "variables": {"a b": {}}}, "spec.variables.a b"),
        ({"text": "", "settings": {"temperature": "hot"}}, "spec.settings.temperature"),
        ({"text": "", "settings": {"max_tokens": 1.5}}, "spec.settings.max_tokens"),
        ({"text": "", "labels": {}}, "spec.labels"),
    ],
)
def test_what_is_no_prompt_is_refused_by_its_field(raw: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        spec_of(raw)
    assert caught.value.details["field"] == field


def test_a_prompt_has_a_bound() -> None:
    with pytest.raises(TooLarge):
        spec_of({"text": "x" * 100_001})


def test_jinja2_when_it_is_asked_for() -> None:
    template = "Hello {% if name %}{{ name|upper }}{% else %}guest{% endif %}"
    template += "{% for x in xs %}, {{ loop.index }}{{ x }}{% endfor %}"
    assert text(template, {"name": "Ada", "xs": ["a", "b"]}, engine="jinja2") == "Hello ADA, 1a, 2b"
    assert text(template, {"xs": []}, engine="jinja2") == "Hello guest"  # what is not declared need not be given
    assert text("{% if a %}{% endif %}") == "{% if a %}{% endif %}"  # not asked for
    assert (
        text("{{ a.b ~ '-' ~ (1 + 2) }} {{ o|tojson }}", {"a": {"b": 1}, "o": {"k": [1]}}, engine="jinja2")
        == '1-3 {"k": [1]}'
    )
    with pytest.raises(Invalid, match="line 2"):
        PromptTemplate(spec_of({"text": "a\n{% if %}", "engine": "jinja2"}))


@pytest.mark.parametrize(
    "template",
    [
        "{{ x.__class__ }}",
        "{{ x|attr('__class__') }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ self._TemplateReference__context }}",
        "{{ '{0.__class__}'.format(x) }}",
        "{{ x['__class__'].mro() }}",
        "{% macro f() %}{% endmacro %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{{ range.__init__ }}",
        "{{ __budget__ }}",
        "{{ lipsum() }}",
        "{{ 2 ** 9 }}",
        "{% for a in x recursive %}{% endfor %}",
        "{% set ns = namespace() %}",
        "{{ x.append(1) }}",
        "{{ [x, x] }}",
    ],
)
def test_jinja2_that_reaches_out_is_refused(template: str) -> None:
    try:
        made = Jinja(template, "text").render({"x": [1]})
    except Invalid:
        return
    assert made == ""  # an attribute that is hidden is not there


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(1000000000) %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in xs %}{% for b in xs %}{% for c in xs %}{% endfor %}{% endfor %}{% endfor %}",
        "{% set x = 'ab' %}" + "{% set x = x ~ x %}" * 64 + "{{ x }}",
        "{% set x = 'ab' %}" + "{% set x = x + x %}" * 64 + "{{ x }}",
        "{% set x = 7 %}" + "{% set x = x * x %}" * 64 + "{{ x }}",
        "{% set x = 'ab' %}" + "{% set x = x|replace('a', x)|replace('b', x) %}" * 64 + "{{ x }}",
        "{% set x = 'ab' %}" + "{% set x = [1,2,3,4,5,6,7,8]|join(x) %}" * 64 + "{{ x }}",
        "{% for a in range(100000) %}{{ big }}{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ '%1000000000d' % 1 }}",
        "{% for a in range(90000) %}{{ big|upper|lower|length }}{% endfor %}",
        "{{ range(1000000000)|max }}",
        "{{ range(100001)|list|length }}",
        "{{ range(0, -1000000000, -1)|sort|first }}",
        "{{ range(9999999999999999999999)|last }}",
    ],
)
def test_jinja2_that_would_not_end_is_stopped(template: str) -> None:
    began = time.thread_time()
    with pytest.raises(Invalid):
        Jinja(template, "text").render({"xs": list(range(1000)), "big": "x" * 500_000})
    assert time.thread_time() - began < 5.0  # of a processor, and far from what it would take


def test_shares_of_traffic() -> None:
    assert share_of({"1": 90, 2: 10}, "share") == {1: 90, 2: 10}
    assert share_of(3, "share") == {3: 100}
    assert share_of({"1": 100, "2": 0}, "share") == {1: 100}
    assert share_text({1: 90, 2: 10}) == "1:90,2:10"
    assert share_from("1:90,2:10", "v") == {1: 90, 2: 10}
    assert share_from("7", "v") == {7: 100}
    assert main_version({1: 50, 2: 50}) == 1
    for wrong in (
        {},
        {"1": 50},
        {"1": 101, "2": -1},
        {"a": 100},
        {"1": 99.5, "2": 0.5},
        True,
        0,
        "x",
        {"1": 50, 1: 50},
    ):
        with pytest.raises(Invalid):
            share_of(wrong, "share")
    for wrong in ("", "1:90", "1:x,2:10", "1:50,1:50", ":", "1:90,2:10,"):
        with pytest.raises(Invalid):
            share_from(wrong, "version")


def test_a_session_keeps_its_version_and_shares_come_out_as_asked() -> None:
    share = {1: 90, 2: 10}
    assert {picked(share, pick_of("support", "session-1")) for _ in range(10)} == {
        picked(share, pick_of("support", "session-1"))
    }
    got = [picked(share, pick_of("support", f"session-{n}")) for n in range(10_000)]
    assert 0.08 < got.count(2) / len(got) < 0.12
    assert picked(share, 0.0) == 1
    assert picked(share, 0.999999999) == 2


@pytest.mark.parametrize("value", ["\ud800", ["\udfff"], {"a": "x\ud800"}, {"\ud800": 1}])
def test_half_of_a_character_is_refused(value: Any) -> None:
    template = PromptTemplate(spec_of({"text": "{{x}}"}))
    with pytest.raises(Invalid, match="not valid Unicode") as raised:
        template.render({"x": value})
    assert raised.value.details["field"] == "variables.x"
