"""A chat in our words as the body of Gemini's `generateContent`.

System and developer messages are gathered in `systemInstruction`; messages of one role in a row are one. Dropped and
named, since they only hint: the user, names of speakers, `strict` of tools, `detail` of images, logit_bias, earlier
thinking, thinking that cannot be turned off or was not known yet, effort that was brought to a level that there is, a
seed over 32 bits, and the members of `leaving.HINTS`. Refused: one tool call at a time, and all else that has no word
here. Effort is a level from Gemini 3 on, before that a budget of tokens.

Gemini 3 wants each of its tool calls back with the signature that came with it. Other families' clients do not keep it;
then the value stands there that Google publishes for calls which were not its own.
"""

import re
from typing import Any

import orjson

from triops.adapters.providers.gemini_images import IMAGES_ASKED, asked_images, is_image_tool
from triops.adapters.providers.leaving import leave_out, no_word
from triops.adapters.providers.parts import arguments_of, names_of_calls, result_parts, unsaid
from triops.kernel.completion import Chat, Message, Part, Tool
from triops.kernel.errors import Invalid
from triops.ports.providers import Target

_UNSIGNED = "skip_thought_signature_validator"
_GENERATION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")
_NEWEST = (99, 0)
_LEVELS = {"minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH"}
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
_LEAST_OF_LARGE = 128  # tokens
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_SUFFIXES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "pdf": "application/pdf",
}


