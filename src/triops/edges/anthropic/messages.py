"""`POST /v1/messages` and `POST /v1/messages/count_tokens`, as Anthropic's clients speak them (`anthropic-version`
2023-06-01 and 2026-10-21: the later one only allows less)."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from triops.edges.anthropic.blocks import blocks_of, members_of
from triops.edges.anthropic.content import chat_of
from triops.edges.anthropic.problems import problem_of
from triops.edges.anthropic.ratelimits import headers_of
from triops.edges.anthropic.stream import MessageEncoder
from triops.edges.anthropic.words import message_id, stop_reason, usage_of
from triops.kernel.completion import Ask, Chat, Embed, Embedded, Operation, Reply
from triops.kernel.errors import Invalid, TriopsError
from triops.lenses.llmops.gateway.limits import Left
from triops.web.dialects import Encoder, Problem
from triops.web.envelope import MOST_WHO, model_of, prompt_of, session_of, texts_of
from triops.web.members import flag, mapping, sequence, tree_of, whole

_FORWARDED = ("anthropic-version", "anthropic-beta")


class Messages:
    name = "anthropic.messages"
    path = "/v1/messages"
    stream_type = "text/event-stream; charset=utf-8"
    call_header = "request-id"
    operation: Operation = "chat"

    def ask(self, body: bytes, headers: Mapping[str, str]) -> Ask:
        tree = tree_of(body)
        prompt = prompt_of(tree.pop("prompt", None))
        for index, message in enumerate(sequence(tree.setdefault("messages", []), "messages")):
            mapping(message, f"messages[{index}]")
        if not tree["messages"] and prompt is None:
            raise Invalid("no messages", field="messages", expected="at least one message")
        max_tokens = whole(tree, "max_tokens", 0)
        if max_tokens is None and prompt is None and self.operation == "chat":
            raise Invalid("missing", field="max_tokens", expected="a whole number")
        metadata = texts_of(tree.get("metadata"))
        return Ask(
            dialect=self.name,
            operation=self.operation,
            model=model_of(tree, prompt),
            raw=_without_labels(tree),
            size=len(body),
            stream=flag(tree, "stream") is True and self.operation == "chat",
            max_tokens=max_tokens,
            user=metadata.get("user_id", "")[:MOST_WHO],
            session=session_of(metadata),
            metadata=metadata,
            prompt=prompt,
            headers={name: headers[name] for name in _FORWARDED if name in headers},
        )

    def content(self, ask: Ask) -> Chat | Embed:
        return chat_of(ask.raw, ask.user)

    def reply(self, ask: Ask, answer: Reply | Embedded) -> bytes:
        assert isinstance(answer, Reply)
        choice = answer.choices[0] if answer.choices else None
        members = members_of(choice.parts) if choice else {}
        tree = {
            "id": message_id(answer.id),
            "type": "message",
            "role": "assistant",
            "model": answer.model or ask.model,
            "content": blocks_of(choice.parts) if choice else [],
            "stop_reason": stop_reason(choice.finish if choice else "stop", answer.stop_sequence),
            "stop_sequence": answer.stop_sequence or None,
        }
        usage = usage_of(answer.usage) | members.pop("usage", {})
        return orjson.dumps({**tree, **members, "usage": usage})

    def encoder(self, ask: Ask) -> Encoder:
        return MessageEncoder(ask.model)

    def problem(self, error: TriopsError) -> Problem:
        return problem_of(error)

    def limits(self, left: Left) -> Sequence[tuple[str, str]]:
        return headers_of(left)


class CountTokens(Messages):
    """Answered from `Reply.usage.input`; costs nothing and never streams."""

    name = "anthropic.count_tokens"
    path = "/v1/messages/count_tokens"
    operation: Operation = "count"

    def reply(self, ask: Ask, answer: Reply | Embedded) -> bytes:
        return orjson.dumps({"input_tokens": answer.usage.input if answer.usage else 0})


def _without_labels(tree: dict[str, Any]) -> dict[str, Any]:
    """Anthropic's own `metadata` has `user_id` only; a session beside it is ours."""
    metadata = tree.pop("metadata", None)
    if metadata and metadata.get("user_id") is not None:
        tree["metadata"] = {"user_id": metadata["user_id"]}
    return tree
