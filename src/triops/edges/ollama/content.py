"""The bodies of `/api/chat` and `/api/generate` as a `Chat`.

Ollama's older clients name no tool calls: a call without an id gets one, and a tool's result belongs to the first call
of its name that has none yet, else to the first call that has none.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from triops.edges.ollama.options import images_of, sampling_of
from triops.kernel.completion import Chat, Message, Part, Tool
from triops.kernel.errors import Invalid
from triops.web.members import mapping, needed, sequence, text

_ROLES = ("system", "developer", "user", "assistant", "tool")
_GENERATE_ONLY = ("suffix", "template", "context", "raw", "width", "height", "steps")


def chat_of(tree: Mapping[str, Any], user: str) -> Chat:
    fields, extra = sampling_of(tree)
    open_calls: list[tuple[str, str]] = []  # (name, id) of calls without a result
    messages = tuple(
        _message(mapping(item, f"messages[{index}]"), index, open_calls)
        for index, item in enumerate(sequence(tree.get("messages"), "messages"))
    )
    return Chat(messages=messages, tools=_tools(tree), user=user, extra=extra, **fields)


def generated_of(tree: Mapping[str, Any], user: str) -> Chat:
    fields, extra = sampling_of(tree)
    extra = {name: value for name, value in extra.items() if value or name not in _GENERATE_ONLY}
    messages = (_prompted("system", text(tree, "system")), _prompted("user", text(tree, "prompt"), tree))
    return Chat(messages=tuple(one for one in messages if one.parts), user=user, extra=extra, **fields)


def _prompted(role: str, said: str, tree: Mapping[str, Any] | None = None) -> Message:
    """`tree`: where the images are that belong to it."""
    images = () if tree is None else images_of(tree, "images")
    return Message(role, (*((Part("text", text=said),) if said else ()), *images))


def _message(given: dict[str, Any], index: int, open_calls: list[tuple[str, str]]) -> Message:
    path = f"messages[{index}]"
    role = given.get("role")
    if role not in _ROLES:
        raise Invalid("not a role", field=f"{path}.role", got=role, expected=", ".join(_ROLES))
    content, images = text(given, "content", path), images_of(given, f"{path}.images")
    said = (*((Part("text", text=content),) if content else ()), *images)
    if role == "tool":
        name = text(given, "tool_name", path) or text(given, "name", path)
        call = text(given, "tool_call_id", path) or _answered(name, open_calls) or f"call_{index}"
        open_calls[:] = [held for held in open_calls if held[1] != call]
        return Message("tool", (Part("tool_result", id=call, name=name, parts=said),))
    thought = text(given, "thinking", path)
    before = (Part("thinking", text=thought),) if thought else ()
    return Message(role, (*before, *said, *_calls(given, index, open_calls)))


def _answered(name: str, open_calls: list[tuple[str, str]]) -> str:
    named = [id for held, id in open_calls if held == name] or [id for _, id in open_calls]
    return named[0] if named else ""


def _calls(given: dict[str, Any], index: int, open_calls: list[tuple[str, str]]) -> tuple[Part, ...]:
    if given.get("tool_calls") is None:
        return ()
    calls = []
    for k, item in enumerate(sequence(given["tool_calls"], f"messages[{index}].tool_calls")):
        path = f"messages[{index}].tool_calls[{k}]"
        call = mapping(item, path)
        function = mapping(call.get("function"), f"{path}.function")
        arguments = function.get("arguments")
        id = text(call, "id", path) or f"call_{index}_{k}"
        name = needed(function, "name", f"{path}.function")
        open_calls.append((name, id))
        calls.append(Part("tool_call", id=id, name=name, text=_arguments(arguments, f"{path}.function.arguments")))
    return tuple(calls)


def _arguments(value: Any, path: str) -> str:
    try:
        return orjson.dumps(mapping({} if value is None else value, path)).decode()
    except orjson.JSONEncodeError as error:  # nested deeper than is written
        raise Invalid(f"not JSON that can be written: {error}", field=path) from None


def _tools(tree: Mapping[str, Any]) -> tuple[Tool, ...]:
    if tree.get("tools") is None:
        return ()
    tools = []
    for index, item in enumerate(sequence(tree["tools"], "tools")):
        path = f"tools[{index}]"
        given = mapping(item, path)
        if given.get("type") not in (None, "function"):
            raise Invalid("not a kind of tool", field=f"{path}.type", got=given["type"], expected="function")
        function = mapping(given.get("function"), f"{path}.function")
        schema = function.get("parameters")
        tools.append(
            Tool(
                needed(function, "name", f"{path}.function"),
                text(function, "description", f"{path}.function"),
                {} if schema is None else mapping(schema, f"{path}.function.parameters"),
            )
        )
    return tuple(tools)
