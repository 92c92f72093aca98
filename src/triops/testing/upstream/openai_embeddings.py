"""OpenAI's embeddings, by its published reference. A vector is made of its text's hash, of unit length."""

import base64
import hashlib
import math
import struct
from typing import Any

import orjson

from triops.testing.upstream.openai_wire import OpenAIWire
from triops.testing.upstream.orders import Orders
from triops.testing.upstream.speech import tokens_of
from triops.testing.upstream.wire import Answer, Asked, Refused, Request

_USUAL = 16


class EmbeddingsWire(OpenAIWire):
    path = "/v1/embeddings"

    def answer(self, request: Request, asked: Asked, orders: Orders) -> Answer:
        tree = request.tree
        inputs = _inputs(tree.get("input"))
        size = tree.get("dimensions") or _USUAL
        read = sum(tokens_of(one) if isinstance(one, str) else len(one) for one in inputs)
        packed = tree.get("encoding_format") == "base64"
        data = [
            {"object": "embedding", "index": i, "embedding": _packed(one, size) if packed else vector(one, size)}
            for i, one in enumerate(inputs)
        ]
        whole: dict[str, Any] = {"object": "list", "data": data, "model": asked.model.partition("!")[0]}
        if orders.usage:
            whole["usage"] = {"prompt_tokens": read, "total_tokens": read}
        return Answer([orjson.dumps(whole)], [0], read, 0 if orders.usage else -1)


def vector(value: str | list[int], size: int) -> list[float]:
    """Single precision, so that packed and plain vectors are equal."""
    seed = hashlib.sha256(repr(value).encode()).digest()
    numbers = [seed[i % 32] - 127.5 + i // 32 for i in range(size)]
    length = math.sqrt(sum(number * number for number in numbers))
    return list(struct.unpack(f"<{size}f", struct.pack(f"<{size}f", *(number / length for number in numbers))))


def _packed(value: str | list[int], size: int) -> str:
    return base64.b64encode(struct.pack(f"<{size}f", *vector(value, size))).decode()


def _inputs(value: Any) -> list[Any]:
    if isinstance(value, str) and value:
        return [value]
    if isinstance(value, list) and value:
        return [value] if all(isinstance(one, int) for one in value) else value
    raise Refused(400, "'$.input' is invalid. Please check the API reference.", "input")
