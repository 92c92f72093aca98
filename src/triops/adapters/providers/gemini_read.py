"""Gemini's answers, whole or event by event, as ours.

A stream has no last event of its own: it is whole when every candidate has said why it ended. What it used stands in
every event, so far; it is told once, at the end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from triops.adapters.providers.faults import error_of, refused
from triops.adapters.providers.json_body import as_count, as_text, count_of, event_of
from triops.adapters.providers.parts import call_id
from triops.adapters.providers.sse import Sent, Splitter
from triops.kernel.completion import Choice, Delta, Finish, Part, PartKind, Reply, Usage
from triops.ports.providers import Event, Fault

_BLOCKED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "ESCALATION",
        "MODEL_ARMOR",
    }
)
_LENGTHS = frozenset({"MAX_TOKENS", "CONTINUATION"})


def reply_of(tree: Mapping[str, Any]) -> Reply:
    """Raises: Fault (garbage) for what is no answer."""
    answer = as_text(tree.get("responseId"))
    choices = []
    for place, candidate in enumerate(candidates_of(tree)):
        parts = tuple(parts_of(candidate, answer, 0))
        called = any(part.kind == "tool_call" for part in parts)
        finish = finish_of(candidate.get("finishReason"), called=called)
        choices.append(Choice(index_of(candidate, place), parts, finish, logprobs_of(candidate)))
    if not choices:
        if not is_blocked(tree):
            raise Fault("garbage", "an answer without candidates")
        choices.append(Choice(0, (), "content_filter"))
    return Reply(answer, as_text(tree.get("modelVersion")), tuple(choices), usage_of(tree.get("usageMetadata")))


def candidates_of(tree: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    candidates = tree.get("candidates")
    if candidates is None:
        return []
    if not isinstance(candidates, list) or not all(isinstance(one, dict) for one in candidates):
        raise Fault("garbage", "candidates that are no list of objects")
    return candidates


def index_of(candidate: Mapping[str, Any], place: int) -> int:
    index = candidate.get("index")
    return index if type(index) is int and 0 <= index < 1024 else place


def is_blocked(tree: Mapping[str, Any]) -> bool:
    """Whether the prompt was refused, so that there is no candidate."""
    feedback = tree.get("promptFeedback")
    return isinstance(feedback, dict) and bool(feedback.get("blockReason"))


def parts_of(candidate: Mapping[str, Any], answer: str, before: int) -> list[Part]:
    """`before`: how many tool calls the candidate made already; one without an id is named by that."""
    content = candidate.get("content")
    given = content.get("parts") if isinstance(content, dict) else None
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise Fault("garbage", "parts that are no list of objects")
    parts: list[Part] = []
    for one in given:
        signature = as_text(one.get("thoughtSignature"))
        if "text" in one:
            kind: PartKind = "thinking" if one.get("thought") is True else "text"
            if parts and parts[-1].kind == kind and not parts[-1].signature:  # one text in pieces
                parts[-1] = replace(parts[-1], text=parts[-1].text + as_text(one["text"]), signature=signature)
            else:
                parts.append(Part(kind, text=as_text(one["text"]), signature=signature))
        elif isinstance(call := one.get("functionCall"), dict):
            id = as_text(call.get("id")) or call_id(f"{answer}/{index_of(candidate, 0)}", before)
            arguments = _json(call.get("args") or {})
            parts.append(Part("tool_call", arguments, id, as_text(call.get("name")), signature=signature))
            before += 1
        elif isinstance(blob := one.get("inlineData"), dict) and one.get("thought") is not True:
            media = as_text(blob.get("mimeType"))
            sort: PartKind = "audio" if media.startswith("audio/") else "file"
            sort = "image" if media.startswith("image/") else sort
            parts.append(Part(sort, data=as_text(blob.get("data")), media_type=media))
    return parts


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        raise Fault("garbage", "an answer that is nested too deep") from None


def finish_of(reason: Any, *, called: bool) -> Finish:
    if reason == "STOP" or not isinstance(reason, str):
        return "tool_calls" if called else "stop"
    if reason in _LENGTHS:
        return "length"
    return "content_filter" if reason in _BLOCKED else "error"


def logprobs_of(candidate: Mapping[str, Any]) -> Any:
    """In OpenAI's form, None where there are none."""
    result = candidate.get("logprobsResult")
    if not isinstance(result, dict):
        return None
    chosen = result.get("chosenCandidates")
    if not isinstance(chosen, list) or not chosen:
        return None
    tops = result.get("topCandidates") or []
    return [
        {**_probability(one), "top_logprobs": [_probability(top) for top in _top(tops, i)]}
        for i, one in enumerate(chosen)
        if isinstance(one, dict)
    ]


