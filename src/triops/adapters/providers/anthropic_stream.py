"""A streamed answer of Anthropic's Messages API, event by event."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson

from triops.adapters.providers.anthropic_messages import ANSWER
from triops.adapters.providers.anthropic_read import (
    block_of,
    caller_of,
    citation_of,
    fault_kind,
    finish_of,
    json_of,
    members_of,
    usage_of,
)
from triops.adapters.providers.faults import MOST_BODY, error_of, message_of
from triops.adapters.providers.json_body import as_text, event_of
from triops.adapters.providers.sse import Sent, Splitter
from triops.kernel.completion import Delta, Part
from triops.ports.providers import Event, Fault

_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


class MessageDecoder:
    """`message_start` brings the input's tokens and `message_delta` the output's: the usage is told with
    `message_stop`, once. Blocks that have no word of ours are told when they are whole. Events of unknown names are
    passed on as they came."""

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._usage: dict[str, Any] = {}
        self._tools: dict[int, int] = {}  # the block's index: which tool call of the answer it is, -1 for ANSWER
        self._silent: set[int] = set()  # calls whose arguments have not begun
        self._texts: dict[int, int] = {}  # the block's index: which text of the answer it is; and which thought
        self._thoughts: dict[int, int] = {}
        self._blocks: dict[int, _Block] = {}  # those on their way that have no word of ours
        self._answered = False
        self._finished = False
        self.done = False

    def feed(self, data: bytes) -> Sequence[Event]:
        return [self._event(sent) for sent in self._splitter.feed(data) if not self.done]

    def end(self) -> Sequence[Event]:
        events = [self._event(sent) for sent in self._splitter.end() if not self.done]
        if self.done:
            return events
        if not self._finished:
            raise Fault("cut", "the stream ended before its end")
        return [*events, Event(_STOP, self._stop())]  # all was said, and only the last event is missing

    def _event(self, sent: Sent) -> Event:
        if sent.data is None:
            return Event(sent.raw, ())
        tree = event_of(sent.data)
        match tree.get("type"):
            case "content_block_delta":
                deltas = self._more(tree, sent)
            case "content_block_start":
                deltas = self._block(tree, sent)
            case "content_block_stop":
                deltas = self._close(tree)
            case "message_start":
                deltas = self._start(tree, sent)
            case "message_delta":
                deltas = self._end(tree)
            case "message_stop":
                deltas = self._stop()
            case "error":
                error = error_of(sent.data)
                said = message_of(error) or "an error in the stream"
                raise Fault(fault_kind(error), said, body=sent.data[:MOST_BODY])
            case _:
                deltas = ()
        return Event(sent.raw, deltas)

    def _start(self, tree: Mapping[str, Any], sent: Sent) -> tuple[Delta, ...]:
        message = tree.get("message")
        if not isinstance(message, dict):
            raise _garbage("a start without a message", sent)
        self._used(message.get("usage"))
        return (Delta("start", id=as_text(message.get("id")), model=as_text(message.get("model"))),)

    def _block(self, tree: Mapping[str, Any], sent: Sent) -> tuple[Delta, ...]:
        block, index = tree.get("content_block"), tree.get("index")
        if not isinstance(block, dict) or type(index) is not int:
            raise _garbage("a block without its content", sent)
        kind = block.get("type")
        if kind == "text":
            return self._text(index, block)
        if kind == "thinking":
            self._thoughts[index] = len(self._thoughts)
            return ()
        if kind == "redacted_thinking":
            return (Delta("whole", item=Part("thinking", data=as_text(block.get("data")))),)
        if kind != "tool_use":
            if isinstance(kind, str):
                self._blocks[index] = _Block(block)
            return ()
        if block.get("name") == ANSWER:
            self._tools[index], self._answered = -1, True
            begun: tuple[Delta, ...] = ()
        else:
            part = sum(place >= 0 for place in self._tools.values())
            self._tools[index] = part
            caller = caller_of(block)
            item = Part("tool_call", parts=caller) if caller else None
            begun = (Delta("tool", 0, "", part, as_text(block.get("id")), as_text(block.get("name")), item=item),)
        self._silent.add(index)
        given = block.get("input")
        return begun + self._argue(index, json_of(given)) if given else begun

    def _text(self, index: int, block: Mapping[str, Any]) -> tuple[Delta, ...]:
        part = self._texts[index] = len(self._texts)
        begun = (Delta("text", text=as_text(block["text"]), part=part),) if block.get("text") else ()
        given = block.get("citations")
        cited = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
        return (*begun, *(Delta("citation", part=part, item=citation_of(one)) for one in cited))

    def _more(self, tree: Mapping[str, Any], sent: Sent) -> tuple[Delta, ...]:
        delta, index = tree.get("delta"), tree.get("index")
        if not isinstance(delta, dict) or type(index) is not int:
            raise _garbage("a delta without its content", sent)
        match delta.get("type"):
            case "text_delta":
                return (Delta("text", 0, as_text(delta.get("text")), self._texts.get(index, 0)),)
            case "thinking_delta":
                return (Delta("thinking", 0, as_text(delta.get("thinking")), self._thoughts.get(index, 0)),)
            case "signature_delta":
                signature = as_text(delta.get("signature"))
                return (Delta("thinking", part=self._thoughts.get(index, 0), signature=signature),)
            case "input_json_delta" if index in self._tools:
                return self._argue(index, as_text(delta.get("partial_json")))
            case "citations_delta" if isinstance(delta.get("citation"), dict):
                return (Delta("citation", part=self._texts.get(index, 0), item=citation_of(delta["citation"])),)
            case _ if index in self._blocks:
                self._blocks[index].add(delta)
        return ()

    def _argue(self, index: int, text: str) -> tuple[Delta, ...]:
        if not text:
            return ()
        self._silent.discard(index)
        part = self._tools[index]
        return (Delta("text", text=text) if part < 0 else Delta("arguments", text=text, part=part),)

    def _close(self, tree: Mapping[str, Any]) -> tuple[Delta, ...]:
        """A call without arguments has an empty object of them."""
        index = tree.get("index")
        if type(index) is not int:
            return ()
        if index in self._blocks:
            return (Delta("whole", item=block_of(self._blocks.pop(index).whole())),)
        if index not in self._silent:
            return ()
        return self._argue(index, "{}")

    def _end(self, tree: Mapping[str, Any]) -> tuple[Delta, ...]:
        self._used(tree.get("usage"))
        delta = tree.get("delta")
        if not isinstance(delta, dict) or delta.get("stop_reason") is None or self._finished:
            return ()
        self._finished = True
        finish = finish_of(delta["stop_reason"], answered=self._answered)
        ended = Delta("finish", finish=finish, stop_sequence=as_text(delta.get("stop_sequence")))
        members = members_of({"context_management": tree.get("context_management"), **delta}, self._usage)
        return (*(Delta("whole", item=member) for member in members), ended)

    def _stop(self) -> tuple[Delta, ...]:
        self.done = True
        usage = usage_of(self._usage)
        finish = () if self._finished else (Delta("finish"),)
        return finish if usage is None else (*finish, Delta("usage", usage=usage))

    def _used(self, usage: Any) -> None:
        """Counts are cumulative: a later one takes the earlier one's place."""
        if isinstance(usage, dict):
            self._usage.update({name: value for name, value in usage.items() if value is not None})


class _Block:
    """One on its way: its input comes as pieces of JSON, its other texts in pieces that follow one another."""

    __slots__ = ("_input", "_tree")

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._tree = dict(tree)
        self._input: list[str] = []

    def add(self, delta: Mapping[str, Any]) -> None:
        if delta.get("type") == "input_json_delta":
            self._input.append(as_text(delta.get("partial_json")))
            return
        for name, value in delta.items():
            if name != "type" and isinstance(value, str):
                self._tree[name] = as_text(self._tree.get(name)) + value

    def whole(self) -> Mapping[str, Any]:
        """An input that was cut, where the answer was, is left as it began."""
        if self._input:
            with suppress(orjson.JSONDecodeError):
                self._tree["input"] = orjson.loads("".join(self._input))
        return self._tree


def _garbage(message: str, sent: Sent) -> Fault:
    return Fault("garbage", message, body=(sent.data or b"")[:MOST_BODY])
