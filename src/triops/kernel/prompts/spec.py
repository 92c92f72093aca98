"""What one version of a prompt holds: messages or one text, with variables, and the model and settings it was made for.

Its JSON form is what `triops apply` takes, what the native API answers, and what the gateway is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from triops.kernel.errors import Invalid, TooLarge
from triops.kernel.plain import check_plain
from triops.kernel.prompts.variables import MOST, Variable, variable_of

Engine = Literal["mustache", "jinja2"]
PLACEHOLDER: Final = "placeholder"
ROLES: Final = ("system", "developer", "user", "assistant", "tool", PLACEHOLDER)
CHARACTERS: Final = 100_000  # of all texts of a version: what MLflow keeps of one
MESSAGES: Final = 200
_SETTINGS: Final = 100
_NOTE: Final = 2_000
_LEVELS: Final = 24
_FIELDS: Final = ("messages", "text", "engine", "variables", "model", "settings")


@dataclass(frozen=True, slots=True)
class Line:
    """One message's template. The role `placeholder` stands for messages that the caller gives: its content is
    `{{name}}`, the variable that holds them."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class PromptSpec:
    """Either `messages` or `text`. `settings` are the model's (temperature, max_tokens, …) and whatever else its
    readers keep with a prompt. `model` "": the caller's."""

    messages: tuple[Line, ...] = ()
    text: str | None = None
    engine: Engine = "mustache"
    variables: Mapping[str, Variable] = field(default_factory=dict)
    model: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def chat(self) -> bool:
        return self.text is None

    def content_json(self) -> dict[str, Any]:
        """The canonical form: equal versions have equal ones."""
        shown: dict[str, Any] = {}
        if self.text is None:
            shown["messages"] = [{"role": line.role, "content": line.content} for line in self.messages]
        else:
            shown["text"] = self.text
        shown["engine"] = self.engine
        shown["variables"] = {name: _variable_json(variable) for name, variable in self.variables.items()}
        shown["model"] = self.model
        shown["settings"] = dict(self.settings)
        return shown


def spec_of(raw: Mapping[str, Any], where: str = "spec") -> PromptSpec:
    """Of the fields named here; others are refused. Raises: Invalid that names the field, TooLarge."""
    for key in raw:
        if key not in _FIELDS:
            raise Invalid("unknown field of a prompt", field=f"{where}.{key}"[:200], expected=", ".join(_FIELDS))
    messages, text = raw.get("messages"), raw.get("text")
    if (messages is None) == (text is None):
        raise Invalid("a prompt has either messages or text", field=f"{where}.messages", expected="one of the two")
    engine: Any = _given(raw, "engine", "mustache")
    if engine not in ("mustache", "jinja2"):
        raise Invalid("not an engine", field=f"{where}.engine", got=engine, expected="mustache or jinja2")
    if text is not None and not isinstance(text, str):
        raise Invalid("not a text", field=f"{where}.text", got=type(text).__name__, expected="a text")
    lines = _lines(messages, f"{where}.messages") if messages is not None else ()
    size = len(text) if text is not None else sum(len(line.content) + len(line.role) for line in lines)
    if size > CHARACTERS:
        raise TooLarge(f"a prompt's texts have at most {CHARACTERS} characters together", characters=size)
    check_plain(dict(raw), where, _LEVELS)
    model = _given(raw, "model", "")
    if not isinstance(model, str) or len(model) > 200:
        raise Invalid("not a model's name", field=f"{where}.model", got=model, expected="a text of ≤ 200 characters")
    return PromptSpec(
        lines,
        text,
        engine,
        _variables(_given(raw, "variables", {}), f"{where}.variables"),
        model,
        _settings(_given(raw, "settings", {}), f"{where}.settings"),
    )


def _given(raw: Mapping[str, Any], name: str, absent: Any) -> Any:
    """What a member says; null and an empty text say nothing."""
    value = raw.get(name)
    return absent if value is None or value == "" else value


def _lines(raw: Any, where: str) -> tuple[Line, ...]:
    if not isinstance(raw, Sequence) or isinstance(raw, str | bytes) or not raw or len(raw) > MESSAGES:
        raise Invalid("not a list of messages", field=where, expected=f"1 to {MESSAGES} of {{role, content}}")
    lines = []
    for at, message in enumerate(raw):
        here = f"{where}[{at}]"
        if not isinstance(message, Mapping):
            raise Invalid("not a message", field=here, got=message, expected="an object with role and content")
        for key in message:
            if key not in ("role", "content"):
                raise Invalid("unknown field of a message", field=f"{here}.{key}"[:200], expected="role, content")
        role, content = message.get("role"), message.get("content")
        if role not in ROLES:
            raise Invalid("not a role", field=f"{here}.role", got=role, expected=", ".join(ROLES))
        if not isinstance(content, str):
            raise Invalid("not a text", field=f"{here}.content", got=content, expected="a text")
        lines.append(Line(role, content))
    return tuple(lines)


def _variables(raw: Any, where: str) -> dict[str, Variable]:
    if not isinstance(raw, Mapping):
        raise Invalid("not variables", field=where, got=raw, expected="an object of name: {type, required, default}")
    if len(raw) > MOST:
        raise Invalid("too many variables", field=where, got=len(raw), expected=f"at most {MOST}")
    for name in raw:
        if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
            raise Invalid("not a variable's name", field=f"{where}.{name}"[:200], expected="letters, digits, _")
    return {name: variable_of(value, f"{where}.{name}") for name, value in raw.items()}


def _settings(raw: Any, where: str) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        raise Invalid("not settings", field=where, got=raw, expected="an object: {temperature: 0.2, …}")
    if len(raw) > _SETTINGS:
        raise Invalid("too many settings", field=where, got=len(raw), expected=f"at most {_SETTINGS}")
    for key, kinds, said in (
        ("temperature", (int, float), "a number"),
        ("top_p", (int, float), "a number"),
        ("presence_penalty", (int, float), "a number"),
        ("frequency_penalty", (int, float), "a number"),
        ("max_tokens", (int,), "a whole number"),
        ("top_k", (int,), "a whole number"),
        ("seed", (int,), "a whole number"),
    ):
        value = raw.get(key)
        if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
            raise Invalid(f"{key} is not {said}", field=f"{where}.{key}", got=value, expected=said)
    shape = raw.get("response_format")
    if shape is not None and not isinstance(shape, Mapping):
        raise Invalid("not a response format", field=f"{where}.response_format", got=shape, expected="an object")
    return {key: value for key, value in raw.items() if value is not None}


def _variable_json(variable: Variable) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": variable.type or "string", "required": variable.required}
    if variable.has_default:
        shown["default"] = variable.default
    return shown
