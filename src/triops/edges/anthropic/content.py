"""The body of `POST /v1/messages` as a `Chat`.

What has no field there goes to `extra` by its own name; tools that Anthropic runs itself under their paths
(`tools[1]`), other members of tools too (`tools[1].input_examples`), and `cache_control` once, however many blocks
carry it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from triops.edges.anthropic.blocks import parts_of
from triops.kernel.completion import Chat, Format, Message, Part, Tool
from triops.kernel.errors import Invalid
from triops.web.members import flag, mapping, needed, number, sequence, text, texts, whole

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_OF_TOOL = frozenset({"type", "name", "description", "input_schema", "strict", "cache_control"})
_FIELDS = frozenset(
    {
        "model",
        "messages",
        "max_tokens",
        "system",
        "stream",
        "stop_sequences",
        "temperature",
        "top_p",
        "top_k",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "output_format",
        "metadata",
    }
)


def chat_of(tree: Mapping[str, Any], user: str) -> Chat:
    extra = {name: value for name, value in tree.items() if name not in _FIELDS and value is not None}
    tools = _tools(tree, extra)
    if "cache_control" not in extra and _is_cached(tree):
        extra["cache_control"] = {"type": "ephemeral"}
    thinking_tokens = _thinking(tree, extra)
    choice, parallel = _tool_choice(tree)
    effort, form = _output(tree, extra)
    return Chat(
        messages=tuple(_messages(tree)),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        format=form,
        max_tokens=whole(tree, "max_tokens", 0),
        temperature=number(tree, "temperature"),
        top_p=number(tree, "top_p"),
        top_k=whole(tree, "top_k", 0),
        stop=texts(tree, "stop_sequences"),
        reasoning_effort=effort,
        thinking_tokens=thinking_tokens,
        user=user,
        extra=extra,
    )


def _messages(tree: Mapping[str, Any]) -> Iterator[Message]:
    """Tools' results stand in a message of role `tool` each, as other families have it."""
    if tree.get("system") is not None:
        yield Message("system", parts_of(tree["system"], "system"))
    for index, item in enumerate(sequence(tree.get("messages"), "messages")):
        path = f"messages[{index}]"
        given = mapping(item, path)
        role = given.get("role")
        if role not in ("user", "assistant", "system"):
            raise Invalid("not a role", field=f"{path}.role", got=role, expected="user, assistant or system")
        held: list[Part] = []
        for part in parts_of(given.get("content"), f"{path}.content"):
            if part.kind != "tool_result":
                held.append(part)
                continue
            if held:
                yield Message(role, tuple(held))
                held = []
            yield Message("tool", (part,))
        if held:
            yield Message(role, tuple(held))


def _tools(tree: Mapping[str, Any], extra: dict[str, Any]) -> tuple[Tool, ...]:
    if tree.get("tools") is None:
        return ()
    tools = []
    for index, item in enumerate(sequence(tree["tools"], "tools")):
        path = f"tools[{index}]"
        given = mapping(item, path)
        if given.get("type") not in (None, "custom"):
            extra[path] = given
            continue
        schema = mapping(given.get("input_schema"), f"{path}.input_schema")
        strict = flag(given, "strict", path)
        extra.update({f"{path}.{name}": value for name, value in given.items() if name not in _OF_TOOL and value})
        tools.append(Tool(needed(given, "name", path), text(given, "description", path), schema, strict))
    return tuple(tools)


def _tool_choice(tree: Mapping[str, Any]) -> tuple[str, bool | None]:
    if tree.get("tool_choice") is None:
        return "", None
    given = mapping(tree["tool_choice"], "tool_choice")
    parallel = False if flag(given, "disable_parallel_tool_use", "tool_choice") else None
    kind = given.get("type")
    if kind == "tool":
        return f"tool:{needed(given, 'name', 'tool_choice')}", parallel
    if not isinstance(kind, str) or kind not in _CHOICES:
        raise Invalid("not a choice", field="tool_choice.type", got=kind, expected="auto, any, tool or none")
    return _CHOICES[kind], parallel


def _thinking(tree: Mapping[str, Any], extra: dict[str, Any]) -> int | None:
    if tree.get("thinking") is None:
        return None
    given = mapping(tree["thinking"], "thinking")
    if given.get("type") == "enabled":
        return whole(given, "budget_tokens", 1, "thinking")
    extra["thinking"] = given
    return None


def _output(tree: Mapping[str, Any], extra: dict[str, Any]) -> tuple[str, Format | None]:
    given = {} if tree.get("output_config") is None else mapping(tree["output_config"], "output_config")
    rest = {name: value for name, value in given.items() if name not in ("effort", "format")}
    if rest:
        extra["output_config"] = rest
    form, path = given.get("format"), "output_config.format"
    if form is None:
        form, path = tree.get("output_format"), "output_format"
    effort = text(given, "effort", "output_config")
    if form is None:
        return effort, None
    form = mapping(form, path)
    if form.get("type") != "json_schema":
        raise Invalid("not a format", field=f"{path}.type", got=form.get("type"), expected="json_schema")
    return effort, Format(mapping(form.get("schema"), f"{path}.schema"))


def _is_cached(tree: Mapping[str, Any]) -> bool:
    """Whether any block of the request is marked to be cached."""
    groups = [tree.get("system"), tree.get("tools"), *(message.get("content") for message in tree["messages"])]
    return any(
        isinstance(block, dict) and block.get("cache_control") is not None
        for group in groups
        if isinstance(group, list)
        for block in group
    )
