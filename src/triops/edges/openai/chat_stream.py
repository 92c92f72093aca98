"""A streamed chat completion: one event a chunk, the usage in a last one where the caller asked for it, then [DONE]."""

import secrets
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson

from triops.edges.openai.beside import annotation_of, image_url_of, nested
from triops.edges.openai.problems import error_in
from triops.edges.openai.words import finish_word, is_old, sealed, thought_member, usage_of
from triops.kernel.completion import CHAT_MEMBER, CUSTOM, Ask, Citation, Delta, Part, Usage
from triops.web.dialects import Problem


class ChatEncoder:
    """`created`: unix seconds. A choice opens with its role; the usage goes out at the end, whenever it came."""

    def __init__(self, ask: Ask, created: int) -> None:
        options = ask.raw.get("stream_options")
        self._wants_usage = isinstance(options, dict) and options.get("include_usage") is True
        self._head: dict[str, Any] = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "object": "chat.completion.chunk",
            "created": created,
            "model": ask.model,
        }
        self._open: set[int] = set()
        self._refused: set[int] = set()
        self._text = self._begin = self._end = 0  # which text is being said, and where it stands among them
        self._custom: set[tuple[int, int]] = set()  # calls of custom tools
        self._citations: list[tuple[int, Citation]] = []  # what it rests on, by choice
        self._annotations: dict[int, list[dict[str, Any]]] = {}  # of texts that ended, by choice
        self._images: Counter[int] = Counter()  # how many each choice has
        self._usage: Usage | None = None
        self._old = is_old(ask.raw)

    def start(self) -> bytes:
        return b""

    def feed(self, deltas: Sequence[Delta]) -> bytes:
        return b"".join([self._one(delta) for delta in deltas])

    def end(self) -> bytes:
        last = b""
        if self._wants_usage and self._usage is not None:
            last = _event({**self._head, "choices": [], "usage": usage_of(self._usage)})
        return last + b"data: [DONE]\n\n"

    def fail(self, problem: Problem) -> bytes:
        """No [DONE] follows: its clients raise on an event that holds an error."""
        return _event({"error": error_in(problem)})

    def _one(self, delta: Delta) -> bytes:
        kind = delta.kind
        if kind == "text":
            if delta.part != self._text:
                self._turn(delta.part)
            self._end += len(delta.text)
            return self._chunk(delta.index, {"content": delta.text})
        if kind == "usage":
            self._usage = delta.usage
            return b""
        if kind == "start":
            if delta.id and not self._open:
                self._head["id"] = delta.id
            if delta.model and not self._open:
                self._head["model"] = delta.model
            self._text = self._begin = self._end = 0
            return self._opened(delta.index)
        if kind == "citation" and isinstance(delta.item, Citation):
            if delta.part != self._text:
                self._turn(delta.part)
            self._citations.append((delta.index, delta.item))
            return b""
        if kind == "whole":
            told = self._whole(delta)
            return self._chunk(delta.index, told) if told else b""
        if kind == "finish":
            before = self._cited(delta.index)
            word = finish_word(delta.finish, refused=delta.index in self._refused, old=self._old)
            return before + self._chunk(delta.index, {}, finish=word)
        if kind == "logprobs":
            return self._chunk(delta.index, {}, logprobs=delta.logprobs)
        if (kind == "thinking" and not delta.text) or (self._old and delta.part):
            return b""
        return self._chunk(delta.index, self._less_common(delta))

    def _turn(self, part: int) -> None:
        """A text ends, and another begins. (Of who has several, one choice comes after the other.)"""
        self._settle()
        self._text, self._begin = part, self._end

    def _settle(self) -> None:
        """What was cited, in the words of the dialect: its places are known."""
        for index, citation in self._citations:
            told = annotation_of(citation, self._begin, self._end, self._begin)
            if told is not None:
                self._annotations.setdefault(index, []).append(nested(told))
        self._citations = []

    def _cited(self, index: int) -> bytes:
        """All that a choice's texts rest on, at once: OpenAI's clients put together what came in one chunk alone."""
        if self._citations:
            self._settle()
        told = self._annotations.pop(index, None)
        return self._chunk(index, {"annotations": told}) if told else b""

    def _whole(self, delta: Delta) -> dict[str, Any]:
        part = delta.item
        if isinstance(part, Part) and part.kind == "image":
            place = self._images[delta.index]
            self._images[delta.index] += 1
            return {"images": [{"index": place, **image_url_of(part)}]}
        if isinstance(part, Part) and part.kind == "block" and part.media_type == CHAT_MEMBER:
            return {part.name: orjson.loads(part.text)}
        return {}

    def _less_common(self, delta: Delta) -> dict[str, Any]:
        if delta.kind == "thinking":
            return {thought_member(delta.name): delta.text}
        if delta.kind == "refusal":
            self._refused.add(delta.index)
            return {"refusal": delta.text}
        if delta.kind == "tool":
            function = {"name": delta.name, "arguments": ""}
            if self._old:
                return {"function_call": function}
            if isinstance(delta.item, Part) and delta.item.media_type == CUSTOM:
                self._custom.add((delta.index, delta.part))
                custom = {"name": delta.name, "input": ""}
                return {"tool_calls": [{"index": delta.part, "id": delta.id, "type": "custom", "custom": custom}]}
            call = {"index": delta.part, "id": delta.id, "type": "function", "function": function}
            return {"tool_calls": [call | sealed(delta.signature)]}
        if self._old:
            return {"function_call": {"arguments": delta.text}}
        if (delta.index, delta.part) in self._custom:
            return {"tool_calls": [{"index": delta.part, "custom": {"input": delta.text}}]}
        return {"tool_calls": [{"index": delta.part, "function": {"arguments": delta.text}}]}

    def _opened(self, index: int) -> bytes:
        if index in self._open:
            return b""
        self._open.add(index)
        return self._event_of(index, {"role": "assistant", "content": ""}, None, None)

    def _chunk(self, index: int, delta: dict[str, Any], finish: str | None = None, logprobs: Any = None) -> bytes:
        chunk = self._event_of(index, delta, finish, logprobs)
        return chunk if index in self._open else self._opened(index) + chunk

    def _event_of(self, index: int, delta: dict[str, Any], finish: str | None, logprobs: Any) -> bytes:
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": None if logprobs is None else {"content": logprobs, "refusal": None},
            "finish_reason": finish,
        }
        tree = {**self._head, "choices": [choice]}
        if self._wants_usage:
            tree["usage"] = None
        return _event(tree)


def _event(tree: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(tree) + b"\n\n"
