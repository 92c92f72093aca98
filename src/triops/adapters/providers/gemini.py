"""Google's Gemini API: `generateContent` and `batchEmbedContents`. The base URL may end in the version or not. No
caller's dialect is native."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from triops.adapters.providers.faults import error_of, refused
from triops.adapters.providers.gemini_read import ContentDecoder, reply_of, usage_of
from triops.adapters.providers.gemini_write import body_of
from triops.adapters.providers.json_body import as_text, headers_of, tree_of, written
from triops.adapters.providers.leaving import leave_out, no_word
from triops.adapters.providers.offering import listing, models_in, offered_of
from triops.adapters.providers.vectors import texts_of, vector_of
from triops.kernel.completion import Ask, Chat, Embed, Embedded, Reply
from triops.kernel.errors import Invalid
from triops.ports.providers import Decoder, Fault, Offered, Outgoing, Target

VERSION = "v1beta"
_ASKED = frozenset({"generateContent", "embedContent", "batchEmbedContents"})
_VERSIONED = re.compile(r"/v\d\w*$", re.ASCII)


class GeminiProvider:
    name = "gemini"
    native: frozenset[str] = frozenset()

    def request(self, ask: Ask, content: Chat | Embed | None, target: Target) -> Outgoing:
        if content is None or ask.operation == "count":
            raise no_word("model", target.model, "a chat or embeddings")
        model = _path_of(target.model)
        if isinstance(content, Chat):
            tree, dropped = body_of(content, target)
            call = "streamGenerateContent?alt=sse" if ask.stream else "generateContent"
        else:
            tree, dropped = _embedding(content, model)
            call = "batchEmbedContents"
        path = f"{_base(target)}/{model}:{call}"
        return Outgoing("POST", path, headers_of(_key(target), target), written(tree), dropped)

    def reply(self, ask: Ask, status: int, headers: Mapping[str, str], body: bytes) -> Reply | Embedded:
        if not 200 <= status < 300:
            raise _fault(status, headers, body)
        tree = tree_of(body)
        if ask.operation != "embeddings":
            return reply_of(tree)
        embeddings = tree.get("embeddings")
        if not isinstance(embeddings, list) or not all(isinstance(one, dict) for one in embeddings):
            raise Fault("garbage", "an answer without embeddings")
        vectors = tuple(vector_of(one.get("values")) for one in embeddings)
        return Embedded(vectors, "", usage_of(tree.get("usageMetadata")))

    def decoder(self, ask: Ask) -> Decoder:
        return ContentDecoder()

    def listing(self, target: Target) -> Outgoing:
        return listing(f"{_base(target)}/models?pageSize=1000", _key(target), target)

    def offered(self, status: int, headers: Mapping[str, str], body: bytes) -> Sequence[Offered]:
        """Those alone that can be called here: it lists models of other interfaces, too."""
        models = models_in(status, headers, body, "models")
        called = [one for one in models if _ASKED.intersection(_methods(one))]
        names = [{"name": as_text(one.get("name")).removeprefix("models/")} for one in called]
        return offered_of(names, "name", "")


def _key(target: Target) -> tuple[tuple[str, str], ...]:
    return (("x-goog-api-key", target.credential),) if target.credential else ()


def _base(target: Target) -> str:
    return target.path if _VERSIONED.search(target.path) else f"{target.path}/{VERSION}"


def _methods(model: Mapping[str, Any]) -> Sequence[str]:
    methods = model.get("supportedGenerationMethods")
    if not isinstance(methods, list):
        return tuple(_ASKED)  # it does not say
    return [method for method in methods if isinstance(method, str)]


def _path_of(model: str) -> str:
    """The model's resource. A caller may have named it: it must not lead anywhere else."""
    if any(step in ("", ".", "..") for step in model.split("/")):
        raise Invalid("not a model's name", field="model", got=model, expected="a name without empty steps or dots")
    return quote(model if "/" in model else f"models/{model}", safe="/")


def _embedding(content: Embed, model: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    dropped: list[str] = []
    leave_out(content.extra, dropped)
    asked = {} if content.dimensions is None else {"outputDimensionality": content.dimensions}
    requests = [
        {"model": unquote(model), "content": {"parts": [{"text": text}]}, **asked} for text in texts_of(content)
    ]
    return {"requests": requests}, tuple(dropped)


def _fault(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    """Google tells when to try again, and that a key is not valid (status 400), in the error's details."""
    fault = refused(status, headers, body)
    details = error_of(body).get("details")
    for one in details if isinstance(details, list) else ():
        if not isinstance(one, dict):
            continue
        if one.get("reason") == "API_KEY_INVALID":
            fault.kind = "auth"
        delay = as_text(one.get("retryDelay")).removesuffix("s")
        if delay.replace(".", "", 1).isdecimal() and delay.isascii() and len(delay) < 20:
            fault.retry_after_s = fault.retry_after_s or float(delay)
    return fault
