"""A responses request in full, as messages. Calls of tools that follow one another, and the text and reasoning before
them, are one message of the assistant, as models see them. What `Chat` has no field for stands in `extra`, under its
name or path (`tools[1]`, `input[2]`, `reasoning.summary`)."""

from collections.abc import Mapping
from typing import Any

import orjson

from triops.edges.openai.parts import data_of, function_tool
from triops.kernel.completion import RESPONSES_ITEM, Chat, Format, Message, Part, Tool
from triops.kernel.errors import Invalid
from triops.web.members import flag, mapping, needed, number, sequence, text, whole

_ROLES = frozenset({"system", "developer", "user", "assistant"})
_READ = frozenset(
    {
        "model", "input", "instructions", "stream", "max_output_tokens", "tools", "tool_choice", "parallel_tool_calls",
        "text", "temperature", "top_p", "top_logprobs", "reasoning", "user", "include", "background",
        "previous_response_id", "conversation",
    }
)  # fmt: skip
_OWN = ("_call", "_call_output", "_list_tools", "_approval_request", "_approval_response", "compaction")
_LOGPROBS = "message.output_text.logprobs"


def content_of(raw: Mapping[str, Any]) -> Chat:
    """Raises: Invalid that names the field."""
    extra = {name: value for name, value in raw.items() if name not in _READ and value is not None}
    include = sequence(raw.get("include") or [], "include")
    top = whole(raw, "top_logprobs", 0, most=1000)
    if rest := [one for one in include if one != _LOGPROBS]:
        extra["include"] = rest
    reasoning = mapping(raw.get("reasoning") or {}, "reasoning")
    extra |= {f"reasoning.{name}": value for name, value in reasoning.items() if name != "effort" and value is not None}
    return Chat(
        messages=_messages(raw, extra),
        tools=_tools(raw, extra),
        tool_choice=_tool_choice(raw, extra),
        parallel_tool_calls=flag(raw, "parallel_tool_calls"),
        format=_format(raw, extra),
        max_tokens=whole(raw, "max_output_tokens", 1),
        temperature=number(raw, "temperature"),
        top_p=number(raw, "top_p"),
        logprobs=_LOGPROBS in include or bool(top),
        top_logprobs=top or None,
        reasoning_effort=text(reasoning, "effort", "reasoning"),
        user=text(raw, "user"),
        extra=extra,
    )


def _messages(raw: Mapping[str, Any], extra: dict[str, Any]) -> tuple[Message, ...]:
    messages: list[Message] = []
    if instructions := text(raw, "instructions"):
        messages.append(Message("system", (Part("text", instructions),)))
    if isinstance(raw["input"], str):
        messages.append(Message("user", (Part("text", raw["input"]),)))
        return tuple(messages)
    for i, value in enumerate(sequence(raw["input"], "input")):
        message = _item(mapping(value, f"input[{i}]"), f"input[{i}]", extra)
        if message is None:
            continue
        last = messages[-1] if messages else None
        if message.role == "assistant" and last is not None and last.role == "assistant":
            messages[-1] = Message("assistant", last.parts + message.parts)
        else:
            messages.append(message)
    return tuple(messages)


def _item(item: Mapping[str, Any], path: str, extra: dict[str, Any]) -> Message | None:
    kind = item.get("type", "message")
    if kind == "message":
        role = item.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            raise Invalid("not a role", field=f"{path}.role", got=role, expected=", ".join(sorted(_ROLES)))
        return Message(role, _parts(item.get("content"), f"{path}.content", extra))
    if kind == "function_call":
        call = Part(
            "tool_call",
            text(item, "arguments", path),
            id=needed(item, "call_id", path),
            name=needed(item, "name", path),
        )
        return Message("assistant", (call,))
    if kind == "function_call_output":
        id = needed(item, "call_id", path)
        return Message("tool", (Part("tool_result", id=id, parts=_parts(item.get("output"), f"{path}.output", extra)),))
    if kind == "reasoning":
        given = [item.get(name) or [] for name in ("summary", "content")]
        thoughts = [one for some in given for one in sequence(some, f"{path}.summary")]
        texts = [text(mapping(one, f"{path}.summary"), "text", f"{path}.summary") for one in thoughts]
        signature = text(item, "encrypted_content", path)
        thought = Part("thinking", "\n".join(texts), id=text(item, "id", path), signature=signature)
        return Message("assistant", (thought,))
    if kind == "image_generation_call" and item.get("result") is not None:
        media = f"image/{text(item, 'output_format', path) or 'png'}"
        image = Part("image", id=text(item, "id", path), data=needed(item, "result", path), media_type=media)
        return Message("assistant", (image,))
    if isinstance(kind, str) and kind.endswith(_OWN):
        return Message("assistant", (_block(kind, item, path),))
    extra[path] = item
    return None


