"""A version's templates, compiled once: from values of its variables to messages, or to a text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from triops.kernel.errors import Invalid
from triops.kernel.prompts.mustache import Parts, filled, names_in, parts_of
from triops.kernel.prompts.spec import PLACEHOLDER, PromptSpec
from triops.kernel.prompts.variables import Variable, values_of

_GIVEN = 1_000  # messages that a placeholder takes


class _Filled(Protocol):
    def __call__(self, values: Mapping[str, Any]) -> str: ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """`messages`: objects with role and content, and whatever else those given for a placeholder have. A text prompt
    has `text` and no messages."""

    messages: tuple[Mapping[str, Any], ...] = ()
    text: str | None = None


class PromptTemplate:
    """`names`: the variables that the templates read, in order; `placeholders` among them those that take messages."""

    __slots__ = ("_declared", "_lenient", "_lines", "_text", "names", "placeholders", "spec")

    def __init__(self, spec: PromptSpec, where: str = "spec") -> None:
        """Raises: Invalid that names the template that is none, with its line."""
        self.spec = spec
        names: list[str] = []
        placeholders: list[str] = []
        self._lines: list[tuple[str, _Filled | str]] = []
        self._text: _Filled | None = None
        self._lenient = spec.engine == "jinja2"
        if spec.text is not None:
            self._text, used = _compiled(spec, spec.text, f"{where}.text")
            names += used
        for at, line in enumerate(spec.messages):
            here = f"{where}.messages[{at}].content"
            if line.role == PLACEHOLDER:
                parts = parts_of(line.content.strip())
                if len(parts) != 1 or parts[0][0] or not parts[0][1] or "." in parts[0][1]:
                    expected = "one variable alone: {{history}}"
                    raise Invalid("not a placeholder", field=here, got=line.content, expected=expected)
                placeholders.append(parts[0][1])
                self._lines.append((line.role, parts[0][1]))
            else:
                render, used = _compiled(spec, line.content, here)
                names += used
                self._lines.append((line.role, render))
        self.placeholders = tuple(dict.fromkeys(placeholders))
        self.names = tuple(dict.fromkeys([*names, *placeholders]))
        self._declared = {**spec.variables, **{name: _ARRAY for name in placeholders if name not in spec.variables}}

    def render(self, variables: Mapping[str, Any]) -> Rendered:
        """Raises: Invalid that names the variables missing, unknown or of another type."""
        values = values_of(variables, self._declared, self.names, lenient=self._lenient)
        if self._text is not None:
            return Rendered(text=self._text(values))
        messages: list[Mapping[str, Any]] = []
        for role, content in self._lines:
            if isinstance(content, str):
                messages += _given(content, values.get(content))
            else:
                messages.append({"role": role, "content": content(values)})
        return Rendered(tuple(messages))


_ARRAY = Variable("array", required=True)


def _compiled(spec: PromptSpec, text: str, where: str) -> tuple[_Filled, list[str]]:
    if spec.engine == "jinja2":
        from triops.kernel.prompts.sandbox import Jinja  # only who has such a prompt loads jinja2

        jinja = Jinja(text, where)
        return jinja.render, sorted(jinja.names)
    parts = parts_of(text)
    return _mustache(parts), names_in(parts)


def _mustache(parts: Parts) -> _Filled:
    return lambda values: filled(parts, values)


def _given(name: str, messages: Any) -> list[Mapping[str, Any]]:
    """The messages that the caller gave for a placeholder, as they are. Raises: Invalid."""
    if messages is None:
        return []
    field = f"variables.{name}"
    if not isinstance(messages, list | tuple) or len(messages) > _GIVEN:
        raise Invalid("not a list of messages", field=field, expected=f"at most {_GIVEN} of {{role, content}}")
    for at, message in enumerate(messages):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            raise Invalid("not a message", field=f"{field}[{at}]", got=message, expected="an object with role, content")
    return list(messages)
