"""A chat in our words written as a chat completion's request.

Dropped and named, since they only hint: top_k and the caller's name where the request came in another provider's words,
bounds of reasoning in tokens, earlier reasoning, marks of caching, whether a tool's result is an error, and the members
of `leaving.HINTS`. Everything else that has no word here is refused with Invalid that names it.
"""

from collections.abc import Mapping
from typing import Any

from triops.adapters.providers.leaving import leave_out
from triops.adapters.providers.openai_schema import can_be_strict
from triops.kernel.completion import CUSTOM, Chat, Message, Part, Tool
from triops.kernel.errors import Invalid

_DESCRIPTION = "response_format.json_schema.description"
_FORMATS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}


def chat_of(chat: Chat, dialect: str, *, modern: bool) -> tuple[dict[str, Any], list[str]]:
    """The request without model and stream, and what was dropped. `modern`: the provider knows `developer` and
    `max_completion_tokens`. Raises: Invalid."""
    dropped: list[str] = []
    same = dialect == "openai.chat"
    tree: dict[str, Any] = {"messages": [said for one in chat.messages for said in _messages(one, dropped, modern)]}
    if not tree["messages"]:
        raise Invalid("no messages", field="messages", expected="at least one")
    tools = [_tool(tool) for tool in chat.tools]
    _extra(chat.extra, tree, tools, dropped, same=same)
    if tools:
        tree["tools"] = tools
        if chat.parallel_tool_calls is not None:
            tree["parallel_tool_calls"] = chat.parallel_tool_calls
        if chat.tool_choice:
            tree["tool_choice"] = _choice(chat.tool_choice)
    if chat.format is not None:
        tree["response_format"] = _format(chat, held=not dialect.startswith("openai."))
    if chat.max_tokens is not None:
        tree["max_completion_tokens" if modern else "max_tokens"] = chat.max_tokens
    for name in ("temperature", "top_p", "seed", "top_logprobs", "presence_penalty", "frequency_penalty"):
        if (value := getattr(chat, name)) is not None:
            tree[name] = value
    if chat.stop:
        tree["stop"] = list(chat.stop)
    if chat.n != 1:
        tree["n"] = chat.n
    if chat.logprobs:
        tree["logprobs"] = True
    if chat.reasoning_effort:
        tree["reasoning_effort"] = chat.reasoning_effort
    if chat.top_k is not None:
        tree.update({"top_k": chat.top_k} if same else {})
        dropped += [] if same else ["top_k"]
    if chat.user:
        known = modern or dialect.startswith("openai.")
        tree.update({"user": chat.user} if known else {})
        dropped += [] if known else ["user"]
    if chat.thinking_tokens is not None:
        dropped.append("thinking_tokens")
    return tree, list(dict.fromkeys(dropped))


def _extra(
    extra: Mapping[str, Any], tree: dict[str, Any], tools: list[dict[str, Any]], dropped: list[str], *, same: bool
) -> None:
    for name, value in extra.items():
        if same and "[" not in name and "." not in name:
            tree[name] = value
        elif name in (_DESCRIPTION, "text.format.description"):
            continue  # written with its format
        elif same and name.startswith("tools[") and isinstance(value, dict):
            tools.insert(int(name[6:-1]), value)  # in the order of their places
        else:
            leave_out({name: value}, dropped)


def _messages(message: Message, dropped: list[str], modern: bool) -> list[dict[str, Any]]:
    """One message, or several where it holds results of tools: each is a message of its own."""
    written: list[dict[str, Any]] = []
    parts: list[Part] = []
    for part in message.parts:
        if part.kind == "tool_result":
            if part.error:
                dropped.append("is_error")
            written.append({"role": "tool", "tool_call_id": part.id, "content": _result(part)})
        elif part.kind == "thinking":
            dropped.append("thinking")
        else:
            parts.append(part)
    if message.role == "assistant":
        written.append(_assistant(message, parts))
    elif parts:
        role = "system" if message.role == "developer" and not modern else message.role
        named = {"name": message.name} if message.name else {}
        written.append({"role": role, "content": _content(parts), **named})
    return written


def _assistant(message: Message, parts: list[Part]) -> dict[str, Any]:
    calls = [part for part in parts if part.kind == "tool_call"]
    refusals = [part.text for part in parts if part.kind == "refusal"]
    images = [part for part in parts if part.kind == "image"]
    said = [part for part in parts if part.kind not in ("tool_call", "refusal", "image")]
    tree: dict[str, Any] = {"role": "assistant"}
    if said or not (calls or refusals or images):
        tree["content"] = _content(said) if said else ""
    if images:
        tree["images"] = [part_tree(image) for image in images]
    if refusals:
        tree["refusal"] = "".join(refusals)
    if calls:
        tree["tool_calls"] = [_call(call) for call in calls]
    return tree | ({"name": message.name} if message.name else {})


def _call(call: Part) -> dict[str, Any]:
    if call.media_type == CUSTOM:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.text}}
    written = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.text}}
    return written | ({"extra_content": {"google": {"thought_signature": call.signature}}} if call.signature else {})


def _content(parts: list[Part]) -> str | list[dict[str, Any]]:
    if len(parts) == 1 and parts[0].kind == "text":
        return parts[0].text
    return [part_tree(part) for part in parts]


def part_tree(part: Part) -> dict[str, Any]:
    if part.kind == "text":
        return {"type": "text", "text": part.text}
    if part.kind == "image" and (part.url or part.data):
        url = part.url or f"data:{part.media_type or 'image/png'};base64,{part.data}"
        return {"type": "image_url", "image_url": {"url": url, **({"detail": part.detail} if part.detail else {})}}
    if part.kind == "audio" and part.data:
        sort = _FORMATS.get(part.media_type, part.media_type.removeprefix("audio/"))
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": sort}}
    if part.kind == "file" and part.data:
        data = f"data:{part.media_type or 'application/pdf'};base64,{part.data}"
        return {"type": "file", "file": {"file_data": data, "filename": part.name or "file"}}
    raise Invalid(
        "this provider has no word for it",
        field="messages",
        got=part.name or part.kind,
        expected="texts, images, audio",
    )


def _result(part: Part) -> str | list[dict[str, Any]]:
    if any(one.kind != "text" for one in part.parts):
        raise Invalid("a tool's result that is not text", field="messages", expected="texts only, with this provider")
    if len(part.parts) > 1:
        return [{"type": "text", "text": one.text} for one in part.parts]
    return part.parts[0].text if part.parts else part.text


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = tool.parameters
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _choice(choice: str) -> Any:
    if choice.startswith("tool:"):
        return {"type": "function", "function": {"name": choice[5:]}}
    return choice


def _format(chat: Chat, *, held: bool) -> dict[str, Any]:
    """`held`: the caller's family holds every answer to its schema; here that must be asked for."""
    asked = chat.format
    if asked is None or asked.schema is None:
        return {"type": "json_object"}
    schema: dict[str, Any] = {"name": asked.name or "answer", "schema": asked.schema}
    if asked.strict is not None:
        schema["strict"] = asked.strict
    elif held and can_be_strict(asked.schema):
        schema["strict"] = True
    if description := chat.extra.get(_DESCRIPTION) or chat.extra.get("text.format.description"):
        schema["description"] = description
    return {"type": "json_schema", "json_schema": schema}
