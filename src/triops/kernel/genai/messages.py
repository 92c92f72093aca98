"""What went into a model and came out, as messages of one form, whichever convention brought them.

A message is `{"role", "parts"}`; a part is `{"type": "text", "content"}`, `{"type": "tool_call", "id", "name",
"arguments"}`, `{"type": "tool_call_response", "id", "response"}`, `{"type": "reasoning", "content"}`,
`{"type": "image" | "audio" | "file", "uri" | "content", "mime_type"}`, or `{"type": "json", "content"}` for what is
no message.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from triops.kernel.genai.lines import one_line
from triops.kernel.genai.values import opened

_PREVIEW = 200
_BEGINNING = 4 * _PREVIEW  # what of a text is looked at for it
_MOST = 1000  # messages of one span
_DEPTH = 8
_PLAIN = ("text", "input_text", "output_text")
_LISTS = ("messages", "choices", "generations", "candidates", "contents", "input", "output", "outputs", "response")
_MEDIA = {"image_url": "image", "image": "image", "input_image": "image", "input_audio": "audio", "audio": "audio",
          "file": "file", "input_file": "file", "document": "file", "blob": "file", "uri": "file"}  # fmt: skip
_ROLES = {"human": "user", "ai": "assistant", "aimessage": "assistant", "humanmessage": "user", "model": "assistant",
          "systemmessage": "system", "toolmessage": "tool", "function": "tool"}  # fmt: skip


def messages(value: Any, role: str) -> list[dict[str, Any]]:
    """`role`: whose words they are where nobody says: "user" of what went in, "assistant" of what came out."""
    return _messages(opened(value), role, 0)[:_MOST]


def preview(value: Any, role: str) -> str:
    """The last text of that role, cut to 200 characters; else what there is, as one line."""
    return previews([value], role)[0]


def previews(values: Sequence[Any], role: str) -> list[str]:
    """Of each value."""
    shown = one_line([_last_text(value, role) for value in values], _PREVIEW)
    for row, line in enumerate(shown):
        if not line and values[row] is not None and not isinstance(values[row], str):
            shown[row] = _preview(values[row], role)
    return shown


def length(value: Any, role: str) -> int:
    """Characters of all texts of that role; -1 where nothing was said."""
    if value is None or value == "":
        return -1
    if isinstance(value, str):
        return len(value)
    return sum(
        len(part["content"])
        for message in _messages(value, role, 0)[:_MOST]
        if message["role"] == role
        for part in message["parts"]
        if part.get("type") == "text" and isinstance(part.get("content"), str)
    )


def _last_text(value: Any, role: str) -> str:
    """Its beginning, of the commonest forms, without making messages of it all: this is on the way of every span."""
    if type(value) is str:
        return value[:_BEGINNING]
    for message in reversed(value[-20:]) if isinstance(value, list) else ():
        if isinstance(message, dict) and (message.get("role") or message.get("type") or role) == role:
            content = message.get("content") or message.get("parts")
            if isinstance(content, list) and content and isinstance(part := content[0], dict):
                plain = (part.get("type") or part.get("kind") or "text") in _PLAIN
                content = (part.get("content") or part.get("text")) if plain else None
            return content[:_BEGINNING] if isinstance(content, str) else ""
    return ""


def _preview(value: Any, role: str) -> str:
    heard = _messages(value, role, 0)[-50:]
    for message in reversed(heard):
        if message["role"] == role and (shown := _text(message["parts"])):
            return shown
    return next((shown for message in reversed(heard) if (shown := _text(message["parts"]))), "")


def _text(parts: Sequence[Mapping[str, Any]]) -> str:
    said = [
        str(part["content"]) if part.get("type") in ("text", "json") else f"{part['name']}({part.get('arguments', '')})"
        for part in parts[:8]
        if part.get("type") in ("text", "json", "tool_call")
    ]
    return " ".join(" ".join(text[:_BEGINNING].split()) for text in said)[:_PREVIEW].strip()


def _messages(value: Any, role: str, depth: int) -> list[dict[str, Any]]:
    if value is None or value == "" or depth > _DEPTH:
        return []
    if isinstance(value, list):
        if value and not any(isinstance(one, dict) and _is_message(one) for one in value[:_MOST]):
            if any(isinstance(one, dict | list) for one in value) and (
                nested := [m for one in value[:_MOST] for m in _inside(one, role, depth + 1)]
            ):
                return nested
            return [{"role": role, "parts": [_part(one) for one in value[:_MOST]]}]
        return [m for one in value[:_MOST] for m in _messages(one, role, depth + 1)]
    if isinstance(value, dict):
        if _is_message(value):
            return [_message(value, role)]
        return _inside(value, role, depth) or [{"role": role, "parts": [_part(value)]}]
    return [{"role": role, "parts": [_part(value)]}]


def _inside(value: Any, role: str, depth: int) -> list[dict[str, Any]]:
    """Messages that are wrapped in a request or an answer."""
    if isinstance(value, list):
        return [m for one in value[:_MOST] for m in _inside(one, role, depth + 1)] if depth <= _DEPTH else []
    if not isinstance(value, dict) or depth > _DEPTH:
        return []
    if _is_message(value):
        return [_message(value, role)]
    if isinstance(message := value.get("message"), dict):  # a choice, a generation
        return _messages(message, role, depth + 1)
    if isinstance(message := value.get("kwargs"), dict) and "content" in message:  # LangChain's serialised form
        ids = value.get("id")
        kind = str(ids[-1]) if isinstance(ids, list) and ids else ""
        return [_message({"role": kind, **message}, role)]
    for name in _LISTS:
        inner = opened(value.get(name))
        if isinstance(inner, list | dict) and inner and (found := _inside(inner, role, depth + 1)):
            return found
    return []


def _is_message(value: Mapping[str, Any]) -> bool:
    if "role" in value:
        return "content" in value or "parts" in value or "tool_calls" in value
    if isinstance(value.get("parts"), list):
        return True
    return "content" in value and (value.get("type") in ("human", "ai", "system", "tool") or len(value) == 1)


def _message(value: Mapping[str, Any], role: str) -> dict[str, Any]:
    given = str(value.get("role") or value.get("type") or role).lower()
    whose = _ROLES.get(given, given)
    content = value.get("parts", value.get("contents", value.get("content")))
    if isinstance(content, str) and content[:2] == "[{":
        content = opened(content)
    parts = [_part(one) for one in content[:_MOST]] if isinstance(content, list) else []
    if not isinstance(content, list) and content not in (None, ""):
        if whose == "tool":
            parts = [{"type": "tool_call_response", "id": str(value.get("tool_call_id") or ""), "response": content}]
        else:
            parts = [_part(content)]
    if isinstance(thought := value.get("reasoning_content"), str) and thought:
        parts.insert(0, {"type": "reasoning", "content": thought})
    calls = opened(value.get("tool_calls"))
    if not calls and isinstance(extra := value.get("additional_kwargs"), dict):
        calls = extra.get("tool_calls")
    parts += [_call(call) for call in calls[:_MOST] if isinstance(call, dict)] if isinstance(calls, list) else []
    if isinstance(refusal := value.get("refusal"), str) and refusal:
        parts.append({"type": "text", "content": refusal})
    shown: dict[str, Any] = {"role": whose, "parts": parts}
    if isinstance(finish := value.get("finish_reason"), str) and finish:
        shown["finish_reason"] = finish
    return shown


def _part(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"type": "text", "content": value}
    if not isinstance(value, dict):
        return {"type": "json", "content": value}
    kind = value.get("type") or value.get("kind")
    if isinstance(text := value.get("text"), str) and kind in (None, "text", "input_text", "output_text", "refusal"):
        return {"type": "text", "content": text}
    if kind == "text" and isinstance(value.get("content"), str):
        return {"type": "text", "content": value["content"]}
    if kind in ("thinking", "reasoning"):
        return {
            "type": "reasoning",
            "content": str(value.get("content") or value.get("thinking") or value.get("text") or ""),
        }
    if kind in ("tool_call", "tool_use", "function_call", "function"):
        return _call(value)
    if kind in ("tool_call_response", "tool_result", "function_call_output"):
        said = next((value[name] for name in ("response", "result", "content", "output", "parts") if name in value), "")
        id_ = value.get("id") or value.get("tool_use_id") or value.get("call_id") or ""
        return {"type": "tool_call_response", "id": str(id_), "response": said}
    if isinstance(kind, str) and kind in _MEDIA:
        return _medium(_MEDIA[kind], value)
    return {"type": "json", "content": value}


def _call(value: Mapping[str, Any]) -> dict[str, Any]:
    function = value.get("function")
    inner = function if isinstance(function, dict) else value
    arguments = next((inner[name] for name in ("arguments", "input", "args", "text") if name in inner), "")
    return {
        "type": "tool_call",
        "id": str(value.get("id") or value.get("call_id") or ""),
        "name": str(inner.get("name") or ""),
        "arguments": opened(arguments),
    }


def _medium(kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
    inner = next(
        (value[name] for name in ("image_url", "input_audio", "source", "image", "file") if name in value), value
    )
    shown: dict[str, Any] = {"type": kind}
    if isinstance(inner, str):
        shown["uri"] = inner
    elif isinstance(inner, dict):
        for name, place in (("url", "uri"), ("uri", "uri"), ("data", "content"), ("content", "content"),
                            ("mime_type", "mime_type"), ("media_type", "mime_type")):  # fmt: skip
            if isinstance(inner.get(name), str) and inner[name]:
                shown.setdefault(place, inner[name])
    return shown
