"""OpenAI's chat completions, by its published reference: whole answers and streams, tools, structured outputs, log
probabilities, several choices, usage."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from triops.testing.upstream.openai_wire import CREATED, OpenAIWire
from triops.testing.upstream.orders import Orders
from triops.testing.upstream.searched import IMAGE_TOKENS, chat_annotation, chat_image
from triops.testing.upstream.speech import instance, pieces_of, spoken, tokens_of, words
from triops.testing.upstream.wire import Answer, Asked, Refused, Request

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


@dataclass(frozen=True, slots=True)
class Said:
    """One choice: pieces of text, or a refusal's, or calls (name, argument pieces); and why it ended."""

    pieces: list[str]
    finish: str
    refused: bool = False
    calls: tuple[tuple[str, list[str]], ...] = ()
    thoughts: tuple[str, ...] = ()
    looked: str = ""  # what was searched for
    images: int = 0

    @property
    def tokens(self) -> int:
        return (
            IMAGE_TOKENS * self.images
            + len(self.pieces)
            + len(self.thoughts)
            + sum(len(pieces) for _, pieces in self.calls)
        )


class ChatWire(OpenAIWire):
    path = "/v1/chat/completions"

    def answer(self, request: Request, asked: Asked, orders: Orders) -> Answer:
        tree = request.tree
        messages = tree.get("messages")
        if not isinstance(messages, list) or not messages:
            raise Refused(400, "Invalid type for 'messages': expected an array with at least one item.", "messages")
        read = sum(_read(message, i) for i, message in enumerate(messages)) + 3
        said = [_said(tree, orders) for _ in range(tree.get("n") or 1)]
        usage = usage_of(read, sum(one.tokens for one in said), orders)
        model = asked.model.partition("!")[0]
        head = {"id": f"chatcmpl-{request.id}", "created": CREATED, "model": model, "service_tier": "default"}
        logprobs = tree.get("logprobs") is True
        if not asked.stream:
            choices = [_choice(i, one, logprobs) for i, one in enumerate(said)]
            whole = {**head, "object": "chat.completion", "choices": choices, "system_fingerprint": "fp_1"}
            if orders.usage:
                whole["usage"] = usage
            body = orjson.dumps(whole)
            tokens = [usage["completion_tokens"]]
            return Answer([body], tokens, read, 0 if orders.usage else -1, orders.cached, orders.think)
        options = tree.get("stream_options") or {}
        tells = bool(options.get("include_usage")) and bool(orders.usage)
        head["object"] = "chat.completion.chunk"
        if tells:
            head["usage"] = None
        events, costs = [], []
        for i, one in enumerate(said):
            for choice, cost in _chunks(i, one, logprobs):
                events.append(b"data: " + orjson.dumps({**head, "choices": [choice]}) + b"\n\n")
                costs.append(cost)
        if tells:
            events.append(b"data: " + orjson.dumps({**head, "choices": [], "usage": usage}) + b"\n\n")
        if orders.done:
            events.append(b"data: [DONE]\n\n")
        costs += [0] * (len(events) - len(costs))
        at = len(events) - 1 - bool(orders.done) if tells else -1
        error = b"data: " + self.refusal(500, "", None) + b"\n\n"
        return Answer(events, costs, read, at, orders.cached, orders.think, "text/event-stream", error)


def usage_of(read: int, written: int, orders: Orders) -> dict[str, Any]:
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": min(orders.cached, read), "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": orders.think,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _read(message: Any, place: int) -> int:
    if not isinstance(message, Mapping) or message.get("role") not in _ROLES:
        raise Refused(400, f"Invalid value for 'messages[{place}].role'.", f"messages[{place}].role")
    content = message.get("content")
    tokens = 4
    if isinstance(content, str):
        tokens += tokens_of(content)
    elif isinstance(content, list):
        tokens += sum(tokens_of(str(part.get("text", ""))) if part.get("type") == "text" else 85 for part in content)
    for call in message.get("tool_calls") or ():
        tokens += tokens_of(str(call.get("function", {}).get("arguments", ""))) + 4
    return tokens


