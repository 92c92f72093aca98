"""A chat completion's request in full. What `Chat` has no field for stands in `extra`: members of the request under
their names, tools and parts of messages under their paths (`tools[1]`, `messages[2].content[0]`)."""

from collections.abc import Callable, Mapping
from typing import Any

from triops.edges.openai.asking import MOST_CHOICES
from triops.edges.openai.parts import data_of, function_tool
from triops.kernel.completion import CUSTOM, Chat, Format, Message, Part, Tool
from triops.kernel.errors import Invalid
from triops.web.members import flag, mapping, needed, number, sequence, text, texts, whole

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_PLAIN = frozenset({"system", "developer", "user"})
_AUDIO = {"wav": "audio/wav", "mp3": "audio/mpeg"}
_Reader = Callable[[Mapping[str, Any], str], Any]
# members whose names here and in `Chat` are the same
_READERS: Mapping[str, _Reader] = {
    "temperature": number,
    "top_p": number,
    "presence_penalty": number,
    "frequency_penalty": number,
    "top_k": lambda raw, name: whole(raw, name, -1),
    "seed": lambda raw, name: whole(raw, name, -(1 << 63)),
    "n": lambda raw, name: whole(raw, name, 1, most=MOST_CHOICES),
    "top_logprobs": lambda raw, name: whole(raw, name, 0, most=1000),
    "logprobs": flag,
    "parallel_tool_calls": flag,
    "reasoning_effort": text,
    "user": text,
    "stop": texts,
}
_ASIDE = frozenset(
    {
        "model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "tools", "functions",
        "tool_choice", "function_call", "response_format",
    }
)  # fmt: skip


def content_of(raw: Mapping[str, Any]) -> Chat:
    """Raises: Invalid that names the field."""
    extra: dict[str, Any] = {}
    read: dict[str, Any] = {}
    for name, value in raw.items():
        if value is None or name in _ASIDE:
            continue
        reader = _READERS.get(name)
        if reader is None:
            extra[name] = value
        else:
            read[name] = reader(raw, name)
    if "tools" in raw or "functions" in raw:
        read["tools"] = _tools(raw, extra)
    if "tool_choice" in raw or "function_call" in raw:
        read["tool_choice"] = _tool_choice(raw, extra)
    if "response_format" in raw:
        read["format"] = _format(raw, extra)
    new, old = whole(raw, "max_completion_tokens", 1), whole(raw, "max_tokens", 1)
    messages = [_message(one, i, extra) for i, one in enumerate(sequence(raw["messages"], "messages"))]
    return Chat(messages=tuple(messages), max_tokens=old if new is None else new, extra=extra, **read)


def _message(value: Any, place: int, extra: dict[str, Any]) -> Message:
    path = f"messages[{place}]"
    given = mapping(value, path)
    role, said = given.get("role"), given.get("content")
    if len(given) == 2 and isinstance(said, str) and isinstance(role, str) and role in _PLAIN:
        return Message(role, (Part("text", said),))  # nearly every message
    if not isinstance(role, str) or role not in _ROLES:
        raise Invalid("not a role", field=f"{path}.role", got=role, expected=", ".join(sorted(_ROLES)))
    parts = parts_of(said, f"{path}.content", extra)
    name = text(given, "name", path)
    if role in ("tool", "function"):
        call = needed(given, "tool_call_id", path) if role == "tool" else name
        return Message("tool", (Part("tool_result", id=call, name=name, parts=parts),))
    if role != "assistant":
        if not parts:
            raise Invalid("no content", field=f"{path}.content", got=said, expected="a text or parts")
        return Message(role, parts, name)
    before: tuple[Part, ...] = ()
    if thoughts := text(given, "reasoning_content", path):
        before = (Part("thinking", thoughts),)
    if refusal := text(given, "refusal", path):
        parts = (*parts, Part("refusal", refusal))
    if given.get("audio") is not None:
        extra[f"{path}.audio"] = given["audio"]
    images = _images(given, path) if given.get("images") else ()
    return Message(role, (*before, *parts, *images, *_calls(given, path, extra)), name)


