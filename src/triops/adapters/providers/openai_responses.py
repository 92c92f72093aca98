"""Responses as a provider speaks them: whole answers and streams, read."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from triops.adapters.providers.faults import MOST_BODY
from triops.adapters.providers.json_body import event_of
from triops.adapters.providers.openai_chat import failed
from triops.adapters.providers.openai_cited import citation_of, citations_of
from triops.adapters.providers.openai_usage import created_of, usage_of
from triops.adapters.providers.sse import Sent, Splitter
from triops.kernel.completion import RESPONSES_ITEM, Choice, Delta, DeltaKind, Finish, Part, Reply
from triops.ports.providers import Event, Fault

_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})
_TEXTS: dict[str, DeltaKind] = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "thinking",
    "response.reasoning_text.delta": "thinking",
}


def reply_of(tree: Mapping[str, Any]) -> Reply:
    """Raises: Fault (garbage) where the answer is no response; the provider's own error where it says one."""
    output = tree.get("output")
    if not isinstance(output, list):
        raise Fault("garbage", "an answer without output")
    if tree.get("status") == "failed":
        raise failed(_mapping(tree.get("error")), orjson.dumps(tree)[:MOST_BODY])
    parts: list[Part] = []
    logprobs: list[Any] = []
    for item in output:
        _item(_mapping(item), parts, logprobs)
    return Reply(
        id=_text(tree.get("id")),
        model=_text(tree.get("model")),
        choices=(Choice(0, tuple(parts), _finish(tree, {part.kind for part in parts}), logprobs or None),),
        usage=usage_of(tree.get("usage")),
        created=created_of(tree.get("created_at")),
    )


def _item(item: Mapping[str, Any], parts: list[Part], logprobs: list[Any]) -> None:
    kind = item.get("type")
    if kind == "function_call":
        id, name = _text(item.get("call_id")), _text(item.get("name"))
        parts.append(Part("tool_call", _text(item.get("arguments")), id=id, name=name))
    elif kind == "reasoning":
        thoughts = [_text(_mapping(one).get("text")) for one in _list(item.get("summary") or item.get("content"))]
        signature = _text(item.get("encrypted_content"))
        parts.append(Part("thinking", "\n".join(thoughts), id=_text(item.get("id")), signature=signature))
    elif kind == "message":
        for one in _list(item.get("content")):
            content = _mapping(one)
            if content.get("type") == "refusal":
                parts.append(Part("refusal", _text(content.get("refusal"))))
            elif content.get("type") == "output_text":
                cited = citations_of(content.get("annotations"))
                parts.append(Part("text", _text(content.get("text")), citations=cited))
                logprobs += _list(content.get("logprobs"))
    elif isinstance(kind, str):
        parts.append(_block(item))


def _block(item: Mapping[str, Any]) -> Part:
    """Of a tool of the provider's own, or any other that has no word of ours."""
    try:
        return Part("block", orjson.dumps(item).decode(), name=_text(item.get("type")), media_type=RESPONSES_ITEM)
    except orjson.JSONEncodeError:
        raise Fault("garbage", "an answer that is nested too deep") from None


def _finish(tree: Mapping[str, Any], kinds: set[str]) -> Finish:
    if tree.get("status") == "incomplete":
        reason = _mapping(tree.get("incomplete_details")).get("reason")
        return "content_filter" if reason == "content_filter" else "length"
    return "tool_calls" if "tool_call" in kinds else "refusal" if "refusal" in kinds else "stop"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


