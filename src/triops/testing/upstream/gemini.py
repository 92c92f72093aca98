"""Google's `generateContent`, `streamGenerateContent` and `batchEmbedContents`, by their published reference. Orders
stand in the model's name or in `x-upstream`: there is no user."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import orjson

from triops.testing.upstream.openai_chat import Said
from triops.testing.upstream.openai_embeddings import vector
from triops.testing.upstream.orders import Orders
from triops.testing.upstream.searched import IMAGE_TOKENS, PIXEL
from triops.testing.upstream.speech import tokens_of
from triops.testing.upstream.turn import Turn, said_of
from triops.testing.upstream.wire import Answer, Asked, Refused, Request

_ROOT = "/v1beta/models/"
_CALLS = ("generateContent", "streamGenerateContent", "batchEmbedContents")
_FIELDS = {
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "cachedContent",
}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_ENDS = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}


class GeminiWire:
    method = "POST"
    path = _ROOT + "*"

    def refusal(self, status: int, message: str, param: str | None) -> bytes:
        error: dict[str, Any] = {"code": status, "message": message or f"status {status}"}
        error["status"] = _STATUSES.get(status, "UNKNOWN")
        if status == 429:
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"}]
        return orjson.dumps({"error": error})

    def asked(self, request: Request) -> Asked:
        model, _, call = unquote(request.path.removeprefix(_ROOT)).rpartition(":")
        if call not in _CALLS:
            raise Refused(404, "Requested entity was not found.")
        return Asked(model, "", request.headers.get("x-goog-api-key", ""), call.startswith("stream"))

    def answer(self, request: Request, asked: Asked, orders: Orders) -> Answer:
        tree = request.tree
        if request.path.endswith(":batchEmbedContents"):
            return _embedded(tree, orders)
        for name in tree:
            if name not in _FIELDS:
                raise Refused(400, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
        contents = tree.get("contents")
        if not isinstance(contents, list) or not contents:
            raise Refused(400, "GenerateContentRequest.contents: contents is not specified")
        read = sum(_read(content, i) for i, content in enumerate(contents))
        said = said_of(_turn(tree), orders)
        head = {"modelVersion": asked.model.partition("!")[0], "responseId": f"resp_{request.id}"}
        thought, cached = len(said.thoughts), min(orders.cached, read)

        def usage(written: int) -> dict[str, Any]:
            if not orders.usage:
                return {}
            told = {"promptTokenCount": read, "candidatesTokenCount": written, "totalTokenCount": read + written}
            more = {"cachedContentTokenCount": cached} if cached else {}
            thoughts = {"thoughtsTokenCount": thought} if thought else {}
            return {"usageMetadata": {**told, **more, **thoughts}}

        parts, costs = _parts(said)
        end = _ENDS.get(said.finish, said.finish)
        count = (tree.get("generationConfig") or {}).get("candidateCount") or 1
        if not asked.stream:
            candidates = [
                {"content": {"role": "model", "parts": parts}, "finishReason": end, "index": i} for i in range(count)
            ]
            total = (sum(costs) - thought) * count
            body = orjson.dumps({"candidates": candidates, **head, **usage(total)})
            return Answer([body], [total + thought], read, 0 if orders.usage else -1, cached, thought)
        events, written = [], 0
        for part, cost in zip(parts, costs, strict=True):
            written += 0 if part.get("thought") else cost
            candidate = {"content": {"role": "model", "parts": [part]}, "index": 0}
            events.append(_event({"candidates": [candidate], **head, **usage(written)}))
        if orders.done:
            last = {"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": end, "index": 0}
            events.append(_event({"candidates": [last], **head, **usage(written)}))
        costs += [0] * (len(events) - len(costs))
        at = len(events) - 1 if orders.usage else -1
        error = b"data: " + self.refusal(503, "The model is overloaded.", None) + b"\r\n\r\n"
        return Answer(events, costs, read, at, cached, thought, "text/event-stream", error)


def _embedded(tree: Mapping[str, Any], orders: Orders) -> Answer:
    vectors, read = [], 0
    for one in tree.get("requests") or ():
        text = "".join(part["text"] for part in one["content"]["parts"])
        read += tokens_of(text)
        vectors.append({"values": vector(text, one.get("outputDimensionality") or 16)})
    whole: dict[str, Any] = {"embeddings": vectors}
    if orders.usage:
        whole["usageMetadata"] = {"promptTokenCount": read, "totalTokenCount": read}
    return Answer([orjson.dumps(whole)], [0], read, 0 if orders.usage else -1)


def _read(content: Any, index: int) -> int:
    if not isinstance(content, dict) or content.get("role") not in ("user", "model"):
        raise Refused(400, f"contents[{index}].role: Please use a valid role: user, model.")
    if not content.get("parts"):
        raise Refused(400, f"contents[{index}].parts: contents.parts must not be empty.")
    return sum(
        tokens_of(part["text"]) if "text" in part else tokens_of(orjson.dumps(part).decode())
        for part in content["parts"]
    )


def _turn(tree: Mapping[str, Any]) -> Turn:
    tools = [
        (one["name"], one.get("parametersJsonSchema") or {})
        for group in tree.get("tools") or ()
        for one in group.get("functionDeclarations") or ()
    ]
    config = tree.get("generationConfig") or {}
    calling = (tree.get("toolConfig") or {}).get("functionCallingConfig") or {}
    parts = tree["contents"][-1]["parts"]
    wants_json = config.get("responseMimeType") == "application/json"
    return Turn(
        last="".join(part.get("text", "") for part in parts),
        tools=tools,
        may=calling.get("mode") != "NONE",
        must=(calling.get("allowedFunctionNames") or [""])[0] if calling.get("mode") == "ANY" else None,
        answered=any("functionResponse" in part for part in parts),
        schema=config.get("responseJsonSchema") or {} if wants_json else None,
        most=config.get("maxOutputTokens"),
        stop=config.get("stopSequences") or (),
    )


def _parts(said: Said) -> tuple[list[dict[str, Any]], list[int]]:
    parts: list[dict[str, Any]] = [{"text": text, "thought": True} for text in said.thoughts]
    parts += [{"text": text} for text in said.pieces]
    costs = [1] * len(parts)
    parts += [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}] * said.images
    costs += [IMAGE_TOKENS] * said.images
    for place, (name, pieces) in enumerate(said.calls):
        call: dict[str, Any] = {"functionCall": {"name": name, "args": orjson.loads("".join(pieces))}}
        if place == 0:
            call["thoughtSignature"] = "c2lnbmVk"
        parts.append(call)
        costs.append(len(pieces))
    return parts, costs


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(body) + b"\r\n\r\n"
