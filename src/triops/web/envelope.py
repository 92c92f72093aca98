"""What the envelopes of calls have in common, whatever the family: the model's name and a prompt of the registry."""

from collections.abc import Mapping
from typing import Any

from triops.kernel.completion import PromptRef
from triops.kernel.errors import Invalid
from triops.web.members import mapping, text

_MOST_NAME = 256  # characters of a model's or a prompt's name
MOST_WHO = 256  # characters of a user, a session; more is cut


def model_of(tree: Mapping[str, Any], prompt: PromptRef | None) -> str:
    """The model asked for; "" only where a prompt is named, which may name one itself."""
    model = tree.get("model")
    if not model and prompt is not None:
        return ""
    # control characters would end up in headers and logs
    if not isinstance(model, str) or not model or len(model) > _MOST_NAME or not model.isprintable():
        raise Invalid("not a model's name", field="model", got=model, expected="the name of a route or a model")
    return model


def prompt_of(value: Any) -> PromptRef | None:
    """`{"id" | "name", "version" | "label", "variables"}`, or a name alone."""
    if value is None:
        return None
    given = {"name": value} if isinstance(value, str) else mapping(value, "prompt")
    name = given.get("name") or given.get("id")
    if not isinstance(name, str) or not name or len(name) > _MOST_NAME:
        raise Invalid("not a prompt's name", field="prompt.id", got=name, expected="the name of a prompt")
    label, version = text(given, "label", "prompt") or None, _version(given.get("version"))
    if version is not None and label is not None:
        raise Invalid("both a version and a label", field="prompt", got=label, expected="one of them")
    variables = given.get("variables")
    return PromptRef(name, version, label, {} if variables is None else mapping(variables, "prompt.variables"))


def _version(value: Any) -> int | None:
    """A text of digits will do: OpenAI's clients send one."""
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)
    if type(value) is not int or not 1 <= value < 10**9:
        raise Invalid("not a version", field="prompt.version", got=value, expected="a whole number from 1")
    return value


def session_of(metadata: Mapping[str, str]) -> str:
    return (metadata.get("session_id") or metadata.get("session") or "")[:MOST_WHO]


def texts_of(metadata: Any) -> dict[str, str]:
    """Its texts; members of another type are left for the provider to judge."""
    if metadata is None:
        return {}
    return {key: value for key, value in mapping(metadata, "metadata").items() if isinstance(value, str)}
