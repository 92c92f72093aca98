"""The guards of one route: requests and answers judged whole, and answers judged as they come."""

import asyncio
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

from triops.kernel.completion import Chat, Choice, Embed, Embedded, Message, Part, Reply
from triops.kernel.errors import GuardBlocked
from triops.lenses.llmops.guards.model import Finding, Verdict, summed
from triops.lenses.llmops.guards.passage import Passage
from triops.lenses.llmops.guards.screen import Screen
from triops.lenses.llmops.guards.stream import StreamGuard

_PIECE = 2048  # characters that are judged without a pause
_SPOKEN = frozenset({"text", "thinking", "refusal"})
Steps = Generator[None, None, Any]


class Guarding:
    """`specs`: of `Guard` documents, by name. Nothing is looked for twice: what several guards look for is done by the
    strictest. False where no guard says anything. Raises: Invalid."""

    def __init__(self, specs: Mapping[str, Mapping[str, Any]]) -> None:
        self.inward = Screen(specs, "input")
        self.outward = Screen(specs, "output")

    def __bool__(self) -> bool:
        return bool(self.inward) or bool(self.outward)

    def input(self, content: Chat | Embed) -> Verdict[Any]:
        """At once: for texts of some kB. Everything that the model is told is read, whoever said it."""
        return _drained(self._judged_input(content))

    async def input_in_turns(self, content: Chat | Embed) -> Verdict[Any]:
        """As `input`, and lets others run every 2 kB."""
        steps = self._judged_input(content)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            await asyncio.sleep(0)

    def output(self, reply: Reply | Embedded) -> Verdict[Any]:
        """A whole answer. `logprobs` of what was replaced are left out: they repeat it."""
        if isinstance(reply, Embedded) or not self.outward:
            return Verdict(reply)
        return _drained(_judged(self.outward, reply, sum(map(_choice_size, reply.choices)), _reply))

    def stream(self) -> StreamGuard:
        """For one streamed answer."""
        return StreamGuard(self.outward)

    def _judged_input(self, content: Chat | Embed) -> Steps:
        if not self.inward:
            return Verdict(content)
        if isinstance(content, Embed):
            size = sum(len(text) for text in content.inputs if isinstance(text, str))
            return (yield from _judged(self.inward, content, size, _embed))
        size = sum(_part_size(part) for message in content.messages for part in message.parts)
        return (yield from _judged(self.inward, content, size, _chat))


def _drained(steps: Steps) -> Verdict[Any]:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


def _judged(screen: Screen, content: Any, size: int, rewritten: Any) -> Steps:
    findings: list[Finding] = []
    for rule in screen.sizes:
        if size > rule.max_chars:
            finding = Finding(rule.rule, "SIZE", screen.where, rule.action)
            findings.append(finding)
            if rule.action == "block":
                return Verdict(content, tuple(findings), finding)
    if screen.reads:
        try:
            content = yield from rewritten(screen, content, findings)
        except GuardBlocked as error:
            stopped = Finding(error.details["rule"], error.details["type"], screen.where, "block")
            return Verdict(content, summed([*findings, stopped]), stopped)
    return Verdict(content, summed(findings))


def _chat(screen: Screen, chat: Chat, findings: list[Finding]) -> Steps:
    messages: list[Message] = []
    for message in chat.messages:
        parts = yield from _parts(screen, message.parts, findings)
        messages.append(message if parts is message.parts else replace(message, parts=parts))
    changed = any(new is not old for new, old in zip(messages, chat.messages, strict=True))
    return replace(chat, messages=tuple(messages)) if changed else chat


def _embed(screen: Screen, embed: Embed, findings: list[Finding]) -> Steps:
    inputs: list[str | tuple[int, ...]] = []
    for given in embed.inputs:
        inputs.append((yield from _text(screen, given, False, findings)) if isinstance(given, str) else given)
    return replace(embed, inputs=tuple(inputs)) if tuple(inputs) != embed.inputs else embed


def _reply(screen: Screen, reply: Reply, findings: list[Finding]) -> Steps:
    choices: list[Choice] = []
    for choice in reply.choices:
        parts = yield from _parts(screen, choice.parts, findings)
        choices.append(choice if parts is choice.parts else replace(choice, parts=parts, logprobs=None))
    changed = any(new is not old for new, old in zip(choices, reply.choices, strict=True))
    return replace(reply, choices=tuple(choices)) if changed else reply


def _parts(screen: Screen, parts: tuple[Part, ...], findings: list[Finding]) -> Steps:
    """The very tuple where nothing changed."""
    judged: list[Part] = []
    for part in parts:
        new = part
        if part.text and (part.kind in _SPOKEN or part.kind == "tool_call"):
            text = yield from _text(screen, part.text, part.kind == "tool_call", findings)
            if text is not part.text:  # a signature is of the text as it was
                new = replace(part, text=text, signature="")
        elif part.parts:
            inner = yield from _parts(screen, part.parts, findings)
            new = part if inner is part.parts else replace(part, parts=inner)
        judged.append(new)
    return parts if all(new is old for new, old in zip(judged, parts, strict=True)) else tuple(judged)


def _text(screen: Screen, text: str, json: bool, findings: list[Finding]) -> Steps:
    """The very text where nothing was replaced. Raises: GuardBlocked."""
    passage = Passage(screen, look_ahead=_PIECE, batch=1, json=json)
    if len(text) <= _PIECE:
        out, found = passage.whole(text)
        findings += found
        return out if passage.changed else text
    pieces: list[str] = []
    for at in range(0, len(text), _PIECE):
        piece, found = passage.feed(text[at : at + _PIECE])
        pieces.append(piece)
        findings += found
        yield
    piece, found = passage.end()
    findings += found
    return "".join([*pieces, piece]) if passage.changed else text


def _part_size(part: Part) -> int:
    return len(part.text) + sum(map(_part_size, part.parts))


def _choice_size(choice: Choice) -> int:
    return sum(map(_part_size, choice.parts))
