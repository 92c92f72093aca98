"""OpenAI, and whatever speaks its API at another URL (vLLM, Mistral, Groq, …).

Native: chat completions and embeddings; responses where `responses` says so, else they are translated into chat
completions. That is also how new the server is taken to be: one with responses is asked with `max_completion_tokens`
and `developer`, one without with `max_tokens` and `system`. (A native request keeps the caller's own words.)

`stream_options.include_usage` is added to every streamed chat, unless `stream_usage` is off (for a server that refuses
the member); the event that this brings is hidden from a caller who did not ask for it.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from triops.adapters.providers.faults import MOST_BODY, refused
from triops.adapters.providers.openai_chat import ChatDecoder, reply_of
from triops.adapters.providers.openai_write import chat_of
from triops.kernel.completion import Ask, Chat, Embed, Embedded, Reply
from triops.kernel.errors import Invalid
from triops.ports.providers import Decoder, Fault, Outgoing, Target

_TYPE = ("content-type", "application/json")


def speaks_responses(host: str) -> bool:
    """Where a Provider document does not say: OpenAI itself does, others are taken not to."""
    return host == "api.openai.com" or host.endswith(".api.openai.com")


class OpenAIProvider:
    name = "openai"

    def __init__(self, *, responses: bool = False, stream_usage: bool = True) -> None:
        self._modern = responses
        self._stream_usage = stream_usage
        chat = frozenset({"openai.chat", "openai.embeddings"})
        self.native = chat | {"openai.responses"} if responses else chat

    def request(self, ask: Ask, content: Chat | Embed | None, target: Target) -> Outgoing:
        dropped: tuple[str, ...] = ()
        if content is None:
            tree = dict(ask.raw)
            tree["model"] = target.model
        elif isinstance(content, Chat):
            tree = {"model": target.model}
            written, missing = chat_of(content, ask.dialect, modern=self._modern)
            tree.update(written)
            dropped = tuple(missing)
            if ask.stream:
                tree["stream"] = True
        else:
            raise Invalid("not a chat", field="model")
        self._add(ask, content, tree, target.cap)
        return Outgoing("POST", target.path + "/chat/completions", _headers(ask, target), _dump(tree), dropped)

    def reply(self, ask: Ask, status: int, headers: Mapping[str, str], body: bytes) -> Reply | Embedded:
        if not 200 <= status < 300:
            raise refused(status, headers, body)
        return reply_of(_tree(body))

    def decoder(self, ask: Ask) -> Decoder:
        return ChatDecoder(hide_usage=not _wants_usage(ask))

    def _add(self, ask: Ask, content: Chat | Embed | None, tree: dict[str, Any], cap: int | None) -> None:
        """What the target and we add to a chat."""
        if cap is not None and ask.max_tokens is None:
            tree["max_completion_tokens" if self._modern else "max_tokens"] = cap
        if ask.stream and self._stream_usage:
            options = ask.raw.get("stream_options") if content is None else None
            tree["stream_options"] = {**(options or {}), "include_usage": True}


def _wants_usage(ask: Ask) -> bool:
    options = ask.raw.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def _headers(ask: Ask, target: Target) -> tuple[tuple[str, str], ...]:
    """The target's own win."""
    headers: tuple[tuple[str, str], ...] = (_TYPE,)
    if target.credential:
        headers += (("authorization", f"Bearer {target.credential}"),)
    if beta := ask.headers.get("openai-beta"):
        headers += (("openai-beta", beta),)
    if not target.headers:
        return headers
    own = {name for name, _ in target.headers}
    return (*(one for one in headers if one[0] not in own), *target.headers)


def _dump(tree: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(tree)
    except TypeError:  # what was read may be deeper than what can be written
        raise Invalid("nested too deep", field="body", expected="at most 250 levels") from None


def _tree(body: bytes) -> Mapping[str, Any]:
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Fault("garbage", "an answer that is not JSON", body=body[:MOST_BODY]) from None
    if not isinstance(tree, dict):
        raise Fault("garbage", "an answer that is not an object", body=body[:MOST_BODY])
    if tree.get("error") and "choices" not in tree:
        raise refused(502, {}, body)
    return tree
