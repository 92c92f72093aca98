"""Members of a request's JSON, read with the checks that every endpoint needs. Each raises Invalid that names the
member, what came and what was expected; null counts as absent, as OpenAI has it."""

from collections.abc import Mapping
from typing import Any

import orjson

from triops.kernel.completion import PromptRef
from triops.kernel.errors import Invalid

MOST_CHOICES = 128
_MOST_NAME = 256  # characters of a model's or a prompt's name
_MOST_WHO = 256  # characters of a user, a session; more is cut
_FORWARDED = ("openai-beta", "openai-organization", "openai-project")


def tree_of(body: bytes) -> dict[str, Any]:
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"not JSON: {error}", field="body") from None
    if not isinstance(tree, dict):
        raise Invalid("not an object", field="body", expected="a JSON object")
    return tree


def model_of(tree: Mapping[str, Any], prompt: PromptRef | None) -> str:
    """The model asked for; "" only where a prompt is named, which may name one itself."""
    model = tree.get("model")
    if model is None and prompt is not None:
        return ""
    # control characters would end up in headers and logs
    if not isinstance(model, str) or not model or len(model) > _MOST_NAME or not model.isprintable():
        raise Invalid("not a model's name", field="model", got=model, expected="the name of a route or a model")
    return model


def flag(tree: Mapping[str, Any], field: str) -> bool:
    value = tree.get(field)
    if value is None or value is False:
        return False
    if value is True:
        return True
    raise Invalid("not true or false", field=field, got=value, expected="true or false")


def optional_flag(tree: Mapping[str, Any], field: str) -> bool | None:
    return None if tree.get(field) is None else flag(tree, field)


def whole(tree: Mapping[str, Any], field: str, least: int, most: int = (1 << 63) - 1) -> int | None:
    value = tree.get(field)
    if value is None:
        return None
    if type(value) is not int or not least <= value <= most:
        expected = f"a whole number from {least}" + (f" to {most}" if most < 1 << 62 else "")
        raise Invalid("not a whole number in its range", field=field, got=value, expected=expected)
    return value


def number(tree: Mapping[str, Any], field: str) -> float | None:
    value = tree.get(field)
    if value is None:
        return None
    if type(value) is not int and type(value) is not float:
        raise Invalid("not a number", field=field, got=value, expected="a number")
    return value


def text(tree: Mapping[str, Any], field: str, path: str = "") -> str:
    value = tree.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid("not a text", field=path or field, got=value, expected="a text")
    return value


def needed(tree: Mapping[str, Any], field: str, path: str) -> str:
    value = tree.get(field)
    if not isinstance(value, str):
        raise Invalid("not a text", field=path, got=value, expected="a text")
    return value


def mapping(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid("not an object", field=path, got=value, expected="an object")
    return value


def sequence(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise Invalid("not a list", field=path, got=value, expected="a list")
    return value


def metadata_of(tree: Mapping[str, Any]) -> Mapping[str, str]:
    """Its texts; members of another type are left for the provider to judge."""
    value = tree.get("metadata")
    if value is None:
        return {}
    return {key: text for key, text in mapping(value, "metadata").items() if isinstance(text, str)}


def user_of(tree: Mapping[str, Any], metadata: Mapping[str, str]) -> str:
    user = text(tree, "safety_identifier") or text(tree, "user") or metadata.get("user_id", "")
    return user[:_MOST_WHO]


def session_of(metadata: Mapping[str, str]) -> str:
    return (metadata.get("session_id") or metadata.get("session") or "")[:_MOST_WHO]


def forwarded(headers: Mapping[str, str]) -> Mapping[str, str]:
    """What a provider that speaks OpenAI may have to see; who pays (organization, project) goes on only with the
    caller's own key."""
    return {name: headers[name] for name in _FORWARDED if name in headers}


def prompt_of(tree: dict[str, Any]) -> PromptRef | None:
    """Takes `prompt` out of the request: `{"id" | "name", "version" | "label", "variables"}`, or a name alone."""
    value = tree.pop("prompt", None)
    if value is None:
        return None
    if isinstance(value, str):
        value = {"name": value}
    given = mapping(value, "prompt")
    name = given.get("name") or given.get("id")
    if not isinstance(name, str) or not name or len(name) > _MOST_NAME:
        raise Invalid("not a prompt's name", field="prompt.id", got=name, expected="the name of a prompt")
    variables = given.get("variables")
    label = text(given, "label", "prompt.label") or None
    version = _version(given.get("version"))
    if version is not None and label is not None:
        raise Invalid("both a version and a label", field="prompt", got=label, expected="one of them")
    return PromptRef(name, version, label, {} if variables is None else mapping(variables, "prompt.variables"))


def _version(value: Any) -> int | None:
    """OpenAI's clients send it as a text."""
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)
    if type(value) is not int or not 1 <= value < 10**9:
        raise Invalid("not a version", field="prompt.version", got=value, expected="a whole number from 1")
    return value
