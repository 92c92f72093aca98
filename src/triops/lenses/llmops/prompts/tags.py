"""A version's content as the registry keeps it: in MLflow's reserved tags, and two of our own for what it has no word.

Reading never fails: a version that came by MLflow's door may hold what ours would refuse (an unknown role, parts as
content), and is shown as well as it can be.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from triops.kernel.errors import Invalid, TooLarge, TriopsError
from triops.kernel.prompts.spec import CHARACTERS, Engine, Line, PromptSpec
from triops.kernel.prompts.variables import Variable, variable_of
from triops.kernel.version import (
    PROMPT_CONTENT_TAGS,
    PROMPT_ENGINE_TAG,
    PROMPT_FORMAT_TAG,
    PROMPT_MODEL_TAG,
    PROMPT_TAG,
    PROMPT_TEXT_TAG,
    PROMPT_TYPE_TAG,
    PROMPT_VARIABLES_TAG,
)
from triops.ledger.codec import dumps

RESERVED = frozenset({*PROMPT_CONTENT_TAGS, PROMPT_MODEL_TAG})
SOURCE = "prompt-template"  # what a prompt's version has for a source
_RENAMED = {"stop": "stop_sequences"}  # a setting → its name in MLflow's model config


def tags_of(spec: PromptSpec) -> dict[str, str]:
    """Raises: Invalid for what cannot be kept (text that is no Unicode, numbers out of range, too deep); TooLarge."""
    if spec.text is not None:
        tags = {PROMPT_TEXT_TAG: spec.text, PROMPT_TYPE_TAG: "text"}
    else:
        lines = [{"role": line.role, "content": line.content} for line in spec.messages]
        tags = {PROMPT_TEXT_TAG: dumps(lines), PROMPT_TYPE_TAG: "chat"}
    tags[PROMPT_TAG] = "true"
    tags[PROMPT_ENGINE_TAG] = spec.engine
    if spec.variables:
        tags[PROMPT_VARIABLES_TAG] = dumps(spec.content_json()["variables"])
    settings = dict(spec.settings)
    if "response_format" in settings:
        tags[PROMPT_FORMAT_TAG] = dumps(settings.pop("response_format"))
    config = {_RENAMED.get(key, key): value for key, value in settings.items()}
    if spec.model:
        config["model_name"] = spec.model
    if config:
        tags[PROMPT_MODEL_TAG] = dumps(config)
    for key, value in tags.items():
        if len(value) > CHARACTERS:
            raise TooLarge(f"{key} takes {len(value)} characters; at most {CHARACTERS}")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Invalid("text that is not valid Unicode", field=key, expected="no lone surrogates") from None
    return tags


def spec_in(tags: Mapping[str, str]) -> PromptSpec:
    text = tags.get(PROMPT_TEXT_TAG, "")
    lines = _lines(text) if tags.get(PROMPT_TYPE_TAG) == "chat" else None
    given = tags.get(PROMPT_ENGINE_TAG)
    jinja = given == "jinja2" if given else "{%" in text and "%}" in text  # as MLflow's client tells them apart
    engine: Engine = "jinja2" if jinja else "mustache"
    config = _object(tags.get(PROMPT_MODEL_TAG, ""))
    model = config.pop("model_name", "")
    back = {value: key for key, value in _RENAMED.items()}
    settings = {back.get(key, key): value for key, value in config.items()}
    if PROMPT_FORMAT_TAG in tags:
        settings["response_format"] = _object(tags[PROMPT_FORMAT_TAG])
    return PromptSpec(
        lines or (),
        None if lines is not None else text,
        engine,
        _variables(tags.get(PROMPT_VARIABLES_TAG, "")),
        model if isinstance(model, str) else "",
        settings,
    )


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Those that people gave."""
    return {key: value for key, value in tags.items() if key not in RESERVED}


def _lines(text: str) -> tuple[Line, ...] | None:
    try:
        messages = orjson.loads(text)
    except ValueError:
        return None
    if not isinstance(messages, list):
        return None
    return tuple(
        Line(str(message.get("role") or "user"), _text(message.get("content")))
        for message in messages
        if isinstance(message, dict)
    )


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _variables(text: str) -> dict[str, Variable]:
    try:
        return {name: variable_of(raw, name) for name, raw in _object(text).items()}
    except TriopsError:
        return {}


def _object(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
