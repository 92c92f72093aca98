"""A chat in our words as the body of Ollama's `/api/chat` or `/api/generate`.

Dropped and named, since they only hint: the user, names of speakers, `strict` of tools, `detail` of images, whether a
tool's result is an error, bounds of thinking in tokens, and the members of `leaving.HINTS`. Refused: n above 1, a tool
that must be called, one call at a time, images by URL, audio, files, and all else that has no word here.
"""

from typing import Any

from triops.adapters.providers.leaving import leave_out, no_word
from triops.adapters.providers.parts import arguments_of, names_of_calls, result_parts, unsaid
from triops.kernel.completion import Chat, Message, Part, Tool
from triops.ports.providers import Target

_OPTIONS = ("temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty")
_GENERATE = ("suffix", "template", "context", "raw", "width", "height", "steps")


def body_of(chat: Chat, dialect: str, target: Target) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """The endpoint's name, the body without `stream`, and what was dropped. Raises: Invalid."""
    dropped = unsaid(chat)
    if chat.n != 1:
        raise no_word("n", chat.n, "1")
    tree: dict[str, Any] = {"model": target.model}
    names = names_of_calls(chat.messages)
    messages = [
        said for i, one in enumerate(chat.messages) for said in _messages(one, names, f"messages[{i}]", dropped)
    ]
    endpoint = "generate" if dialect == "ollama.generate" and _is_prompt(messages) and not chat.tools else "chat"
    if endpoint == "generate":
        _prompt(messages, tree)
    else:
        tree["messages"] = messages
    _tools(chat, tree)
    _options(chat, target, tree, dropped)
    if chat.format is not None:
        tree["format"] = "json" if chat.format.schema is None else chat.format.schema
    if chat.logprobs:
        tree["logprobs"] = True
    if chat.top_logprobs is not None:
        tree["top_logprobs"] = chat.top_logprobs
    if chat.user:
        dropped.append("user")
    return endpoint, tree, tuple(dict.fromkeys(dropped))


def put_back(extra: dict[str, Any], tree: dict[str, Any], *, generate: bool = False) -> dict[str, Any]:
    """What came in Ollama's own words goes on in them; answers the rest."""
    rest = {}
    for name, value in extra.items():
        if name.startswith("options."):
            tree.setdefault("options", {})[name.removeprefix("options.")] = value
        elif name in ("keep_alive", "think", "truncate", "shift") or (generate and name in _GENERATE):
            tree[name] = value
        else:
            rest[name] = value
    return rest


def _options(chat: Chat, target: Target, tree: dict[str, Any], dropped: list[str]) -> None:
    options = {name: value for name in _OPTIONS if (value := getattr(chat, name)) is not None}
    most = target.cap if chat.max_tokens is None else chat.max_tokens
    if most is not None:
        options["num_predict"] = most
    if chat.stop:
        options["stop"] = list(chat.stop)
    if options:
        tree["options"] = options
    if chat.reasoning_effort:
        levels = "gpt-oss" in target.model  # others know thinking as on or off
        effort = "low" if chat.reasoning_effort == "minimal" else chat.reasoning_effort
        tree["think"] = False if effort == "none" else effort if levels else True
    elif chat.thinking_tokens is not None:
        tree["think"] = True
    if chat.thinking_tokens is not None:
        dropped.append("thinking_tokens")
    leave_out(put_back(dict(chat.extra), tree, generate="prompt" in tree), dropped)


def _tools(chat: Chat, tree: dict[str, Any]) -> None:
    if not chat.tools or chat.tool_choice == "none":
        return  # the model cannot call what it does not see
    if chat.tool_choice not in ("", "auto"):
        raise no_word("tool_choice", chat.tool_choice, "auto or none")
    if chat.parallel_tool_calls is False:
        raise no_word("parallel_tool_calls", False, "true")
    tree["tools"] = [_tool(tool) for tool in chat.tools]


def _tool(tool: Tool) -> dict[str, Any]:
    parameters = tool.parameters or {"type": "object", "properties": {}}
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}


def _messages(message: Message, names: dict[str, str], path: str, dropped: list[str]) -> list[dict[str, Any]]:
    """One message, or several where it holds results of tools: each is a message of its own."""
    written: list[dict[str, Any]] = []
    parts: list[Part] = []
    for part in message.parts:
        if part.kind != "tool_result":
            parts.append(part)
            continue
        if part.error:
            dropped.append("is_error")
        name = part.name or names.get(part.id, "")
        written.append({**_said("tool", result_parts(part), path), "tool_name": name, "tool_call_id": part.id})
    if parts or not written:
        role = "system" if message.role == "developer" else message.role
        written.append(_said(role, tuple(parts), path))
    return written


def _said(role: str, parts: tuple[Part, ...], path: str) -> dict[str, Any]:
    texts, images, thoughts, calls = [], [], [], []
    for part in parts:
        if part.kind in ("text", "refusal"):
            texts.append(part.text)
        elif part.kind == "image" and part.data:
            images.append(part.data)
        elif part.kind == "thinking":
            thoughts.append(part.text)
        elif part.kind == "tool_call":
            calls.append({"id": part.id, "function": {"name": part.name, "arguments": arguments_of(part)}})
        else:
            raise no_word(path, part.name or part.kind, "texts and images in base64")
    said: dict[str, Any] = {"role": role, "content": "".join(texts)}
    if images:
        said["images"] = images
    if any(thoughts):
        said["thinking"] = "".join(thoughts)
    if calls:
        said["tool_calls"] = calls
    return said


def _is_prompt(messages: list[dict[str, Any]]) -> bool:
    roles = [message["role"] for message in messages]
    return roles in (["user"], ["system", "user"], ["system"], []) and not any("thinking" in one for one in messages)


def _prompt(messages: list[dict[str, Any]], tree: dict[str, Any]) -> None:
    tree["prompt"] = ""
    for message in messages:
        tree["system" if message["role"] == "system" else "prompt"] = message["content"]
        if message.get("images"):
            tree["images"] = message["images"]
