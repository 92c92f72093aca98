"""OpenAI's responses, by its published reference: whole answers and streams of named, numbered events."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from triops.testing.upstream.openai_chat import arguments_of
from triops.testing.upstream.openai_wire import CREATED, OpenAIWire
from triops.testing.upstream.orders import Orders
from triops.testing.upstream.searched import annotation, response_call
from triops.testing.upstream.speech import instance, spoken, tokens_of, words
from triops.testing.upstream.wire import Answer, Asked, Refused, Request


class ResponsesWire(OpenAIWire):
    path = "/v1/responses"

    def answer(self, request: Request, asked: Asked, orders: Orders) -> Answer:
        tree = request.tree
        items = tree.get("input")
        items = [{"role": "user", "content": items}] if isinstance(items, str) else items
        if not isinstance(items, list) or not items:
            raise Refused(400, "Missing required parameter: 'input'.", "input")
        read = sum(_read(item) for item in items) + tokens_of(str(tree.get("instructions") or "")) + 3
        output, pieces, finish = _output(tree, items, orders, request.id)
        written = orders.think + sum(map(len, pieces))
        response = {
            "id": f"resp_{request.id}",
            "object": "response",
            "created_at": CREATED,
            "status": "incomplete" if finish == "length" else "completed",
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if finish == "length" else None,
            "instructions": tree.get("instructions"),
            "max_output_tokens": tree.get("max_output_tokens"),
            "model": asked.model.partition("!")[0],
            "output": output,
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "store": tree.get("store", True),
            "temperature": 1.0,
            "text": {"format": {"type": "text"}},
            "tool_choice": tree.get("tool_choice") or "auto",
            "tools": tree.get("tools") or [],
            "top_p": 1.0,
            "truncation": "disabled",
            "metadata": tree.get("metadata") or {},
            "usage": _usage(read, written, orders) if orders.usage else None,
        }
        if not asked.stream:
            tells = 0 if orders.usage else -1
            return Answer([orjson.dumps(response)], [written], read, tells, orders.cached, orders.think)
        events, costs = [], []
        for number, (event, cost) in enumerate(_events(response, pieces)):
            named = {"type": event[0], "sequence_number": number, **event[1]}
            events.append(b"event: " + event[0].encode() + b"\ndata: " + orjson.dumps(named) + b"\n\n")
            costs.append(cost)
        error = {"type": "error", "code": "server_error", "message": "The server had an error.", "param": None}
        told = b"event: error\ndata: " + orjson.dumps({**error, "sequence_number": len(events)}) + b"\n\n"
        at = len(events) - 1 if orders.usage else -1
        return Answer(events, costs, read, at, orders.cached, orders.think, "text/event-stream", told)


def _usage(read: int, written: int, orders: Orders) -> dict[str, Any]:
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": min(orders.cached, read), "cache_write_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": orders.think},
        "total_tokens": read + written,
    }


def _read(item: Any) -> int:
    if not isinstance(item, Mapping):
        raise Refused(400, "Invalid type for 'input': expected an object.", "input")
    content = item.get("content") or item.get("output") or item.get("arguments") or ""
    if isinstance(content, str):
        return 4 + tokens_of(content)
    return 4 + sum(tokens_of(str(part.get("text", ""))) if "text" in part else 85 for part in content)


def _output(
    tree: Mapping[str, Any], items: list[Any], orders: Orders, id: int
) -> tuple[list[dict[str, Any]], list[list[str]], str]:
    """The items, the pieces that each is streamed in, and why it ended."""
    output: list[dict[str, Any]] = []
    pieces: list[list[str]] = []
    if orders.think:
        text = "".join(words(orders.think))
        output.append({"id": f"rs_{id}", "type": "reasoning", "summary": [{"type": "summary_text", "text": text}]})
        if "reasoning.encrypted_content" in (tree.get("include") or ()):
            output[-1]["encrypted_content"] = "c2VhbGVk"
        pieces.append([])
    if orders.search:
        output.append(response_call(_last(items), id))
        pieces.append([])
    tools = [tool for tool in tree.get("tools") or () if tool.get("type") == "function"]
    choice = tree.get("tool_choice")
    if tools and choice != "none" and orders.calls and items[-1].get("type") != "function_call_output":
        if isinstance(choice, dict):
            tools = [tool for tool in tools if tool["name"] == choice.get("name")]
        for place in range(max(1, orders.calls)):
            tool = tools[place % len(tools)]
            arguments = arguments_of(tool.get("parameters"))
            names = {"id": f"fc_{id}_{place}", "call_id": f"call_{id}_{place}", "name": tool["name"]}
            output.append({"type": "function_call", "status": "completed", **names, "arguments": "".join(arguments)})
            pieces.append(arguments)
        return output, pieces, "stop"
    finish = "stop"
    asked = (tree.get("text") or {}).get("format") or {}
    if orders.refuse:
        said = ["I ", "cannot ", "help."]
    elif asked.get("type") == "json_schema":
        said = [orjson.dumps(instance(asked.get("schema") or {})).decode()]
    else:
        said, finish = spoken(orders, _last(items), tree.get("max_output_tokens"), ())
    kind = {"type": "refusal", "refusal": "".join(said)}
    text_part: dict[str, Any] = {"type": "output_text", "text": "".join(said), "annotations": [], "logprobs": []}
    if orders.search:
        text_part["annotations"] = [annotation(_last(items), "".join(said))]
    content = [kind if orders.refuse else text_part]
    output.append(
        {"id": f"msg_{id}", "type": "message", "status": "completed", "role": "assistant", "content": content}
    )
    return output, [*pieces, said], finish


def _last(items: list[Any]) -> str:
    for item in reversed(items):
        if item.get("role") == "user":
            content = item.get("content")
            if isinstance(content, list):
                return "".join(str(part.get("text", "")) for part in content)
            return str(content or "")
    return ""


def _events(response: dict[str, Any], pieces: list[list[str]]) -> Iterator[tuple[tuple[str, dict[str, Any]], int]]:
    begun = {**response, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    yield ("response.created", {"response": begun}), 0
    yield ("response.in_progress", {"response": begun}), 0
    for place, (item, said) in enumerate(zip(response["output"], pieces, strict=True)):
        kind = item["type"]
        empty: Any = {"message": {"content": []}, "function_call": {"arguments": ""}, "reasoning": {"summary": []}}
        empty = empty.get(kind, {})
        opened = {**item, **empty, **({} if kind == "reasoning" else {"status": "in_progress"})}
        at = {"item_id": item["id"], "output_index": place}
        yield ("response.output_item.added", {"output_index": place, "item": opened}), 0
        if kind == "message":
            yield from _content(item["content"][0], said, at)
        elif kind == "function_call":
            for piece in said:
                yield ("response.function_call_arguments.delta", {**at, "delta": piece}), 1
            yield ("response.function_call_arguments.done", {**at, "arguments": item["arguments"]}), 0
        elif kind == "web_search_call":
            for stage in ("in_progress", "searching", "completed"):
                yield (f"response.web_search_call.{stage}", at), 0
        else:
            part, at = item["summary"][0], {**at, "summary_index": 0}
            opened_part = {"type": "summary_text", "text": ""}
            yield ("response.reasoning_summary_part.added", {**at, "part": opened_part}), 0
            cost = len(part["text"].split())
            yield ("response.reasoning_summary_text.delta", {**at, "delta": part["text"]}), cost
            yield ("response.reasoning_summary_text.done", {**at, "text": part["text"]}), 0
            yield ("response.reasoning_summary_part.done", {**at, "part": part}), 0
        yield ("response.output_item.done", {"output_index": place, "item": item}), 0
    yield (f"response.{response['status']}", {"response": response}), 0


def _content(
    part: dict[str, Any], said: list[str], at: dict[str, Any]
) -> Iterator[tuple[tuple[str, dict[str, Any]], int]]:
    at = {**at, "content_index": 0}
    field = "refusal" if part["type"] == "refusal" else "text"
    name = "response.refusal" if field == "refusal" else "response.output_text"
    more: dict[str, Any] = {} if field == "refusal" else {"logprobs": []}
    empty = {**part, field: "", **({} if field == "refusal" else {"annotations": []})}
    yield ("response.content_part.added", {**at, "part": empty}), 0
    for piece in said:
        yield (f"{name}.delta", {**at, "delta": piece, **more}), 1
    for place, one in enumerate(part.get("annotations") or ()):
        added = {"annotation_index": place, "annotation": one}
        yield ("response.output_text.annotation.added", {**at, **added}), 0
    yield (f"{name}.done", {**at, field: part[field], **more}), 0
    yield ("response.content_part.done", {**at, "part": part}), 0