def body_of(chat: Chat, target: Target) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body, and what was dropped. Raises: Invalid."""
    dropped = unsaid(chat)
    modern = _generation(target.model) >= (3, 0)
    system, contents = _contents(chat, dropped, modern=modern)
    tree: dict[str, Any] = {"contents": contents}
    if system:
        tree["systemInstruction"] = {"parts": system}
    if chat.tools:
        tree["tools"] = [{"functionDeclarations": [_declared(tool) for tool in chat.tools]}]
        if chat.parallel_tool_calls is False:
            raise no_word("parallel_tool_calls", False, "true")
        if chat.tool_choice:
            tree["toolConfig"] = {"functionCallingConfig": _choice(chat.tool_choice)}
    config = _config(chat, target, dropped) | asked_images(chat.extra, dropped)
    if (thinking := _thinking(chat, target, dropped, modern=modern)) is not None:
        config["thinkingConfig"] = thinking
    if config:
        tree["generationConfig"] = config
    if chat.user:
        dropped.append("user")
    rest = {name: value for name, value in chat.extra.items() if name not in IMAGES_ASKED}
    leave_out({name: value for name, value in rest.items() if not is_image_tool(name, value)}, dropped)
    return tree, tuple(dict.fromkeys(dropped))


def _generation(model: str) -> tuple[int, int]:
    found = _GENERATION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else _NEWEST


def _contents(chat: Chat, dropped: list[str], *, modern: bool) -> tuple[list[Any], list[dict[str, Any]]]:
    system: list[dict[str, Any]] = []
    contents: list[dict[str, Any]] = []
    names = names_of_calls(chat.messages)
    for index, message in enumerate(chat.messages):
        parts = _parts(message, names, f"messages[{index}]", dropped, modern=modern)
        if message.role in ("system", "developer"):
            system.extend(parts)
            continue
        role = "model" if message.role == "assistant" else "user"
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"].extend(parts)
        elif parts:
            contents.append({"role": role, "parts": parts})
    if not contents:
        raise Invalid("no messages", field="messages", expected="at least one with content, beside system messages")
    return system, contents


def _parts(
    message: Message, names: dict[str, str], path: str, dropped: list[str], *, modern: bool
) -> list[dict[str, Any]]:
    written = []
    signed = False  # of parallel calls the first alone is signed
    for part in message.parts:
        if part.kind == "thinking":
            dropped.append("thinking")
        elif part.kind == "tool_call":
            call: dict[str, Any] = {"functionCall": {"id": part.id, "name": part.name, "args": arguments_of(part)}}
            if part.signature:
                call["thoughtSignature"] = part.signature
            elif modern and not signed:
                call["thoughtSignature"] = _UNSIGNED
            signed = True
            written.append(call)
        elif part.kind == "tool_result":
            written.append({"functionResponse": _response(part, names, path)})
        elif part.kind in ("text", "refusal"):
            if part.text:
                written.append({"text": part.text})
        elif message.role == "assistant" and part.kind == "image" and modern:
            written.append({**_media(part, path), "thoughtSignature": _UNSIGNED})  # one that it made, to go on from
        else:
            written.append(_media(part, path))
    return written


def _media(part: Part, path: str) -> dict[str, Any]:
    if part.data and not part.text:
        media = part.media_type or ("application/pdf" if part.kind == "file" else "image/png")
        return {"inlineData": {"mimeType": media, "data": part.data}}
    if part.url:
        suffix = part.url.partition("?")[0].rpartition(".")[2].lower()
        media = part.media_type or _SUFFIXES.get(suffix, "")
        return {"fileData": {"fileUri": part.url, **({"mimeType": media} if media else {})}}
    raise no_word(path, part.name or part.kind, "texts, images, audio, documents")


def _response(part: Part, names: dict[str, str], path: str) -> dict[str, Any]:
    held = result_parts(part)
    text = "".join(one.text for one in held if one.kind == "text")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = text
    if part.error:
        value = {"error": text}
    response = {
        "id": part.id,
        "name": part.name or names.get(part.id, ""),
        "response": value if isinstance(value, dict) else {"output": text},
    }
    media = [_media(one, path) for one in held if one.kind != "text"]
    return {**response, "parts": media} if media else response


def _declared(tool: Tool) -> dict[str, Any]:
    written: dict[str, Any] = {"name": tool.name}
    if tool.description:
        written["description"] = tool.description
    if tool.parameters:
        written["parametersJsonSchema"] = tool.parameters
    return written


def _choice(choice: str) -> dict[str, Any]:
    if choice.startswith("tool:"):
        return {"mode": "ANY", "allowedFunctionNames": [choice[5:]]}
    return {"mode": _MODES[choice]}


def _config(chat: Chat, target: Target, dropped: list[str]) -> dict[str, Any]:
    seed = chat.seed
    if seed is not None and not -(1 << 31) <= seed < 1 << 31:
        dropped.append("seed")
        seed = None
    schema = chat.format.schema if chat.format else None
    config: dict[str, Any] = {
        "temperature": chat.temperature,
        "topP": chat.top_p,
        "topK": chat.top_k,
        "candidateCount": chat.n if chat.n != 1 else None,
        "maxOutputTokens": target.cap if chat.max_tokens is None else chat.max_tokens,
        "stopSequences": list(chat.stop) or None,
        "presencePenalty": chat.presence_penalty,
        "frequencyPenalty": chat.frequency_penalty,
        "seed": seed,
        "responseLogprobs": chat.logprobs or None,
        "logprobs": chat.top_logprobs if chat.logprobs else None,
        "responseMimeType": "application/json" if chat.format else None,
        "responseJsonSchema": schema,
    }
    return {name: value for name, value in config.items() if value is not None}


def _thinking(chat: Chat, target: Target, dropped: list[str], *, modern: bool) -> dict[str, Any] | None:
    effort, budget = chat.reasoning_effort, chat.thinking_tokens
    if budget is None and not effort:
        return None
    if _generation(target.model) < (2, 5):  # it does not think, and refuses to be told how
        if budget is not None or effort != "none":
            dropped.append("reasoning_effort" if budget is None else "thinking_tokens")
        return None
    if budget is not None:
        return {"thinkingBudget": budget, "includeThoughts": True}
    least = "flash" in target.model  # the larger ones always think, and more than the least
    if not modern:
        if effort == "none" and not least:
            dropped.append("reasoning_effort")
            return {"thinkingBudget": _LEAST_OF_LARGE}
        return {"thinkingBudget": _BUDGETS.get(effort, 8192), "includeThoughts": effort != "none"}
    if effort == "none":
        dropped.append("reasoning_effort")  # it always thinks: as little as it can
        return {"thinkingLevel": "MINIMAL" if least else "LOW"}
    level = _LEVELS.get(effort, "HIGH" if effort in ("xhigh", "max") else "MEDIUM")
    level = "LOW" if level == "MINIMAL" and not least else level
    if level.lower() != effort:
        dropped.append("reasoning_effort")
    return {"thinkingLevel": level, "includeThoughts": True}
