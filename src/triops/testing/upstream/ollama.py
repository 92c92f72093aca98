"""Ollama's `/api/chat`, `/api/generate` and `/api/embed`, by its published reference. Orders stand in the model's name
or in `x-upstream`: there is no user."""

from collections.abc import Mapping
from typing import Any

import orjson

from triops.testing.upstream.openai_chat import Said
from triops.testing.upstream.openai_embeddings import vector
from triops.testing.upstream.orders import Orders
from triops.testing.upstream.speech import tokens_of
from triops.testing.upstream.turn import Turn, said_of
from triops.testing.upstream.wire import Answer, Asked, Refused, Request

_CREATED = "2026-01-01T00:00:00.123456789Z"
_DURATIONS = {"total_duration": 9_000_000, "load_duration": 1_000_000, "prompt_eval_duration": 2_000_000}


class OllamaChatWire:
    method = "POST"
    path = "/api/chat"

    def refusal(self, status: int, message: str, param: str | None) -> bytes:
        return orjson.dumps({"error": message or f"status {status}"})

    def asked(self, request: Request) -> Asked:
        model = request.tree.get("model")
        if not isinstance(model, str) or not model:
            raise Refused(400, "model is required")
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        return Asked(model, "", key, request.tree.get("stream") is not False)

    def answer(self, request: Request, asked: Asked, orders: Orders) -> Answer:
        tree = request.tree
        said = said_of(self._turn(tree), orders)
        read = self._read(tree)
        head = {"model": asked.model.partition("!")[0], "created_at": _CREATED}
        counts: dict[str, Any] = {"prompt_eval_count": read, "eval_count": said.tokens, "eval_duration": 6_000_000}
        if orders.cached:
            counts["prompt_eval_cached_count"] = min(orders.cached, read)
        reason = "length" if said.finish == "length" else "stop"
        end = {"done": True, "done_reason": reason, **_DURATIONS, **(counts if orders.usage else {})}
        calls = [
            {"id": f"call_{i}", "function": {"index": i, "name": name, "arguments": orjson.loads("".join(pieces))}}
            for i, (name, pieces) in enumerate(said.calls)
        ]
        if not asked.stream:
            whole = self._said("".join(said.pieces), "".join(said.thoughts), calls)
            body = orjson.dumps({**head, **whole, **end})
            at = 0 if orders.usage else -1
            return Answer([body], [said.tokens], read, at, orders.cached, len(said.thoughts))
        lines = [({"done": False, **self._said("", thought)}, 1) for thought in said.thoughts]
        lines += [({"done": False, **self._said(piece)}, 1) for piece in said.pieces]
        if calls:
            lines.append(({"done": False, **self._said("", "", calls)}, _argued(said)))
        if orders.done:
            lines.append(({**self._said(""), **end}, 0))
        events = [orjson.dumps({**head, **line}) + b"\n" for line, _ in lines]
        at = len(events) - 1 if orders.usage and orders.done else -1
        error = self.refusal(500, "an error was encountered while running the model", None) + b"\n"
        costs = [cost for _, cost in lines]
        return Answer(events, costs, read, at, orders.cached, len(said.thoughts), "application/x-ndjson", error)

    def _said(self, text: str, thinking: str = "", calls: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if thinking:
            message["thinking"] = thinking
        return {"message": {**message, "tool_calls": calls} if calls else message}

    def _read(self, tree: Mapping[str, Any]) -> int:
        messages = tree.get("messages")
        if not isinstance(messages, list):
            raise Refused(400, "json: cannot unmarshal into Go struct field ChatRequest.messages")
        for message in messages:
            if not isinstance(message.get("content", ""), str):
                raise Refused(400, "json: cannot unmarshal array into Go struct field Message.content of type string")
        return sum(tokens_of(message.get("content", "")) + 4 for message in messages)

    def _turn(self, tree: Mapping[str, Any]) -> Turn:
        messages = tree.get("messages") or [{}]
        functions = [tool["function"] for tool in tree.get("tools") or ()]
        return Turn(
            last=str(messages[-1].get("content", "")),
            tools=[(one["name"], one.get("parameters") or {}) for one in functions],
            answered=messages[-1].get("role") == "tool",
            **_bounds(tree),
        )


class OllamaGenerateWire(OllamaChatWire):
    path = "/api/generate"

    def _said(self, text: str, thinking: str = "", calls: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        return {"response": text, **({"thinking": thinking} if thinking else {})}

    def _read(self, tree: Mapping[str, Any]) -> int:
        return tokens_of(tree.get("system") or "") + tokens_of(tree.get("prompt") or "")

    def _turn(self, tree: Mapping[str, Any]) -> Turn:
        return Turn(last=str(tree.get("prompt") or ""), **_bounds(tree))


class OllamaEmbedWire(OllamaChatWire):
    path = "/api/embed"

    def asked(self, request: Request) -> Asked:
        asked = super().asked(request)
        return Asked(asked.model, "", asked.key, False)

    def answer(self, request: Request, asked: Asked, orders: Orders) -> Answer:
        given = request.tree.get("input")
        texts = [given] if isinstance(given, str) else given or []
        size = request.tree.get("dimensions") or 16
        read = sum(tokens_of(text) for text in texts)
        whole = {"model": asked.model.partition("!")[0], "embeddings": [vector(text, size) for text in texts]}
        counts = {"prompt_eval_count": read} if orders.usage else {}
        return Answer([orjson.dumps({**whole, **counts})], [0], read, 0 if orders.usage else -1)


def _bounds(tree: Mapping[str, Any]) -> dict[str, Any]:
    options, form = tree.get("options") or {}, tree.get("format")
    return {
        "schema": ({} if form == "json" else form) if form else None,
        "most": options.get("num_predict"),
        "stop": options.get("stop") or (),
    }


def _argued(said: Said) -> int:
    return sum(len(pieces) for _, pieces in said.calls)
