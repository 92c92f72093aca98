"""Anthropic's Messages API, by its published reference of 2026-10-21 and 2023-06-01: whole answers and named events,
tools, structured outputs, usage, and the refusals of what it does not take."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from triops.testing.upstream.openai_chat import Said
from triops.testing.upstream.orders import Orders
from triops.testing.upstream.searched import anthropic_blocks, anthropic_citation
from triops.testing.upstream.speech import tokens_of
from triops.testing.upstream.turn import Turn, said_of
from triops.testing.upstream.wire import Answer, Asked, Refused, Request

_SAMPLING = frozenset({"temperature", "top_p", "top_k"})
_FIELDS = _SAMPLING | {
    "cache_control", "container", "context_management", "diagnostics", "inference_geo", "max_tokens", "mcp_servers",
    "messages", "metadata", "model", "output_config", "service_tier", "speed", "stop_sequences", "stream", "system",
    "thinking", "tool_choice", "tools",
}  # fmt: skip
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_LAST = " That is all."  # said after a text that cites something
_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


class MessagesWire:
    method = "POST"
    path = "/v1/messages"

    def refusal(self, status: int, message: str, param: str | None) -> bytes:
        error = {"type": _ERRORS.get(status, "api_error"), "message": message or f"status {status}"}
        return orjson.dumps({"type": "error", "error": error, "request_id": "req_loopback"})

    def asked(self, request: Request) -> Asked:
        tree, headers = request.tree, request.headers
        model = tree.get("model")
        if not isinstance(model, str) or not model:
            raise Refused(400, "model: Field required")
        key = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        user = (tree.get("metadata") or {}).get("user_id") or ""
        return Asked(model, str(user), key, tree.get("stream") is True)

    def answer(self, request: Request, asked: Asked, orders: Orders) -> Answer:
        tree = request.tree
        read = checked(request, needs_bound=True)
        said = said_of(_turn(tree), orders)
        cached = min(orders.cached, read)
        model = asked.model.partition("!")[0]
        usage: dict[str, Any] = {
            "input_tokens": read - cached,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": cached,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": said.tokens,
            "output_tokens_details": {"thinking_tokens": len(said.thoughts)},
            "service_tier": "standard",
        }
        head = {"id": f"msg_{request.id}", "type": "message", "role": "assistant", "model": model}
        end = {"stop_reason": _STOPS.get(said.finish, said.finish), "stop_sequence": None, "stop_details": None}
        if not asked.stream:
            body = orjson.dumps(
                {**head, "content": _content(said), **end, **({"usage": usage} if orders.usage else {})}
            )
            at = 0 if orders.usage else -1
            return Answer([body], [said.tokens], read, at, cached, len(said.thoughts))
        begun: dict[str, Any] = {
            **head,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
        }
        first = {"usage": {**usage, "output_tokens": 1, "output_tokens_details": None}} if orders.usage else {}
        events = [_event({"type": "message_start", "message": {**begun, **first}}), _event({"type": "ping"})]
        costs = [0, 0]
        for event, cost in _blocks(said):
            events.append(_event(event))
            costs.append(cost)
        total = {"usage": usage} if orders.usage else {}
        events.append(_event({"type": "message_delta", "delta": end, **total}))
        at = len(events) - 1 if orders.usage else -1
        if orders.done:
            events.append(_event({"type": "message_stop"}))
        costs += [0] * (len(events) - len(costs))
        error = b"event: error\ndata: " + self.refusal(529, "Overloaded", None) + b"\n\n"
        return Answer(events, costs, read, at, cached, len(said.thoughts), "text/event-stream", error)


class CountWire(MessagesWire):
    path = "/v1/messages/count_tokens"

    def answer(self, request: Request, asked: Asked, orders: Orders) -> Answer:
        return Answer([orjson.dumps({"input_tokens": checked(request, needs_bound=False)})], [0], 0)


def checked(request: Request, *, needs_bound: bool) -> int:
    """The tokens of the input. Raises: Refused."""
    tree, version = request.tree, request.headers.get("anthropic-version")
    if version not in ("2023-06-01", "2026-10-21"):
        raise Refused(400, "anthropic-version: header is required")
    allowed = _FIELDS - _SAMPLING if version == "2026-10-21" else _FIELDS
    for name in tree:
        if name not in allowed:
            raise Refused(400, f"{name}: Extra inputs are not permitted")
    if needs_bound and type(tree.get("max_tokens")) is not int:
        raise Refused(400, "max_tokens: Field required")
    messages = tree.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused(400, "messages: at least one message is required")
    read = tokens_of(orjson.dumps(tree.get("tools") or "").decode()) + _tokens(tree.get("system"))
    open_calls: set[str] = set()
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant", "system"):
            raise Refused(400, f"messages.{index}.role: Input should be 'user' or 'assistant'")
        blocks = message.get("content")
        blocks = [{"type": "text", "text": blocks}] if isinstance(blocks, str) else blocks or []
        results = {block["tool_use_id"] for block in blocks if block.get("type") == "tool_result"}
        if results != open_calls:
            raise Refused(400, f"messages.{index}: `tool_use` ids and `tool_result` blocks do not belong together")
        if any(block.get("type") == "text" and not block.get("text") for block in blocks):
            raise Refused(400, f"messages.{index}: text content blocks must be non-empty")
        open_calls = {block["id"] for block in blocks if block.get("type") == "tool_use"}
        read += _tokens(blocks) + 3
    return read


def _tokens(content: Any) -> int:
    if isinstance(content, str):
        return tokens_of(content)
    return sum(
        tokens_of(block["text"]) if block.get("type") == "text" else tokens_of(orjson.dumps(block).decode())
        for block in content or ()
    )


def _turn(tree: Mapping[str, Any]) -> Turn:
    tools = [(tool["name"], tool.get("input_schema") or {}) for tool in tree.get("tools") or () if "name" in tool]
    choice = tree.get("tool_choice") or {}
    kind = choice.get("type")
    blocks = tree["messages"][-1].get("content")
    blocks = [{"type": "text", "text": blocks}] if isinstance(blocks, str) else blocks or []
    form = (tree.get("output_config") or {}).get("format")
    return Turn(
        last="".join(block.get("text", "") for block in blocks if block.get("type") == "text"),
        tools=tools,
        may=kind != "none",
        must=choice.get("name", "") if kind in ("any", "tool") else None,
        answered=any(block.get("type") == "tool_result" for block in blocks),
        schema=form["schema"] if form else None,
        most=tree.get("max_tokens"),
        stop=tree.get("stop_sequences") or (),
    )


def _content(said: Said) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    if said.thoughts:
        content.append({"type": "thinking", "thinking": "".join(said.thoughts), "signature": "c2lnbmVk"})
    if said.looked:
        content += anthropic_blocks(said.looked)
    if said.pieces:
        cited = [anthropic_citation(said.looked)] if said.looked else None
        content.append({"type": "text", "text": "".join(said.pieces), "citations": cited})
    if said.looked:
        content.append({"type": "text", "text": _LAST, "citations": None})
    for place, (name, pieces) in enumerate(said.calls):
        given = orjson.loads("".join(pieces))
        content.append({"type": "tool_use", "id": f"toolu_{place}", "name": name, "input": given, "caller": None})
    return content


def _blocks(said: Said) -> Iterator[tuple[dict[str, Any], int]]:
    index = 0
    if said.thoughts:
        yield _begin(index, {"type": "thinking", "thinking": "", "signature": ""}), 0
        for thought in said.thoughts:
            yield _delta(index, {"type": "thinking_delta", "thinking": thought}), 1
        yield _delta(index, {"type": "signature_delta", "signature": "c2lnbmVk"}), 0
        yield {"type": "content_block_stop", "index": index}, 0
        index += 1
    if said.looked:
        call, found = anthropic_blocks(said.looked)
        yield _begin(index, {**call, "input": {}}), 0
        given = orjson.dumps(call["input"]).decode()
        for piece in (given[:7], given[7:]):
            yield _delta(index, {"type": "input_json_delta", "partial_json": piece}), 0
        yield {"type": "content_block_stop", "index": index}, 0
        yield _begin(index + 1, found), 0
        yield {"type": "content_block_stop", "index": index + 1}, 0
        index += 2
    if said.pieces:
        yield _begin(index, {"type": "text", "text": ""}), 0
        for piece in said.pieces:
            yield _delta(index, {"type": "text_delta", "text": piece}), 1
        if said.looked:
            yield _delta(index, {"type": "citations_delta", "citation": anthropic_citation(said.looked)}), 0
        yield {"type": "content_block_stop", "index": index}, 0
        index += 1
    if said.looked:
        yield _begin(index, {"type": "text", "text": ""}), 0
        yield _delta(index, {"type": "text_delta", "text": _LAST}), 0
        yield {"type": "content_block_stop", "index": index}, 0
        index += 1
    for place, (name, pieces) in enumerate(said.calls):
        yield _begin(index, {"type": "tool_use", "id": f"toolu_{place}", "name": name, "input": {}}), 0
        for piece in pieces:
            yield _delta(index, {"type": "input_json_delta", "partial_json": piece}), 1
        yield {"type": "content_block_stop", "index": index}, 0
        index += 1


def _begin(index: int, block: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def _delta(index: int, delta: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _event(body: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (str(body["type"]).encode(), orjson.dumps(body))
