"""Messages as JSON objects, in OpenAI's form, as messages of a call: those of a prompt, and those given for one of its
placeholders (an earlier conversation, with its tool calls)."""

import json
from collections.abc import Mapping
from typing import Any

from triops.kernel.completion import Message, Part
from triops.kernel.errors import Invalid

_ROLES = ("system", "developer", "user", "assistant", "tool")
_PARTS = 1_000


def message_of(raw: Mapping[str, Any], field: str) -> Message:
    """Raises: Invalid."""
    role = raw.get("role")
    if role not in _ROLES:
        raise Invalid("not a role", field=f"{field}.role", got=role, expected=", ".join(_ROLES))
    parts = _content(raw.get("content"), f"{field}.content")
    if role == "tool":
        id_ = raw.get("tool_call_id")
        if not isinstance(id_, str):
            raise Invalid("a tool's answer names its call", field=f"{field}.tool_call_id", got=id_, expected="a text")
        parts = (Part("tool_result", id=id_, parts=parts),)
    calls = raw.get("tool_calls")
    if calls is not None and role == "assistant":
        parts = (*parts, *_calls(calls, f"{field}.tool_calls"))
    name = raw.get("name")
    return Message(role, parts, name if isinstance(name, str) else "")


def _content(content: Any, field: str) -> tuple[Part, ...]:
    if content is None:
        return ()
    if isinstance(content, str):
        return (Part("text", content),)
    if not isinstance(content, list | tuple) or len(content) > _PARTS:
        raise Invalid("not content", field=field, got=content, expected="a text, or a list of parts")
    return tuple(_part(part, f"{field}[{at}]") for at, part in enumerate(content))


def _part(part: Any, field: str) -> Part:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind == "text" and isinstance(part.get("text"), str):
        return Part("text", part["text"])
    if kind == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, Mapping) else image
        if isinstance(url, str):
            detail = image.get("detail") if isinstance(image, Mapping) else ""
            head, comma, data = url.partition(",")
            if url.startswith("data:") and comma and head.endswith(";base64"):
                return Part("image", data=data, media_type=head[5:-7], detail=str(detail or ""))
            return Part("image", url=url, detail=str(detail or ""))
    raise Invalid("not a part of a message", field=field, got=kind, expected="text or image_url")


def _calls(calls: Any, field: str) -> tuple[Part, ...]:
    if not isinstance(calls, list | tuple) or len(calls) > _PARTS:
        raise Invalid("not tool calls", field=field, got=type(calls).__name__, expected="a list")
    made = []
    for at, call in enumerate(calls):
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise Invalid("not a tool call", field=f"{field}[{at}]", expected="an object with id and function")
        arguments = function.get("arguments", "")
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        made.append(Part("tool_call", text, id=str(call.get("id") or ""), name=function["name"]))
    return tuple(made)
