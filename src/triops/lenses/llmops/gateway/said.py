"""What was said to a model and what it answered, as JSON text for the journal, bounded.

Cut texts end in an ellipsis, so that the JSON stays whole; pictures and files are named, never kept.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from triops.kernel.completion import Chat, Choice, Citation, Delta, Embed, Finish, Part, Reply, Usage

_CUT = "…"
PLAIN = frozenset({"openai.chat", "anthropic.messages"})
_SETTINGS = frozenset(
    {
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "stop",
        "n",
        "reasoning_effort",
    }
)
_SAYING = frozenset({"text", "arguments", "thinking", "refusal"})
_NAME = 256  # characters of a name, an id, a role
_CALL = Part("tool_call")
_BLOCK = 4096  # characters of a provider's own block; longer ones, which hold files and what is sealed, are named
_BYTES_EACH = 40  # what the JSON of a part costs beside its text


class _Room:
    """How many characters may still be kept."""

    __slots__ = ("left",)

    def __init__(self, most: int) -> None:
        self.left = most

    def fit(self, text: str) -> str:
        self.left -= _BYTES_EACH
        if len(text) <= self.left:
            self.left -= len(text)
            return text
        kept = text[: max(0, self.left)]
        self.left = 0
        return kept + _CUT


def plain_text(raw: Mapping[str, Any], most: int) -> str | None:
    """As `input_text`, without reading the request in full: of one whose messages, as far as they are kept, all are
    plain texts, which most are; None of any other. `raw`: of a dialect whose messages have `role` and `content`
    (OpenAI's, Anthropic's)."""
    messages = raw.get("messages")
    if type(messages) is not list or "system" in raw:
        return None
    left = most
    said: list[dict[str, Any]] = []
    for message in reversed(messages):
        if left <= 0:
            break
        if type(message) is not dict or len(message) != 2:
            return None
        role, text = message.get("role"), message.get("content")
        if type(text) is not str or type(role) is not str or len(role) > _NAME:
            return None
        left -= _BYTES_EACH + len(text)
        if left < 0:
            text = text[: max(0, left + len(text))] + _CUT
        said.append({"role": role, "parts": [{"kind": "text", "text": text}]})
    said.reverse()
    return orjson.dumps(said).decode()


def last_kept(raw: Mapping[str, Any], most: int) -> int:
    """How many of a request's last messages have all the text that `input_text` keeps; all of them where not even those
    have so much."""
    messages = raw.get("messages")
    if type(messages) is not list:
        return 0
    left = most
    for count, message in enumerate(reversed(messages), 1):
        left -= _length(message.get("content")) if type(message) is dict else 0
        if left <= 0:
            return count
    return len(messages)


def _length(content: Any) -> int:
    """Characters of a message's plain texts, those of tools' results too, as they count when they are kept."""
    if type(content) is str:
        return len(content) + _BYTES_EACH if content else 0
    if type(content) is not list:
        return 0
    parts = [part for part in content if type(part) is dict]
    return sum([_length(part.get("text" if part.get("type") == "text" else "content")) for part in parts])


def plain_settings(raw: Mapping[str, Any]) -> dict[str, Any]:
    """As `settings_of`, of the same requests."""
    found = {name: value for name, value in raw.items() if name in _SETTINGS}
    for new, name in (("max_completion_tokens", "max_tokens"), ("stop_sequences", "stop")):
        if new in raw:
            found[name] = raw[new]
    return found


def input_text(content: Chat | Embed, most: int) -> str:
    """`[{"role", "parts"}]`; the last messages are kept where not all have room, for they are what is asked."""
    room = _Room(most)
    said: list[dict[str, Any]] = []
    if isinstance(content, Embed):
        for text in content.inputs:
            if room.left <= 0:
                break
            shown = text if isinstance(text, str) else f"{len(text)} tokens"
            said.append({"role": "user", "parts": [{"kind": "text", "text": room.fit(shown)}]})
        return orjson.dumps(said).decode()
    for message in reversed(content.messages):
        if room.left <= 0:
            break
        said.append({"role": message.role, "parts": [_part(part, room) for part in message.parts if room.left > 0]})
    said.reverse()
    return orjson.dumps(said).decode()


def reply_text(reply: Reply, most: int) -> str:
    """`[{"parts", "finish"}]`, one a choice."""
    room = _Room(most)
    said: list[dict[str, Any]] = []
    for choice in reply.choices:
        parts: list[dict[str, Any]] = []
        for part in choice.parts:
            if room.left > 0:
                parts.append(_part(part, room))
        said.append({"parts": parts, "finish": choice.finish})
    return orjson.dumps(said).decode()


def settings_of(content: Chat | Embed) -> Mapping[str, Any]:
    """The request's own parameters, those that are set."""
    if isinstance(content, Embed):
        return {"dimensions": content.dimensions} if content.dimensions else {}
    found = {
        "temperature": content.temperature,
        "top_p": content.top_p,
        "top_k": content.top_k,
        "max_tokens": content.max_tokens,
        "seed": content.seed,
        "presence_penalty": content.presence_penalty,
        "frequency_penalty": content.frequency_penalty,
        "stop": list(content.stop) or None,
        "n": content.n if content.n > 1 else None,
        "tools": [tool.name for tool in content.tools[:50]] or None,
        "reasoning_effort": content.reasoning_effort or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _part(part: Part, room: _Room) -> dict[str, Any]:
    said: dict[str, Any] = {"kind": part.kind}
    if part.text and not (part.kind == "block" and len(part.text) > _BLOCK):
        said["text"] = room.fit(part.text)
    if part.name:
        said["name"] = part.name[:_NAME]
    if part.id:
        said["id"] = part.id[:_NAME]
    if part.media_type:
        said["media_type"] = part.media_type[:_NAME]
    if part.url and len(part.url) <= 300 and not part.url.startswith("data:"):
        said["url"] = room.fit(part.url)
    if part.parts:
        said["parts"] = [_part(inner, room) for inner in part.parts if room.left > 0]
    return said


class Heard:
    """A streamed answer, put together as it comes: its text within a bound, and how much it was in all.
    `most`: characters that are kept; `whole` says whether that was all. Log probabilities are not kept."""

    __slots__ = ("_calls", "_cited", "_left", "_members", "_plain", "_seals", "_texts", "_wholes", "characters",
                 "finishes", "id", "model", "stopped_by", "usage")  # fmt: skip

    def __init__(self, most: int) -> None:
        self._left = most
        self._texts: dict[tuple[int, str, int], list[str]] = {}  # in the order that each began
        self._calls: dict[tuple[int, int], Part] = {}
        self._seals: dict[tuple[int, int], tuple[str, str]] = {}
        self._members: dict[tuple[int, int], str] = {}  # which one thinking came in
        self._cited: dict[tuple[int, int], list[Citation]] = {}
        self._wholes: list[Part] = []
        self._plain = True
        self.characters = 0
        self.finishes: dict[int, Finish] = {}
        self.id = ""
        self.model = ""
        self.stopped_by = ""
        self.usage: Usage | None = None

    def hear(self, deltas: Sequence[Delta]) -> None:
        for delta in deltas:
            kind = delta.kind
            if kind in _SAYING:
                text = delta.text
                self.characters += len(text)
                if self._left > 0 and text:
                    kept = text if len(text) <= self._left else text[: self._left]
                    self._left -= len(kept)
                    pieces = self._texts.get((delta.index, kind, delta.part))
                    if pieces is None:
                        self._texts[delta.index, kind, delta.part] = [kept]
                        if delta.name:
                            self._members[delta.index, delta.part] = delta.name
                    else:
                        pieces.append(kept)
                if delta.signature and self._has_room(len(delta.signature)):
                    self._texts.setdefault((delta.index, kind, delta.part), [])
                    self._seals[delta.index, delta.part] = (delta.id, delta.signature)
            elif kind == "tool":
                empty = delta.item if isinstance(delta.item, Part) else _CALL
                call = replace(empty, id=delta.id, name=delta.name, signature=delta.signature)
                self._calls[delta.index, delta.part] = call
                self._texts.setdefault((delta.index, "arguments", delta.part), [])
            elif kind == "start":
                self.model = delta.model or self.model
                self.id = delta.id or self.id
            elif kind == "finish":
                self.finishes[delta.index] = delta.finish
                self.stopped_by = delta.stop_sequence
            elif kind == "usage" and delta.usage is not None:
                self.usage = delta.usage
            elif kind == "logprobs":
                self._plain = False
            elif delta.item is not None:
                self._held(delta, delta.item)

    def _held(self, delta: Delta, item: Part | Citation) -> None:
        if isinstance(item, Citation):
            if self._has_room(_BYTES_EACH + len(item.url) + len(item.title) + len(item.text)):
                self._texts.setdefault((delta.index, "text", delta.part), [])
                self._cited.setdefault((delta.index, delta.part), []).append(item)
        else:
            fits = self._has_room(_BYTES_EACH + len(item.text) + len(item.data))
            self._texts[delta.index, "whole", len(self._wholes)] = []
            self._wholes.append(item if fits else replace(item, text="", data=""))

    def _has_room(self, size: int) -> bool:
        """Of what is kept whole or not at all."""
        if size > self._left:
            self._plain = False
            return False
        self._left -= size
        return True

    @property
    def whole(self) -> bool:
        return self._left > 0 and self._plain

    @property
    def kept(self) -> str:
        return "".join([piece for pieces in self._texts.values() for piece in pieces])

    def reply(self) -> Reply:
        """What a whole answer would have been, as far as it was kept."""
        parts: dict[int, list[Part]] = {index: [] for index in self.finishes}
        for (index, kind, part), pieces in self._texts.items():
            parts.setdefault(index, []).append(self._part(index, kind, part, "".join(pieces)))
        choices = tuple(Choice(i, tuple(parts[i]), self.finishes.get(i, "error")) for i in sorted(parts))
        return Reply(self.id, self.model, choices, self.usage, stop_sequence=self.stopped_by)

    def _part(self, index: int, kind: str, part: int, text: str) -> Part:
        if kind == "whole":
            return self._wholes[part]
        if kind == "arguments":
            return replace(self._calls.get((index, part), _CALL), text=text)
        if kind == "thinking":
            id, signature = self._seals.get((index, part), ("", ""))
            return Part("thinking", text, id, self._members.get((index, part), ""), signature=signature)
        cited = tuple(self._cited.get((index, part), ())) if kind == "text" else ()
        return Part(kind, text, citations=cited)  # type: ignore[arg-type]

    def text(self, most: int) -> str:
        """`[{"parts", "finish"}]`, one a choice; `finish` is `error` of one that was cut."""
        reply = self.reply()
        return reply_text(reply if self._left > 0 else _marked(reply), most)


def _marked(reply: Reply) -> Reply:
    """Of texts that there was no room for, each may have been cut."""
    choices = [
        replace(
            choice, parts=tuple([replace(part, text=part.text + _CUT) if part.text else part for part in choice.parts])
        )
        for choice in reply.choices
    ]
    return replace(reply, choices=tuple(choices))


def deltas_of(reply: Reply) -> list[Delta]:
    """A whole answer as a stream."""
    deltas: list[Delta] = []
    for choice in reply.choices:
        index = choice.index
        deltas.append(Delta("start", index, id=reply.id, model=reply.model))
        said: Counter[str] = Counter()  # how many of each kind
        for part in choice.parts:
            kind, place = part.kind, said[part.kind]
            if kind == "tool_call":
                empty = replace(part, text="", id="", name="", signature="")
                item = None if empty == _CALL else empty
                begun = Delta("tool", index, "", place, part.id, part.name, signature=part.signature, item=item)
                deltas.append(begun)
                deltas.append(Delta("arguments", index, part.text, part=place))
            elif kind in ("text", "thinking", "refusal") and not part.data:
                said_now = Delta(kind, index, part.text, place, part.id, part.name, signature=part.signature)
                deltas.append(said_now)
                deltas += [Delta("citation", index, part=place, item=citation) for citation in part.citations]
            else:
                deltas.append(Delta("whole", index, item=part))
                continue
            said[kind] += 1
        if choice.logprobs is not None:
            deltas.append(Delta("logprobs", index, logprobs=choice.logprobs))
        deltas.append(Delta("finish", index, finish=choice.finish, stop_sequence=reply.stop_sequence))
    if reply.usage is not None:
        deltas.append(Delta("usage", usage=reply.usage))
    return deltas
