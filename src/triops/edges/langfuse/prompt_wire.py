"""Langfuse's prompts on the wire, to and from ours. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from triops.kernel.errors import Invalid
from triops.kernel.prompts.composing import Member
from triops.kernel.prompts.mustache import parts_of
from triops.kernel.prompts.spec import PLACEHOLDER, PromptSpec, spec_of
from triops.lenses.llmops.prompts.model import LATEST, Prompt, PromptVersion

_LABELS = 50


@dataclass(frozen=True, slots=True)
class Made:
    """What `POST /v2/prompts` asks for. `tags` None: as they are."""

    name: str
    spec: PromptSpec
    labels: list[str]
    tags: list[str] | None
    note: str


def created(body: bytes) -> Made:
    """Raises: Invalid that names the field."""
    given = _object(body)
    name, prompt, config = given.get("name"), given.get("prompt"), given.get("config")
    if not isinstance(name, str) or not name:
        raise Invalid("missing", field="name", got=name, expected="the prompt's name")
    if config is not None and not isinstance(config, dict):
        raise Invalid("not an object", field="config", got=config, expected="an object: {model, temperature, …}")
    settings = dict(config or {})
    model = settings.pop("model", "") if isinstance(settings.get("model"), str) else ""
    raw: dict[str, Any] = {"model": model, "settings": settings}
    if given.get("type") == "chat" or isinstance(prompt, list):
        if not isinstance(prompt, list):
            raise Invalid("a chat prompt is a list of messages", field="prompt", got=prompt)
        raw["messages"] = [_line(message, f"prompt[{at}]") for at, message in enumerate(prompt)]
    elif isinstance(prompt, str):
        raw["text"] = prompt
    else:
        raise Invalid("a text prompt is a text", field="prompt", got=prompt)
    note = given.get("commitMessage") or ""
    if not isinstance(note, str):
        raise Invalid("not a text", field="commitMessage", got=note)
    tags = given.get("tags")
    return Made(
        name,
        spec_of(raw, "prompt"),
        _texts(given.get("labels"), "labels"),
        _texts(tags, "tags") if tags is not None else None,
        note,
    )


def labels_in(body: bytes) -> list[str]:
    """Of `PATCH …/versions/N`. Raises: Invalid."""
    return _texts(_object(body).get("newLabels"), "newLabels")


def number_in(text: str | None, field: str = "version") -> int | None:
    if text is None or text == "":
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not int(text):
        raise Invalid("not a number", field=field, got=text, expected="a whole number from 1")
    return int(text)


def tags_in(text: str) -> list[str]:
    try:
        found = orjson.loads(text) if text else []
    except ValueError:
        return []
    return [tag for tag in found if isinstance(tag, str)] if isinstance(found, list) else []


def shown(version: PromptVersion, prompt: Prompt, tags: Sequence[str]) -> dict[str, Any]:
    spec = version.spec
    return {
        "id": _id(version.prompt, version.version),
        "name": version.prompt,
        "version": version.version,
        "type": "chat" if spec.chat else "text",
        "prompt": _messages(spec) if spec.chat else spec.text,
        "config": _config(spec),
        "labels": _labels(version, prompt),
        "tags": list(tags),
        "commitMessage": version.note or None,
        "createdBy": version.created_by,
    }


def graph(version: PromptVersion, needs: Mapping[Member, Sequence[Member]]) -> dict[str, Any] | None:
    """Of what a version is made."""
    if not needs:
        return None
    root = _node(version.prompt, version.version)
    parts = {_id(one.name, one.version): [_node(part.name, part.version) for part in of] for one, of in needs.items()}
    return {"root": root, "dependencies": parts}


def _node(name: str, version: int) -> dict[str, Any]:
    return {"name": name, "version": version, "id": _id(name, version)}


def _id(name: str, version: int) -> str:
    return f"{name}:{version}"


def listed(prompt: Prompt, versions: Sequence[PromptVersion], tags: Sequence[str], updated: str) -> dict[str, Any]:
    newest = versions[0] if versions else None
    labels = [*prompt.labels, *([LATEST] if newest is not None and LATEST not in prompt.labels else [])]
    return {
        "name": prompt.name,
        "type": "text" if newest is not None and not newest.spec.chat else "chat",
        "versions": sorted(version.version for version in versions),
        "labels": labels,
        "tags": list(tags),
        "lastUpdatedAt": updated,
        "lastConfig": _config(newest.spec) if newest is not None else {},
    }


def _labels(version: PromptVersion, prompt: Prompt) -> list[str]:
    """Those whose readers get this version here: of a share, it is the one with the most traffic."""
    on = [
        label for label, share in prompt.labels.items() if max(share, key=lambda n: (share[n], -n)) == version.version
    ]
    return [*on, LATEST] if prompt.newest == version.version else on


def _messages(spec: PromptSpec) -> list[dict[str, str]]:
    lines = []
    for line in spec.messages:
        if line.role == PLACEHOLDER:
            lines.append({"type": "placeholder", "name": parts_of(line.content.strip())[0][1]})
        else:
            lines.append({"type": "chatmessage", "role": line.role, "content": line.content})
    return lines


def _config(spec: PromptSpec) -> dict[str, Any]:
    return {**({"model": spec.model} if spec.model else {}), **spec.settings}


def _line(message: Any, field: str) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise Invalid("not a message", field=field, got=message, expected="an object with role and content")
    if message.get("type") == "placeholder" or ("name" in message and "content" not in message):
        return {"role": PLACEHOLDER, "content": "{{" + str(message.get("name")) + "}}"}
    return {"role": message.get("role"), "content": message.get("content")}


def _texts(raw: Any, field: str) -> list[str]:
    if raw is None:
        return []
    if not isinstance(raw, list) or len(raw) > _LABELS or not all(isinstance(text, str) for text in raw):
        raise Invalid("not a list of texts", field=field, got=raw, expected=f"at most {_LABELS} texts")
    return list(dict.fromkeys(raw))


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except ValueError as error:
        raise Invalid(f"not JSON: {error}"[:300], field="body") from None
    if not isinstance(found, dict):
        raise Invalid("not an object", field="body", got=found)
    return found
