"""POST /v1/chat/completions: the envelope of a request, and a whole answer.

`ask` reads what every call needs and stays out of the messages, since it stands in every call's way.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from triops.edges.openai.asking import MOST_CHOICES, asked, prompt_in
from triops.edges.openai.beside import annotation_of, image_url_of, nested
from triops.edges.openai.chat_content import content_of
from triops.edges.openai.chat_stream import ChatEncoder
from triops.edges.openai.dialect import OpenAIDialect
from triops.edges.openai.words import finish_word, is_old, thought_member, tool_call_of, usage_of
from triops.kernel.completion import CHAT_MEMBER, Ask, Chat, Choice, Embedded, Reply
from triops.kernel.errors import Invalid
from triops.web.dialects import Encoder
from triops.web.members import flag, mapping, tree_of, whole


class ChatDialect(OpenAIDialect):
    name = "openai.chat"
    path = "/v1/chat/completions"

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now

    def ask(self, body: bytes, headers: Mapping[str, str]) -> Ask:
        raw = tree_of(body)
        prompt = prompt_in(raw)
        messages = raw.get("messages")
        if not isinstance(messages, list) or not messages:
            if prompt is None or (messages is not None and messages != []):
                raise Invalid("not a list of messages", field="messages", got=messages, expected="at least one message")
            raw["messages"] = []
        options = raw.get("stream_options")
        if options is not None:
            flag(mapping(options, "stream_options"), "include_usage", "stream_options")
        choices = whole(raw, "n", 1, most=MOST_CHOICES) or 1
        return asked(self.name, raw, len(body), headers, prompt, _bound(raw), choices)

    def content(self, ask: Ask) -> Chat:
        return content_of(ask.raw)

    def reply(self, ask: Ask, answer: Reply | Embedded) -> bytes:
        assert isinstance(answer, Reply)
        tree: dict[str, Any] = {
            "id": answer.id or f"chatcmpl-{secrets.token_hex(12)}",
            "object": "chat.completion",
            "created": answer.created or int(self._now()),
            "model": answer.model or ask.model,
            "choices": [_choice(choice, old=is_old(ask.raw)) for choice in answer.choices],
        }
        if answer.usage is not None:
            tree["usage"] = usage_of(answer.usage)
        return orjson.dumps(tree)

    def encoder(self, ask: Ask) -> Encoder:
        return ChatEncoder(ask, int(self._now()))


def _bound(raw: Mapping[str, Any]) -> int | None:
    """Of both words for the same bound the larger counts, so that nobody reserves too little."""
    new, old = whole(raw, "max_completion_tokens", 1), whole(raw, "max_tokens", 1)
    return new if old is None else old if new is None else max(new, old)


def _choice(choice: Choice, *, old: bool) -> dict[str, Any]:
    texts = [part.text for part in choice.parts if part.kind == "text"]
    refusals = [part.text for part in choice.parts if part.kind == "refusal"]
    thoughts = [part for part in choice.parts if part.kind == "thinking" and part.text]
    calls = [tool_call_of(part) for part in choice.parts if part.kind == "tool_call"]
    images = [image_url_of(part) for part in choice.parts if part.kind == "image"]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(texts) if texts or not (refusals or calls or images) else None,
        "refusal": "".join(refusals) if refusals else None,
    }
    if thoughts:
        message[thought_member(thoughts[0].name)] = "".join([part.text for part in thoughts])
    if cited := _annotations(choice):
        message["annotations"] = cited
    if images:
        message["images"] = images
    for part in choice.parts:
        if part.kind == "block" and part.media_type == CHAT_MEMBER:
            message[part.name] = orjson.loads(part.text)
    if calls and old:
        message["function_call"] = calls[0]["function"]
    elif calls:
        message["tool_calls"] = calls
    return {
        "index": choice.index,
        "message": message,
        "logprobs": None if choice.logprobs is None else {"content": choice.logprobs, "refusal": None},
        "finish_reason": finish_word(choice.finish, refused=bool(refusals), old=old),
    }


def _annotations(choice: Choice) -> list[dict[str, Any]]:
    """Of all its texts, which are one here."""
    said: list[dict[str, Any]] = []
    begin = 0
    for part in choice.parts:
        if part.kind == "text":
            end = begin + len(part.text)
            told = [annotation_of(citation, begin, end, begin) for citation in part.citations]
            said += [nested(one) for one in told if one is not None]
            begin = end
    return said
