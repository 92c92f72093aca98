"""Parts of messages that several providers want in the same way."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import orjson

from triops.kernel.completion import Chat, Message, Part


def arguments_of(part: Part) -> dict[str, Any]:
    """A tool call's arguments as an object. What is none (a model's slip of earlier) stands under `arguments`."""
    try:
        given = orjson.loads(part.text) if part.text else {}
    except orjson.JSONDecodeError:
        given = part.text
    return given if isinstance(given, dict) else {"arguments": given}


def names_of_calls(messages: Sequence[Message]) -> dict[str, str]:
    """Which tool each call of a conversation was of, by the call's id."""
    return {part.id: part.name for message in messages for part in message.parts if part.kind == "tool_call"}


def unsaid(chat: Chat, *, names: bool = False, strict: bool = False) -> list[str]:
    """Hints that a provider's messages and tools have no word for, as they are told to the caller: how closely to look
    at an image; unless the provider has them, `names` of speakers and `strict` tools."""
    left = []
    if any(part.detail for message in chat.messages for part in message.parts):
        left.append("detail")
    if not names and any(message.name for message in chat.messages):
        left.append("name")
    if not strict and any(tool.strict for tool in chat.tools):
        left.append("tools.strict")
    return left


def result_parts(part: Part) -> tuple[Part, ...]:
    """What a tool's result holds: parts, or a text of its own."""
    return part.parts or ((Part("text", text=part.text),) if part.text else ())


def call_id(answer: str, index: int) -> str:
    """An id for a tool call that came without one: the same for the same call of the same answer."""
    return "call_" + blake2b(f"{answer}/{index}".encode(), digest_size=12).hexdigest()
