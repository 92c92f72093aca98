"""Whole answers of Anthropic's Messages API, and its words for usage and ends, as ours."""

from collections.abc import Mapping
from typing import Any

import orjson

from triops.adapters.providers.anthropic_messages import ANSWER
from triops.adapters.providers.json_body import as_count, as_text, count_of
from triops.kernel.completion import ANTHROPIC_BLOCK, ANTHROPIC_MEMBER, Choice, Citation, Finish, Part, Reply, Usage
from triops.ports.providers import Fault, FaultKind

_FINISH: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
}
_MEMBERS = ("container", "stop_details", "context_management")
_OWN_STOPS = ("pause_turn", "model_context_window_exceeded")  # which another word of ours would not say
_FAULTS: dict[str, FaultKind] = {
    "invalid_request_error": "invalid",
    "authentication_error": "auth",
    "billing_error": "auth",
    "permission_error": "auth",
    "not_found_error": "not_found",
    "request_too_large": "invalid",
    "rate_limit_error": "rate_limited",
    "overloaded_error": "overloaded",
    "timeout_error": "timeout",
}


def reply_of(tree: Mapping[str, Any]) -> Reply:
    """Raises: Fault (garbage) for what is no message."""
    content = tree.get("content")
    if not isinstance(content, list):
        raise Fault("garbage", "a message without content")
    parts = tuple(_part(block) for block in content)
    answered = any(isinstance(block, dict) and block.get("name") == ANSWER for block in content)
    return Reply(
        id=as_text(tree.get("id")),
        model=as_text(tree.get("model")),
        choices=(
            Choice(
                0, (*parts, *members_of(tree, tree.get("usage"))), finish_of(tree.get("stop_reason"), answered=answered)
            ),
        ),
        usage=usage_of(tree.get("usage")),
        stop_sequence=as_text(tree.get("stop_sequence")),
    )


def _part(block: Any) -> Part:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text":
        return Part("text", text=as_text(block.get("text")), citations=citations_of(block))
    if kind == "thinking":
        return Part("thinking", text=as_text(block.get("thinking")), signature=as_text(block.get("signature")))
    if kind == "redacted_thinking":
        return Part("thinking", data=as_text(block.get("data")))
    if kind == "tool_use":
        arguments = json_of(block.get("input") or {})
        if block.get("name") == ANSWER:
            return Part("text", text=arguments)
        id, name = as_text(block.get("id")), as_text(block.get("name"))
        return Part("tool_call", text=arguments, id=id, name=name, parts=caller_of(block))
    if isinstance(kind, str):
        return block_of(block)
    raise Fault("garbage", "a block without a type")


def block_of(block: Mapping[str, Any]) -> Part:
    """One of a kind that has no word of ours."""
    return Part("block", name=as_text(block.get("type")), text=json_of(block), media_type=ANTHROPIC_BLOCK)


def caller_of(block: Mapping[str, Any]) -> tuple[Part, ...]:
    """Who but the model called a tool: code that it wrote, which waits for the result."""
    caller = block.get("caller")
    if not isinstance(caller, dict) or caller.get("type") == "direct":
        return ()
    return (Part("block", json_of(caller), name="caller", media_type=ANTHROPIC_MEMBER),)


def members_of(end: Mapping[str, Any], usage: Any) -> tuple[Part, ...]:
    """What stands beside the content and has no word of ours: `end` of a message, which its `message_delta` has too."""
    found = {name: end[name] for name in _MEMBERS if end.get(name) is not None}
    if end.get("stop_reason") in _OWN_STOPS:
        found["stop_reason"] = end["stop_reason"]
    if isinstance(usage, dict) and usage.get("server_tool_use") is not None:
        found["usage"] = {"server_tool_use": usage["server_tool_use"]}
    if not found:
        return ()
    return tuple(Part("block", json_of(held), name=name, media_type=ANTHROPIC_MEMBER) for name, held in found.items())


def citations_of(block: Mapping[str, Any]) -> tuple[Citation, ...]:
    given = block.get("citations")
    if not given or not isinstance(given, list):
        return ()
    return tuple(citation_of(one) for one in given if isinstance(one, dict))


def citation_of(own: Mapping[str, Any]) -> Citation:
    json_of(own)  # it can be written
    url = as_text(own.get("url")) or as_text(own.get("source"))
    title = as_text(own.get("title")) or as_text(own.get("document_title"))
    return Citation("anthropic", own, url, title, as_text(own.get("cited_text")))


def json_of(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        raise Fault("garbage", "an answer that is nested too deep") from None


def finish_of(reason: Any, *, answered: bool) -> Finish:
    """`answered`: by the tool that stands for a format, which is no tool of the caller's."""
    finish = _FINISH.get(reason, "stop") if isinstance(reason, str) else "stop"
    return "stop" if answered and finish == "tool_calls" else finish


def usage_of(value: Any) -> Usage | None:
    """Anthropic counts what was read from its cache and written to it apart from the input."""
    fresh = count_of(value.get("input_tokens")) if isinstance(value, dict) else None
    if fresh is None:
        return None
    cached, stored = as_count(value.get("cache_read_input_tokens")), as_count(value.get("cache_creation_input_tokens"))
    output = as_count(value.get("output_tokens"))
    details = value.get("output_tokens_details")
    thought = as_count(details.get("thinking_tokens")) if isinstance(details, dict) else 0
    return Usage(
        input=fresh + cached + stored,
        output=output,
        cached_input=cached,
        cache_write=stored,
        reasoning=min(thought, output),
    )


def fault_kind(error: Mapping[str, Any]) -> FaultKind:
    """Of an error inside a stream whose status was 200."""
    return _FAULTS.get(as_text(error.get("type")), "server")
