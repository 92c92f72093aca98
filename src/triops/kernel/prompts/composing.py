"""Prompts within prompts: `@@@langfusePrompt:name=NAME|label=LABEL@@@` (or `|version=2`) in a template stands for the
text of another prompt of the project. What is no such tag is text. Pure: who asks brings the versions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from triops.kernel.errors import Invalid, TooLarge
from triops.kernel.prompts.spec import CHARACTERS, PromptSpec

_TAG: Final = re.compile(r"@@@langfusePrompt:(.*?)@@@")
_MARK: Final = "@@@langfusePrompt:"
_DEPTH: Final = 5  # prompts within each other, as Langfuse has it
_MOST: Final = 100  # different versions in one prompt


@dataclass(frozen=True, slots=True)
class Reference:
    """By a version or by a label."""

    name: str
    version: int | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A version that has a part in a prompt."""

    name: str
    version: int
    spec: PromptSpec = field(compare=False)


class Find(Protocol):
    def __call__(self, reference: Reference) -> Member | None: ...


@dataclass(slots=True)
class Composed:
    """`spec`: with every tag replaced. `needs`: each version that has tags, and whose it is made of."""

    spec: PromptSpec
    needs: dict[Member, list[Member]] = field(default_factory=dict)


def is_composed(spec: PromptSpec) -> bool:
    return _MARK in (spec.text or "") or any(_MARK in line.content for line in spec.messages)


def composed(root: Member, find: Find) -> Composed:
    """Raises: Invalid for a prompt that is not there, has no text, has another engine, holds itself, or lies too deep;
    TooLarge."""
    whole = Composed(root.spec)
    whole.spec = _filled(root, [root], whole, find, {})
    return whole


def _filled(
    member: Member, path: Sequence[Member], whole: Composed, find: Find, made: dict[Member, PromptSpec]
) -> PromptSpec:
    spec, variables, room = member.spec, dict(member.spec.variables), CHARACTERS

    def text(match: re.Match[str]) -> str:
        nonlocal room
        reference = _reference(match[1])
        if reference is None:
            return match[0]
        part = _part(reference, path, find)
        needs = whole.needs.setdefault(member, [])
        if part not in needs:
            needs.append(part)
        if part not in made:
            if len(made) >= _MOST:
                raise TooLarge(f"the prompt {path[0].name} is made of more than {_MOST} others")
            made[part] = _filled(part, [*path, part], whole, find, made)
        for name, variable in made[part].variables.items():
            variables.setdefault(name, variable)
        inner = made[part].text or ""
        room -= len(inner)
        if room < 0:
            raise _too_large(path)
        return inner

    if spec.text is not None:
        spec = replace(spec, text=_TAG.sub(text, spec.text))
    else:
        spec = replace(spec, messages=tuple(replace(one, content=_TAG.sub(text, one.content)) for one in spec.messages))
    if len(spec.text or "") + sum(len(line.content) for line in spec.messages) > CHARACTERS:
        raise _too_large(path)
    return replace(spec, variables=variables)


def _part(reference: Reference, path: Sequence[Member], find: Find) -> Member:
    """What a tag stands for. Raises: Invalid."""
    holder = path[-1]
    wanted = f"{reference.name} ({reference.label or reference.version})"[:300]
    part = find(reference)
    if part is None:
        raise Invalid(f"the prompt {holder.name} is made of {wanted}, which is not there", field="prompt", got=wanted)
    if any(part.name == one.name for one in path):
        way = " → ".join([*(one.name for one in path), part.name])
        raise Invalid(f"the prompt {part.name} holds itself: {way}", field="prompt", got=wanted)
    if len(path) > _DEPTH:
        way = " → ".join(one.name for one in path)
        raise Invalid(f"prompts lie too deep within each other: {way}", field="prompt", expected=f"at most {_DEPTH}")
    if part.spec.text is None:
        raise Invalid(f"{wanted} has messages: only a text can be put into another prompt", field="prompt", got=wanted)
    if part.spec.engine != holder.spec.engine:
        engines = f"{part.spec.engine}, and {holder.name} in {holder.spec.engine}"
        raise Invalid(f"{wanted} is written in {engines}", field="prompt", got=wanted)
    return part


def _reference(inner: str) -> Reference | None:
    """Of `name=NAME|label=LABEL` or `name=NAME|version=2`; None for what is neither."""
    first, _, second = inner.partition("|")
    name, value = first.removeprefix("name="), second.partition("=")[2]
    if not first.startswith("name=") or not name or not value:
        return None
    if second.startswith("label="):
        return Reference(name, label=value)
    number = value.isascii() and value.isdigit() and len(value) < 10
    return Reference(name, int(value)) if second.startswith("version=") and number else None


def _too_large(path: Sequence[Member]) -> TooLarge:
    return TooLarge(f"{path[-1].name} with what it is made of has more than {CHARACTERS} characters")
