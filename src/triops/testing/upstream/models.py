"""What each family's providers list as their models, by their published references. `status=500` in `x-upstream` and
other orders hold as everywhere."""

from typing import Any

import orjson

from triops.testing.upstream.gemini import GeminiWire
from triops.testing.upstream.ollama import OllamaChatWire
from triops.testing.upstream.openai_wire import CREATED, OpenAIWire, key_of
from triops.testing.upstream.orders import Orders
from triops.testing.upstream.wire import Answer, Asked, Request

_AT = "2026-01-01T00:00:00Z"


class ModelsWire(OpenAIWire):
    """In Anthropic's shape for who sends its version: its path is the same."""

    method = "GET"
    path = "/v1/models"

    def asked(self, request: Request) -> Asked:
        return Asked("", "", request.headers.get("x-api-key") or key_of(request), False)

    def answer(self, request: Request, asked: Asked, orders: Orders) -> Answer:
        if "anthropic-version" in request.headers:
            return _listed("data", [_claude("claude-opus-5"), _claude("claude-haiku-5")], has_more=False)
        made = {"object": "model", "created": CREATED, "owned_by": "loopback"}
        return _listed("data", [{"id": name, **made} for name in ("small-1", "large-1", "embed-1")], object="list")


class GeminiModelsWire(GeminiWire):
    method = "GET"
    path = "/v1beta/models"

    def asked(self, request: Request) -> Asked:
        return Asked("", "", request.headers.get("x-goog-api-key", ""), False)

    def answer(self, request: Request, asked: Asked, orders: Orders) -> Answer:
        methods = {
            "gemini-3-flash": ["generateContent", "countTokens"],
            "embed-1": ["embedContent"],
            "imagen-4": ["predict"],
        }
        models = [{"name": f"models/{n}", "supportedGenerationMethods": how} for n, how in methods.items()]
        return _listed("models", models)


class OllamaTagsWire(OllamaChatWire):
    method = "GET"
    path = "/api/tags"

    def asked(self, request: Request) -> Asked:
        return Asked("", "", key_of(request), False)

    def answer(self, request: Request, asked: Asked, orders: Orders) -> Answer:
        names = ("llama3:latest", "nomic-embed-text:v1.5")
        return _listed("models", [{"name": n, "model": n, "modified_at": "2026-01-01T01:00:00.5+01:00"} for n in names])


def _claude(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": _AT}


def _listed(member: str, models: list[dict[str, Any]], **more: Any) -> Answer:
    return Answer([orjson.dumps({**more, member: models})], [0], 0)
