"""What names, versions, aliases, tags and stages may be, refused in MLflow's words, which its clients read."""

import json
import posixpath
import re
from collections.abc import Mapping, Sequence

from triops.kernel.errors import Invalid
from triops.kernel.prompts.names import AFTER_NAMES
from triops.kernel.version import STAGES

NAME_CHARACTERS = 500
TEXT_CHARACTERS = 100_000  # a description, a tag's value
URI_CHARACTERS = 4_000
_KEY_CHARACTERS = 250
_ALIAS_CHARACTERS = 255
_TAGS = 1_000
_PROMPT_TEXT = "mlflow.prompt.text"
_KEY = re.compile(r"[/\w.\- :]*")
_ALIAS = re.compile(r"[\w\-]*")
_NO_PATHS = "Names cannot contain '/' or ':'."
_VERSION_ALIAS = re.compile(r"[vV]\d+")
_STAGES = {stage.lower(): stage for stage in STAGES}


def model_name(name: str, parameter: str = "name") -> str:
    """Of any that is asked for; `new_name` is stricter. Raises: Invalid, as everything here."""
    if not name.strip():
        raise Invalid(f"Missing value for required parameter '{parameter}'.", field=parameter)
    if ":" in name:
        raise Invalid(f"Invalid model name '{name[:500]}'. {_NO_PATHS}", field=parameter)
    if any(character < " " or character == "\x7f" for character in name):
        raise Invalid(f"Invalid model name {name[:500]!r}. Names are one line of text.", field=parameter)
    if _other_path(name):
        raise _invalid("name", name, _path_message(name))
    return bounded("name", name, NAME_CHARACTERS)


def new_name(name: str, parameter: str = "name", *, prompt: bool) -> str:
    """Of what is made or renamed. A prompt's may have folders: `support/greeting`."""
    if "/" in name and not prompt:
        raise Invalid(f"Invalid model name '{name[:500]}'. {_NO_PATHS}", field=parameter)
    for part in name.split("/")[1:]:
        if part in AFTER_NAMES:
            message = f"'{part}' cannot be in a folder: it is a word of the API ({', '.join(sorted(AFTER_NAMES))})."
            raise Invalid(f"Invalid prompt name '{name[:500]}'. {message}", field=parameter)
    return model_name(name, parameter)


def version_number(version: str | int) -> int:
    try:
        number = int(version)
    except ValueError:
        raise Invalid(f"Parameter 'version' must be an integer, got '{version}'.", field="version") from None
    return number if -(1 << 31) <= number < 1 << 31 else -1  # no version has it


def alias_name(alias: str) -> str:
    """Of any alias that is asked for; `settable_alias` is stricter."""
    if not alias:
        raise Invalid("Registered model alias name cannot be empty.", field="alias")
    if not _ALIAS.fullmatch(alias):
        message = "Names may only contain alphanumerics, underscores (_), and dashes (-)."
        raise Invalid(f"Invalid alias name: '{alias}'. {message}", field="alias")
    return bounded("Registered model alias name", alias, _ALIAS_CHARACTERS)


def settable_alias(alias: str) -> str:
    alias_name(alias)
    if alias.lower() == "latest":
        raise Invalid("'latest' alias name (case insensitive) is reserved.", field="alias")
    if _VERSION_ALIAS.fullmatch(alias):
        raise Invalid(f"Version alias name '{alias}' is reserved.", field="alias")
    return alias


def tag_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        message = (
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.),"
            " spaces ( ), colon(:) and slashes (/)."
        )
        raise _invalid("key", key, message)
    if _other_path(key):
        raise _invalid("key", key, _path_message(key))
    return key


def tag(key: str, value: str) -> tuple[str, str]:
    bounded("key", tag_key(key), _KEY_CHARACTERS)
    if key == _PROMPT_TEXT and len(value) > TEXT_CHARACTERS:
        raise Invalid(f"Prompt text exceeds max length of {TEXT_CHARACTERS} characters.", field="value")
    return key, bounded("value", value, TEXT_CHARACTERS)


def tags(given: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Of equal keys the last counts."""
    made = dict(tag(one["key"], one["value"]) for one in given)
    if len(made) > _TAGS:
        raise Invalid(f"'tags' exceeds the maximum of {_TAGS} tags", field="tags")
    return made


def stage_name(stage: str) -> str:
    known = _STAGES.get(stage.lower())
    if known is None:
        raise Invalid(f"Invalid Model Version stage: {stage}. Value must be one of {', '.join(STAGES)}.", field="stage")
    return known


def bounded(name: str, text: str, most: int) -> str:
    if len(text) > most:
        raise Invalid(f"'{name}' exceeds the maximum length of {most} characters", field=name)
    return text


def _other_path(name: str) -> bool:
    normal = posixpath.normpath(name)
    return normal != name or normal == "." or normal.startswith(("..", "/"))


def _path_message(name: str) -> str:
    return (
        "Names may be treated as files in certain cases, and must not resolve to other names"
        f" when treated as such. This name would resolve to {posixpath.normpath(name)!r}"
    )


def _invalid(path: str, value: str, message: str) -> Invalid:
    return Invalid(f"Invalid value {json.dumps(value)} for parameter '{path}' supplied: {message}", field=path)
