"""A streamed answer as Ollama's lines of JSON. Tool calls come whole, before the line that says `done`."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from triops.edges.ollama.answers import Voice, call_of, done, durations, said
from triops.edges.ollama.options import now_text
from triops.kernel.completion import Delta, Finish, Part, Usage
from triops.web.dialects import Problem


class LineEncoder:
    def __init__(self, voice: Voice, model: str, began_ns: int, now_ns: Callable[[], int]) -> None:
        """`began_ns`: when the request was read, by the clock of `now_ns`."""
        self._voice = voice
        self._model = model
        self._now_ns = now_ns
        self._began_ns = began_ns
        self._first_ns = 0
        self._calls: dict[int, tuple[str, str, list[str]]] = {}  # id, name, arguments by part
        self._finish: Finish = "stop"
        self._usage: Usage | None = None

    def start(self) -> bytes:
        return b""

    def feed(self, deltas: Sequence[Delta]) -> bytes:
        return b"".join(self._written(delta) for delta in deltas if delta.index == 0)

    def _written(self, delta: Delta) -> bytes:
        match delta.kind:
            case "start":
                self._model = delta.model or self._model
            case "text" | "refusal" if delta.text:
                return self._line(said(self._voice, delta.text))
            case "thinking" if delta.text:
                return self._line(said(self._voice, "", delta.text))
            case "whole" if self._voice == "generate" and isinstance(delta.item, Part) and delta.item.kind == "image":
                return self._line(said(self._voice, "", images=[delta.item.data]))
            case "logprobs" if delta.logprobs:
                return self._line({**said(self._voice, ""), "logprobs": delta.logprobs})
            case "tool":
                self._calls[delta.part] = (delta.id, delta.name, [])
            case "arguments" if delta.part in self._calls:
                self._calls[delta.part][2].append(delta.text)
            case "finish":
                self._finish = delta.finish
            case "usage":
                self._usage = delta.usage
        return b""

    def end(self) -> bytes:
        out = b""
        if self._calls and self._voice == "chat":
            calls = [
                call_of(index, id, name, "".join(arguments))
                for index, (_, (id, name, arguments)) in enumerate(sorted(self._calls.items()))
            ]
            out = self._line(said(self._voice, "", calls=calls))
        now_ns = self._now_ns()
        first_ns = self._first_ns or now_ns
        took = durations(first_ns - self._began_ns, now_ns - first_ns)
        return out + self._line({**said(self._voice, ""), **done(self._finish, self._usage), **took})

    def fail(self, problem: Problem) -> bytes:
        return b" ".join(problem.body.splitlines()) + b"\n"  # a provider's own words may be on many

    def _line(self, told: dict[str, Any]) -> bytes:
        if not self._first_ns:
            self._first_ns = self._now_ns()
        line = {"model": self._model, "created_at": now_text(), "done": False, **told}
        return orjson.dumps(line) + b"\n"
