"""OpenAI, and whatever speaks its API at another URL (vLLM, Mistral, Groq, …).

Native: chat completions, embeddings and moderations; responses where `responses` says so, else they are translated into
chat completions. That is also how new the server is taken to be: one with responses is asked with
`max_completion_tokens` and `developer`, one without with `max_tokens` and `system`. (A native request keeps the
caller's own words.)

`stream_options.include_usage` is added to every streamed chat, unless `stream_usage` is off (for a server that refuses
the member); the event that this brings is hidden from a caller who did not ask for it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from triops.adapters.providers import openai_chat, openai_embeddings, openai_responses
from triops.adapters.providers.faults import refused
from triops.adapters.providers.json_body import headers_of, tree_of, written
from triops.adapters.providers.offering import listing, models_in, offered_of
from triops.adapters.providers.openai_embeddings import embed_of
from triops.adapters.providers.openai_moderations import moderated_of, moderation_of
from triops.adapters.providers.openai_responses_write import responses_of
from triops.adapters.providers.openai_write import chat_of
from triops.kernel.completion import Ask, Chat, Embed, Embedded, Reply
from triops.ports.providers import Decoder, Offered, Outgoing, Target


def speaks_responses(host: str) -> bool:
    """Where a Provider document does not say: OpenAI itself does, others are taken not to."""
    return host == "api.openai.com" or host.endswith(".api.openai.com")


class OpenAIProvider:
    name = "openai"

    def __init__(self, *, responses: bool = False, stream_usage: bool = True) -> None:
        self._modern = responses
        self._stream_usage = stream_usage
        chat = frozenset({"openai.chat", "openai.embeddings", "openai.moderations"})
        self.native = chat | {"openai.responses"} if responses else chat

    def request(self, ask: Ask, content: Chat | Embed | None, target: Target) -> Outgoing:
        dropped: list[str] = []
        response = self._as_response(ask)
        if content is None:
            tree = dict(ask.raw)
        elif ask.operation == "moderations" and isinstance(content, Chat):
            tree = moderation_of(content)
        elif isinstance(content, Embed):
            tree, dropped = embed_of(content, ask.dialect)
        elif response:
            tree = responses_of(content)
        else:
            tree, dropped = chat_of(content, ask.dialect, modern=self._modern)
        tree["model"] = target.model
        path = "/responses" if response else "/chat/completions"
        if ask.operation == "chat":
            self._add(ask, content, tree, target.cap)
        else:
            path = f"/{ask.operation}"
        return Outgoing("POST", target.path + path, _headers(ask, target), written(tree), tuple(dropped))

    def reply(self, ask: Ask, status: int, headers: Mapping[str, str], body: bytes) -> Reply | Embedded:
        if not 200 <= status < 300:
            raise refused(status, headers, body)
        tree = tree_of(body)
        if tree.get("error") and not tree.get("results") and not tree.get("choices") and not tree.get("output"):
            raise refused(502, {}, body)
        if ask.operation == "embeddings":
            return openai_embeddings.embedded_of(tree)
        if ask.operation == "moderations":
            return moderated_of(tree)
        return openai_responses.reply_of(tree) if self._as_response(ask) else openai_chat.reply_of(tree)

    def decoder(self, ask: Ask) -> Decoder:
        if self._as_response(ask):
            return openai_responses.ResponsesDecoder()
        return openai_chat.ChatDecoder(hide_usage=not _wants_usage(ask))

    def listing(self, target: Target) -> Outgoing:
        return listing(target.path + "/models", _key(target), target)

    def offered(self, status: int, headers: Mapping[str, str], body: bytes) -> Sequence[Offered]:
        return offered_of(models_in(status, headers, body, "data"), "id", "created")

    def _as_response(self, ask: Ask) -> bool:
        return self._modern and ask.dialect == "openai.responses"

    def _add(self, ask: Ask, content: Chat | Embed | None, tree: dict[str, Any], cap: int | None) -> None:
        """What the target and we add to a chat."""
        if content is not None and ask.stream:
            tree["stream"] = True
        response = self._as_response(ask)
        if cap is not None and ask.max_tokens is None:
            word = "max_output_tokens" if response else "max_completion_tokens" if self._modern else "max_tokens"
            tree[word] = cap
        if ask.stream and self._stream_usage and not response:
            options = ask.raw.get("stream_options") if ask.dialect == "openai.chat" else None
            tree["stream_options"] = {**(options or {}), "include_usage": True}


def _wants_usage(ask: Ask) -> bool:
    """Only the event that chat completions send for it is ever hidden, from a caller of chat completions."""
    options = ask.raw.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def _headers(ask: Ask, target: Target) -> tuple[tuple[str, str], ...]:
    own = _key(target)
    beta = ask.headers.get("openai-beta")
    return headers_of((*own, ("openai-beta", beta)) if beta else own, target)


def _key(target: Target) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {target.credential}"),) if target.credential else ()
