"""Anthropic, and whatever speaks its Messages API at another URL.

A caller's own `anthropic-version` and `anthropic-beta` go on; others are asked with VERSION, the last one under which
older models still take sampling. The base URL may end in `/v1` or not. There are no embeddings.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from triops.adapters.providers.anthropic_read import reply_of
from triops.adapters.providers.anthropic_stream import MessageDecoder
from triops.adapters.providers.anthropic_write import DEFAULT_MAX_TOKENS, body_of
from triops.adapters.providers.faults import refused
from triops.adapters.providers.json_body import as_count, headers_of, tree_of, written
from triops.adapters.providers.leaving import no_word
from triops.adapters.providers.offering import listing, models_in, offered_of
from triops.kernel.completion import Ask, Chat, Embed, Embedded, Reply, Usage
from triops.ports.providers import Decoder, Fault, Offered, Outgoing, Target

VERSION = "2023-06-01"
_COUNTED = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control")


class AnthropicProvider:
    name = "anthropic"
    native = frozenset({"anthropic.messages", "anthropic.count_tokens"})

    def request(self, ask: Ask, content: Chat | Embed | None, target: Target) -> Outgoing:
        dropped: tuple[str, ...] = ()
        if content is None:
            tree: dict[str, Any] = {**ask.raw, "model": target.model}
            if ask.operation == "chat" and tree.get("max_tokens") is None:
                tree["max_tokens"] = target.cap or DEFAULT_MAX_TOKENS
        elif isinstance(content, Chat):
            tree, dropped = body_of(content, target, same=ask.dialect in self.native)
            if ask.stream:
                tree["stream"] = True
        else:
            raise no_word("input", "embeddings", "a chat")
        path = "/messages"
        if ask.operation == "count":
            tree = {name: value for name, value in tree.items() if content is None or name in _COUNTED}
            path = "/messages/count_tokens"
        return Outgoing("POST", _base(target) + path, _headers(ask, target), written(tree), dropped)

    def reply(self, ask: Ask, status: int, headers: Mapping[str, str], body: bytes) -> Reply | Embedded:
        if not 200 <= status < 300:
            raise refused(status, headers, body)
        tree = tree_of(body)
        if ask.operation != "count":
            return reply_of(tree)
        if type(tree.get("input_tokens")) is not int:
            raise Fault("garbage", "a count without input_tokens")
        return Reply("", ask.model, (), Usage(input=as_count(tree["input_tokens"])))

    def decoder(self, ask: Ask) -> Decoder:
        return MessageDecoder()

    def listing(self, target: Target) -> Outgoing:
        own = (("anthropic-version", VERSION), *_key(target))
        return listing(f"{_base(target)}/models?limit=1000", own, target)

    def offered(self, status: int, headers: Mapping[str, str], body: bytes) -> Sequence[Offered]:
        return offered_of(models_in(status, headers, body, "data"), "id", "created_at")


def _headers(ask: Ask, target: Target) -> tuple[tuple[str, str], ...]:
    own = [("anthropic-version", ask.headers.get("anthropic-version") or VERSION)]
    if beta := ask.headers.get("anthropic-beta"):
        own.append(("anthropic-beta", beta))
    return headers_of((*own, *_key(target)), target)


def _key(target: Target) -> tuple[tuple[str, str], ...]:
    if target.credential.startswith("sk-ant-oat"):  # a token of OAuth, not a key
        return (("authorization", f"Bearer {target.credential}"),)
    return (("x-api-key", target.credential),) if target.credential else ()


def _base(target: Target) -> str:
    return target.path if target.path.endswith("/v1") else target.path + "/v1"
