"""A streamed answer as Anthropic's named events.

Blocks follow each other, as its own API has them: one is open at a time. Where another provider's parallel tool calls
come interleaved, what is behind the open one waits until its arguments are whole.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from triops.edges.anthropic.blocks import blocks_of, citation_tree, members_of
from triops.edges.anthropic.words import message_id, stop_reason, usage_of
from triops.kernel.completion import Citation, Delta, Finish, Part, Usage
from triops.web.dialects import Problem


class _Call:
    """One tool call on its way: what was written of its arguments, and what waits."""

    __slots__ = ("begun", "head", "said", "waiting")

    def __init__(self, delta: Delta) -> None:
        more = members_of(delta.item.parts) if isinstance(delta.item, Part) else {}
        self.head = {"id": delta.id, "name": delta.name, "input": {}, **more}
        self.begun = False
        self.said: list[str] = []
        self.waiting: list[str] = []

    @property
    def whole(self) -> bool:
        try:
            orjson.loads("".join(self.said) or "null")
        except orjson.JSONDecodeError:
            return False
        return bool(self.said)


class MessageEncoder:
    def __init__(self, model: str) -> None:
        self._model = model
        self._started = False
        self._block = -1  # index of the last block that was begun
        self._open = ""  # its type; "" while none is open
        self._part = 0  # which text or thought it is
        self._calls: dict[int, _Call] = {}
        self._current: int | None = None  # the open call's part
        self._late: list[Delta] = []  # texts that came before the open call was whole
        self._finish: Finish = "stop"
        self._stop_sequence = ""
        self._usage: Usage | None = None
        self._members: dict[str, Any] = {}  # what stands beside the content

    def start(self) -> bytes:
        return b""  # the id comes with the first delta

    def feed(self, deltas: Sequence[Delta]) -> bytes:
        return b"".join(self._written(delta) for delta in deltas if delta.index == 0)

    def _written(self, delta: Delta) -> bytes:
        match delta.kind:
            case "start":
                return self._start(delta.id, delta.model)
            case "text" | "refusal" | "thinking" | "citation" | "whole":
                self._late.append(delta)
                return b"" if self._is_cut() else self._said()
            case "tool":
                self._calls[delta.part] = _Call(delta)
                return self._go_on()
            case "arguments":
                return self._argued(delta)
            case "finish":
                self._finish, self._stop_sequence = delta.finish, delta.stop_sequence
            case "usage":
                self._usage = delta.usage
        return b""

    def end(self) -> bytes:
        out = [self._start("", ""), self._go_on(last=True), self._said(), self._close()]
        members = self._members
        usage = usage_of(self._usage) | members.pop("usage", {})
        edited = {name: members.pop(name) for name in ("context_management",) if name in members}
        told = {"stop_reason": stop_reason(self._finish, self._stop_sequence)}
        delta = {**told, "stop_sequence": self._stop_sequence or None, **members}
        out.append(_event({"type": "message_delta", "delta": delta, "usage": usage, **edited}))
        out.append(_event({"type": "message_stop"}))
        return b"".join(out)

    def fail(self, problem: Problem) -> bytes:
        said = b" ".join(problem.body.splitlines())  # a provider's own words may be on many
        return b"event: error\ndata: " + said + b"\n\n"

    def _start(self, id: str, model: str) -> bytes:
        if self._started:
            return b""
        self._started = True
        message: dict[str, Any] = {
            "id": message_id(id),
            "type": "message",
            "role": "assistant",
            "model": model or self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_of(None),  # what it used is known at the end: `message_delta`
        }
        return _event({"type": "message_start", "message": message})

    def _is_cut(self) -> bool:
        """Whether the open call's arguments are not whole yet."""
        return self._current is not None and not self._calls[self._current].whole

    def _said(self) -> bytes:
        late, self._late = self._late, []
        return b"".join([self._late_one(delta) for delta in late])

    def _late_one(self, delta: Delta) -> bytes:
        match delta.kind:
            case "thinking":
                return self._thought(delta)
            case "citation" if isinstance(delta.item, Citation):
                told = citation_tree(delta.item)
                return b"" if told is None else self._text(delta, {"type": "citations_delta", "citation": told})
            case "whole" if isinstance(delta.item, Part):
                self._members |= members_of((delta.item,))
                return b"".join([self._whole(block) for block in blocks_of((delta.item,))])
        return self._text(delta, {"type": "text_delta", "text": delta.text}) if delta.text else b""

    def _text(self, delta: Delta, told: dict[str, Any]) -> bytes:
        return self._in("text", delta.part, {"text": "", "citations": None}, told)

    def _thought(self, delta: Delta) -> bytes:
        out = b""
        if delta.text:
            said = {"type": "thinking_delta", "thinking": delta.text}
            out = self._in("thinking", delta.part, {"thinking": "", "signature": ""}, said)
        if delta.signature:
            signed = {"type": "signature_delta", "signature": delta.signature}
            out += self._in("thinking", delta.part, {"thinking": "", "signature": ""}, signed) + self._close()
        return out

    def _whole(self, block: dict[str, Any]) -> bytes:
        """Its input comes as a call's does."""
        kind, given = block.pop("type"), block.get("input")
        if not isinstance(given, dict):
            return self._begin(kind, block) + self._close()
        said = {"type": "input_json_delta", "partial_json": orjson.dumps(given).decode()}
        return self._begin(kind, {**block, "input": {}}) + self._delta(said) + self._close()

    def _argued(self, delta: Delta) -> bytes:
        call = self._calls.get(delta.part)
        if call is None or not delta.text:
            return b""
        if delta.part != self._current:
            call.waiting.append(delta.text)
            return self._go_on()
        return self._argue(call, delta.text)

    def _argue(self, call: _Call, text: str) -> bytes:
        call.said.append(text)
        return self._delta({"type": "input_json_delta", "partial_json": text})

    def _go_on(self, last: bool = False) -> bytes:
        """The calls that wait, in order, as far as the open one is whole; `last`: no more will come."""
        out = []
        for part, call in sorted(self._calls.items()):
            if call.begun:
                continue
            if self._is_cut() and not last:
                break
            out.append(self._begin("tool_use", call.head))
            call.begun, self._current = True, part
            out.extend(self._argue(call, text) for text in call.waiting)
            call.waiting.clear()
        return b"".join(out)

    def _in(self, kind: str, part: int, empty: dict[str, Any], delta: dict[str, Any]) -> bytes:
        begun = b"" if self._open == kind and self._part == part else self._begin(kind, empty)
        self._part = part
        return begun + self._delta(delta)

    def _begin(self, kind: str, content: dict[str, Any]) -> bytes:
        out = self._start("", "") + self._close()
        self._block += 1
        self._open = kind
        block = {"type": kind, **content}
        return out + _event({"type": "content_block_start", "index": self._block, "content_block": block})

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _event({"type": "content_block_delta", "index": self._block, "delta": delta})

    def _close(self) -> bytes:
        if not self._open:
            return b""
        self._open, self._current = "", None
        return _event({"type": "content_block_stop", "index": self._block})


def _event(body: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (body["type"].encode(), orjson.dumps(body))
