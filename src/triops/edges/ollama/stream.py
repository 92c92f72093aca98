"""A streamed answer as Ollama's lines of JSON. Tool calls come whole, before the line that says `done`."""

import time
from collections.abc import Sequence
from typing import Any

import orjson

from triops.edges.ollama.answers import Voice, call_of, done, said
from triops.edges.ollama.options import now_text
from triops.kernel.completion import Delta, Finish, Usage
from triops.web.dialects import Problem


class LineEncoder:
    def __init__(self, voice: Voice, model: str) -> None:
        self._voice = voice
        self._model = model
        self._began_ns = time.monotonic_ns()
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
        return out + self._line({**said(self._voice, ""), **done(self._finish, self._usage), **self._durations()})

    def fail(self, problem: Problem) -> bytes:
        return problem.body + b"\n"

    def _durations(self) -> dict[str, int]:
        """Nanoseconds, as this side saw them: until the first words is the prompt's evaluation."""
        now = time.monotonic_ns()
        first = self._first_ns or now
        return {
            "total_duration": now - self._began_ns,
            "load_duration": 0,
            "prompt_eval_duration": first - self._began_ns,
            "eval_duration": now - first,
        }

    def _line(self, told: dict[str, Any]) -> bytes:
        if not self._first_ns:
            self._first_ns = time.monotonic_ns()
        line = {"model": self._model, "created_at": now_text(), "done": False, **told}
        return orjson.dumps(line) + b"\n"
