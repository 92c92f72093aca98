"""A chat that was asked as a response, written as a response's request again: what was changed on the way (a prompt
filled in, a text redacted) is in the chat, what the chat has no field for is put back in its place. Refused: parts and
items of other kinds (`input[2]`), whose places may have moved."""

from collections.abc import Mapping
from typing import Any

import orjson

from triops.kernel.completion import RESPONSES_ITEM, Chat, Message, Part
from triops.kernel.errors import Invalid


def responses_of(chat: Chat) -> dict[str, Any]:
    """The request without model and stream. Raises: Invalid."""
    tree: dict[str, Any] = {"input": [item for message in chat.messages for item in _items(message)]}
    tools = [_tool(tool.name, tool.description, tool.parameters, tool.strict) for tool in chat.tools]
    if chat.tool_choice:
        forced = chat.tool_choice.startswith("tool:")
        tree["tool_choice"] = {"type": "function", "name": chat.tool_choice[5:]} if forced else chat.tool_choice
    if chat.format is not None:
        tree["text"] = {"format": _format(chat)}
    if chat.reasoning_effort:
        tree["reasoning"] = {"effort": chat.reasoning_effort}
    if chat.logprobs:
        tree["include"] = ["message.output_text.logprobs"]
    for name, value in (
        ("max_output_tokens", chat.max_tokens),
        ("temperature", chat.temperature),
        ("top_p", chat.top_p),
        ("top_logprobs", chat.top_logprobs),
        ("parallel_tool_calls", chat.parallel_tool_calls),
        ("user", chat.user or None),
    ):
        if value is not None:
            tree[name] = value
    _restore(chat.extra, tree, tools)
    if tools:
        tree["tools"] = tools
    return tree


def _restore(extra: Mapping[str, Any], tree: dict[str, Any], tools: list[dict[str, Any]]) -> None:
    for name, value in extra.items():
        if name.startswith("tools["):
            tools.insert(int(name[6:-1]), value)  # in the order of their places
        elif "[" in name:
            raise Invalid("cannot be sent on once the request was changed", field=name)
        elif name == "text.format.description":
            tree["text"]["format"]["description"] = value
        elif name == "include":
            tree["include"] = [*tree.get("include", ()), *value]
        else:
            group, dot, member = name.partition(".")
            if dot:
                tree.setdefault(group, {})[member] = value
            else:
                tree[name] = value


def _items(message: Message) -> list[dict[str, Any]]:
    """A message's calls, results and reasoning are items beside it."""
    items: list[dict[str, Any]] = []
    for part in message.parts:
        if part.kind == "tool_call":
            call = {"call_id": part.id, "name": part.name, "arguments": part.text}
            items.append({"type": "function_call", **call})
        elif part.kind == "tool_result":
            output = [_part(one, "user") for one in part.parts]
            plain = len(part.parts) == 1 and part.parts[0].kind == "text"
            said = part.parts[0].text if plain else output or part.text
            items.append({"type": "function_call_output", "call_id": part.id, "output": said})
        elif part.kind == "thinking":
            items.append(_reasoning(part))
        elif part.kind == "block" and part.media_type == RESPONSES_ITEM:
            items.append(orjson.loads(part.text))
        elif part.kind == "image" and message.role == "assistant":
            made = {"id": part.id, "status": "completed", "result": part.data}
            items.append({"type": "image_generation_call", **made})
        elif items and items[-1].get("role") == message.role:
            items[-1]["content"].append(_part(part, message.role))
        else:
            items.append({"type": "message", "role": message.role, "content": [_part(part, message.role)]})
    return items


def _reasoning(part: Part) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    item: dict[str, Any] = {"type": "reasoning", "summary": summary}
    return item | {name: value for name, value in (("id", part.id), ("encrypted_content", part.signature)) if value}


def _part(part: Part, role: str) -> dict[str, Any]:
    if part.kind == "text":
        return {"type": "output_text" if role == "assistant" else "input_text", "text": part.text}
    if part.kind == "refusal":
        return {"type": "refusal", "refusal": part.text}
    data = f"data:{part.media_type or 'application/octet-stream'};base64,{part.data}" if part.data else ""
    if part.kind == "image":
        return {"type": "input_image", "image_url": part.url or data, "detail": part.detail or "auto"}
    if part.kind == "file":
        where = {"file_data": data} if data else {"file_url": part.url}
        return {"type": "input_file", **where, **({"filename": part.name} if part.name else {})}
    raise Invalid("this provider has no word for it", field="input", got=part.kind, expected="texts, images, files")


def _tool(name: str, description: str, parameters: Mapping[str, Any], strict: bool | None) -> dict[str, Any]:
    tool: dict[str, Any] = {"type": "function", "name": name, "parameters": parameters, "strict": strict}
    return {**tool, "description": description} if description else tool


def _format(chat: Chat) -> dict[str, Any]:
    asked = chat.format
    if asked is None or asked.schema is None:
        return {"type": "json_object"}
    schema: dict[str, Any] = {"type": "json_schema", "name": asked.name or "answer", "schema": asked.schema}
    return schema if asked.strict is None else {**schema, "strict": asked.strict}
