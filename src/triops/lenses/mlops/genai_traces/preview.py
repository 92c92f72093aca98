"""What a list of traces shows of a request or an answer: the last message of a conversation, else its JSON, cut."""

import json
from collections.abc import Sequence
from typing import Any

MOST = 1000  # characters


def preview(text: str, role: str) -> str:
    """`text`: JSON. `role`: whose message stands for a conversation, "user" or "assistant"."""
    try:
        said = json.loads(text) if text[:1] == "{" else None
    except (ValueError, RecursionError):
        said = None
    shown = _last(_messages(said, 0), role) or text
    return shown if len(shown) <= MOST else shown[: MOST - 3] + "..."


def _messages(said: Any, depth: int) -> Sequence[Any]:
    """Of a chat's request or answer, or of OpenAI's Responses."""
    if not isinstance(said, dict) or depth > 8:
        return ()
    for key in ("messages", "choices", "input", "output"):
        listed = said.get(key)
        if not isinstance(listed, list) or not listed:
            continue
        if key == "choices":
            message = listed[0].get("message") if isinstance(listed[0], dict) else None
            if _is_message(message):
                return [message]
            continue
        return [one for one in listed if _is_message(one)]
    return _messages(said.get("request"), depth + 1)


def _is_message(one: Any) -> bool:
    return isinstance(one, dict) and "role" in one and "content" in one


def _last(messages: Sequence[Any], role: str) -> str:
    if not messages:
        return ""
    message = next((one for one in reversed(messages) if one.get("role") == role), messages[-1])
    content = message.get("content")
    if isinstance(content, str):
        return content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            return part
        if isinstance(part, dict) and part.get("type") in ("text", "output_text"):
            return str(part.get("text") or "")
    return ""
