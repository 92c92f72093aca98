"""What whole and streamed responses write alike: the response object around an answer, and its items."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from triops.edges.openai.beside import annotation_of, image_item
from triops.kernel.completion import RESPONSES_ITEM, Ask, Choice, Finish, Part, Usage

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(16)}"


def about(ask: Ask, id: str, created: int, model: str) -> dict[str, Any]:
    """The response before anything was said: what was asked is repeated, as its clients expect. Nothing is stored."""
    raw = ask.raw
    return {
        "id": id,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": raw.get("instructions"),
        "max_output_tokens": ask.max_tokens,
        "max_tool_calls": raw.get("max_tool_calls"),
        "metadata": raw.get("metadata") or {},
        "model": model,
        "output": [],
        "parallel_tool_calls": raw.get("parallel_tool_calls") is not False,
        "previous_response_id": None,
        "reasoning": raw.get("reasoning") or {"effort": None, "summary": None},
        "service_tier": "default",
        "store": False,
        "temperature": raw.get("temperature"),
        "text": raw.get("text") or {"format": {"type": "text"}},
        "tool_choice": raw.get("tool_choice") or "auto",
        "tools": raw.get("tools") or [],
        "top_logprobs": raw.get("top_logprobs") or 0,
        "top_p": raw.get("top_p"),
        "truncation": "disabled",
        "usage": None,
        "user": raw.get("user"),
    }


def status_of(finish: Finish) -> tuple[str, dict[str, str] | None]:
    """`status` and `incomplete_details`."""
    reason = _INCOMPLETE.get(finish)
    return ("completed", None) if reason is None else ("incomplete", {"reason": reason})


def items_of(choice: Choice, status: str) -> list[dict[str, Any]]:
    """Text and refusals that follow one another are the content of one message."""
    items: list[dict[str, Any]] = []
    for part in choice.parts:
        if part.kind == "thinking":
            items.append(reasoning_item(part.id or new_id("rs"), part.text, part.signature))
        elif part.kind == "tool_call":
            items.append(call_item(new_id("fc"), part, status))
        elif part.kind in ("text", "refusal"):
            if not items or items[-1]["type"] != "message":
                items.append(message_item(new_id("msg"), status))
            logprobs = choice.logprobs if part.kind == "text" else None
            items[-1]["content"].append(said(part.kind, part.text, logprobs, annotations_of(part)))
        elif (item := whole_item(part)) is not None:
            items.append(item)
    return items


def whole_item(part: Part) -> dict[str, Any] | None:
    """Of a part that is an item of its own; None for what there is no form for."""
    if part.kind == "block" and part.media_type == RESPONSES_ITEM:
        item: dict[str, Any] = orjson.loads(part.text)
        return item
    return image_item(new_id("ig"), part) if part.kind == "image" and part.data else None


def annotations_of(part: Part) -> list[dict[str, Any]]:
    """What a text rests on."""
    told = [annotation_of(citation, 0, len(part.text)) for citation in part.citations]
    return [one for one in told if one is not None]


def message_item(id: str, status: str) -> dict[str, Any]:
    return {"id": id, "type": "message", "status": status, "role": "assistant", "content": []}


def call_item(id: str, call: Part, status: str) -> dict[str, Any]:
    names = {"call_id": call.id, "name": call.name, "arguments": call.text}
    return {"id": id, "type": "function_call", "status": status, **names}


def reasoning_item(id: str, text: str, signature: str = "") -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": text}] if text else []
    return {
        "id": id,
        "type": "reasoning",
        "summary": summary,
        **({"encrypted_content": signature} if signature else {}),
    }


def said(kind: str, text: str, logprobs: Any = None, annotations: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    if kind == "refusal":
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": list(annotations), "logprobs": logprobs or []}


def usage_of(usage: Usage) -> dict[str, Any]:
    read = {"cached_tokens": usage.cached_input, "cache_write_tokens": usage.cache_write}
    return {
        "input_tokens": usage.input,
        "input_tokens_details": read,
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
