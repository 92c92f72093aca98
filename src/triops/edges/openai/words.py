"""What whole and streamed chat completions write alike: finish reasons, tool calls, usage."""

from collections.abc import Mapping
from typing import Any

from triops.kernel.completion import CUSTOM, Finish, Part, Usage


def finish_word(finish: Finish, *, refused: bool, old: bool = False) -> str:
    """OpenAI has no word for a refusal: the text of one comes with `stop`, one without a text is filtered."""
    if finish == "tool_calls" and old:
        return "function_call"
    if finish == "refusal":
        return "stop" if refused else "content_filter"
    return "stop" if finish == "error" else finish


def is_old(raw: Mapping[str, Any]) -> bool:
    """Whether the caller knows one call a turn only (`functions`, which `tools` took the place of)."""
    return bool(raw.get("functions")) and not raw.get("tools")


def tool_call_of(part: Part) -> dict[str, Any]:
    if part.media_type == CUSTOM:
        return {"id": part.id, "type": "custom", "custom": {"name": part.name, "input": part.text}}
    call = {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.text}}
    return call | sealed(part.signature)


def thought_member(name: str) -> str:
    """Where a message has its reasoning: where it came, else where most have it."""
    return "reasoning" if name == "reasoning" else "reasoning_content"


def sealed(signature: str) -> dict[str, Any]:
    """The signature of a tool call, where Google's own chat completions have it."""
    return {"extra_content": {"google": {"thought_signature": signature}}} if signature else {}


def usage_of(usage: Usage) -> dict[str, Any]:
    details = {"cached_tokens": usage.cached_input, "audio_tokens": 0}
    if usage.cache_write:
        details["cache_write_tokens"] = usage.cache_write
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
    }