def _top(tops: Any, index: int) -> list[Mapping[str, Any]]:
    step = tops[index] if isinstance(tops, list) and index < len(tops) else None
    found = step.get("candidates") if isinstance(step, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _probability(one: Mapping[str, Any]) -> dict[str, Any]:
    token = as_text(one.get("token"))
    value = one.get("logProbability")
    logprob = float(value) if isinstance(value, int | float) else -9999.0
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "replace"))}


def usage_of(value: Any) -> Usage | None:
    """Thoughts are billed as output, results of Google's own tools as input."""
    prompt = count_of(value.get("promptTokenCount")) if isinstance(value, dict) else None
    if prompt is None:
        return None
    read = prompt + as_count(value.get("toolUsePromptTokenCount"))
    thought = as_count(value.get("thoughtsTokenCount"))
    said = as_count(value.get("candidatesTokenCount"))
    cached = min(as_count(value.get("cachedContentTokenCount")), read)
    return Usage(read, said + thought, cached_input=cached, reasoning=thought)


class ContentDecoder:
    def __init__(self) -> None:
        self.done = False  # never: its streams have no end of their own
        self._splitter = Splitter()
        self._answer = ""
        self._calls: dict[int, int] = {}  # how many tool calls each candidate that began has made
        self._finished: set[int] = set()
        self._usage: Usage | None = None

    def feed(self, data: bytes) -> Sequence[Event]:
        return [self._event(sent) for sent in self._splitter.feed(data)]

    def end(self) -> Sequence[Event]:
        events = [self._event(sent) for sent in self._splitter.end()]
        if not self._calls or set(self._calls) - self._finished:
            raise Fault("cut", "the stream ended before its end")
        if self._usage is not None:
            events.append(Event(b"", (Delta("usage", usage=self._usage),)))
        return events

    def _event(self, sent: Sent) -> Event:
        if sent.data is None:
            return Event(sent.raw, ())
        tree = event_of(sent.data)
        if tree.get("error"):
            code = error_of(sent.data).get("code")
            raise refused(code if type(code) is int and 400 <= code < 600 else 500, {}, sent.data)
        self._answer = self._answer or as_text(tree.get("responseId"))
        deltas: list[Delta] = []
        for place, candidate in enumerate(candidates_of(tree)):
            self._candidate(tree, candidate, index_of(candidate, place), deltas)
        if not self._calls and is_blocked(tree):
            self._start(tree, 0, deltas)
            self._finish(0, "content_filter", deltas)
        self._usage = usage_of(tree.get("usageMetadata")) or self._usage
        return Event(sent.raw, tuple(deltas))

    def _start(self, tree: Mapping[str, Any], index: int, deltas: list[Delta]) -> None:
        if index not in self._calls:
            self._calls[index] = 0
            deltas.append(Delta("start", index, id=self._answer, model=as_text(tree.get("modelVersion"))))

    def _finish(self, index: int, finish: Finish, deltas: list[Delta]) -> None:
        if index not in self._finished:
            self._finished.add(index)
            deltas.append(Delta("finish", index, finish=finish))

    def _candidate(
        self, tree: Mapping[str, Any], candidate: Mapping[str, Any], index: int, deltas: list[Delta]
    ) -> None:
        self._start(tree, index, deltas)
        for part in parts_of(candidate, self._answer, self._calls[index]):
            if part.kind == "tool_call":
                call = self._calls[index]
                begun = Delta("tool", index, part=call, id=part.id, name=part.name, signature=part.signature)
                deltas += [begun, Delta("arguments", index, part.text, call)]
                self._calls[index] += 1
            elif part.kind in ("text", "thinking") and part.text:
                deltas.append(Delta("text" if part.kind == "text" else "thinking", index, part.text))
            elif part.data:
                deltas.append(Delta("whole", index, item=part))
        if (logprobs := logprobs_of(candidate)) is not None:
            deltas.append(Delta("logprobs", index, logprobs=logprobs))
        if candidate.get("finishReason"):
            self._finish(index, finish_of(candidate["finishReason"], called=self._calls[index] > 0), deltas)
