"""Chat completions as a provider speaks them: the request in our words written out, whole answers and streams read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from triops.adapters.providers.faults import message_of
from triops.adapters.providers.json_body import as_text
from triops.adapters.providers.openai_beside import MEMBERS, images_of, member_of, members_of, merged, signature_of
from triops.adapters.providers.openai_cited import citations_of
from triops.adapters.providers.openai_usage import created_of, usage_of
from triops.adapters.providers.sse import Sent, Splitter
from triops.kernel.completion import CUSTOM, Choice, Citation, Delta, Finish, Part, Reply
from triops.ports.providers import Event, Fault

_FINISH: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


def reply_of(tree: Mapping[str, Any]) -> Reply:
    """Raises: Fault (garbage) where the answer is not a chat completion."""
    choices = tree.get("choices")
    if not isinstance(choices, list) or not choices:
        raise Fault("garbage", "an answer without choices")
    return Reply(
        id=as_text(tree.get("id")),
        model=as_text(tree.get("model")),
        choices=tuple([_choice(one, i) for i, one in enumerate(choices)]),
        usage=usage_of(tree.get("usage")),
        created=created_of(tree.get("created")),
    )


def _choice(value: Any, place: int) -> Choice:
    message = value.get("message") if isinstance(value, dict) else None
    if not isinstance(message, dict):
        raise Fault("garbage", "a choice without a message")
    parts: list[Part] = []
    for name, thought in _thoughts(message):
        parts.append(Part("thinking", thought, name=name))
    content = message.get("content")
    if isinstance(content, str):
        parts.append(Part("text", content))
    else:
        parts += [Part("thinking", thought) for thought in thoughts_in(content)]
        parts += [Part("text", text) for text in texts_of(content)]
    if cited := message.get("annotations"):
        parts = _cited(parts, citations_of(cited))
    if message.get("images"):
        parts += images_of(message)
    refusal = message.get("refusal")
    if refusal and isinstance(refusal, str):
        parts.append(Part("refusal", refusal))
    calls = message.get("tool_calls")
    if calls and isinstance(calls, list):
        parts += [_call(call) for call in calls]
    if isinstance(old := message.get("function_call"), dict):
        name = as_text(old.get("name"))
        parts.append(Part("tool_call", as_text(old.get("arguments")), id=name, name=name))
    finish = finish_of(value.get("finish_reason"))
    if finish == "stop":  # as it also says where the caller forced the call
        finish = "refusal" if refusal else "tool_calls" if parts and parts[-1].kind == "tool_call" else finish
    if not message.keys() <= MEMBERS:
        parts += members_of(message)
    index = value.get("index")
    return Choice(index if type(index) is int else place, tuple(parts), finish, logprobs_of(value))


def _cited(parts: list[Part], citations: tuple[Citation, ...]) -> list[Part]:
    """Their places count from the first text."""
    first = next((i for i, part in enumerate(parts) if part.kind == "text"), None)
    return [replace(part, citations=citations) if i == first else part for i, part in enumerate(parts)]


def _call(call: Any) -> Part:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        custom = call.get("custom") if isinstance(call, dict) else None
        if not isinstance(custom, dict):
            raise Fault("garbage", "a tool call that names no function")
        text, name = as_text(custom.get("input")), as_text(custom.get("name"))
        return Part("tool_call", text, id=as_text(call.get("id")), name=name, media_type=CUSTOM)
    arguments = function.get("arguments")
    # some servers send the arguments as an object
    text = arguments if isinstance(arguments, str) else orjson.dumps(arguments or {}).decode()
    name = as_text(function.get("name"))
    return Part("tool_call", text, id=as_text(call.get("id")), name=name, signature=signature_of(call))


def texts_of(content: Any) -> list[str]:
    """A message's texts: a text, or parts (Mistral)."""
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    return [one["text"] for one in content if isinstance(one, dict) and isinstance(one.get("text"), str)]


