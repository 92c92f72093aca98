"""Messages, tools and formats in our words written as Anthropic's.

System and developer messages are gathered in `system`, wherever they stood (a caller of Anthropic's own dialect keeps
their places). Messages of one role in a row are one. Earlier thinking goes on only to whom it came from, signed; empty
texts, which the API refuses, are left out.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from triops.adapters.providers.anthropic_schema import closed
from triops.adapters.providers.leaving import no_word
from triops.adapters.providers.parts import arguments_of, result_parts
from triops.kernel.completion import ANTHROPIC_BLOCK, ANTHROPIC_MEMBER, Chat, Message, Part, Tool
from triops.kernel.errors import Invalid

ANSWER = "answer_in_json"  # the tool that stands for a format where the model knows none
_ID, _NOT_OF_ID = re.compile(r"[a-zA-Z0-9_-]+"), re.compile(r"[^a-zA-Z0-9_-]")
_ROLES = {"tool": "user", "function": "user", "developer": "system"}


def messages_of(chat: Chat, dropped: list[str], *, same: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The blocks of `system`, and the messages. `same`: the caller speaks Anthropic's dialect."""
    system: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    for index, message in enumerate(chat.messages):
        role = _ROLES.get(message.role, message.role)
        blocks = _blocks(message, f"messages[{index}]", dropped, same=same)
        if role == "system" and not (same and messages):
            system.extend(blocks)
        elif messages and messages[-1]["role"] == role:
            messages[-1]["content"].extend(blocks)
        elif blocks:
            messages.append({"role": role, "content": blocks})
    if not messages:
        raise Invalid("no messages", field="messages", expected="at least one with content, beside system messages")
    return system, messages


def _blocks(message: Message, path: str, dropped: list[str], *, same: bool) -> list[dict[str, Any]]:
    blocks = []
    for part in message.parts:
        if part.kind == "thinking":
            if same and (part.signature or part.data):
                blocks.append(_thought(part))
            else:
                dropped.append("thinking")
            continue
        if part.kind == "image" and message.role == "assistant":
            raise no_word(path, "an image of the assistant's", "images of the user's")
        block = _block(part, path)
        if block is not None:
            blocks.append(block)
    return blocks


def _thought(part: Part) -> dict[str, Any]:
    if part.data:
        return {"type": "redacted_thinking", "data": part.data}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def _block(part: Part, path: str) -> dict[str, Any] | None:
    match part.kind:
        case "text" | "refusal":
            return _text(part) if part.text else None
        case "block" if part.media_type == ANTHROPIC_BLOCK:
            block: dict[str, Any] = orjson.loads(part.text)
            return block
        case "image" if part.data or part.url:
            return {"type": "image", "source": _source(part, "image/png")}
        case "file":
            return _file(part, path)
        case "tool_call":
            members = {one.name: orjson.loads(one.text) for one in part.parts if one.media_type == ANTHROPIC_MEMBER}
            called = {"type": "tool_use", "id": _id(part.id), "name": part.name, "input": arguments_of(part)}
            return {**called, **members}
        case "tool_result":
            return _result(part, path)
    raise no_word(path, part.name or part.kind, "texts, images, documents")


def _text(part: Part) -> dict[str, Any]:
    """With its citations, as far as they are Anthropic's own."""
    cited = [citation.own for citation in part.citations if citation.family == "anthropic"]
    return {"type": "text", "text": part.text, **({"citations": cited} if cited else {})}


def _source(part: Part, media: str) -> dict[str, Any]:
    if part.data:
        return {"type": "base64", "media_type": part.media_type or media, "data": part.data}
    return {"type": "url", "url": part.url}


def _file(part: Part, path: str) -> dict[str, Any]:
    titled = {"title": part.name} if part.name else {}
    if part.media_type.startswith("text/"):
        try:
            text = base64.b64decode(part.data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Invalid("not a text in base64", field=path, expected="UTF-8 in base64") from None
        return {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": text}, **titled}
    if part.url or part.media_type in ("", "application/pdf"):
        return {"type": "document", "source": _source(part, "application/pdf"), **titled}
    raise no_word(path, part.media_type, "application/pdf or a text")


def _id(given: str) -> str:
    """Other providers' ids may hold what Anthropic's may not."""
    return given if _ID.fullmatch(given) else _NOT_OF_ID.sub("_", given) or "call"


def _result(part: Part, path: str) -> dict[str, Any]:
    content = [block for one in result_parts(part) if (block := _block(one, path)) is not None]
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": _id(part.id)}
    if len(content) == 1 and content[0]["type"] == "text":
        result["content"] = content[0]["text"]
    elif content:
        result["content"] = content
    if part.error:
        result["is_error"] = True
    return result


def tool_of(tool: Tool, dropped: list[str], *, strict: bool, same: bool) -> dict[str, Any]:
    """`strict`: the model knows strict tools."""
    schema: Any = dict(tool.parameters) or {"type": "object", "properties": {}}
    written: dict[str, Any] = {"name": tool.name}
    if tool.description:
        written["description"] = tool.description
    if tool.strict and strict:
        written["strict"] = True
        schema, moved = (schema, False) if same else closed(schema)
        if moved:
            dropped.append("tools.parameters")
    return {**written, "input_schema": schema}


def tool_choice_of(chat: Chat) -> dict[str, Any] | None:
    """None: the model decides, which is the default."""
    kinds = {"": "auto", "auto": "auto", "none": "none", "required": "any"}
    if chat.tool_choice.startswith("tool:"):
        choice: dict[str, Any] = {"type": "tool", "name": chat.tool_choice[5:]}
    else:
        choice = {"type": kinds[chat.tool_choice]}
    if chat.parallel_tool_calls is False and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = True
    return None if choice == {"type": "auto"} and not chat.tool_choice else choice


def begins_unsigned(messages: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the last turn of the model called tools without the signed thinking that a model which thinks by a
    budget wants to see again."""
    last = next((one for one in reversed(list(messages)) if one["role"] == "assistant"), None)
    if last is None:
        return False
    kinds = [block["type"] for block in last["content"]]
    return "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking")