def _block(kind: str, item: Mapping[str, Any], path: str) -> Part:
    """Of a tool of the provider's own."""
    try:
        return Part("block", orjson.dumps(item).decode(), name=kind, media_type=RESPONSES_ITEM)
    except orjson.JSONEncodeError as error:
        raise Invalid(f"not JSON that can be written: {error}", field=path) from None


def _parts(value: Any, path: str, extra: dict[str, Any]) -> tuple[Part, ...]:
    if isinstance(value, str):
        return (Part("text", value),)
    if not isinstance(value, list):
        raise Invalid("not an item's content", field=path, got=value, expected="a text or a list of parts")
    read = (_part(mapping(one, f"{path}[{i}]"), f"{path}[{i}]", extra) for i, one in enumerate(value))
    return tuple(part for part in read if part is not None)


def _part(given: Mapping[str, Any], path: str, extra: dict[str, Any]) -> Part | None:
    kind = given.get("type")
    if kind in ("input_text", "output_text", "text"):
        return Part("text", needed(given, "text", path))
    if kind == "refusal":
        return Part("refusal", needed(given, "refusal", path))
    if kind == "input_image" and given.get("image_url") is not None:
        url = needed(given, "image_url", path)
        media_type, data = data_of(url)
        detail = text(given, "detail", path)
        return Part("image", url="" if data else url, data=data, media_type=media_type, detail=detail)
    if kind == "input_file" and given.get("file_id") is None:
        name = text(given, "filename", path)
        media_type, data = data_of(text(given, "file_data", path))
        url = text(given, "file_url", path)
        if data or url:
            return Part("file", name=name, url=url, data=data, media_type=media_type)
    extra[path] = given
    return None


def _tools(raw: Mapping[str, Any], extra: dict[str, Any]) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for i, value in enumerate(sequence(raw.get("tools") or [], "tools")):
        tool = mapping(value, f"tools[{i}]")
        if tool.get("type") == "function":
            tools.append(function_tool(tool, f"tools[{i}]"))
        else:
            extra[f"tools[{i}]"] = tool
    return tuple(tools)


def _tool_choice(raw: Mapping[str, Any], extra: dict[str, Any]) -> str:
    value = raw.get("tool_choice")
    if value is None:
        return ""
    if isinstance(value, str):
        if value not in ("auto", "none", "required"):
            raise Invalid(
                "not a choice", field="tool_choice", got=value, expected="auto, none, required, or a function"
            )
        return value
    given = mapping(value, "tool_choice")
    if given.get("type") == "function":
        return "tool:" + needed(given, "name", "tool_choice")
    extra["tool_choice"] = given
    return ""


def _format(raw: Mapping[str, Any], extra: dict[str, Any]) -> Format | None:
    asked = mapping(raw.get("text") or {}, "text")
    extra |= {f"text.{name}": value for name, value in asked.items() if name != "format" and value is not None}
    given = mapping(asked.get("format") or {"type": "text"}, "text.format")
    kind = given.get("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return Format()
    if kind != "json_schema":
        raise Invalid("not a format", field="text.format.type", got=kind, expected="text, json_object, json_schema")
    if given.get("description") is not None:
        extra["text.format.description"] = given["description"]
    schema = mapping(given.get("schema") or {}, "text.format.schema")
    return Format(schema, text(given, "name", "text.format"), flag(given, "strict", "text.format"))
