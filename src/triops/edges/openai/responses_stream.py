"""A streamed response: named events that count up, an item opened, filled and closed, the whole response at the end.

One item of text or reasoning is open at a time; calls of tools stay open until the end, since providers may send their
arguments in turns. What a text rests on is told when the text ends; items of a provider's own tools come whole.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from triops.edges.openai.beside import annotation_of
from triops.edges.openai.problems import error_in
from triops.edges.openai.responses_answer import (
    about,
    call_item,
    message_item,
    new_id,
    reasoning_item,
    said,
    status_of,
    usage_of,
    whole_item,
)
from triops.kernel.completion import Ask, Citation, Delta, Finish, Part, Usage
from triops.web.dialects import Problem

# items whose stages its clients are told of
_STAGED = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_call",
        "mcp_list_tools",
    }
)
_EMPTY: Mapping[str, Mapping[str, Any]] = {"image_generation_call": {"result": None}}  # before it is done


class _Open:
    """An item on its way: what it holds so far. `kind`: of its content (`text`, `refusal`, `thinking`, `tool`)."""

    def __init__(self, kind: str, place: int, item: dict[str, Any]) -> None:
        self.kind = kind
        self.place = place
        self.item = item
        self.texts: list[str] = []
        self.logprobs: list[Any] = []
        self.part = 0
        self.citations: list[Citation] = []

    @property
    def text(self) -> str:
        return "".join(self.texts)


class ResponsesEncoder:
    """`created`: unix seconds."""

    def __init__(self, ask: Ask, created: int) -> None:
        self._tree = about(ask, new_id("resp"), created, ask.model)
        self._number = 0
        self._begun = False
        self._items: list[dict[str, Any]] = []
        self._open: _Open | None = None
        self._calls: dict[int, _Open] = {}
        self._finish: Finish = "stop"
        self._usage: Usage | None = None

    def start(self) -> bytes:
        return b""

    def feed(self, deltas: Sequence[Delta]) -> bytes:
        out: list[bytes] = []
        for i, delta in enumerate(deltas):
            if delta.kind == "text":
                after = deltas[i + 1] if i + 1 < len(deltas) else None
                told = after.logprobs if after is not None and after.kind == "logprobs" else None
                self._said(delta, told or [], out)
            elif delta.kind in ("refusal", "thinking"):
                self._said(delta, [], out)
                if delta.signature and self._open is not None:
                    self._open.item["encrypted_content"] = delta.signature
            elif delta.kind == "tool":
                self._call(delta, out)
            elif delta.kind == "arguments":
                self._arguments(delta, out)
            elif delta.kind == "citation" and isinstance(delta.item, Citation):
                self._of("text", delta, out).citations.append(delta.item)
            elif delta.kind == "whole" and isinstance(delta.item, Part):
                self._whole(delta.item, out)
            elif delta.kind == "finish":
                self._finish = delta.finish
            elif delta.kind == "usage":
                self._usage = delta.usage
            elif delta.kind == "start":
                self._tree["model"] = delta.model or self._tree["model"]
                self._begin(out)
        return b"".join(out)

    def end(self) -> bytes:
        out: list[bytes] = []
        self._begin(out)
        status, details = status_of(self._finish)
        self._close(out, status)
        for call in self._calls.values():
            self._close_call(call, status, out)
        tree = self._tree
        tree |= {"status": status, "incomplete_details": details, "output": self._items}
        tree["usage"] = None if self._usage is None else usage_of(self._usage)
        self._event(f"response.{status}", {"response": tree}, out)
        return b"".join(out)

    def fail(self, problem: Problem) -> bytes:
        """Its clients raise on an event that holds `error`."""
        out: list[bytes] = []
        error = error_in(problem)
        members = {name: error.get(name) for name in ("code", "message", "param")}
        self._event("error", {**members, "error": error}, out)
        return b"".join(out)

    def _begin(self, out: list[bytes]) -> None:
        if not self._begun:
            self._begun = True
            self._event("response.created", {"response": self._tree}, out)
            self._event("response.in_progress", {"response": self._tree}, out)

    def _said(self, delta: Delta, logprobs: list[Any], out: list[bytes]) -> None:
        kind, text = delta.kind, delta.text
        now = self._of(kind, delta, out)
        now.texts.append(text)
        now.logprobs += logprobs
        if kind == "thinking":
            if text:
                self._at(now, "response.reasoning_summary_text.delta", {"summary_index": 0, "delta": text}, out)
        else:
            name = "response.output_text.delta" if kind == "text" else "response.refusal.delta"
            more = {"logprobs": logprobs} if kind == "text" else {}
            self._at(now, name, {**self._content(now), "delta": text, **more}, out)

    def _of(self, kind: str, delta: Delta, out: list[bytes]) -> _Open:
        """The open content that the delta belongs to."""
        now = self._open
        if now is None or now.kind != kind or now.part != delta.part:
            now = self._start(kind, delta.id, out)
            now.part = delta.part
        elif kind == "thinking" and delta.id not in ("", now.item["id"]):
            now = self._start(kind, delta.id, out)
        return now

    def _whole(self, part: Part, out: list[bytes]) -> None:
        item = whole_item(part)
        if item is None:
            return
        self._close(out, "completed")
        self._begin(out)
        id, kind = item.get("id"), str(item["type"])
        begun = {**item, "status": "in_progress", **_EMPTY.get(kind, {})} if "status" in item else item
        now = self._add("whole", begun, out)
        self._items[now.place] = item
        if kind in _STAGED and id:
            at = {"item_id": id, "output_index": now.place}
            self._event(f"response.{kind}.in_progress", at, out)
            failed = kind == "mcp_call" and item.get("error")
            self._event(f"response.{kind}.{'failed' if failed else 'completed'}", at, out)
        self._event("response.output_item.done", {"output_index": now.place, "item": item}, out)

    def _start(self, kind: str, id: str, out: list[bytes]) -> _Open:
        """`id`: of reasoning, where it has one."""
        before = self._open
        if before is not None and kind != "thinking" and before.kind != "thinking":
            self._close_content(before, out)  # the same message goes on
            now = _Open(kind, before.place, before.item)
        else:
            self._close(out, "completed")
            self._begin(out)
            thinking = kind == "thinking"
            item = reasoning_item(id or new_id("rs"), "") if thinking else message_item(new_id("msg"), "in_progress")
            now = self._add(kind, item, out)
        if kind == "thinking":
            part = {"type": "summary_text", "text": ""}
            self._at(now, "response.reasoning_summary_part.added", {"summary_index": 0, "part": part}, out)
        else:
            self._at(now, "response.content_part.added", {**self._content(now), "part": said(kind, "")}, out)
        self._open = now
        return now

    def _add(self, kind: str, item: dict[str, Any], out: list[bytes]) -> _Open:
        now = _Open(kind, len(self._items), item)
        self._items.append(item)
        self._event("response.output_item.added", {"output_index": now.place, "item": item}, out)
        return now

    def _content(self, now: _Open) -> dict[str, int]:
        return {"content_index": len(now.item["content"])}

    def _close_content(self, now: _Open, out: list[bytes]) -> None:
        at = self._content(now)
        told = [annotation_of(citation, 0, len(now.text)) for citation in now.citations]
        annotations = [one for one in told if one is not None]
        for i, annotation in enumerate(annotations):
            added = {**at, "annotation_index": i, "annotation": annotation}
            self._at(now, "response.output_text.annotation.added", added, out)
        part = said(now.kind, now.text, now.logprobs, annotations)
        if now.kind == "text":
            done = {**at, "text": now.text, "logprobs": now.logprobs}
            self._at(now, "response.output_text.done", done, out)
        else:
            self._at(now, "response.refusal.done", {**at, "refusal": now.text}, out)
        self._at(now, "response.content_part.done", {**at, "part": part}, out)
        now.item["content"].append(part)

    def _close(self, out: list[bytes], status: str) -> None:
        now, self._open = self._open, None
        if now is None:
            return
        if now.kind == "thinking":
            part = {"type": "summary_text", "text": now.text}
            self._at(now, "response.reasoning_summary_text.done", {"summary_index": 0, "text": now.text}, out)
            self._at(now, "response.reasoning_summary_part.done", {"summary_index": 0, "part": part}, out)
            now.item["summary"] = [part] if now.text else []
        else:
            self._close_content(now, out)
            now.item["status"] = status
        self._event("response.output_item.done", {"output_index": now.place, "item": now.item}, out)

    def _call(self, delta: Delta, out: list[bytes]) -> None:
        self._close(out, "completed")
        self._begin(out)
        item = call_item(new_id("fc"), Part("tool_call", id=delta.id, name=delta.name), "in_progress")
        self._calls[delta.part] = self._add("tool", item, out)

    def _arguments(self, delta: Delta, out: list[bytes]) -> None:
        call = self._calls.get(delta.part)
        if call is not None:
            call.texts.append(delta.text)
            self._at(call, "response.function_call_arguments.delta", {"delta": delta.text}, out)

    def _close_call(self, call: _Open, status: str, out: list[bytes]) -> None:
        call.item |= {"arguments": call.text, "status": status}
        self._at(call, "response.function_call_arguments.done", {"arguments": call.text}, out)
        self._event("response.output_item.done", {"output_index": call.place, "item": call.item}, out)

    def _at(self, now: _Open, name: str, members: dict[str, Any], out: list[bytes]) -> None:
        self._event(name, {"item_id": now.item["id"], "output_index": now.place, **members}, out)

    def _event(self, name: str, members: dict[str, Any], out: list[bytes]) -> None:
        tree = {"type": name, "sequence_number": self._number, **members}
        self._number += 1
        out.append(b"event: " + name.encode() + b"\ndata: " + orjson.dumps(tree) + b"\n\n")
