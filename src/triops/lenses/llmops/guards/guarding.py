"""The guards of one route: requests and answers judged whole, and answers judged as they come."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from triops.kernel.completion import Chat, Choice, Embed, Embedded, Message, Reply
from triops.kernel.errors import GuardBlocked
from triops.lenses.llmops.guards.model import Finding, Verdict, summed
from triops.lenses.llmops.guards.parts import judged_parts, part_size
from triops.lenses.llmops.guards.screen import Screen
from triops.lenses.llmops.guards.stream import StreamGuard
from triops.lenses.llmops.guards.texts import Steps, StepsTo, drained, in_turns, judged_text


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
        return drained(self._judged_input(content))

    async def input_in_turns(self, content: Chat | Embed) -> Verdict[Any]:
        """As `input`, and lets others run every 2 kB."""
        return await in_turns(self._judged_input(content))

    def output(self, reply: Reply | Embedded) -> Verdict[Any]:
        """A whole answer, at once. `logprobs` of what was replaced are left out: they repeat it."""
        return drained(self._judged_output(reply))

    async def output_in_turns(self, reply: Reply | Embedded) -> Verdict[Any]:
        return await in_turns(self._judged_output(reply))

    def stream(self) -> StreamGuard:
        """For one streamed answer."""
        return StreamGuard(self.outward)

    def _judged_input(self, content: Chat | Embed) -> StepsTo[Verdict[Any]]:
        if not self.inward:
            return Verdict(content)
        if isinstance(content, Embed):
            size = sum(len(text) for text in content.inputs if isinstance(text, str))
            return (yield from _judged(self.inward, content, size, _embed))
        size = sum(part_size(part) for message in content.messages for part in message.parts)
        return (yield from _judged(self.inward, content, size, _chat))

    def _judged_output(self, reply: Reply | Embedded) -> StepsTo[Verdict[Any]]:
        if isinstance(reply, Embedded) or not self.outward:
            return Verdict(reply)
        size = sum(map(_choice_size, reply.choices))
        return (yield from _judged(self.outward, reply, size, _reply))


def _judged(screen: Screen, content: Any, size: int, rewritten: Any) -> StepsTo[Verdict[Any]]:
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
        parts = yield from judged_parts(screen, message.parts, findings)
        messages.append(message if parts is message.parts else replace(message, parts=parts))
    changed = any(new is not old for new, old in zip(messages, chat.messages, strict=True))
    return replace(chat, messages=tuple(messages)) if changed else chat


def _embed(screen: Screen, embed: Embed, findings: list[Finding]) -> Steps:
    inputs: list[str | tuple[int, ...]] = []
    for given in embed.inputs:
        if isinstance(given, str):
            text, passage = yield from judged_text(screen, given, False, findings)
            given = text if passage.changed else given
        inputs.append(given)
    return replace(embed, inputs=tuple(inputs)) if tuple(inputs) != embed.inputs else embed


def _reply(screen: Screen, reply: Reply, findings: list[Finding]) -> Steps:
    choices: list[Choice] = []
    for choice in reply.choices:
        parts = yield from judged_parts(screen, choice.parts, findings)
        choices.append(choice if parts is choice.parts else replace(choice, parts=parts, logprobs=None))
    changed = any(new is not old for new, old in zip(choices, reply.choices, strict=True))
    return replace(reply, choices=tuple(choices)) if changed else reply


def _choice_size(choice: Choice) -> int:
    return sum(map(part_size, choice.parts))
