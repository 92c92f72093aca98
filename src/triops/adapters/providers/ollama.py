"""Ollama, here or in its cloud. The base URL may end in `/api` or not."""

from collections.abc import Mapping, Sequence
from typing import Any

from triops.adapters.providers.faults import refused
from triops.adapters.providers.json_body import headers_of, tree_of, written
from triops.adapters.providers.leaving import leave_out, no_word
from triops.adapters.providers.offering import listing, models_in, offered_of
from triops.adapters.providers.ollama_read import LineDecoder, reply_of, usage_of
from triops.adapters.providers.ollama_write import body_of, put_back
from triops.adapters.providers.vectors import texts_of, vector_of
from triops.kernel.completion import Ask, Chat, Embed, Embedded, Reply
from triops.ports.providers import Decoder, Fault, Offered, Outgoing, Target

_ENDPOINTS = {"ollama.chat": "chat", "ollama.generate": "generate", "ollama.embed": "embed"}


class OllamaProvider:
    name = "ollama"
    native = frozenset(_ENDPOINTS)

    def request(self, ask: Ask, content: Chat | Embed | None, target: Target) -> Outgoing:
        dropped: tuple[str, ...] = ()
        if ask.operation == "count":
            raise no_word("model", target.model, "a provider that counts tokens")
        if content is None:
            endpoint, tree = _ENDPOINTS[ask.dialect], {**ask.raw, "model": target.model}
            if target.cap is not None and ask.max_tokens is None and endpoint != "embed":
                tree["options"] = {**(tree.get("options") or {}), "num_predict": target.cap}
        elif isinstance(content, Embed):
            endpoint, (tree, dropped) = "embed", _embedding(content, target)
        else:
            endpoint, tree, dropped = body_of(content, ask.dialect, target)
            tree["stream"] = ask.stream
        path = target.path.removesuffix("/api") + f"/api/{endpoint}"
        return Outgoing("POST", path, headers_of(_key(target), target), written(tree), dropped)

    def reply(self, ask: Ask, status: int, headers: Mapping[str, str], body: bytes) -> Reply | Embedded:
        if not 200 <= status < 300:
            raise refused(status, headers, body)
        tree = tree_of(body)
        if tree.get("error"):
            raise refused(502, headers, body)
        if ask.operation != "embeddings":
            return reply_of(tree)
        vectors = tree.get("embeddings")
        if not isinstance(vectors, list):
            raise Fault("garbage", "an answer without embeddings")
        model = tree.get("model")
        return Embedded(tuple(map(vector_of, vectors)), model if isinstance(model, str) else "", usage_of(tree))

    def decoder(self, ask: Ask) -> Decoder:
        return LineDecoder()

    def listing(self, target: Target) -> Outgoing:
        return listing(target.path.removesuffix("/api") + "/api/tags", _key(target), target)

    def offered(self, status: int, headers: Mapping[str, str], body: bytes) -> Sequence[Offered]:
        return offered_of(models_in(status, headers, body, "models"), "name", "modified_at")


def _key(target: Target) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {target.credential}"),) if target.credential else ()


def _embedding(content: Embed, target: Target) -> tuple[dict[str, Any], tuple[str, ...]]:
    dropped: list[str] = []
    tree: dict[str, Any] = {"model": target.model, "input": texts_of(content)}
    if content.dimensions is not None:
        tree["dimensions"] = content.dimensions
    leave_out(put_back(dict(content.extra), tree), dropped)
    return tree, tuple(dropped)
