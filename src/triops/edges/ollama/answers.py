"""Answers of `/api/chat` and `/api/generate`: the same but for where what was said stands (`Voice`)."""

from collections.abc import Sequence
from typing import Any, Literal

import orjson

from triops.edges.ollama.options import now_text
from triops.kernel.completion import Finish, Part, Reply, Usage

Voice = Literal["chat", "generate"]
_REASONS: dict[Finish, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "stop",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "error": "error",
}


def whole_of(voice: Voice, model: str, answer: Reply, took_ns: int) -> dict[str, Any]:
    """`took_ns`: all of it counts as evaluation, since nobody saw the first words."""
    choice = answer.choices[0] if answer.choices else None
    parts = choice.parts if choice else ()
    told = {"model": answer.model or model, "created_at": now_text()}
    text = "".join(part.text for part in parts if part.kind in ("text", "refusal"))
    thinking = "".join(part.text for part in parts if part.kind == "thinking")
    images = [part.data for part in parts if part.kind == "image" and part.data]
    told |= said(voice, text, thinking, calls_of(parts), images)
    if choice and choice.logprobs:
        told["logprobs"] = choice.logprobs
    return told | done(choice.finish if choice else "stop", answer.usage) | durations(0, took_ns)


def said(
    voice: Voice, text: str, thinking: str = "", calls: Sequence[dict[str, Any]] = (), images: Sequence[str] = ()
) -> dict[str, Any]:
    """`images`: in base64. `generate` has room for one, a chat for none: its clients cannot read a message with any."""
    thought = {"thinking": thinking} if thinking else {}
    if voice == "generate":
        return {"response": text, **thought, **({"image": images[-1]} if images else {})}
    message = {"role": "assistant", "content": text, **thought}
    return {"message": {**message, "tool_calls": list(calls)} if calls else message}


def done(finish: Finish, usage: Usage | None) -> dict[str, Any]:
    """`prompt_eval_cached_count` only where a cache was read."""
    told: dict[str, Any] = {"done": True, "done_reason": _REASONS[finish]}
    if usage is not None:
        told["prompt_eval_count"] = usage.input
        if usage.cached_input:
            told["prompt_eval_cached_count"] = usage.cached_input
        told["eval_count"] = usage.output
    return told


def durations(before_ns: int, after_ns: int) -> dict[str, int]:
    """As this side saw them: until the first words is the prompt's evaluation."""
    return {
        "total_duration": before_ns + after_ns,
        "load_duration": 0,
        "prompt_eval_duration": before_ns,
        "eval_duration": after_ns,
    }


def calls_of(parts: Sequence[Part]) -> list[dict[str, Any]]:
    held = [part for part in parts if part.kind == "tool_call"]
    return [call_of(index, part.id, part.name, part.text) for index, part in enumerate(held)]


def call_of(index: int, id: str, name: str, arguments: str) -> dict[str, Any]:
    """Ollama's arguments are an object; what is none stands under `arguments`."""
    try:
        value = orjson.loads(arguments) if arguments else {}
    except orjson.JSONDecodeError:
        value = arguments
    given = value if isinstance(value, dict) else {"arguments": value}
    return {"id": id, "function": {"index": index, "name": name, "arguments": given}}
