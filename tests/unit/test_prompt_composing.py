"""Prompts within prompts, purely: what a tag stands for, and how deep, how large and how strange it may be."""

import pytest

from triops.kernel.errors import Invalid, TooLarge
from triops.kernel.prompts.composing import Composed, Member, composed, is_composed
from triops.kernel.prompts.spec import Line, PromptSpec
from triops.kernel.prompts.variables import Variable

DEFAULT = Variable("string", required=False)


def tag(name: str, which: str = "label=production") -> str:
    return f"@@@langfusePrompt:name={name}|{which}@@@"


def whole(texts: dict[str, str | PromptSpec], root: str = "a") -> Composed:
    """Of prompts with one version each, which has every label."""
    known = {
        name: Member(name, 1, PromptSpec(text=text) if isinstance(text, str) else text) for name, text in texts.items()
    }
    return composed(known[root], lambda one: known.get(one.name) if one.version in (None, 1) else None)


def test_a_tag_stands_for_the_text_of_another() -> None:
    b = PromptSpec(text="B {{x}}", variables={"x": DEFAULT})
    found = whole({"a": f"1 {tag('b')} 2 {tag('c', 'version=1')} {tag('b')}", "b": b, "c": f"C {tag('b')}"})
    assert found.spec.text == "1 B {{x}} 2 C B {{x}} B {{x}}"
    assert found.spec.variables == {"x": DEFAULT}
    needs = {one.name: [part.name for part in parts] for one, parts in found.needs.items()}
    assert needs == {"a": ["b", "c"], "c": ["b"]}
    lines = PromptSpec((Line("system", f"You: {tag('b')}"), Line("user", "hi")))
    assert [line.content for line in whole({"a": lines, "b": "B"}).spec.messages] == ["You: B", "hi"]


@pytest.mark.parametrize(
    "inner", ["", "name=b", "name=b|version=x", "name=|label=p", "label=p|name=b", "name=b|label="]
)
def test_what_is_no_tag_is_text(inner: str) -> None:
    text = f"@@@langfusePrompt:{inner}@@@"
    assert whole({"a": text, "b": "B"}).spec.text == text


def test_only_what_has_tags_is_looked_into() -> None:
    assert is_composed(PromptSpec((Line("user", tag("x/y")),)))
    assert not is_composed(PromptSpec(text="langfusePrompt:name=b"))


def chain(length: int) -> dict[str, str | PromptSpec]:
    names = "abcdefgh"[: length + 1]
    return {name: tag(names[at + 1]) if at < length else "end" for at, name in enumerate(names)}


@pytest.mark.parametrize(
    ("prompts", "said"),
    [
        ({"a": tag("b"), "b": tag("c"), "c": tag("a")}, "the prompt a holds itself: a → b → c → a"),
        ({"a": tag("a")}, "holds itself: a → a"),
        (chain(6), "too deep"),
        ({"a": tag("b")}, "which is not there"),
        ({"a": tag("b", "version=2"), "b": "B"}, r"made of b \(2\), which is not there"),
        ({"a": tag("b"), "b": PromptSpec((Line("user", "x"),))}, "only a text"),
        ({"a": tag("b"), "b": PromptSpec(text="x", engine="jinja2")}, "written in jinja2, and a in mustache"),
    ],
)
def test_what_cannot_be_made_says_why(prompts: dict[str, str | PromptSpec], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        whole(prompts)


def test_what_is_made_is_bounded() -> None:
    assert whole(chain(5)).spec.text == "end"
    with pytest.raises(TooLarge):
        whole({"a": tag("b") * 50, "b": "x" * 99_000})
    many: dict[str, str | PromptSpec] = {f"p{number}": "x" for number in range(101)}
    with pytest.raises(TooLarge, match="more than 100 others"):
        whole({"a": "".join(map(tag, many)), **many})