def _said(tree: Mapping[str, Any], orders: Orders) -> Said:
    messages = tree["messages"]
    most = tree.get("max_completion_tokens") or tree.get("max_tokens")
    thoughts = tuple(words(orders.think))
    if orders.refuse:
        return Said(["I ", "cannot ", "help ", "with ", "that."], "stop", refused=True, thoughts=thoughts)
    tools = [one["function"] for one in tree.get("tools") or () if one.get("type") == "function"]
    choice = tree.get("tool_choice")
    if tools and choice != "none" and orders.calls and (messages[-1].get("role") != "tool" or choice == "required"):
        if isinstance(choice, dict):
            tools = [tool for tool in tools if tool["name"] == choice.get("function", {}).get("name")]
        called = [tools[i % len(tools)] for i in range(max(1, orders.calls))] if tools else []
        calls = tuple((tool["name"], arguments_of(tool.get("parameters"))) for tool in called)
        return Said([], "tool_calls", calls=calls, thoughts=thoughts)
    asked = tree.get("response_format") or {}
    if asked.get("type") == "json_schema":
        text = orjson.dumps(instance(asked["json_schema"].get("schema") or {})).decode()
        return Said([text[i : i + 8] for i in range(0, len(text), 8)], "stop", thoughts=thoughts)
    if asked.get("type") == "json_object":
        return Said(['{"answer": ', '"seven"}'], "stop", thoughts=thoughts)
    stop = tree.get("stop") or []
    pieces, finish = spoken(orders, _last(messages), most, [stop] if isinstance(stop, str) else stop)
    looked = _last(messages) if orders.search else ""
    return Said(pieces, orders.finish or finish, thoughts=thoughts, looked=looked, images=orders.images)


def arguments_of(schema: Any) -> list[str]:
    """Arguments that fit, in two pieces."""
    text = orjson.dumps(instance(schema or {"type": "object"})).decode()
    half = (len(text) + 1) // 2
    return [piece for piece in (text[:half], text[half:]) if piece]


def _last(messages: list[Any]) -> str:
    for message in reversed(messages):
        if message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, list):
                return "".join(str(part.get("text", "")) for part in content)
            return str(content or "")
    return ""


def _logprobs(pieces: list[str]) -> list[dict[str, Any]]:
    return [
        {"token": piece, "logprob": -0.25, "bytes": list(piece.encode()), "top_logprobs": []}
        for text in pieces
        for piece in pieces_of(text)
    ]


def _choice(index: int, said: Said, logprobs: bool) -> dict[str, Any]:
    text = "".join(said.pieces)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if said.refused or said.calls else text,
        "refusal": text if said.refused else None,
        "annotations": [chat_annotation(said.looked, text)] if said.looked else [],
    }
    if said.images:
        message["images"] = [chat_image()] * said.images
    if said.thoughts:
        message["reasoning_content"] = "".join(said.thoughts)
    if said.calls:
        message["tool_calls"] = [
            {
                "id": f"call_{index}_{place}",
                "type": "function",
                "function": {"name": name, "arguments": "".join(pieces)},
            }
            for place, (name, pieces) in enumerate(said.calls)
        ]
    told = {"content": _logprobs(said.pieces), "refusal": None} if logprobs else None
    return {"index": index, "message": message, "logprobs": told, "finish_reason": said.finish}


def _chunks(index: int, said: Said, logprobs: bool) -> Iterator[tuple[dict[str, Any], int]]:
    def chunk(delta: dict[str, Any], finish: str | None = None, told: Any = None) -> dict[str, Any]:
        return {"index": index, "delta": delta, "logprobs": told, "finish_reason": finish}

    yield chunk({"role": "assistant", "content": None if said.calls else "", "refusal": None}), 0
    for thought in said.thoughts:
        yield chunk({"reasoning_content": thought}), 1
    for piece in said.pieces:
        told = {"content": _logprobs([piece]), "refusal": None} if logprobs else None
        yield chunk({"refusal" if said.refused else "content": piece}, None, told), 1
    for _ in range(said.images):
        yield chunk({"images": [chat_image()]}), IMAGE_TOKENS
    if said.looked:
        yield chunk({"annotations": [chat_annotation(said.looked, "".join(said.pieces))]}), 0
    for place, (name, pieces) in enumerate(said.calls):
        head = {"index": place, "id": f"call_{index}_{place}", "type": "function"}
        yield chunk({"tool_calls": [{**head, "function": {"name": name, "arguments": ""}}]}), 0
        for piece in pieces:
            yield chunk({"tool_calls": [{"index": place, "function": {"arguments": piece}}]}), 1
    yield chunk({}, said.finish), 0
