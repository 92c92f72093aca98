"""Ollama's answers, whole or line by line, of `/api/chat` and `/api/generate` alike, as ours."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from triops.adapters.providers.faults import MOST_BODY
from triops.adapters.providers.json_body import as_count, as_text, count_of
from triops.adapters.providers.lines import LineSplitter
from triops.adapters.providers.parts import call_id
from triops.kernel.completion import Choice, Delta, Finish, Part, Reply, Usage
from triops.ports.providers import Event, Fault

_FINISH: dict[str, Finish] = {"stop": "stop", "length": "length", "content_filter": "content_filter", "error": "error"}
_GENERATED = frozenset({"response", "image", "completed"})  # the last: how far an image is


def reply_of(tree: Mapping[str, Any]) -> Reply:
    """Raises: Fault (garbage) for what is no answer."""
    said = _said(tree)
    parts = []
    if thought := as_text(said.get("thinking")):
        parts.append(Part("thinking", text=thought))
    if text := as_text(said.get("content")):
        parts.append(Part("text", text=text))
    if image := as_text(said.get("image")):
        parts.append(Part("image", data=image))
    calls = calls_of(said, as_text(tree.get("created_at")), 0)
    choice = Choice(0, (*parts, *calls), finish_of(tree, called=bool(calls)), tree.get("logprobs") or None)
    return Reply("", as_text(tree.get("model")), (choice,), usage_of(tree), _created(tree))


def _said(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    """The message of a chat; of a generated text, the same members."""
    message = tree.get("message")
    if isinstance(message, dict):
        return message
    if not tree.keys() & _GENERATED:
        raise Fault("garbage", "an answer without a message")
    return {"content": tree.get("response"), "thinking": tree.get("thinking"), "image": tree.get("image")}


def calls_of(said: Mapping[str, Any], answer: str, before: int) -> list[Part]:
    """`before`: how many calls the answer had already; with it and the time of the answer, a call without an id gets
    one."""
    given = said.get("tool_calls")
    if given is None:
        return []
    if not isinstance(given, list):
        raise Fault("garbage", "tool calls that are no list")
    calls = []
    for index, call in enumerate(given, before):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise Fault("garbage", "a tool call that names no function")
        arguments = function.get("arguments")
        text = arguments if isinstance(arguments, str) else _json(arguments or {})
        id = as_text(call.get("id")) or call_id(answer, index)
        calls.append(Part("tool_call", text=text, id=id, name=as_text(function.get("name"))))
    return calls


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        raise Fault("garbage", "an answer that is nested too deep") from None


def finish_of(tree: Mapping[str, Any], *, called: bool) -> Finish:
    finish = _FINISH.get(as_text(tree.get("done_reason")), "stop")
    return "tool_calls" if called and finish == "stop" else finish


def usage_of(tree: Mapping[str, Any]) -> Usage | None:
    """None where it says nothing. A prompt that was wholly in its cache may come without a count."""
    prompt, said = count_of(tree.get("prompt_eval_count")), count_of(tree.get("eval_count"))
    if prompt is None and said is None:
        return None
    read = prompt or 0
    cached = min(as_count(tree.get("prompt_eval_cached_count")), read)
    return Usage(read, said or 0, cached_input=cached)


def _created(tree: Mapping[str, Any]) -> int:
    try:
        made = datetime.fromisoformat(as_text(tree.get("created_at")))
        return int((made if made.tzinfo else made.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError, OSError):
        return 0


class LineDecoder:
    def __init__(self) -> None:
        self._splitter = LineSplitter()
        self._started = False
        self._answer = ""  # when the first line was made, which names calls that have no id
        self._calls = 0
        self.done = False

    def feed(self, data: bytes) -> Sequence[Event]:
        return [self._event(line) for line in self._splitter.feed(data) if not self.done]

    def end(self) -> Sequence[Event]:
        events = [self._event(line) for line in self._splitter.end() if not self.done]
        if not self.done:
            raise Fault("cut", "the stream ended before its end")
        return events

    def _event(self, line: bytes) -> Event:
        if not line.strip():
            return Event(line, ())
        try:
            tree = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise Fault("garbage", "a line that is not JSON", body=line[:MOST_BODY]) from None
        if not isinstance(tree, dict):
            raise Fault("garbage", "a line that is not an object", body=line[:MOST_BODY])
        if tree.get("error"):
            raise Fault("server", as_text(tree["error"])[:500] or "an error in the stream", body=line[:MOST_BODY])
        deltas: list[Delta] = []
        if not self._started:
            self._started, self._answer = True, as_text(tree.get("created_at"))
            deltas.append(Delta("start", model=as_text(tree.get("model"))))
        said = _said(tree)
        if thought := as_text(said.get("thinking")):
            deltas.append(Delta("thinking", text=thought))
        if text := as_text(said.get("content")):
            deltas.append(Delta("text", text=text))
        if image := as_text(said.get("image")):
            deltas.append(Delta("whole", item=Part("image", data=image)))
        for call in calls_of(said, self._answer, self._calls):
            deltas.append(Delta("tool", part=self._calls, id=call.id, name=call.name))
            deltas.append(Delta("arguments", part=self._calls, text=call.text))
            self._calls += 1
        if tree.get("logprobs"):
            deltas.append(Delta("logprobs", logprobs=tree["logprobs"]))
        if tree.get("done") is True:
            self.done = True
            deltas.append(Delta("finish", finish=finish_of(tree, called=self._calls > 0)))
            if (usage := usage_of(tree)) is not None:
                deltas.append(Delta("usage", usage=usage))
        return Event(line, tuple(deltas))
