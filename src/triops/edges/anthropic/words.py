"""Anthropic's words for how an answer ended and what it used."""

from typing import Any
from uuid import uuid4

from triops.kernel.completion import Finish, Usage

_STOPS: dict[Finish, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "error": "pause_turn",  # the turn is not done: its answer may be sent back to go on
}


def message_id(given: str) -> str:
    """The provider's, or a new one where it gave none."""
    return given or f"msg_{uuid4().hex}"


def stop_reason(finish: Finish, stop_sequence: str) -> str:
    return "stop_sequence" if finish == "stop" and stop_sequence else _STOPS[finish]


def usage_of(usage: Usage | None) -> dict[str, Any]:
    """`input_tokens` is what was neither read from a cache nor written to one."""
    used = usage or Usage()
    told: dict[str, Any] = {
        "input_tokens": max(0, used.input - used.cached_input - used.cache_write),
        "cache_creation_input_tokens": used.cache_write,
        "cache_read_input_tokens": used.cached_input,
        "output_tokens": used.output,
    }
    if used.reasoning:
        told["output_tokens_details"] = {"thinking_tokens": used.reasoning}
    return told