def parts_of(value: Any, path: str, extra: dict[str, Any]) -> tuple[Part, ...]:
    """Of a message's content."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (Part("text", value),)
    if not isinstance(value, list):
        raise Invalid("not a message's content", field=path, got=value, expected="a text or a list of parts")
    read = (_part(one, f"{path}[{i}]", extra) for i, one in enumerate(value))
    return tuple(part for part in read if part is not None)


def _part(value: Any, path: str, extra: dict[str, Any]) -> Part | None:
    given = mapping(value, path)
    kind = needed(given, "type", path)
    if kind == "text":
        return Part("text", needed(given, "text", path))
    if kind == "refusal":
        return Part("refusal", needed(given, "refusal", path))
    if kind == "image_url":
        return _image(given, path)
    if kind == "input_audio":
        audio = mapping(given.get("input_audio"), f"{path}.input_audio")
        sort = needed(audio, "format", f"{path}.input_audio")
        data = needed(audio, "data", f"{path}.input_audio")
        return Part("audio", data=data, media_type=_AUDIO.get(sort, f"audio/{sort}"))
    if kind == "file":
        file = mapping(given.get("file"), f"{path}.file")
        media_type, data = data_of(text(file, "file_data", f"{path}.file"))
        if not data:  # a file that the provider keeps: only that provider can read it
            extra[path] = given
            return None
        return Part("file", data=data, media_type=media_type, name=text(file, "filename", f"{path}.file"))
    extra[path] = given
    return None


def _image(given: Mapping[str, Any], path: str) -> Part:
    image = given.get("image_url")
    image = {"url": image} if isinstance(image, str) else mapping(image, f"{path}.image_url")
    url = needed(image, "url", f"{path}.image_url")
    detail = text(image, "detail", f"{path}.image_url")
    media_type, data = data_of(url)
    return Part("image", url="" if data else url, data=data, media_type=media_type, detail=detail)


def _images(given: Mapping[str, Any], path: str) -> tuple[Part, ...]:
    """Those that a model made in an earlier turn, as OpenRouter and LiteLLM have them."""
    images = sequence(given["images"], f"{path}.images")
    return tuple(_image(mapping(one, f"{path}.images[{i}]"), f"{path}.images[{i}]") for i, one in enumerate(images))


def _signature(call: Mapping[str, Any]) -> str:
    """Of a tool call, where Google's own chat completions have it; "" for none."""
    extra = call.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    given = google.get("thought_signature") if isinstance(google, dict) else None
    return given if isinstance(given, str) else ""


def _calls(given: Mapping[str, Any], path: str, extra: dict[str, Any]) -> tuple[Part, ...]:
    calls: list[Part] = []
    for i, value in enumerate(sequence(given.get("tool_calls") or [], f"{path}.tool_calls")):
        at = f"{path}.tool_calls[{i}]"
        call = mapping(value, at)
        if call.get("type") == "custom":
            custom, field = mapping(call.get("custom"), f"{at}.custom"), f"{at}.custom"
            said, called = text(custom, "input", field), needed(custom, "name", field)
            calls.append(Part("tool_call", said, id=needed(call, "id", at), name=called, media_type=CUSTOM))
            continue
        if call.get("type", "function") != "function":
            extra[at] = call
            continue
        function = mapping(call.get("function"), f"{at}.function")
        calls.append(
            Part(
                "tool_call",
                text(function, "arguments", f"{at}.function"),
                id=needed(call, "id", at),
                name=needed(function, "name", f"{at}.function"),
                signature=_signature(call),
            )
        )
    if given.get("function_call") is not None:
        function = mapping(given["function_call"], f"{path}.function_call")
        name = needed(function, "name", f"{path}.function_call")
        arguments = text(function, "arguments", f"{path}.function_call")
        calls.append(Part("tool_call", arguments, id=name, name=name))
    return tuple(calls)


def _tools(raw: Mapping[str, Any], extra: dict[str, Any]) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for i, value in enumerate(sequence(raw.get("tools") or [], "tools")):
        tool = mapping(value, f"tools[{i}]")
        if tool.get("type") != "function":
            extra[f"tools[{i}]"] = tool
            continue
        tools.append(function_tool(mapping(tool.get("function"), f"tools[{i}].function"), f"tools[{i}].function"))
    for i, value in enumerate(sequence(raw.get("functions") or [], "functions")):
        tools.append(function_tool(mapping(value, f"functions[{i}]"), f"functions[{i}]"))
    return tuple(tools)


def _tool_choice(raw: Mapping[str, Any], extra: dict[str, Any]) -> str:
    field = "tool_choice" if raw.get("tool_choice") is not None else "function_call"
    value = raw.get(field)
    if value is None:
        return ""
    if isinstance(value, str):
        if value not in ("auto", "none", "required"):
            raise Invalid("not a choice", field=field, got=value, expected="auto, none, required, or a function")
        return value
    given = mapping(value, field)
    if field == "function_call":
        return "tool:" + needed(given, "name", "function_call")
    if given.get("type") == "function":
        function = mapping(given.get("function"), "tool_choice.function")
        return "tool:" + needed(function, "name", "tool_choice.function")
    extra["tool_choice"] = given
    return ""


def _format(raw: Mapping[str, Any], extra: dict[str, Any]) -> Format | None:
    if raw.get("response_format") is None:
        return None
    given = mapping(raw["response_format"], "response_format")
    kind = given.get("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return Format()
    if kind != "json_schema":
        raise Invalid("not a format", field="response_format.type", got=kind, expected="text, json_object, json_schema")
    path = "response_format.json_schema"
    asked = mapping(given.get("json_schema"), path)
    schema = mapping(asked.get("schema") or {}, f"{path}.schema")
    strict = flag(asked, "strict", path)
    if asked.get("description") is not None:
        extra[f"{path}.description"] = asked["description"]
    return Format(schema, text(asked, "name", path), strict)