class ResponsesDecoder:
    """An end is clean after `response.completed` or `response.incomplete`."""

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._begun = False
        self.done = False
        self._kinds: set[str] = set()
        self._calls: dict[int, int] = {}
        self._places: dict[DeltaKind, int] = {"text": 0, "thinking": 0, "refusal": 0}  # which one is being said
        self._counts: Counter[DeltaKind] = Counter()

    def feed(self, data: bytes) -> Sequence[Event]:
        return [self._event(sent) for sent in self._splitter.feed(data)]

    def end(self) -> Sequence[Event]:
        events = [self._event(sent) for sent in self._splitter.end()]
        if not self.done:
            raise Fault("cut", "the stream ended before its end")
        return events

    def _event(self, sent: Sent) -> Event:
        if sent.data is None or sent.data.startswith(b"[DONE]"):
            return Event(sent.raw, ())
        tree = event_of(sent.data)
        kind = tree.get("type")
        if not isinstance(kind, str):
            if tree.get("error"):
                raise failed(_mapping(tree["error"]), sent.data)
            return Event(sent.raw, ())
        return Event(sent.raw, self._deltas(kind, tree, sent.data))

    def _deltas(self, kind: str, tree: Mapping[str, Any], data: bytes) -> tuple[Delta, ...]:
        said = _TEXTS.get(kind)
        if said is not None:
            self._kinds.add(said)
            text = Delta(said, 0, _text(tree.get("delta")), self._places[said])
            told = tree.get("logprobs")
            return (text, Delta("logprobs", logprobs=told)) if told and isinstance(told, list) else (text,)
        if kind == "response.function_call_arguments.delta":
            place = tree.get("output_index")
            part = self._calls.get(place) if type(place) is int else None
            return () if part is None else (Delta("arguments", 0, _text(tree.get("delta")), part=part),)
        if kind == "response.output_item.added":
            return self._added(tree)
        if kind == "response.output_item.done":
            return self._done_item(_mapping(tree.get("item")))
        if kind == "response.reasoning_summary_part.added" and tree.get("summary_index"):
            return (Delta("thinking", 0, "\n", self._places["thinking"]),)  # as between those of a whole answer
        if kind == "response.content_part.added":
            if _mapping(tree.get("part")).get("type") == "output_text":
                self._next("text")
            return ()
        if kind == "response.output_text.annotation.added" and isinstance(tree.get("annotation"), dict):
            return (Delta("citation", part=self._places["text"], item=citation_of(tree["annotation"])),)
        if kind == "response.created" and not self._begun:
            self._begun = True
            response = _mapping(tree.get("response"))
            return (Delta("start", id=_text(response.get("id")), model=_text(response.get("model"))),)
        if kind in _ENDS:
            return self._ended(kind, _mapping(tree.get("response")), data)
        if kind == "error":
            raise failed(_mapping(tree.get("error")) or tree, data)
        return ()

    def _added(self, tree: Mapping[str, Any]) -> tuple[Delta, ...]:
        item, place = _mapping(tree.get("item")), tree.get("output_index")
        if item.get("type") == "reasoning":
            self._next("thinking")
            return (Delta("thinking", part=self._places["thinking"], id=_text(item.get("id"))),)
        if item.get("type") != "function_call" or type(place) is not int:
            return ()
        part = self._calls[place] = len(self._calls)
        self._kinds.add("tool_call")
        return (Delta("tool", part=part, id=_text(item.get("call_id")), name=_text(item.get("name"))),)

    def _done_item(self, item: Mapping[str, Any]) -> tuple[Delta, ...]:
        """Reasoning comes back with the next turn as it was sealed, under the id that it was sealed with."""
        kind = item.get("type")
        if kind in ("message", "function_call"):
            return ()
        if kind != "reasoning" and isinstance(kind, str):
            return (Delta("whole", item=_block(item)),)
        if not item.get("encrypted_content"):
            return ()
        part, signature = self._places["thinking"], _text(item["encrypted_content"])
        return (Delta("thinking", part=part, id=_text(item.get("id")), signature=signature),)

    def _next(self, kind: DeltaKind) -> None:
        """Another one begins."""
        self._places[kind] = self._counts[kind]
        self._counts[kind] += 1

    def _ended(self, kind: str, response: Mapping[str, Any], data: bytes) -> tuple[Delta, ...]:
        if kind == "response.failed":
            raise failed(_mapping(response.get("error")), data)
        self.done = True
        finish = Delta("finish", finish=_finish(response, self._kinds))
        usage = usage_of(response.get("usage"))
        return (finish,) if usage is None else (finish, Delta("usage", usage=usage))