def thoughts_in(content: Any) -> list[str]:
    """Those that stand among a message's texts (Mistral)."""
    if not isinstance(content, list):
        return []
    thoughts = [one.get("thinking") for one in content if isinstance(one, dict) and one.get("type") == "thinking"]
    return [text for thought in thoughts for text in texts_of(thought)]


def _thoughts(message: Mapping[str, Any]) -> list[tuple[str, str]]:
    """`reasoning_content` (DeepSeek, vLLM), `reasoning` (OpenRouter, Ollama): one of them, the latter with its name."""
    thought, name = message.get("reasoning_content"), ""
    if not thought:
        thought, name = message.get("reasoning"), "reasoning"
    return [(name, thought)] if thought and isinstance(thought, str) else []


def finish_of(reason: Any) -> Finish:
    return _FINISH.get(reason, "stop") if isinstance(reason, str) else "stop"


def logprobs_of(choice: Mapping[str, Any]) -> Any:
    logprobs = choice.get("logprobs")
    return logprobs.get("content") if isinstance(logprobs, dict) else None


class ChatDecoder:
    """`hide_usage`: the caller did not ask for the event that holds only the usage. An end is clean when every choice
    that began has finished; a missing [DONE] is then filled in. What came in the same bytes before a Fault is lost with
    it: the caller has seen none of it, so another provider may still be asked."""

    def __init__(self, *, hide_usage: bool) -> None:
        self._hide_usage = hide_usage
        self._splitter = Splitter()
        self._begun: set[int] = set()
        self._finished: set[int] = set()
        self._refused: set[int] = set()
        self._tools: dict[tuple[int, int], str] = {}
        self._members: dict[tuple[int, str], list[Any]] = {}  # pieces of those that have no word of ours
        self._named = False
        self.done = False

    def feed(self, data: bytes) -> Sequence[Event]:
        return [self._event(sent) for sent in self._splitter.feed(data) if not self.done]

    def end(self) -> Sequence[Event]:
        events = [self._event(sent) for sent in self._splitter.end() if not self.done]
        if self.done:
            return events
        if not self._begun or self._begun - self._finished:
            raise Fault("cut", "the stream ended before its end")
        self.done = True
        return [*events, Event(b"data: [DONE]\n\n", ())]

    def _event(self, sent: Sent) -> Event:
        data = sent.data
        if data is None:
            return Event(sent.raw, ())
        try:
            tree = orjson.loads(data)
        except orjson.JSONDecodeError:
            if data.startswith(b"[DONE]"):
                self.done = True
                return Event(sent.raw, ())
            raise Fault("garbage", "an event that is not JSON", body=data[:65536]) from None
        if not isinstance(tree, dict):
            raise Fault("garbage", "an event that is not an object", body=data[:65536])
        if tree.get("error"):
            error = tree["error"]
            raise failed(error if isinstance(error, dict) else {"message": error}, data)
        deltas: list[Delta] = []
        choices = tree.get("choices")
        if isinstance(choices, list):
            for choice in choices:
                if isinstance(choice, dict):
                    self._choice(choice, tree, deltas)
        usage = tree.get("usage")
        if usage is None:
            return Event(sent.raw, tuple(deltas))
        # some servers tell the usage so far with every event: only what stands at the end is what is billed
        if self._begun and self._begun == self._finished and (read := usage_of(usage)) is not None:
            deltas.append(Delta("usage", usage=read))
        return Event(sent.raw, tuple(deltas), self._hide_usage and not choices)

    def _choice(self, choice: Mapping[str, Any], tree: Mapping[str, Any], deltas: list[Delta]) -> None:
        index = choice.get("index", 0)
        if type(index) is not int:
            raise Fault("garbage", "a choice whose index is not a number")
        if index not in self._begun:
            self._begun.add(index)
            deltas.append(Delta("start", index, id=as_text(tree.get("id")), model=as_text(tree.get("model"))))
        delta = choice.get("delta")
        if isinstance(delta, dict):
            content = delta.get("content")
            if content:
                if type(content) is str:
                    deltas.append(Delta("text", index, content))
                else:
                    deltas += [Delta("thinking", index, thought) for thought in thoughts_in(content)]
                    deltas += [Delta("text", index, text) for text in texts_of(content)]
            if len(delta) > 1 or content is None:
                self._less_common(delta, index, deltas)
        if isinstance(logprobs := choice.get("logprobs"), dict) and logprobs.get("content"):
            deltas.append(Delta("logprobs", index, logprobs=logprobs["content"]))
        if (reason := choice.get("finish_reason")) is not None and index not in self._finished:
            self._finished.add(index)
            if self._members:
                mine = [(name, held) for (choice, name), held in self._members.items() if choice == index]
                deltas += [Delta("whole", index, item=member_of(name, merged(held))) for name, held in mine]
            finish = finish_of(reason)
            if finish == "stop":  # as it also says where the caller forced the call
                called = any(choice == index for choice, _ in self._tools)
                finish = "refusal" if index in self._refused else "tool_calls" if called else finish
            deltas.append(Delta("finish", index, finish=finish))

    def _less_common(self, delta: Mapping[str, Any], index: int, deltas: list[Delta]) -> None:
        deltas.extend(Delta("thinking", index, thought, name=name) for name, thought in _thoughts(delta))
        if isinstance(refusal := delta.get("refusal"), str) and refusal:
            self._refused.add(index)
            deltas.append(Delta("refusal", index, refusal))
        if isinstance(calls := delta.get("tool_calls"), list):
            for call in calls:
                if isinstance(call, dict):
                    self._tool(call, index, deltas)
        if isinstance(old := delta.get("function_call"), dict):
            self._tool({"index": 0, "id": old.get("name"), "function": old}, index, deltas)
        if cited := delta.get("annotations"):
            deltas += [Delta("citation", index, item=citation) for citation in citations_of(cited)]
        if delta.get("images"):
            deltas += [Delta("whole", index, item=image) for image in images_of(delta)]
        for name, held in delta.items():
            if name not in MEMBERS and held is not None:
                self._members.setdefault((index, name), []).append(held)

    def _tool(self, call: Mapping[str, Any], index: int, deltas: list[Delta]) -> None:
        """A call begins where its place or its id is new; some servers leave the place out."""
        function = call.get("function")
        custom = call.get("custom") if function is None else None
        if isinstance(custom, dict):
            function = {"name": custom.get("name"), "arguments": custom.get("input")}
        function = function if isinstance(function, dict) else {}
        place, name = call.get("index"), as_text(call.get("id"))
        if type(place) is not int:
            known = [at for (choice, at), has in self._tools.items() if choice == index and has == name]
            mine = [at for choice, at in self._tools if choice == index]
            place = known[0] if known else len(mine) if name or not mine else mine[-1]
        if (index, place) not in self._tools:
            self._tools[index, place] = name
            item = None if custom is None else Part("tool_call", media_type=CUSTOM)
            called, signature = as_text(function.get("name")), signature_of(call)
            deltas.append(Delta("tool", index, "", place, name, called, signature=signature, item=item))
        arguments = function.get("arguments")
        if arguments:
            text = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
            deltas.append(Delta("arguments", index, text, part=place))


def failed(error: Mapping[str, Any], body: bytes) -> Fault:
    """An error inside a stream whose status was 200."""
    code, sort = error.get("code"), error.get("type")
    said = message_of(error) or "an error in the stream"
    if code == "content_filter":
        return Fault("content_filter", said, body=body[:65536])
    if "rate_limit_exceeded" in (code, sort) or code in (429, "429") or sort == "rate_limit_error":
        return Fault("rate_limited", said, body=body[:65536])
    if sort == "invalid_request_error":
        return Fault("invalid", said, body=body[:65536])
    return Fault("server", said, body=body[:65536])
